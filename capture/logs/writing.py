"""What the writers of foreign formats share: such a file holds one stream, and only whole strokes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

from capture.gestures.kinds import Action

if TYPE_CHECKING:
    from collections.abc import Iterator

    from capture.errors import TouchLogError
    from capture.gestures.samples import TouchSamples
    from capture.logs.base import LogInfo, Mark

__all__ = ["Writable", "one_stream"]


class Writable(Protocol):
    """What the writers ask of a log: of a `TouchLog`, or of several that are written as one.

    Attributes
    ----------
    info : LogInfo
    marks : list of Mark
    is_stream : bool
        Whether the samples can be read only once.
    """

    info: LogInfo
    marks: list[Mark]

    @property
    def is_stream(self) -> bool:
        """Return whether the samples can be read only once."""

    def chunks(self) -> Iterator[TouchSamples]:
        """Yield the samples in chunks."""

    def error(self, message: str) -> TouchLogError:
        """Return an error that names the log."""


def one_stream(log: Writable) -> Iterator[tuple[int, int, int, float, float]]:
    """Yield (pointer, action, time, x, y) of a log, without orphans and places that are no numbers.

    Raises
    ------
    TouchLogError
        When the log has a second stream.
    """
    down: set[int] = set()
    first: int | None = None
    for chunk in log.chunks():
        log.marks.clear()
        for stream, pointer, action, time, x, y in chunk.rows():
            first = stream if first is None else first
            if stream != first:
                raise log.error("has several streams; this format holds one")
            if not (math.isfinite(x) and math.isfinite(y)) or action > Action.CANCEL:
                continue
            if action == Action.DOWN:
                down.add(pointer)
            elif pointer not in down:
                continue
            if action in {Action.UP, Action.CANCEL}:
                down.discard(pointer)
            yield pointer, action, time, x, y
