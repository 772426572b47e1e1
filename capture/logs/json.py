"""JSON of touches: any list of objects, at any depth, by a column map or by the names of the keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from capture.errors import TouchLogError
from capture.logs.base import DECODE_ERRORS, LogInfo, TouchLog
from capture.logs.columns import PRESETS, ColumnMap, guess, listed, suggestion
from capture.logs.documents import documents, is_json
from capture.logs.kvi import DEFAULT_SCREEN
from capture.logs.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from capture.gestures.samples import TouchSamples

__all__ = ["Log"]

_decode_rows = msgspec.json.Decoder(list[dict[str, Any]]).decode
_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_dict = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_row = msgspec.json.Decoder(dict[str, Any]).decode
_DEEPEST = 32
#: An object with one of these is a record, and none around others.
_PLACE_KEYS = {"x", "y", "X", "Y"}
_BATCH = 8192
_LINES = 2048

_Row = dict[str, Any]
_Part = TypeVar("_Part")


class Log(TouchLog):
    """Records of touches as JSON, or as JSON lines."""

    name = "json"
    description = "JSON of touches, by a column map or by the names of its keys"
    example = '[{"time": 16.5, "x": 1, "y": 2, "phase": "began"}]'

    def _describe(self) -> LogInfo:
        options = self.options
        self.guessed = ""
        self._needed: list[str] = []
        try:
            self._map = self._guess() if options.columns is None else ColumnMap.parse(options.columns)
        except TouchLogError:
            raise
        except ValueError as error:
            raise self.error(str(error)) from None
        self._path = [part for part in self._map.records.split(".") if part]
        needed = [role for role in ("time", "down", "up", "x", "y", "action") if role in self._map.columns]
        self._needed = [self._map.columns[role][0] for role in needed]
        self._size = options.screen or DEFAULT_SCREEN
        own = DEFAULT_SCREEN if any(self._map.whole) else (None, None)
        return LogInfo(format=self.name, width=own[0], height=own[1])

    @classmethod
    def matches(cls, head: bytes) -> bool:
        """Return whether the head is JSON."""
        return is_json(head)

    def _guess(self) -> ColumnMap:
        """Take the keys by their names, or say which there are."""
        keys: dict[str, None] = {}
        cells: dict[str, list[str]] = {}
        for rows in self._lists(None):
            sample = [_flat(row) for row in rows[:500]]
            names = list(dict.fromkeys(name for row in sample for name in row))
            for name in names:
                cells[name] = [str(row[name]) for row in sample if name in row]
            found = guess(names, cells)
            if found is not None:
                self.counts.clear()
                self.warnings.clear()
                self.guessed = found
                return ColumnMap.parse(found)
            keys.update(dict.fromkeys(names))
            if len(keys) > _LINES:
                break
        if not keys:
            raise ValueError("is JSON without a list of objects: not a touch log of a known format")
        names = list(keys)
        raise ValueError(
            f"is JSON of objects with the keys {listed(names)}: say which is what, as in "
            f"--columns '{suggestion(names, cells)}' (presets: {', '.join(PRESETS)})"
        )

    def _read(self) -> Iterator[TouchSamples]:
        if self.guessed:
            self.warnings["guessed_columns"] += 1
        if any(self._map.whole) and self.options.screen is None:
            self.warnings["guessed_screen"] += 1
        rows = Rows(self._map, self._size, self.warnings)
        for number, records in enumerate(self._lists(self._path or None)):
            for at in range(0, len(records), _BATCH):
                chunk = self._add(rows, records[at : at + _BATCH], number)
                if chunk is not None:
                    yield chunk
        yield from rows.finish()
        self.count("used", rows.used)
        self.count("context", rows.left_out)
        self.count("skipped_rows", rows.skipped)
        if not self.counts["read"]:
            place = f"at {self._map.records}" if self._map.records else "anywhere"
            raise self.error(f"has no records {place} with the keys {', '.join(self._needed)}")
        self.name_streams(rows.streams)
        self.name_pointers(rows.pointers)

    def _add(self, rows: Rows, records: list[_Row], number: int) -> TouchSamples | None:
        if any("." in key for key in self._needed):
            records = [_flat(row) for row in records]
        good = [row for row in records if all(key in row for key in self._needed)]
        if not self._path and not good:
            # Another list of the document.
            self.count("context", len(records))
            return None
        self.count("skipped_rows", len(records) - len(good))
        cells: dict[str, list[Any]] = {}
        for role, names in self._map.columns.items():
            if len(names) == 1:
                cells[role] = [row.get(names[0]) for row in good]
            else:
                cells[role] = [tuple(row.get(name) for name in names) for row in good]
        if self._map.makes_strokes and "stroke" not in self._map.columns and self._path:
            # Each list is a stroke.
            cells["stroke"] = [number] * len(good)
        if self._map.only:
            cells["only"] = [all(str(row.get(key)) == value for key, value in self._map.only) for row in good]
        return rows.add(cells, len(good))

    def _lists(self, path: list[str] | None) -> Iterator[list[_Row]]:
        """Yield the lists of objects of the log; those of JSON lines come in pieces."""
        lines: list[_Row] = []
        for text, is_piece in documents(self):
            raw = msgspec.Raw(text)
            if is_piece and path:
                # What is left of a damaged document may be all of the path, or the records alone.
                yield from list(self._inside(raw, path, 0)) or self._inside(raw, None, 0)
                continue
            if text.lstrip()[:1] == b"{" and not path:
                try:
                    row = _decode_row(raw)
                except DECODE_ERRORS:
                    continue
                if self._is_row(row):
                    lines.append(row)
                    if len(lines) >= _LINES:
                        yield lines
                        lines = []
                    continue
            yield from self._inside(raw, path, 0)
        if lines:
            yield lines

    def _is_row(self, row: _Row) -> bool:
        """Return whether an object is a record, and none around others."""
        if not any(isinstance(value, list | dict) for value in row.values()):
            return True
        if self._needed:
            return _flat(row).keys() >= set(self._needed)
        inner = [value for value in row.values() if isinstance(value, dict) and _has_place(value)]
        return _has_place(row) or len(inner) == 1

    def _inside(self, raw: msgspec.Raw, path: list[str] | None, depth: int) -> Iterator[list[_Row]]:
        """Yield the lists of objects in a value: those at the path, anywhere where it is None."""
        first = bytes(memoryview(raw)[:64]).lstrip()[:1]
        if depth > _DEEPEST or first not in {b"[", b"{"}:
            return
        if first == b"[" and not path:
            yield from self._list(raw, path, depth)
        elif first == b"[":
            for item in _part(_decode_list, raw) or []:
                yield from self._inside(item, path, depth + 1)
        elif not path:
            values = list((_part(_decode_dict, raw) or {}).values())
            found = [_part(_decode_row, value) for value in values if bytes(memoryview(value)[:1]) == b"{"]
            rows = [row for row in found if row is not None]
            if path is None and len(rows) == len(values) > 1 and any(map(_has_place, rows)):
                # Records by their numbers or names.
                yield rows
                return
            for value in values:
                yield from self._inside(value, path, depth + 1)
        else:
            fields = _part(_decode_dict, raw) or {}
            for value in (
                fields.values() if path[0] == "*" else [fields[path[0]]] if path[0] in fields else []
            ):
                yield from self._inside(value, path[1:], depth + 1)

    def _list(self, raw: msgspec.Raw, path: list[str] | None, depth: int) -> Iterator[list[_Row]]:
        try:
            rows = _decode_rows(raw)
        except DECODE_ERRORS:
            rows = []
            for item in _part(_decode_list, raw) or []:
                if bytes(memoryview(item)[:64]).lstrip()[:1] == b"{":
                    rows.append(_part(_decode_row, item) or {})
                elif bytes(memoryview(item)[:64]).lstrip()[:1] == b"[":
                    yield from self._inside(item, path, depth + 1)
                else:
                    rows.append({})
        if not rows:
            return
        yield rows
        if path is None:
            # Objects around other lists.
            for row in rows:
                for value in () if _has_place(row) else row.values():
                    if isinstance(value, list | dict):
                        yield from self._inside(msgspec.Raw(msgspec.json.encode(value)), None, depth + 1)


def _part(decode: Callable[[msgspec.Raw], _Part], raw: msgspec.Raw) -> _Part | None:
    """Return a part of a document; None where its text is damaged."""
    try:
        return decode(raw)
    except DECODE_ERRORS:
        return None


def _has_place(row: _Row) -> bool:
    return not row.keys().isdisjoint(_PLACE_KEYS)


def _flat(row: _Row) -> _Row:
    """Return a record with what is in its objects under keys that are joined by dots."""
    inner = {
        f"{key}.{name}": item
        for key, value in row.items()
        if isinstance(value, dict)
        for name, item in value.items()
    }
    return row | inner if inner else row
