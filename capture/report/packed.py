"""Columns of numbers as the text of a page: their bytes one after another, deflated together, in base64.

The page asks for a column by its type, its place and its length.
"""

from __future__ import annotations

import base64
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from capture.report.recording import Columns

__all__ = ["Packed", "deflated"]

#: Where a column is: type, place of its first byte, number of elements, bytes of each element.
Place = tuple[str, int, int, int]

#: Tried for the bytes of each rank: noise is shorter without a search for repetitions.
_STRATEGIES = (zlib.Z_DEFAULT_STRATEGY, zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE)
_HEAD = b"\x78\xda"  # of a zlib stream
_END = b"\x03\x00"  # an empty last block


def deflated(data: bytes) -> str:
    """Return bytes deflated (zlib), in base64."""
    return base64.b64encode(zlib.compress(data, 9)).decode()


class Packed:
    """Bytes of columns; `text` is their form in the page."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    @property
    def text(self) -> str:
        """All bytes, deflated (one zlib stream), in base64."""
        check = zlib.adler32(b"".join(self._parts)).to_bytes(4, "big")
        blocks = [_blocks(part) for part in self._parts]
        return base64.b64encode(b"".join([_HEAD, *blocks, _END, check])).decode()

    def column(self, values: np.ndarray[Any, Any], kind: str) -> Place:
        """Add a column bit for bit; return its place.

        Parameters
        ----------
        values : array
        kind : str
            Type of the elements: ``u1``, ``<i4``, ``<f4`` or ``<f8``.
        """
        array = np.ascontiguousarray(values.astype(kind))
        return kind, self._add(_ranks(array)), len(array), array.itemsize

    def columns(self, columns: Columns, types: dict[str, str]) -> dict[str, Place]:
        """Add the named columns of each type."""
        return {
            name: self.column(columns[name], kind) for kind, names in types.items() for name in names.split()
        }

    def whole(self, values: np.ndarray[Any, Any]) -> Place:
        """Add whole numbers (zigzag: 0, -1, 1, -2, ...) in as many bytes as the largest needs."""
        numbers = values.astype(np.int64)
        folded = (numbers << 1) ^ (numbers >> 63)
        size = max(1, (int(folded.max(initial=0)).bit_length() + 7) // 8)
        return "z", self._add(_ranks(folded.astype("<i8"))[:size]), len(folded), size

    def steps(self, values: np.ndarray[Any, Any]) -> Place:
        """Add rounded values as the differences of each from the one before."""
        return self.whole(np.diff(np.round(values).astype(np.int64), prepend=0))

    def _add(self, ranks: list[bytes]) -> int:
        place = self._size
        self._parts += ranks
        self._size += sum(map(len, ranks))
        return place


def _ranks(array: np.ndarray[Any, Any]) -> list[bytes]:
    """Return the bytes of each rank: exponents resemble exponents, and deflate finds that."""
    table = array.view(np.uint8).reshape(len(array), array.itemsize)
    return [row.tobytes() for row in table.T]


def _blocks(data: bytes) -> bytes:
    """Return the shortest deflate blocks of some bytes; they refer to nothing outside."""
    found = []
    for strategy in _STRATEGIES:
        packer = zlib.compressobj(9, zlib.DEFLATED, -15, 8, strategy)
        found.append(packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH))
    return min(found, key=len)
