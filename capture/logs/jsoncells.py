"""Records of JSON as columns: the cells that a map names, a column at a time where records are alike."""

from __future__ import annotations

import re
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from capture.logs.columns import ColumnMap

__all__ = ["Records", "Row", "Table", "cells_of", "first_rows", "flat", "plain_column"]

Row = dict[str, Any]
#: Records that are taken at a time: an odd one makes its neighbours slow, and no others.
_BATCH = 8192
#: How deep the values of a record may lie.
_DEEPEST = 4
#: A point as iOS and others write it as text.
_POINT = re.compile(r"\s*[{(\[]\s*(-?[\d.]+)\s*,\s*(-?[\d.]+)\s*[})\]]\s*")
#: How databases write a number or a text with its type.
_TYPED = {"N", "S"}


class Table:
    """Records that are held as columns of one length.

    Parameters
    ----------
    columns : mapping of str to sequence
        At least one.
    plain : bool
        Whether it is known that no cell is an object or a list.
    """

    def __init__(self, columns: Mapping[str, Sequence[Any]], *, plain: bool = False) -> None:
        self.columns = columns
        self.plain = plain
        self._count = len(next(iter(columns.values())))

    def __len__(self) -> int:
        """Return the number of records."""
        return self._count

    def rows(self, begin: int, end: int) -> list[Row]:
        """Return some of the records."""
        names = list(self.columns)
        parts = [column[begin:end] for column in self.columns.values()]
        return [dict(zip(names, values, strict=True)) for values in zip(*parts, strict=True)]


Records = list[Row] | Table


def first_rows(records: Records, count: int) -> list[Row]:
    """Return the first of some records."""
    return records.rows(0, count) if isinstance(records, Table) else records[:count]


def flat(row: Row) -> Row:
    """Return a record with the values of its objects and points under keys that are joined by dots."""
    found = dict(row)
    for key, value in row.items():
        _flatten(key, value, found, 1)
    return found


def _flatten(key: str, value: Any, found: Row, depth: int) -> None:
    parts: Any = None
    if isinstance(value, dict):
        parts = value.items()
        if is_typed(value):
            found[key] = next(iter(value.values()))
            return
    elif isinstance(value, list) and _is_point(value):
        parts = zip("012", value, strict=False)
    elif isinstance(value, str) and value[:1] in "{([" and (point := _POINT.fullmatch(value)):
        parts = zip("01", point.groups(), strict=True)
    for name, part in parts or ():
        found[f"{key}.{name}"] = part
        if depth < _DEEPEST:
            _flatten(f"{key}.{name}", part, found, depth + 1)


def _is_point(value: list[Any]) -> bool:
    return 2 <= len(value) <= 3 and all(type(part) in {int, float} for part in value)


def is_typed(value: Row) -> bool:
    """Return whether an object is a value with its type, as databases write it."""
    name = next(iter(value), "")
    return len(value) == 1 and (name.startswith("$") or name in _TYPED)


def plain_column(rows: list[Row], key: str) -> list[Any] | None:
    """Return the values of records under a key, also one with dots.

    None if a record lacks it, or if the values must be looked at one by one.
    """
    values: list[Any] = rows
    for part in [key] if rows and key in rows[0] else key.split("."):
        kinds = set(map(type, values))
        if kinds == {list}:
            if not part.isdecimal() or not all(map(_is_point, values)):
                return None
            values = [value[int(part)] for value in values if int(part) < len(value)]
        elif kinds == {dict}:
            try:
                values = list(map(itemgetter(part), values))
            except KeyError:
                return None
        else:
            return None
    return values if len(values) == len(rows) and {dict, list}.isdisjoint(map(type, values)) else None


def cells_of(
    records: Records, column_map: ColumnMap, needed: list[str]
) -> Iterator[tuple[dict[str, Any], int, int]]:
    """Yield the cells of some records by role, how many there are, and how many records are none.

    Parameters
    ----------
    records : Records
    column_map : ColumnMap
    needed : list of str
        Keys without which a record is none of a touch.
    """
    chosen = column_map.columns
    keys = list(dict.fromkeys([*chain.from_iterable(chosen.values()), *dict(column_map.only)]))
    for begin in range(0, len(records), _BATCH):
        end = min(begin + _BATCH, len(records))
        if isinstance(records, Table):
            columns = {key: column[begin:end] for key, column in records.columns.items()}
            read = [columns[key] for key in keys if key in columns]
            is_plain = records.plain or all({dict, list}.isdisjoint(map(type, column)) for column in read)
            if is_plain and columns.keys() >= set(needed):
                yield column_map.cells(chosen, columns, end - begin), end - begin, 0
                continue
            rows = records.rows(begin, end)
        else:
            rows = records[begin:end]
        found = _plain(rows, keys, needed)
        good = len(rows)
        if found is None:
            flattened = [row for row in map(flat, rows) if all(key in row for key in needed)]
            good = len(flattened)
            found = {key: [row.get(key) for row in flattened] for key in keys}
        yield column_map.cells(chosen, found, good), good, len(rows) - good


def _plain(rows: list[Row], keys: list[str], needed: list[str]) -> dict[str, list[Any]] | None:
    """Return the columns of records that are alike; None for others."""
    found: dict[str, list[Any]] = {}
    for key in keys:
        column = plain_column(rows, key)
        if column is None and key not in needed and "." not in key:
            column = [row.get(key) for row in rows]
            if not {dict, list}.isdisjoint(map(type, column)):
                return None
        if column is None:
            return None
        found[key] = column
    return found
