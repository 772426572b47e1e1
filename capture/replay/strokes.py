"""Ended strokes as a replay needs them: out of the columns of a table, a chunk at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from capture.gestures.recognizer import Gesture, GestureTable

__all__ = ["Stroke", "strokes_of"]


class Stroke(msgspec.Struct, gc=False):
    """What of a stroke's record goes into its event.

    Attributes
    ----------
    row : int
        Number of the stroke in the log, which its id is derived from.
    gesture : Gesture or None
        The whole record, where a wire format wants it.

    The others are as in `Gesture`, with plain numbers for the enums.
    """

    row: int
    gesture: Gesture | None
    stream: int
    pointer: int
    kind: int
    direction: int
    time_up: int
    distance: float
    velocity: float
    first_sample: int
    last_sample: int


#: The fields that are columns of a table.
_COLUMNS = Stroke.__struct_fields__[2:]


def strokes_of(table: GestureTable, first_row: int, *, whole: bool) -> list[Stroke]:
    """Return the strokes of a table.

    Parameters
    ----------
    table : GestureTable
    first_row : int
        Number of its first stroke in the log.
    whole : bool
        Whether the whole records are wanted besides.
    """
    count = len(table)
    if not count:
        return []
    records = list(table) if whole else [None] * count
    columns = [getattr(table, name).tolist() for name in _COLUMNS]
    return list(map(Stroke, range(first_row, first_row + count), records, *columns))
