"""What the writers of foreign formats share: such a file holds one stream, and only whole strokes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from capture.kinds import Action

if TYPE_CHECKING:
    from collections.abc import Iterator

    from capture.logs._base import TouchLog

__all__ = ["one_stream"]


def one_stream(log: TouchLog) -> Iterator[tuple[int, int, int, float, float]]:
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
