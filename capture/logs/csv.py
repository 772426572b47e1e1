"""CSV and TSV: the six columns of the common form, or any others by a column map, or by their names."""

from __future__ import annotations

import csv
import io
import re
from importlib.util import find_spec
from itertools import chain, islice
from typing import IO, TYPE_CHECKING, Any

from capture.errors import TouchLogError
from capture.gestures.samples import COLUMNS, TouchSamples
from capture.logs.base import LogInfo, TouchLog
from capture.logs.columns import ColumnMap
from capture.logs.evenrows import even_cells, number_cells
from capture.logs.kvi import DEFAULT_SCREEN
from capture.logs.lines import shape
from capture.logs.mapped import guessed_map, say_assumed, screen_of, sum_up
from capture.logs.names import are_guessed, is_number
from capture.logs.rows import Rows
from capture.logs.source import LINE_LIMIT_BYTES
from capture.logs.tables import LONGEST_LINE, Table, decoded, separator_of, split_row, tells_separator
from capture.logs.times import Moments
from capture.logs.units import Unit, exact_times
from capture.logs.writing import leave_marks_out

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from capture.logs.writing import Writable

__all__ = ["Log", "Table", "write"]

_NEEDED = {"action", "time", "x", "y"}
#: Rows at a time, and rows that are looked at to tell the columns apart.
_BATCH, _SAMPLE = 8192, 500
#: Tables that are larger (bytes) are read by pyarrow where it is there.
_LARGE_BYTES = 4 << 20
#: The names of the columns are in one of the first lines.
_FIRST_LINES = 20


class Log(TouchLog):
    """A table as text."""

    name = "csv"
    description = "CSV or TSV: the six columns, or any by a column map"
    example = "action,time,x,y"

    def _describe(self) -> LogInfo:
        options, source = self.options, self.source
        try:
            self._map = ColumnMap.parse(options.columns)
            lines = self._lines(decoded(source.text_head()))
            self._table = _table(lines, self._map)
            if self._map.common and not set(self._table.names) >= _NEEDED:
                self._map = self._guess()
            self._table.chosen = self._map.chosen(self._table.names)
        except TouchLogError:
            raise
        except ValueError as error:
            raise self.error(str(error), line=1) from None
        self._size = options.screen or DEFAULT_SCREEN
        width, height = screen_of(self._map)
        return LogInfo(format=self.name, width=width, height=height)

    def _guess(self) -> ColumnMap:
        """Return a map by the names of the columns; an error has one to copy."""
        names, columns = self._table.names, list(zip(*self._table.rows, strict=True))
        what = "a table with the columns"
        if sum(map(is_number, names)) > 1:
            what = "a table without names of columns, whose first line would be theirs:"
            columns = [
                (name, *column) for name, column in zip(names, columns or [()] * len(names), strict=True)
            ]
            names = [f"#{number}" for number in range(1, len(names) + 1)]
        cells = {name: list(column) for name, column in zip(names, columns, strict=False)}
        return guessed_map(names, cells, self.options.columns, what)

    @classmethod
    def matches(cls, head: bytes) -> bool:
        """Return whether the first line names the columns of the common form."""
        if b"\0" in head:
            return False
        lines = decoded(head).split("\n", _FIRST_LINES)[:_FIRST_LINES]
        return any(_header_at(line.strip(), None, _NEEDED) is not None for line in lines)

    @staticmethod
    def _lines(text: str) -> list[str]:
        lines = text.replace("\r", "\n" if "\n" not in text else "").split("\n")
        # The head may end within a line.
        return lines[:-1] if len(lines) > 1 else lines

    def _read(self) -> Iterator[TouchSamples]:
        say_assumed(self, self._map)
        done = 0
        unit = self._plain_unit()
        if unit is not None and unit.ns is not None:
            from capture.logs import arrowcsv
            from capture.logs.arrow import Converter

            converter = Converter(self._map, self._table.chosen, self._size, unit.ns)
            try:
                for chunk in arrowcsv.read(self.source, self._table, converter):
                    done += len(chunk)
                    yield chunk
            except arrowcsv.OddCellError:
                # The rest row by row, from the start again: a log to be read only once goes by rows at once.
                pass
            else:
                self._sum_up(converter, done, unit)
                return
        yield from _without(self._by_rows(), done)

    def _sum_up(self, converter: Any, done: int, unit: Unit) -> None:
        self.count("used", done)
        self.count("context", self._table.before)
        self.count("skipped_rows", converter.skipped)
        if unit.said:
            self.warnings[unit.said] += 1
        if converter.went_back:
            self.warnings["time_went_back"] += converter.went_back
        self.name_streams(converter.streams)
        self.name_pointers(converter.pointers)

    def _plain_unit(self) -> Unit | None:
        """Return the unit of time of a large table with plain cells, which pyarrow can read; else None."""
        plain = self._map
        large = self.source.size is not None and self.source.size > _LARGE_BYTES
        if not large or self._table.prefix or plain.only or plain.comment or plain.makes_strokes:
            return None
        if "down" in plain.columns or find_spec("pyarrow") is None or self._table.separator == " ":
            return None
        rows = Rows(plain, self._size, type(self.warnings)())
        cells = {role: self._columns(self._table.rows, names) for role, names in self._table.chosen.items()}
        rows.add(cells, len(self._table.rows))
        good = [True] * len(self._table.rows)
        _, _, dates = exact_times(list(cells["time"]), good, Moments())
        if (
            dates
            or rows.skipped
            or rows.depends
            or not all(good)
            or any("," in cell for cell in cells["time"])
        ):
            return None
        return rows.unit

    def _by_rows(self) -> Iterator[TouchSamples]:
        rows = Rows(self._map, self._size, self.warnings)
        is_plain = '"' not in self._head_text() and self._table.separator != " " and not self._map.only
        for count, columns, wanted in self._plain_columns() if is_plain else self._read_columns():
            cells: dict[str, Sequence[Any]] = {
                role: self._chosen_of(columns, names) for role, names in self._table.chosen.items()
            }
            if wanted is not None:
                cells["only"] = wanted
            chunk = rows.add(cells, count)
            if chunk is not None:
                yield chunk
        yield from rows.finish()
        sum_up(self, rows)

    def _plain_columns(self) -> Iterator[tuple[int, list[Any], list[bool] | None]]:
        """Yield how many rows there are and their columns, of a table without quotes: three times as fast."""
        separator, width = self._table.separator, len(self._table.names)
        is_bare = self._table.prefix is None and not self._map.comment
        whole = self._whole_columns()
        for text in self._bodies():
            pieces = even_cells(text, separator, width, _BATCH) if is_bare else None
            for count, cells in pieces or self._odd_cells(text):
                found = None if whole is None else number_cells(cells, separator, count * width, whole)
                if found is None:
                    # Most tables have cells of one kind: no others are tried.
                    whole, found = None, cells.split(separator)
                yield count, [found[index::width] for index in range(width)], None

    def _whole_columns(self) -> list[slice] | None:
        """Return the columns that have to be of whole numbers; None where a role has several."""
        roles = self._table.chosen
        if any(len(names) > 1 for names in roles.values()):
            return None
        found = [self._table.names.index(names[0]) for role, names in roles.items() if role not in {"x", "y"}]
        return [slice(index, None, len(self._table.names)) for index in found]

    def _odd_cells(self, text: str) -> Iterator[tuple[int, str]]:
        """Yield how many good rows there are and their cells in a row; the other rows are counted."""
        separator, width = self._table.separator, len(self._table.names)
        lines = iter(self._rows_of(text))
        while batch := list(islice(lines, _BATCH)):
            good = [line for line in batch if line.count(separator) == width - 1]
            blank = batch.count("")
            self.count("context", blank)
            self.count("skipped_rows", len(batch) - blank - len(good))
            if good:
                yield len(good), separator.join(good)

    def _read_columns(self) -> Iterator[tuple[int, list[Any], list[bool] | None]]:
        """Yield how many rows there are, their columns and which of them are wanted, where only some are."""
        reader = csv.reader(
            chain.from_iterable(map(self._rows_of, self._bodies())),
            delimiter=self._table.separator,
            quoting=csv.QUOTE_MINIMAL if '"' in self._head_text() else csv.QUOTE_NONE,
            skipinitialspace=True,
        )
        while True:
            batch: list[list[str]] = []
            broken = False
            try:
                batch.extend(islice(reader, _BATCH))
            except csv.Error:
                # The field behind the row is longer than any field.
                broken = True
                self.count("skipped_rows")
            if not batch and not broken:
                break
            good = self._whole(batch)
            if good:
                wanted = self._wanted(good) if self._map.only else None
                yield len(good), list(zip(*good, strict=True)), wanted

    def _whole(self, batch: list[list[str]]) -> list[list[str]]:
        """Return the rows with as many fields as there are columns; the others are counted."""
        width = len(self._table.names)
        lengths = list(map(len, batch))
        if lengths.count(width) == len(batch):
            return batch
        blank = lengths.count(0)
        good = [row for row in batch if len(row) == width]
        self.count("context", blank)
        self.count("skipped_rows", len(batch) - blank - len(good))
        return good

    def _chosen_of(self, columns: list[Any], names: list[str]) -> Any:
        chosen = [columns[self._table.names.index(name)] for name in names]
        return chosen[0] if len(chosen) == 1 else list(zip(*chosen, strict=True))

    def _columns(self, batch: list[list[str]], names: list[str]) -> list[Any]:
        indexes = [self._table.names.index(name) for name in names]
        if len(indexes) == 1:
            index = indexes[0]
            return [row[index] for row in batch]
        return [tuple(row[index] for index in indexes) for row in batch]

    def _wanted(self, batch: list[list[str]]) -> list[bool]:
        lower = [name.lower() for name in self._table.names]
        places = [(lower.index(column.lower()), value) for column, value in self._map.only]
        return [all(row[index].strip() == value for index, value in places) for row in batch]

    def _head_text(self) -> str:
        return decoded(self.source.text_head())

    def _bodies(self) -> Iterator[str]:
        """Yield the text behind the header in pieces of whole lines."""
        left = self._table.before
        for text in self._texts():
            lines = text.split("\n", left)
            self.count("context", min(left, len(lines)))
            if left < len(lines):
                yield lines[left]
            left = max(0, left - len(lines))

    def _rows_of(self, text: str) -> list[str]:
        """Return the lines of a text without decoration and comments."""
        prefix, comment = self._table.prefix, self._map.comment
        lines = text.split("\n")
        if prefix is not None:
            lines = [prefix.sub("", line, count=1) for line in lines]
        if self._table.separator == " ":
            lines = [line.strip() for line in lines]
        if comment:
            kept = [line for line in lines if not line.lstrip().startswith(comment)]
            self.count("context", len(lines) - len(kept))
            lines = kept
        return lines

    def _texts(self) -> Iterator[str]:
        """Yield the text in pieces of whole lines, the line end of the last one left out."""
        rest = b""
        for block in self.source.text_blocks():
            data = rest + block
            end = data.rfind(b"\n")
            if end < 0:
                if len(data) > LINE_LIMIT_BYTES:
                    raise self.error("the line is longer than 1 MiB")
                rest = data
                continue
            rest = data[end + 1 :]
            yield decoded(data[:end]).replace("\r", "")
        if rest:
            yield decoded(rest).replace("\r", "\n" if rest.count(b"\r") > 1 else "")


def _without(chunks: Iterator[TouchSamples], done: int) -> Iterator[TouchSamples]:
    """Yield the samples behind those that are out already."""
    for chunk in chunks:
        if done >= len(chunk):
            done -= len(chunk)
        else:
            yield chunk[done:] if done else chunk
            done = 0


def write(log: Writable, file: IO[bytes], path: Path) -> None:
    """Write the samples of a log as CSV, streamed; its marks are left out."""
    separator = "\t" if path.suffix == ".tsv" else ","
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    rows = csv.writer(text, delimiter=separator, lineterminator="\n")
    rows.writerow(COLUMNS)
    log.lost.clear()
    for chunk in log.chunks():
        leave_marks_out(log)
        rows.writerows(chunk.rows())
    leave_marks_out(log)
    text.detach()


def _table(lines: list[str], column_map: ColumnMap) -> Table:
    """Return the layout of the table: its separator, its columns, and the prefix of its rows."""
    before = at = 0
    sign = column_map.comment or "#"
    while before < len(lines) and (
        not lines[before].strip() or lines[before].lstrip().startswith(sign) or tells_separator(lines[before])
    ):
        before += 1
    before = 0 if before >= len(lines) else before
    wanted = {name.lower() for names in column_map.columns.values() for name in names}
    if column_map.header:
        optional = {"stream", "pointer"} if column_map.common else set()
        for number, line in enumerate(lines[:_FIRST_LINES]):
            place = _header_at(line, column_map.separator, wanted - optional)
            if place is not None:
                before, at = number, place
                break
    first = lines[before] if lines else ""
    prefix = shape(first[:at])
    separator = column_map.separator or separator_of(first[at:])
    cells = split_row(first[at:], separator)
    if column_map.header:
        before += 1
    else:
        cells = [f"#{number}" for number in range(1, len(cells) + 1)]
    rows = [
        split_row(prefix.sub("", line, count=1) if prefix else line, separator)
        for line in lines[before : before + _SAMPLE]
    ]
    if rows and all(len(row) == len(cells) + 1 and not row[-1] for row in rows):
        # Each row ends in a separator.
        cells.append("")
    rows = [row for row in rows if len(row) == len(cells) and row != cells]
    return Table(separator=separator, names=cells, before=before, prefix=prefix, rows=rows)


def _header_at(line: str, separator: str | None, wanted: set[str]) -> int | None:
    """Return where the names of columns begin in a line; None if they are not there.

    They are those that are wanted, or for the common form names that tell the meaning of columns.
    """
    if len(line) > LONGEST_LINE:
        return None
    for found in re.finditer(r"^|(?<=[\s>|:\])}+])(?=\S)", line[:256]):
        part = line[found.start() :]
        names = split_row(part, separator or separator_of(part))
        if {name.lower() for name in names} >= wanted or (wanted == _NEEDED and are_guessed(names)):
            return found.start()
    return None
