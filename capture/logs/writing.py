"""Shared code of writers of foreign formats: such a file holds one stream, and only whole strokes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

from capture.gestures.kinds import Action

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

    from capture.errors import TouchLogError
    from capture.gestures.samples import TouchSamples
    from capture.logs.base import LogInfo, Mark

__all__ = ["LOSSES", "Writable", "leave_marks_out", "one_stream"]


class Writable(Protocol):
    """Interface of a log for the writers: a `TouchLog`, or several that are written as one.

    Attributes
    ----------
    info : LogInfo
    marks : list of Mark
    lost : Counter
        Losses of the writer, by cause (`LOSSES`).
    is_stream : bool
        Whether the samples can be read only once.
    """

    info: LogInfo
    marks: list[Mark]
    lost: Counter[str]

    @property
    def is_stream(self) -> bool:
        """Return whether the samples can be read only once."""

    def chunks(self) -> Iterator[TouchSamples]:
        """Yield the samples in chunks."""

    def error(self, message: str) -> TouchLogError:
        """Return an error that names the log."""


#: Data that a foreign format cannot hold, by the cause under which a writer counts it.
LOSSES = {
    "ended_as_canceled": "a finger came down that was down already: its open stroke ends as canceled",
    "cancels_as_ends": "touches were canceled; they end as lifts",
    "density": "the density is not in this format (give it again where the file is read: --density)",
    "marks": "marks (screens, targets, transactions, ...) were left out",
    "samples_without_stroke": "samples without a stroke, or without a place, were left out",
}


def one_stream(log: Writable) -> Iterator[tuple[int, int, int, float, float]]:
    """Yield (pointer, action, time, x, y) of a log as whole strokes, as foreign formats hold them.

    Samples without a stroke and places that are no numbers are left out. A finger that comes down while it
    is down is canceled first, where and when its last sample was. Losses are counted.

    Raises
    ------
    TouchLogError
        When the log has a second stream.
    """
    down: dict[int, tuple[int, float, float]] = {}
    first: int | None = None
    log.lost.clear()
    for chunk in log.chunks():
        leave_marks_out(log)
        for stream, pointer, action, time, x, y in chunk.rows():
            first = stream if first is None else first
            if stream != first:
                raise log.error("has several streams; this format holds one")
            has_place = math.isfinite(x) and math.isfinite(y) and action <= Action.CANCEL
            if not has_place or (action != Action.DOWN and pointer not in down):
                log.lost["samples_without_stroke"] += 1
                continue
            if action == Action.DOWN and pointer in down:
                log.lost["ended_as_canceled"] += 1
                yield pointer, Action.CANCEL, *down[pointer]
            if action in {Action.UP, Action.CANCEL}:
                del down[pointer]
            else:
                down[pointer] = time, x, y
            yield pointer, action, time, x, y
    leave_marks_out(log)


def leave_marks_out(log: Writable) -> None:
    """Count the marks that came with the last chunk, and forget them; note the density."""
    if log.info.density not in {None, 1.0}:
        log.lost["density"] = 1
    if log.marks:
        log.lost["marks"] += len(log.marks)
        log.marks.clear()
