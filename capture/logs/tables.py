"""How a table is written: shared by its readers, with pyarrow and without."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    import re

__all__ = ["Table"]


class Table(msgspec.Struct):
    """How a table is written.

    Attributes
    ----------
    separator : str
    names : list of str
        Of the columns; ``#1``, ``#2``, ... without a header.
    before : int
        Lines before the first row.
    prefix : Pattern or None
        Prefix of each line that is not its own.
    chosen : dict
        The columns that are read.
    rows : list of list of str
        The first rows.
    """

    separator: str
    names: list[str]
    before: int = 0
    prefix: re.Pattern[str] | None = None
    chosen: dict[str, list[str]] = {}
    rows: list[list[str]] = []

    def cells(self, name: str) -> list[str]:
        """Return the first cells of a column."""
        index = self.names.index(name)
        return [row[index] for row in self.rows if index < len(row)]
