"""Columns of numbers as the text of a page: their bytes one after another, deflated together, in base64.

Columns keep their bits. The page asks for a column by its type, its place and its length.
"""

from __future__ import annotations

import base64
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from capture.report.recording import Columns

__all__ = ["Packed"]

#: Where a column is: type (little-endian), place of its first byte, number of elements.
Place = tuple[str, int, int]


class Packed:
    """Bytes of columns; `text` is what stands in the page."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    @property
    def text(self) -> str:
        """All bytes, deflated (zlib), in base64."""
        return base64.b64encode(zlib.compress(b"".join(self._parts), 6)).decode()

    def column(self, values: np.ndarray[Any, Any], kind: str) -> Place:
        """Add a column; return its place.

        Bytes of one rank stand together: exponents resemble exponents, and deflate finds that.
        """
        array = np.ascontiguousarray(values.astype(kind))
        ranks = array.view(np.uint8).reshape(len(array), array.itemsize)
        return kind, self._add(ranks.T.tobytes()), len(array)

    def columns(self, columns: Columns, types: dict[str, str]) -> dict[str, Place]:
        """Add the named columns of each type."""
        return {
            name: self.column(columns[name], kind) for kind, names in types.items() for name in names.split()
        }

    def varints(self, values: np.ndarray[Any, Any]) -> Place:
        """Add rounded values as zigzag varints of their differences; return the place and number of bytes."""
        whole = np.round(values).astype(np.int64)
        step = np.diff(whole, prepend=0)
        rest = ((step << 1) ^ (step >> 63)).view(np.uint64)
        length = np.ones(len(rest), np.int64)
        for bits in range(7, 64, 7):
            length += (rest >> np.uint64(bits)) != 0
        place = np.cumsum(length) - length
        out = np.zeros(int(length.sum()), np.uint8)
        for index in range(int(length.max(initial=0))):
            mine = length > index
            low = (rest[mine] & np.uint64(0x7F)).astype(np.uint8)
            more = np.where(length[mine] > index + 1, 0x80, 0).astype(np.uint8)
            out[place[mine] + index] = low | more
            rest[mine] >>= np.uint64(7)
        return self.column(out, "u1")

    def _add(self, data: bytes) -> int:
        place, self._size = self._size, self._size + len(data)
        self._parts.append(data)
        return place
