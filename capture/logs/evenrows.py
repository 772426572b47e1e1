"""Rows of a table as text, cut into cells: many at a time where all lines have as many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np

__all__ = ["even_cells", "number_cells"]

_LINE_END = 10
_decode_numbers = msgspec.json.Decoder(list[int | float]).decode


def even_cells(text: str, separator: str, width: int, rows: int) -> Iterator[tuple[int, str]] | None:
    """Return how many rows there are and their cells in a row, at most so many rows at a time.

    None unless the text is ASCII and each of its lines has `width` cells, two at least.
    """
    import numpy as np

    if not text.isascii() or width < 2:
        return None
    data = np.frombuffer(text.encode("ascii"), np.uint8)
    ends = np.flatnonzero(data == _LINE_END)
    signs = np.flatnonzero(data == ord(separator))
    count = len(ends) + 1
    if len(signs) != count * (width - 1):
        return None
    by_row = signs.reshape(count, width - 1)
    if (by_row[1:, 0] < ends).any() or (by_row[:-1, -1] > ends).any():
        return None
    return _pieces(text, separator, ends, rows)


def number_cells(cells: str, separator: str, count: int, whole: Sequence[slice]) -> list[Any] | None:
    """Return cells that are all numbers as JSON has them, five times as fast as one by one; None for others.

    Parameters
    ----------
    cells : str
        In a row, without line ends.
    separator : str
    count : int
        How many cells there are.
    whole : sequence of slice
        The columns that have to be of whole numbers, so that they are the same as numbers and as text.
    """
    try:
        found = _decode_numbers(f"[{cells.replace(separator, ',')}]")
    except msgspec.DecodeError:
        return None
    if len(found) != count or not all({int}.issuperset(map(type, found[column])) for column in whole):
        return None
    return found


def _pieces(text: str, separator: str, ends: np.ndarray[Any, Any], rows: int) -> Iterator[tuple[int, str]]:
    begin = 0
    for first in range(0, len(ends) + 1, rows):
        last = first + rows - 1
        end = int(ends[last]) if last < len(ends) else len(text)
        count = min(last, len(ends)) + 1 - first
        yield count, text[begin:end].replace("\n", separator)
        begin = end + 1
