"""The six columns of touch samples."""

from __future__ import annotations

__all__ = ["COLUMNS"]

#: Column name -> (array typecode, buffer formats that need no conversion, words for messages).
COLUMNS: dict[str, tuple[str, frozenset[str], str]] = {
    "stream": ("q", frozenset("ql"), "int64"),
    "pointer": ("i", frozenset("i"), "int32"),
    "action": ("B", frozenset("B"), "uint8"),
    "time": ("q", frozenset("ql"), "int64, ns"),
    "x": ("f", frozenset("f"), "float32, px"),
    "y": ("f", frozenset("f"), "float32, px"),
}
