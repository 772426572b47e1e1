"""The memory sink: keeps batches in a list, for tests and for trying things out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture.settings import Section
from capture.sinks.base import (
    ACCEPTED,
    Answer,
    Batch,
    BatchLimits,
    Outcome,
    Sink,
    checked_answer,
    read_settings,
    wire_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from capture.config import SinkConfig

__all__ = ["MemorySettings", "MemorySink"]


class MemorySettings(Section, frozen=True, kw_only=True):
    """A memory sink has no keys."""


class MemorySink(Sink):
    """Keeps the batches that it accepted.

    Parameters
    ----------
    name : str
        Key of its queue.
    formats : tuple of str
        Wire formats that it takes.
    answers : iterable of Answer or exceptions, or callable, optional
        Answers to the next batches, one each, and then `ACCEPTED`; or a function of the batch.
        An exception is raised.

    Attributes
    ----------
    batches : list of Batch
        The accepted batches, oldest first.
    attempts : list of Batch
        Everything that was sent to it.
    """

    def __init__(
        self,
        name: str = "memory",
        *,
        formats: tuple[str, ...] = ("native",),
        max_bytes: int | None = None,
        answers: Iterable[Answer | Exception] | Callable[[Batch], Answer | Exception] = (),
    ) -> None:
        self.name = name
        self.formats = formats
        self.limits = BatchLimits(max_bytes=max_bytes)
        self.not_sent: dict[str, int] = {}
        self.batches: list[Batch] = []
        self.attempts: list[Batch] = []
        self.closed = False
        self._answer = answers if callable(answers) else _one_by_one(answers)

    @classmethod
    def from_config(cls, config: SinkConfig, *, base: Path | None = None) -> MemorySink:
        """Make the sink of a ``[[sinks]]`` table."""
        del base
        read_settings(MemorySettings, config)
        return cls(config.name, formats=wire_of(config))

    @property
    def payloads(self) -> list[bytes]:
        """The events of all accepted batches, in the order of arrival."""
        return [payload for batch in self.batches for payload in batch.payloads]

    def send(self, batch: Batch, timeout_s: float) -> Answer:
        """Keep the batch, or return the answer that a test wants."""
        del timeout_s
        self.attempts.append(batch)
        answer = self._answer(batch)
        if isinstance(answer, Exception):
            raise answer
        if checked_answer(answer).outcome is Outcome.ACCEPTED:
            self.batches.append(batch)
        return answer

    def close(self) -> None:
        """Note that it was closed; the batches stay readable."""
        self.closed = True


def _one_by_one(answers: Iterable[Answer | Exception]) -> Callable[[Batch], Answer | Exception]:
    left = iter(answers)
    return lambda _: next(left, ACCEPTED)
