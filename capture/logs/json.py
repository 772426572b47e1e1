"""JSON of touches: any list of objects, at any depth, by a column map or by the names of the keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import msgspec

from capture.errors import TouchLogError
from capture.logs.base import LogInfo
from capture.logs.decoding import attempt, decode_row
from capture.logs.documents import documents, first_sign, has_lines, head_pieces, is_json, line_values
from capture.logs.jsoncells import Records, Row, cells_of, first_rows, flat
from capture.logs.jsonrows import Finder
from capture.logs.mapped import MappedLog
from capture.logs.names import guess
from capture.logs.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from capture.gestures.samples import TouchSamples
    from capture.logs.columns import ColumnMap

__all__ = ["Log"]

_decode_lines = msgspec.json.Decoder(dict[str, Any]).decode_lines
_BATCH = 8192
#: A document that is a record by itself, with a list in it, is no longer.
_RECORD_BYTES = 1 << 20
_LINES = 2048
#: Records that are read to detect the meaning of their keys, and how many are enough by themselves.
_SAMPLE, _SURE = 500, 20


class Log(MappedLog):
    """Records of touches as JSON, or as JSON lines."""

    name = "json"
    description = "JSON of touches, by a column map or by the names of its keys"
    example = '[{"time": 16.5, "x": 1, "y": 2, "phase": "began"}]'

    def _find_columns(self) -> LogInfo:
        self._needed: list[str] = []
        #: The document that was read to detect its keys, kept for the reading that follows.
        self._whole = b""
        self._path = [part for part in self._map.records.split(".") if part] or None
        if self._map.common:
            self._map = self._guess()
        needed = ("time", "down", "up", "duration", "x", "y", "action")
        self._needed = [self._map.columns[role][0] for role in needed if role in self._map.columns]
        return LogInfo(format=self.name)

    @classmethod
    def matches(cls, head: bytes) -> bool:
        """Return whether the head is JSON."""
        return is_json(head)

    def _guess(self) -> ColumnMap:
        """Select the keys by their names, or raise an error that lists them."""
        if self._path is None and (found := self._guess_by_head()) is not None:
            return self._with_settings(found)
        keys: dict[str, None] = {}
        cells: dict[str, list[str]] = {}
        for records in self._lists():
            names, of_names = _sample(records)
            for name, column in of_names.items():
                cells.setdefault(name, []).extend(column[: _SAMPLE - len(cells.get(name, ()))])
            found = guess(names, cells)
            if found is not None:
                return self._with_settings(found)
            keys.update(dict.fromkeys(names))
            if len(keys) > _LINES:
                break
        if not keys:
            raise ValueError("is JSON without a list of objects: not a touch log of a known format")
        return self._guessed(list(keys), cells, "JSON of objects with the keys")

    def _guess_by_head(self) -> str | None:
        """Return the map by the first records of a long document; None if they do not suffice."""
        try:
            for piece in head_pieces(self):
                for records in Finder(None, set()).lists(msgspec.Raw(piece)):
                    found = guess(*_sample(records)) if len(records) > _SURE else None
                    if found is not None:
                        return found
        except TouchLogError:
            # The whole document may be none, or be too large: the reading reports that.
            pass
        return None

    def _read(self) -> Iterator[TouchSamples]:
        self._say_assumed()
        rows = Rows(self._map, self._size, self.warnings)
        of_lists = self._map.makes_strokes and "stroke" not in self._map.columns and bool(self._path)
        waiting: dict[str, list[Any]] = {}
        count = 0
        for number, records in enumerate(self._lists()):
            for cells, good in self._cells(records):
                if of_lists:
                    cells["stroke"] = [number] * good
                count += good
                for role, column in cells.items():
                    waiting.setdefault(role, []).extend(column)
                if count < _BATCH and not of_lists:
                    continue
                if (chunk := rows.add(waiting, count)) is not None:
                    yield chunk
                waiting, count = {}, 0
        if (chunk := rows.add(waiting, count)) is not None:
            yield chunk
        yield from rows.finish()
        self._sum_up_rows(rows)
        if not self.counts["read"]:
            place = f"at {self._map.records}" if self._map.records else "anywhere"
            raise self.error(f"has no records {place} with the keys {', '.join(self._needed)}")

    def _cells(self, records: Records) -> Iterator[tuple[dict[str, list[Any]], int]]:
        """Yield the cells of the records with the keys that are needed; the others are counted."""
        left_out = used = 0
        for cells, good, bad in cells_of(records, self._map, self._needed):
            used += good
            left_out += bad
            if good:
                yield cells, good
        # Without one it is another list of the document.
        self.count("skipped_rows" if used or self._path else "context", left_out)

    def _lists(self) -> Iterator[Records]:
        """Yield the lists of objects of the log; those of JSON lines come in pieces."""
        if self._path is None and has_lines(self.source):
            yield from self._of_lines()
            return
        finder = Finder(self._path, set(self._needed))
        anywhere = Finder(None, set(self._needed))
        for text, is_piece in self._documents():
            raw = msgspec.Raw(text)
            is_long = len(text) > _RECORD_BYTES and b"[" in text
            row = None if self._path or is_long else self._row(finder, raw)
            if row:
                yield [row]
            elif row is None:
                lists = list(finder.lists(raw)) if is_piece and self._path else finder.lists(raw)
                # The rest of a damaged document may have the whole path, or the records alone.
                yield from lists or anywhere.lists(raw)

    def _documents(self) -> Iterator[tuple[bytes, bool]]:
        """Yield the documents and whether each is a piece; one that is whole is read once for both uses."""
        if self._whole:
            whole, self._whole = self._whole, b""
            yield whole, False
            return
        for text, is_piece in documents(self):
            if not self._needed and not is_piece and len(text) > _RECORD_BYTES:
                self._whole = text
            yield text, is_piece

    def _of_lines(self) -> Iterator[Records]:
        """Yield the records of lines, and the lists that are in lines."""
        finder = Finder(None, set(self._needed))
        waiting: list[Row] = []

        def whole(block: bytes) -> list[Row] | None:
            """Decode a block of lines at once, where all of them are records."""
            rows = attempt(_decode_lines, block)
            if rows is None or len(rows) != block.count(b"\n") + 1:
                return None
            # Nothing is in their values, or nothing in those that are needed.
            are_flat = block.count(b"{") == len(rows) and b"[" not in block
            return rows if are_flat or finder.are_records(rows) else None

        for value in line_values(self, whole):
            raw = msgspec.Raw(value) if isinstance(value, bytes) else None
            row = self._row(finder, raw) if raw is not None else None
            if row:
                waiting.append(row)
            if waiting and (row is None or len(waiting) >= _LINES):
                yield waiting
                waiting = []
            if raw is None:
                yield cast("list[Row]", value)
            elif row is None:
                yield from finder.lists(raw)
        if waiting:
            yield waiting

    @staticmethod
    def _row(finder: Finder, raw: msgspec.Raw) -> Row | None:
        """Return the record that a document is by itself; None for one that has others inside."""
        first = first_sign(raw)
        if first == b"[":
            return finder.of_line(raw)
        if first != b"{":
            return None
        row = attempt(decode_row, raw)
        if row is None:
            # Damaged: no record, and none inside.
            return {}
        return row if finder.is_row(row) else None


def _sample(records: Records) -> tuple[list[str], dict[str, list[str]]]:
    """Return the keys of records, and some values of each."""
    sample = [flat(row) for row in first_rows(records, _SAMPLE)]
    names = list(dict.fromkeys(name for row in sample for name in row))
    return names, {name: [str(row[name]) for row in sample if name in row] for name in names}
