"""How a table is written: shared by its readers, with pyarrow and without."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import msgspec

from capture.logs.names import is_number

if TYPE_CHECKING:
    import re
    from collections.abc import Sequence

__all__ = [
    "LONGEST_LINE",
    "Table",
    "decoded",
    "looks_like_table",
    "separator_of",
    "split_row",
    "tells_separator",
]

#: The line with the names of columns is shorter.
LONGEST_LINE = 4096


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
    rows : list of list of str
        The first rows.
    """

    separator: str
    names: list[str]
    before: int = 0
    prefix: re.Pattern[str] | None = None
    rows: list[list[str]] = []

    def columns(self) -> dict[str, Sequence[str]]:
        """Return the first cells of each column."""
        columns = zip(*self.rows, strict=True) if self.rows else [()] * len(self.names)
        return dict(zip(self.names, columns, strict=True))


def decoded(data: bytes) -> str:
    """Return the text of a table: UTF-8, else Windows-1252, in which Excel writes for Western Europe."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        # The last character may be cut.
        whole = error.start < len(data) - 3
    return data.decode("cp1252" if whole else "utf-8", "replace")


def looks_like_table(head: bytes) -> bool:
    """Return whether a head is a table of numbers: three columns and more, alike in the first lines."""
    if b"\0" in head:
        return False
    lines = [line for line in decoded(head).splitlines()[:12] if line.strip() and not _is_comment(line)]
    if len(lines) > 2 and not head.endswith(b"\n"):
        lines.pop()
    if len(lines) < 2 or any(len(line) > LONGEST_LINE for line in lines):
        return False
    separator = separator_of(lines[0])
    rows = [split_row(line, separator) for line in lines]
    numbers = sum(is_number(cell) for row in rows[1:] for cell in row)
    return len(rows[0]) >= 3 and len(set(map(len, rows))) == 1 and numbers >= 2 * (len(rows) - 1)


def _is_comment(line: str) -> bool:
    return line.lstrip()[:1] in {"#", "%"} or line.lstrip().startswith("//") or tells_separator(line)


def tells_separator(line: str) -> bool:
    """Return whether a line tells the separator, as Excel has it."""
    return line[:4].lower() == "sep=" and len(line.strip()) <= len("sep=;")


def separator_of(line: str) -> str:
    """Return the separator of the cells of a line."""
    return next((max(signs, key=line.count) for signs in ("\t,;", "|") if set(signs) & set(line)), " ")


def split_row(line: str, separator: str) -> list[str]:
    """Return the cells of a line; none where it is no row."""
    text = line.strip() if separator == " " else line.strip("\r\n")
    rows = csv.reader([text], delimiter=separator, skipinitialspace=True)
    try:
        return [cell.strip() for cell in next(rows, [])]
    except csv.Error:
        return []
