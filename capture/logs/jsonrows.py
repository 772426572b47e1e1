"""Lists of records in JSON: objects, columns, tables with a header, texts with JSON in them, at any depth."""

from __future__ import annotations

import re
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import msgspec

from capture.logs.decoding import attempt, decode_dict, decode_list, decode_row, decode_text
from capture.logs.documents import first_sign, unpacked
from capture.logs.jsoncells import Row, Table, flat, is_typed, plain_column
from capture.logs.names import has_place_names
from capture.logs.onscreen import LISTS, OnScreen, repeated_lists

if TYPE_CHECKING:
    from collections.abc import Iterator

    from capture.logs.jsoncells import Records

__all__ = ["Finder", "has_place"]

_decode_rows = msgspec.json.Decoder(list[dict[str, Any]]).decode
_decode_named = msgspec.json.Decoder(dict[str, dict[str, Any]]).decode
_decode_values = msgspec.json.Decoder(list[Any]).decode
_decode_plain = msgspec.json.Decoder(list[str | int | float | bool | None]).decode
_decode_any = msgspec.json.Decoder().decode
#: How deep records may lie.
_DEEPEST = 32
#: An object with one of these is a record, and none around others.
_PLACE_KEYS = {"x", "y", "X", "Y"}
#: A record around others has the time and the phase of this many at most.
_FINGERS = 10
#: How a column, rows, records, an object of values and another begin.
_BEGINS = re.compile(
    rb"\s*(?:(?P<rows>\[\s*\[)|(?P<list>\[\s*\{)|(?P<column>\[)"
    rb'|(?P<named>\{\s*"[^"\\]{0,64}"\s*:\s*[^\[{\s])|(?P<object>\{))'
)
#: A value of a record is no longer (bytes).
_LONG = 4096
#: This much of a long list is read to detect its keys (bytes).
_BEGIN_BYTES = 1 << 16


def has_place(row: Row) -> bool:
    """Return whether a record has a place."""
    return not row.keys().isdisjoint(_PLACE_KEYS)


class Finder:
    """Finds the lists of records in a value.

    Parameters
    ----------
    path : list of str or None
        Keys to the records, ``*`` for every key; None finds them anywhere.
    needed : set of str
        Keys that records have; none if they are not known yet.
    """

    def __init__(self, path: list[str] | None, needed: set[str]) -> None:
        self._path = path
        self._needed = needed
        self._header: list[str] | None = None
        self._screen = OnScreen()

    def lists(self, raw: msgspec.Raw) -> Iterator[Records]:
        """Yield the lists of records."""
        yield from self._inside(raw, self._path, 0, {})

    def is_row(self, row: Row) -> bool:
        """Return whether an object is a record, and none around others."""
        if not any(isinstance(value, list | dict) for value in row.values()):
            return not any(isinstance(value, str) and _is_packed(value) for value in row.values())
        if _columns_of(row):
            return False
        if self._needed:
            return flat(row).keys() >= self._needed
        inner = [value for value in row.values() if isinstance(value, dict) and has_place(value)]
        return has_place(row) or (len(inner) == 1 and not _columns_of(inner[0]))

    def are_records(self, rows: list[Row]) -> bool:
        """Return whether all of some objects have the keys that are needed, with plain values."""
        return bool(self._needed) and all(plain_column(rows, key) is not None for key in self._needed)

    def of_line(self, raw: msgspec.Raw) -> Row | None:
        """Return the record of a line that is a list of values, under the names in such a line before."""
        if len(memoryview(raw)) > _LONG:
            # A document, and no line.
            return None
        values = attempt(_decode_values, raw)
        if not values or any(isinstance(value, list | dict) for value in values):
            return None
        if all(isinstance(value, str) for value in values) and has_place_names(values):
            self._header = values
            return {}
        if self._header is None or len(values) != len(self._header):
            return None
        return dict(zip(self._header, values, strict=True))

    def _inside(self, raw: msgspec.Raw, path: list[str] | None, depth: int, outer: Row) -> Iterator[Records]:
        first = first_sign(raw)
        if depth > _DEEPEST:
            return
        if first == b"[" and not path:
            yield from self._list(raw, path, depth, outer)
        elif first == b"[":
            for item in attempt(decode_list, raw) or []:
                yield from self._inside(item, path, depth + 1, outer)
        elif first == b"{" and path:
            fields = attempt(decode_dict, raw) or {}
            wanted = fields.values() if path[0] == "*" else [fields[path[0]]] if path[0] in fields else []
            for value in wanted:
                yield from self._inside(value, path[1:], depth + 1, outer)
        elif first == b"{":
            yield from self._object(raw, path, depth, outer)
        elif first == b'"' and (packed := unpacked(attempt(decode_text, raw) or "")) is not None:
            yield from self._inside(msgspec.Raw(packed), path, depth + 1, outer)

    def _object(self, raw: msgspec.Raw, path: list[str] | None, depth: int, outer: Row) -> Iterator[Records]:
        fields = attempt(decode_dict, raw) or {}
        kinds = {key: _kind(value) for key, value in fields.items()}
        if records := self._tabular(fields, kinds):
            yield records
            return
        if path is None and len(fields) > 1 and set(kinds.values()) <= {"named", "object"}:
            rows = list((attempt(_decode_named, raw) or {}).values())
            rows = rows or [attempt(decode_row, value) or {} for value in fields.values()]
            are_places = any(has_place(row) or has_place_names(list(row)) for row in rows[:_FINGERS])
            if are_places and not any(map(_columns_of, rows)):
                # Records by their numbers or names.
                yield rows
                return
        single = {
            key: value
            for key, value in fields.items()
            if kinds[key] == "single" and len(memoryview(value)) < _LONG
        }
        inner = outer | _scalars({key: attempt(_decode_any, value) for key, value in single.items()})
        repeated = repeated_lists(fields)
        for key, value in fields.items():
            if key in repeated:
                continue
            changed = self._screen.changed(inner, attempt(_decode_rows, value)) if key in LISTS else None
            if changed is None:
                yield from self._inside(value, path, depth + 1, inner)
            elif changed:
                yield changed

    def _list(self, raw: msgspec.Raw, path: list[str] | None, depth: int, outer: Row) -> Iterator[Records]:
        rows = attempt(_decode_rows, raw)
        if rows is None:
            rows = []
            if table := _table_of({"": self._values(raw)}):
                yield table
                return
            for item in attempt(decode_list, raw) or []:
                first = first_sign(item)
                if first == b"{":
                    rows.append(attempt(decode_row, item) or {})
                elif first == b"[":
                    yield from self._inside(item, path, depth + 1, outer)
                elif first == b'"' and (packed := unpacked(attempt(decode_text, item) or "")) is not None:
                    rows.append(attempt(decode_row, msgspec.Raw(packed)) or {})
                else:
                    rows.append({})
        data = memoryview(raw).tobytes()
        if (data.count(b"{") == len(rows) and data.count(b"[") == 1) or self.are_records(rows):
            yield from self._merged(rows, outer)
            return
        columns = [_columns_of(row) for row in rows]
        if alone := [row for row, has_columns in zip(rows, columns, strict=True) if not has_columns]:
            yield from self._merged(alone, outer)
        for row, own in zip(rows, columns, strict=True):
            if own:
                yield _rows_of(own)
            elif path is None and not has_place(row):
                # An object around other lists.
                yield from self._within(row, depth, outer)

    def _tabular(self, fields: dict[str, msgspec.Raw], kinds: dict[str, str]) -> Records:
        """Return the records of an object with columns, or with rows under names; none of another."""
        columns = [key for key, kind in kinds.items() if kind in {"column", "named"}]
        rows = [key for key, kind in kinds.items() if kind == "rows"]
        if len(columns) > 1 and has_place_names(columns):
            found = {key: fields[key] for key in columns}
            values = self._plain(found) or _columns_of({key: self._values(raw) for key, raw in found.items()})
            if any(map(self._is_begin, found.values())):
                shortest = min(map(len, values.values()), default=0)
                values = {key: column[:shortest] for key, column in values.items()}
            return _rows_of(values)
        if columns and len(rows) == 1:
            return _table_of({key: self._values(fields[key]) for key in [*columns, *rows]})
        return []

    def _is_begin(self, raw: msgspec.Raw) -> bool:
        """Return whether no more than the begin of a part is read, to detect its keys."""
        return not self._needed and len(memoryview(raw)) > _BEGIN_BYTES

    def _plain(self, fields: dict[str, msgspec.Raw]) -> dict[str, list[Any]]:
        """Return columns without an object or a list in a cell; none where one is another or empty."""
        found: dict[str, list[Any]] = {}
        for key, raw in fields.items() if self._needed else ():
            column = attempt(_decode_plain, raw)
            if not column:
                return {}
            found[key] = column
        return found

    def _values(self, raw: msgspec.Raw) -> Any:
        """Return a part of a document; of a long one the begin, while the keys are not known yet."""
        if self._is_begin(raw):
            head = bytes(memoryview(raw)[:_BEGIN_BYTES]).strip()
            for end in (b"],", b","):
                cut = head[: head.rfind(end) + len(end) - 1] + (b"}" if head[:1] == b"{" else b"]")
                if (values := attempt(_decode_any, msgspec.Raw(cut))) is not None:
                    return values
        return attempt(_decode_any, raw)

    def _within(self, row: Row, depth: int, outer: Row) -> Iterator[Records]:
        """Yield the lists in a record that is none of a touch."""
        inside = {
            key: value for key, value in row.items() if isinstance(value, list | dict) or _is_packed(value)
        }
        if all(map(_is_plain_list, inside.values())):
            inner = outer | _scalars(row)
            repeated = repeated_lists(row)
            for key, value in inside.items():
                if key in repeated:
                    continue
                changed = self._screen.changed(inner, value) if key in LISTS else None
                if changed:
                    yield changed
                elif changed is None and value:
                    yield from self._merged(value, inner)
        else:
            yield from self._inside(msgspec.Raw(msgspec.json.encode(row)), None, depth + 1, outer)

    def _merged(self, rows: list[Row], outer: Row) -> Iterator[Records]:
        """Yield records, with fields of the record around them that they lack."""
        if not outer or len(rows) > _FINGERS:
            yield rows
            return
        merged = [outer | row for row in rows]
        if not self._needed:
            yield rows
            yield merged
        else:
            yield rows if any(flat(row).keys() >= self._needed for row in rows) else merged


def _kind(raw: msgspec.Raw) -> str:
    """Return the type of a value, by how it begins: it may be large."""
    found = _BEGINS.match(memoryview(raw)[:256])
    return (found.lastgroup if found else None) or "single"


def _scalars(row: Row) -> Row:
    return {key: value for key, value in row.items() if isinstance(value, str | int | float)}


def _is_plain_list(value: Any) -> bool:
    """Return whether a value is a list of objects with nothing in their values."""
    return isinstance(value, list) and all(
        isinstance(each, dict)
        and not any(isinstance(part, list | dict) or _is_packed(part) for part in each.values())
        for each in value
    )


def _is_packed(value: Any) -> bool:
    """Return whether a value is a text that holds JSON."""
    return isinstance(value, str) and value.lstrip()[:1] in {"[", "{"} and unpacked(value) is not None


def _columns_of(row: Row) -> dict[str, list[Any]]:
    """Return the columns of an object that holds touches so, places among them; none for another."""
    values = {key: value for key, value in row.items() if isinstance(value, list | dict)}
    if len(values) < 2:
        return {}
    found = {key: column for key, value in values.items() if (column := _column(value))}
    return found if len(found) >= 2 and has_place_names(list(found)) else {}


def _column(value: Any) -> list[Any]:
    """Return a column: a list of values, or an object with one for each row; none for another value."""
    if isinstance(value, dict) and is_typed(value):
        return []
    values = list(value.values()) if isinstance(value, dict) else value
    return values if {list, dict}.isdisjoint(map(type, values)) else []


def _rows_of(columns: dict[str, list[Any]]) -> Records:
    """Return the records of columns; those of the longer columns lack keys."""
    if len(set(map(len, columns.values()))) == 1:
        return Table(columns, plain=True)
    missing = object()
    return [
        {key: value for key, value in zip(columns, values, strict=True) if value is not missing}
        for values in zip_longest(*columns.values(), fillvalue=missing)
    ]


def _table_of(row: Row) -> Records:
    """Return the records of a list of names and one of rows, or of a list of rows that begins with names."""
    lists = [value for value in row.values() if isinstance(value, list) and value]
    tables = [value for value in lists if set(map(type, value)) == {list}]
    if len(tables) != 1:
        return []
    names = next((value for value in lists if _are_names(value)), tables[0][0])
    rows = tables[0][1:] if names is tables[0][0] else tables[0]
    if not rows or not _are_names(names):
        return []
    if set(map(len, rows)) == {len(names)} and len(set(names)) == len(names):
        return Table(dict(zip(names, zip(*rows, strict=True), strict=True)))
    return [dict(zip(names, values, strict=True)) if len(values) == len(names) else {} for values in rows]


def _are_names(values: Any) -> bool:
    return (
        isinstance(values, list)
        and all(isinstance(value, str) for value in values)
        and has_place_names(values)
    )
