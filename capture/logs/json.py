"""JSON of touches: any list of objects, at any depth, by a column map or by the names of the keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from capture.errors import TouchLogError
from capture.logs.base import DECODE_ERRORS, LogInfo, TouchLog
from capture.logs.columns import ColumnMap, guess
from capture.logs.documents import documents, is_json
from capture.logs.jsonrows import Finder, Row, flat
from capture.logs.kvi import DEFAULT_SCREEN
from capture.logs.mapped import guessed_map, say_assumed, screen_of, sum_up
from capture.logs.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from capture.gestures.samples import TouchSamples

__all__ = ["Log"]

_decode_row = msgspec.json.Decoder(dict[str, Any]).decode
_BATCH = 8192
_LINES = 2048
#: Records of a list that are looked at.
_LOOKED_AT = 20


class Log(TouchLog):
    """Records of touches as JSON, or as JSON lines."""

    name = "json"
    description = "JSON of touches, by a column map or by the names of its keys"
    example = '[{"time": 16.5, "x": 1, "y": 2, "phase": "began"}]'

    def _describe(self) -> LogInfo:
        options = self.options
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
        width, height = screen_of(self._map)
        return LogInfo(format=self.name, width=width, height=height)

    @classmethod
    def matches(cls, head: bytes) -> bool:
        """Return whether the head is JSON."""
        return is_json(head)

    def _guess(self) -> ColumnMap:
        """Select the keys by their names, or raise an error that lists them."""
        keys: dict[str, None] = {}
        cells: dict[str, list[str]] = {}
        for rows in self._lists(None):
            sample = [flat(row) for row in rows[:500]]
            names = list(dict.fromkeys(name for row in sample for name in row))
            for name in names:
                cells[name] = [str(row[name]) for row in sample if name in row]
            found = guess(names, cells)
            if found is not None:
                self.counts.clear()
                self.warnings.clear()
                return ColumnMap.parse(found)
            keys.update(dict.fromkeys(names))
            if len(keys) > _LINES:
                break
        if not keys:
            raise ValueError("is JSON without a list of objects: not a touch log of a known format")
        return guessed_map(list(keys), cells, "JSON of objects with the keys")

    def _read(self) -> Iterator[TouchSamples]:
        say_assumed(self, self._map)
        rows = Rows(self._map, self._size, self.warnings)
        waiting: list[Row] = []
        makes_strokes = self._map.makes_strokes and "stroke" not in self._map.columns and bool(self._path)
        for number, records in enumerate(self._lists(self._path or None)):
            waiting += self._good(records)
            while len(waiting) >= _BATCH or (makes_strokes and waiting):
                chunk = self._add(rows, waiting[:_BATCH], number if makes_strokes else None)
                del waiting[:_BATCH]
                if chunk is not None:
                    yield chunk
        if waiting and (chunk := self._add(rows, waiting, None)) is not None:
            yield chunk
        yield from rows.finish()
        sum_up(self, rows)
        if not self.counts["read"]:
            place = f"at {self._map.records}" if self._map.records else "anywhere"
            raise self.error(f"has no records {place} with the keys {', '.join(self._needed)}")

    def _good(self, records: list[Row]) -> list[Row]:
        """Return the records with the keys that are needed; the others are counted."""
        needed = self._needed
        is_deep = any("." in key for key in needed)
        if is_deep or any(isinstance(row.get(key), dict) for row in records[:_LOOKED_AT] for key in needed):
            records = [flat(row) for row in records]
        good = [row for row in records if all(key in row for key in needed)]
        if not self._path and not good:
            # Another list of the document.
            self.count("context", len(records))
        else:
            self.count("skipped_rows", len(records) - len(good))
        return good

    def _add(self, rows: Rows, good: list[Row], number: int | None) -> TouchSamples | None:
        cells: dict[str, list[Any]] = {}
        for role, names in self._map.columns.items():
            if len(names) == 1:
                cells[role] = [row.get(names[0]) for row in good]
            else:
                cells[role] = [tuple(row.get(name) for name in names) for row in good]
        if number is not None:
            cells["stroke"] = [number] * len(good)
        if self._map.only:
            cells["only"] = [all(str(row.get(key)) == value for key, value in self._map.only) for row in good]
        return rows.add(cells, len(good))

    def _lists(self, path: list[str] | None) -> Iterator[list[Row]]:
        """Yield the lists of objects of the log; those of JSON lines come in pieces."""
        lines: list[Row] = []
        finder = Finder(path, set(self._needed))
        anywhere = Finder(None, set(self._needed))
        for text, is_piece in documents(self):
            raw = msgspec.Raw(text)
            if is_piece and path:
                # What is left of a damaged document may be all of the path, or the records alone.
                yield from list(finder.lists(raw)) or anywhere.lists(raw)
                continue
            row = None if path else self._row(finder, raw)
            if row is None:
                yield from finder.lists(raw)
                continue
            if row:
                lines.append(row)
            if len(lines) >= _LINES:
                yield lines
                lines = []
        if lines:
            yield lines

    @staticmethod
    def _row(finder: Finder, raw: msgspec.Raw) -> Row | None:
        """Return the record that a document is by itself; None for one that has others inside."""
        first = bytes(memoryview(raw)[:64]).lstrip()[:1]
        if first == b"[":
            return finder.of_line(raw)
        if first != b"{":
            return None
        try:
            row = _decode_row(raw)
        except DECODE_ERRORS:
            return {}
        return row if finder.is_row(row) else None
