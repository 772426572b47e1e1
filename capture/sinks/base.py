"""The interface of sinks: `Sink`, the `Batch` that it sends, the `Answer` that it returns.

A sink sends one batch at a time and knows nothing of queues, retries or other sinks. It answers with
one of five outcomes, and the delivery does the rest. An exception counts as `temporary`.
"""

from __future__ import annotations

import math
import uuid
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import msgspec

from capture import settings
from capture.errors import MESSAGE_CHARS, ConfigError, hide_urls, plain
from capture.formats import FORMATS
from capture.ids import NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.config import RunConfig, SinkConfig

__all__ = [
    "ACCEPTED",
    "Answer",
    "Batch",
    "BatchLimits",
    "Outcome",
    "Sink",
    "batch_id",
    "checked_answer",
    "complete",
    "read_settings",
    "wire_of",
]

_SettingsT = TypeVar("_SettingsT", bound=settings.Section)


class Outcome(Enum):
    """The outcome of an attempt to send a batch."""

    #: The sink has it: its events leave the queue.
    ACCEPTED = "accepted"
    #: Not now: the same batch is sent again after a wait.
    TEMPORARY = "temporary"
    #: More than the sink takes at once: it is halved.
    TOO_LARGE = "too large"
    #: The sink will never accept some event in it: the events are sent one by one.
    REFUSED = "refused"
    #: The sink is not there, or does not let us in: the queue pauses.
    UNAVAILABLE = "unavailable"


class Answer(msgspec.Struct, frozen=True):
    """A sink's answer to a batch.

    Attributes
    ----------
    outcome : Outcome
        Its outcome.
    reason : str
        Why, in a few words without payloads or secrets: ``HTTP 413``.
    retry_after_s : float or None
        Time (s) that a temporary answer asks to wait at least.
    """

    outcome: Outcome
    reason: str = ""
    retry_after_s: float | None = None


#: The answer of a sink that accepted the batch.
ACCEPTED = Answer(Outcome.ACCEPTED)


def checked_answer(answer: object) -> Answer:
    """Return the answer of a sink; for a wrong type or value, a temporary one that describes the mistake."""
    if not isinstance(answer, Answer):
        return Answer(Outcome.TEMPORARY, f"send() returned {type(answer).__name__}: expected an Answer")
    if not isinstance(answer.outcome, Outcome):
        return Answer(Outcome.TEMPORARY, f"outcome = {answer.outcome!r}: expected an Outcome")
    if not isinstance(answer.reason, str):
        return Answer(Outcome.TEMPORARY, f"reason = {answer.reason!r}: expected a text")
    wait_s: object = answer.retry_after_s
    if wait_s is not None and not (isinstance(wait_s, (int, float)) and abs(wait_s) < math.inf):
        return Answer(Outcome.TEMPORARY, f"retry_after_s = {wait_s!r}: expected a finite number of seconds")
    if not answer.reason:
        return answer
    # It is logged, stored and shown; a file name in it may be no Unicode.
    reason = answer.reason.encode("utf-8", "replace").decode()
    return msgspec.structs.replace(answer, reason=plain(hide_urls(reason), MESSAGE_CHARS))


class Batch(msgspec.Struct, frozen=True, gc=False):
    """A batch for a sink to send.

    Attributes
    ----------
    body : bytes
        The whole batch in the sink's wire format, header composed for this attempt.
    session : int
        Session number of every event in it.
    event_count : int
        How many events it holds.
    batch_id : str
        UUIDv5 of the event ids: the same for every attempt, for receivers that deduplicate by it.
    format : str
        Wire format of body and payloads.
    payloads : sequence of bytes
        The events as they are stored.
    """

    body: bytes
    session: int
    event_count: int
    batch_id: str
    format: str
    payloads: Sequence[bytes]


class BatchLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of a batch; None: those of the run configuration.

    Attributes
    ----------
    max_events : int or None
        Events of a batch (``buffer.batch_size``).
    max_bytes : int or None
        Bytes of a body (512,000).
    max_age_s : float or None
        Age (s) of the oldest event at which an incomplete batch is sent (``buffer.flush_interval_s``).
    """

    max_events: int | None = None
    max_bytes: int | None = None
    max_age_s: float | None = None


class Sink(Protocol):
    """Where batches go. One thread at a time calls `send`.

    A class that derives from it sets `name`, `formats` and `not_sent`, and has `send`; the rest has defaults.
    """

    #: Key of its queue in the store.
    name: str
    #: Wire formats that it takes; the first is the one that its events are stored in.
    formats: tuple[str, ...]
    #: How much it takes at once.
    limits: BatchLimits = BatchLimits()
    #: Events that it left out of accepted batches, by cause: they are counted as dropped.
    not_sent: dict[str, int]

    def configure(self, config: RunConfig) -> None:
        """Read the run configuration; called once, before the first `send`."""
        del config

    def send(self, batch: Batch, timeout_s: float) -> Answer:
        """Send one batch within `timeout_s` seconds; may also raise, which counts as temporary."""
        ...

    def flush(self) -> None:
        """Write or send everything that the sink holds back; nothing by default."""
        return

    def close(self) -> None:
        """Release connections and files; no `send` follows. May be called twice."""
        return


def complete(sink: Any) -> None:
    """Add the members that sinks of earlier versions do not have: `limits`, `not_sent` and `configure`."""
    if not hasattr(sink, "limits"):
        sink.limits = BatchLimits(max_bytes=vars(type(sink)).get("max_bytes"))
    if not hasattr(sink, "not_sent"):
        sink.not_sent = {}
    if not hasattr(sink, "configure"):
        sink.configure = lambda _config: None


def batch_id(event_ids: Sequence[str]) -> str:
    """Return the idempotency key of a batch: the UUIDv5 of its event ids."""
    return str(uuid.uuid5(NAMESPACE, " ".join(event_ids)))


def wire_of(config: SinkConfig, takes: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the formats of a sink that takes any of `takes`: the configured one, or the first.

    By default it takes every format of `capture.formats.FORMATS`.

    Raises
    ------
    ConfigError
        When the configured wire format is not one of them.
    """
    takes = takes or tuple(FORMATS)
    if config.wire is None:
        return takes[:1]
    if config.wire not in takes:
        raise ConfigError(
            f"sinks.{config.name}.wire = {config.wire!r}: a {config.type} sink takes {' or '.join(takes)}"
        )
    return (config.wire,)


def read_settings(struct: type[_SettingsT], config: SinkConfig) -> _SettingsT:
    """Return the checked settings of a sink.

    Raises
    ------
    ConfigError
        One line for each mistake, naming ``sinks.<name>.<key>``.
    """
    path = f"sinks.{config.name}"
    kinds = settings.hints(struct)
    problems: list[str] = []
    values: dict[str, Any] = {}
    for key, value in config.options.items():
        with settings.noted(problems):
            values[key] = settings.check_key(path, key, value, kinds, "type", "name", "wire")
    settings.check_required(path, struct, config.options, problems)
    if problems:
        raise ConfigError("\n".join(problems))
    return struct(**values)
