"""CSV and TSV: the six columns of the common form, or any others by a column map, or by their names."""

from __future__ import annotations

import csv
import io
import re
from importlib.util import find_spec
from itertools import chain, islice
from typing import IO, TYPE_CHECKING, Any

from capture.gestures.samples import COLUMNS, TouchSamples
from capture.logs.base import LogInfo
from capture.logs.evenrows import even_cells, number_cells
from capture.logs.lines import shape
from capture.logs.mapped import MappedLog
from capture.logs.names import are_guessed, is_number
from capture.logs.rows import Rows
from capture.logs.tables import LONGEST_LINE, Table, decoded, separator_of, split_row, tells_separator
from capture.logs.times import Moments
from capture.logs.units import exact_times
from capture.logs.writing import leave_marks_out

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from capture.logs.columns import ColumnMap
    from capture.logs.writing import Writable

__all__ = ["Log", "Table", "write"]

_NEEDED = {"action", "time", "x", "y"}
#: Rows at a time, and rows that are looked at to tell the columns apart.
_BATCH, _SAMPLE = 8192, 500
#: Tables that are larger (bytes) are read by pyarrow where it is there.
_LARGE_BYTES = 4 << 20
#: The names of the columns are in one of the first lines.
_FIRST_LINES = 20


class Log(MappedLog):
    """A table as text."""

    name = "csv"
    description = "CSV or TSV: the six columns, or any by a column map"
    example = "action,time,x,y"
    names_line = 1

    def _find_columns(self) -> LogInfo:
        text = decoded(self.source.text_head())
        lines = text.replace("\r", "").split("\n")
        # The head may end within a line.
        self._table = _table(lines[:-1] or lines, self._map)
        if self._map.common and not set(self._table.names) >= _NEEDED:
            self._map = self._guess()
        self._chosen = self._map.chosen(self._table.names)
        self._has_quotes = '"' in text
        return LogInfo(format=self.name)

    def _guess(self) -> ColumnMap:
        """Return a map by the names of the columns; an error has one to copy."""
        names, columns = self._table.names, self._table.columns()
        cells = {name: list(column) for name, column in columns.items()}
        if sum(map(is_number, names)) <= 1:
            return self._guessed(names, cells)
        what = "a table without names of columns, whose first line would be theirs:"
        rows = [names, *self._table.rows]
        numbered = {f"#{number}": list(column) for number, column in enumerate(zip(*rows, strict=True), 1)}
        return self._guessed(list(numbered), numbered, what)

    @classmethod
    def matches(cls, head: bytes) -> bool:
        """Return whether the first line names the columns of the common form."""
        if b"\0" in head:
            return False
        lines = decoded(head).split("\n", _FIRST_LINES)[:_FIRST_LINES]
        return any(_header_at(line.strip(), None, _NEEDED) is not None for line in lines)

    def _read(self) -> Iterator[TouchSamples]:
        self._say_assumed()
        done = 0
        trial = self._plain_trial()
        if trial is not None and trial.unit.ns is not None:
            from capture.logs import arrowcsv
            from capture.logs.arrow import Converter

            converter = Converter(self._map, self._chosen, self._size, trial.unit.ns)
            try:
                for chunk in arrowcsv.read(self.source, self._table, converter):
                    done += len(chunk)
                    yield chunk
            except arrowcsv.OddCellError:
                # The rest row by row, from the start again: a log to be read only once goes by rows at once.
                pass
            else:
                self.count("context", self._table.before)
                self._sum_up_converted(converter, trial)
                return
        yield from _without(self._by_rows(), done)

    def _plain_trial(self) -> Rows | None:
        """Return what the first rows of a large table tell, where pyarrow can read it; else None."""
        large = self.source.size is not None and self.source.size > _LARGE_BYTES
        if not large or self._table.prefix or self._map.comment or self._table.separator == " ":
            return None
        if "time" not in self._chosen or find_spec("pyarrow") is None:
            return None
        cells = self._map.cells(self._chosen, self._table.columns(), len(self._table.rows))
        good = [True] * len(self._table.rows)
        _, _, dates = exact_times(list(cells["time"]), good, Moments())
        if dates or not all(good) or any("," in cell for cell in cells["time"]):
            return None
        return self._trial(cells, len(self._table.rows))

    def _by_rows(self) -> Iterator[TouchSamples]:
        rows = Rows(self._map, self._size, self.warnings)
        is_plain = not self._has_quotes and self._table.separator != " "
        for count, columns in self._plain_columns() if is_plain else self._read_columns():
            by_name = dict(zip(self._table.names, columns, strict=True))
            chunk = rows.add(self._map.cells(self._chosen, by_name, count), count)
            if chunk is not None:
                yield chunk
        yield from rows.finish()
        self._sum_up_rows(rows)

    def _plain_columns(self) -> Iterator[tuple[int, list[Any]]]:
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
                yield count, [found[index::width] for index in range(width)]

    def _whole_columns(self) -> list[slice] | None:
        """Return the columns that have to be of whole numbers; None where cells must stay texts."""
        if self._map.only or any(len(names) > 1 for names in self._chosen.values()):
            return None
        columns = [name for role, (name,) in self._chosen.items() if role not in {"x", "y"}]
        return [slice(self._table.names.index(name), None, len(self._table.names)) for name in columns]

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

    def _read_columns(self) -> Iterator[tuple[int, list[Any]]]:
        """Yield how many rows there are and their columns."""
        reader = csv.reader(
            chain.from_iterable(map(self._rows_of, self._bodies())),
            delimiter=self._table.separator,
            quoting=csv.QUOTE_MINIMAL if self._has_quotes else csv.QUOTE_NONE,
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
                yield len(good), list(zip(*good, strict=True))

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

    def _bodies(self) -> Iterator[str]:
        """Yield the text behind the header in pieces of whole lines."""
        left = self._table.before
        for data in self.source.line_blocks():
            lines = decoded(data).replace("\r", "").split("\n", left)
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
    at = 0
    sign = column_map.comment or "#"
    are_rows = (
        line.strip() and not line.lstrip().startswith(sign) and not tells_separator(line) for line in lines
    )
    before = next((number for number, is_row in enumerate(are_rows) if is_row), 0)
    if column_map.header:
        wanted = {name.lower() for names in column_map.columns.values() for name in names}
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
