"""Rows of a table as text, cut into cells: many at a time where all lines have as many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

__all__ = ["even_cells"]

_LINE_END = 10


def even_cells(text: str, separator: str, width: int, rows: int) -> Iterator[tuple[int, list[str]]] | None:
    """Return how many rows there are and their cells, row by row, at most so many rows at a time.

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


def _pieces(
    text: str, separator: str, ends: np.ndarray[Any, Any], rows: int
) -> Iterator[tuple[int, list[str]]]:
    begin = 0
    for first in range(0, len(ends) + 1, rows):
        last = first + rows - 1
        end = int(ends[last]) if last < len(ends) else len(text)
        count = min(last, len(ends)) + 1 - first
        yield count, text[begin:end].replace("\n", separator).split(separator)
        begin = end + 1
