"""The common form as Parquet: the six columns, info in the schema metadata, marks in a file beside it."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import msgspec

from capture.errors import TouchLogError
from capture.logs.arrow import Converter, nanoseconds, need_arrow, own_unit
from capture.logs.base import LogInfo, Mark, TouchLog
from capture.logs.columns import ColumnMap
from capture.logs.jsonl import mark_row
from capture.logs.kvi import DEFAULT_SCREEN
from capture.logs.mapped import guessed_map, say_assumed, sum_up
from capture.logs.rows import Rows
from capture.logs.samples import CHUNK_SAMPLES
from capture.logs.source import LogSource

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from capture.gestures.samples import TouchSamples
    from capture.logs.writing import Writable

__all__ = ["MARKS_SUFFIX", "METADATA_KEY", "Log", "write"]

METADATA_KEY = b"touchcapture"
_NEEDED = {"action", "time", "x", "y"}
#: Text of a row group that is no more than this is none too many, and a cell of this size is no cell.
_TEXT_BYTES, _CELL_BYTES = 8 << 20, 4096
#: Rows at a time, where they are read one by one; and rows that are looked at to tell the columns apart.
_BATCH, _SAMPLE = 8192, 4096
#: Types whose cells may be words for the actions.
_PLAIN = {
    "string", "large_string", "string_view", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32",
    "uint64", "double", "float",
}  # fmt: skip
#: How other types begin whose values are read as text.
_PLAIN_STARTS = ("time", "date32", "dictionary<values=string")
#: The marks of ``a.parquet`` are in ``a.marks.jsonl``.
MARKS_SUFFIX = ".marks.jsonl"


def _is_plain(kind: str) -> bool:
    return kind in _PLAIN or kind.startswith(_PLAIN_STARTS)


class Log(TouchLog):
    """A Parquet file of touch samples."""

    name = "parquet"
    description = "Parquet: the six columns, or any by a column map"
    example = "PAR1..."
    binary = True

    def _describe(self) -> LogInfo:
        options = self.options
        need_arrow(self.path)
        import pyarrow as pa

        if self.is_stream:
            raise self.error("Parquet is read from its end: it cannot come on standard input")
        try:
            with self._open() as file:
                schema = file.schema_arrow
                self._map = ColumnMap.parse(options.columns)
                if self._map.common and not set(schema.names) >= _NEEDED:
                    self._guess(file, list(schema.names))
                self._chosen = self._map.chosen(list(schema.names))
                self._check(file)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise self.error(str(error).split("\n", 1)[0]) from None
        times = [self._chosen[role][0] for role in ("time", "down", "up") if role in self._chosen]
        self._own_units = {name: own_unit(schema.field(name).type) for name in times}
        info = self._info(schema.metadata or {})
        self._size = options.screen or DEFAULT_SCREEN
        if any(self._map.whole):
            return msgspec.structs.replace(info, width=self._size[0], height=self._size[1])
        return info

    @classmethod
    def matches(cls, head: bytes) -> bool:
        """Return whether the head is that of Parquet."""
        return head.startswith(b"PAR1")

    def _open(self) -> Any:
        from pyarrow import parquet

        return parquet.ParquetFile(self.path, pre_buffer=False)

    def _used(self) -> list[str]:
        lower = {name.lower(): name for name in self._names()}
        only = {lower.get(column.lower(), column) for column, _ in self._map.only}
        return sorted({name for names in self._chosen.values() for name in names} | only)

    def _names(self) -> list[str]:
        with self._open() as file:
            return list(file.schema_arrow.names)

    def _check(self, file: Any) -> None:
        """Refuse texts that no column of a touch log has: they would grow beyond all measure."""
        from pyarrow.types import is_primitive

        used = set(self._used())
        if all(is_primitive(field.type) for field in file.schema_arrow if field.name in used):
            return
        for group in range(file.metadata.num_row_groups):
            part = file.metadata.row_group(group)
            # pyarrow (26) aborts the process at columns of a damaged footer: only large text needs them.
            indices = range(part.num_columns) if part.total_byte_size > _TEXT_BYTES else ()
            for index in indices:
                column = part.column(index)
                size = column.total_uncompressed_size
                if (
                    column.path_in_schema in used
                    and column.physical_type == "BYTE_ARRAY"
                    and size > max(_TEXT_BYTES, _CELL_BYTES * column.num_values)
                ):
                    name = column.path_in_schema
                    raise ValueError(f"the column {name!r} holds texts of {size >> 20} MiB")

    def _guess(self, file: Any, names: list[str]) -> None:
        """Select the columns by name; an error lists the columns of the file."""
        kinds = {field.name: str(field.type) for field in file.schema_arrow}
        plain = [name for name in names if _is_plain(kinds[name]) and names.count(name) == 1]
        batch = next(file.iter_batches(256, columns=plain), None) if file.metadata.num_rows else None
        cells = (
            {}
            if batch is None
            else {name: [str(cell) for cell in batch.column(name).to_pylist()] for name in plain}
        )
        self._map = guessed_map(names, cells, self.options.columns)

    def _info(self, metadata: dict[bytes, bytes]) -> LogInfo:
        text = metadata.get(METADATA_KEY)
        if text is None:
            return LogInfo(format=self.name)
        try:
            return msgspec.json.decode(text, type=LogInfo)
        except msgspec.MsgspecError as error:
            raise self.error(f"its metadata are damaged: {error}") from None

    def _read(self) -> Iterator[TouchSamples]:
        import pyarrow as pa

        say_assumed(self, self._map)
        marks = self._marks()
        mark = next(marks, None)
        total = 0
        try:
            with self._open() as file:
                for chunk in self._chunks(file):
                    total += len(chunk)
                    while mark is not None and mark.sample < total:
                        self.mark(mark)
                        mark = next(marks, None)
                    yield chunk
        except (pa.ArrowException, OSError, ValueError) as error:
            if isinstance(error, TouchLogError):
                raise
            raise self.error(str(error).split("\n", 1)[0]) from None
        while mark is not None:
            self.mark(mark)
            mark = next(marks, None)

    def _chunks(self, file: Any) -> Iterator[TouchSamples]:
        """Yield the samples: by columns if they are plain, else row by row."""
        own = 1 if any(self._own_units.values()) else None
        rows = Rows(self._map, self._size, Counter(), own)
        used = self._used()
        batches = file.iter_batches(CHUNK_SAMPLES, columns=used)
        first = next(batches, None)
        if first is None:
            return
        head = first.slice(0, _SAMPLE)
        rows.add(self._cells(head), len(head))
        odd = self._map.only or self._map.makes_strokes or "down" in self._chosen
        batches = chain([first], batches)
        if odd or rows.skipped or rows.depends:
            yield from self._by_rows(batches, file, all_of_them=True)
            return
        for _ in rows.finish():
            pass
        unit = next(iter(self._own_units.values()), None) or rows.unit.ns or 1
        for cause in ("time_unit_guessed", "time_unit_doubtful", "whole_seconds"):
            if rows.warnings[cause]:
                self.warnings[cause] += 1
        converter = Converter(self._map, self._chosen, self._size, unit)
        read = 0
        for batch in batches:
            try:
                chunk = converter.samples(batch)
            except ValueError:
                # A cell does not fit its column: these rows one by one.
                yield from self._by_rows([batch], file, all_of_them=False)
                continue
            read += len(batch)
            self._follow(read, file)
            yield chunk
        self.count("used", read - converter.skipped)
        self.count("skipped_rows", converter.skipped)
        if converter.went_back:
            self.warnings["time_went_back"] += converter.went_back
        self.name_streams(converter.streams)
        self.name_pointers(converter.pointers)

    def _by_rows(self, batches: Iterable[Any], file: Any, *, all_of_them: bool) -> Iterator[TouchSamples]:
        own = 1 if any(self._own_units.values()) else None
        rows = Rows(self._map, self._size, self.warnings, own)
        read = 0
        for batch in batches:
            for at in range(0, len(batch), _BATCH):
                part = batch.slice(at, _BATCH)
                chunk = rows.add(self._cells(part), len(part))
                if chunk is not None:
                    yield chunk
            read += len(batch)
            self._follow(read, file)
        yield from rows.finish()
        sum_up(self, rows, all_of_them=all_of_them)

    def _follow(self, read: int, file: Any) -> None:
        self.source.bytes_read = min(
            self.size or 0, (self.size or 0) * read // max(1, file.metadata.num_rows)
        )

    def _cells(self, batch: Any) -> dict[str, Any]:
        """Return the columns of a batch as lists, by role; times with a unit of their own in ns."""
        columns: dict[str, list[Any]] = {}
        for name in batch.schema.names:
            column = batch.column(name)
            own = self._own_units.get(name)
            columns[name] = column.to_pylist() if own is None else nanoseconds(column, own).to_pylist()
        cells: dict[str, Any] = {}
        for role, names in self._chosen.items():
            cells[role] = (
                columns[names[0]]
                if len(names) == 1
                else list(zip(*(columns[name] for name in names), strict=True))
            )
        if self._map.only:
            lower = {name.lower(): name for name in columns}
            wanted = [(columns[lower[column.lower()]], value) for column, value in self._map.only]
            cells["only"] = [
                all(str(column[row]) == value for column, value in wanted) for row in range(len(batch))
            ]
        return cells

    def _marks(self) -> Iterator[Mark]:
        beside = marks_path(Path(self.path))
        if not beside.is_file():
            return
        for number, line in LogSource(str(beside)).lines():
            if not line:
                continue
            try:
                fields = msgspec.json.decode(line, type=dict[str, Any])
                yield Mark(
                    kind=str(fields.pop("mark")),
                    time_ns=int(fields.pop("time")),
                    stream=int(fields.pop("stream", 0)),
                    sample=int(fields.pop("sample", 0)),
                    fields=fields,
                )
            except (msgspec.MsgspecError, KeyError, TypeError, ValueError) as error:
                raise self.error(f"{beside.name}, line {number}: {error}") from None


def marks_path(path: Path) -> Path:
    """Return where the marks of a Parquet log are."""
    return path.with_name(path.name.removesuffix(".parquet") + MARKS_SUFFIX)


def write(log: Writable, file: IO[bytes], path: Path) -> None:
    """Write a log as Parquet, streamed, and its marks beside it."""
    need_arrow(str(path))
    import pyarrow as pa
    from pyarrow import parquet

    schema = pa.schema(
        [
            ("stream", pa.int64()),
            ("pointer", pa.int32()),
            ("action", pa.uint8()),
            ("time", pa.int64()),
            ("x", pa.float32()),
            ("y", pa.float32()),
        ],
        metadata={METADATA_KEY: msgspec.json.encode(log.info)},
    )
    beside = marks_path(path)
    marks: list[bytes] = []
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        for chunk in log.chunks():
            writer.write_batch(_batch(chunk, schema))
            marks += [msgspec.json.encode(mark_row(mark) | {"sample": mark.sample}) for mark in log.marks]
            log.marks.clear()
    marks += [msgspec.json.encode(mark_row(mark) | {"sample": mark.sample}) for mark in log.marks]
    if marks:
        beside.write_bytes(b"\n".join(marks) + b"\n")
    else:
        beside.unlink(missing_ok=True)


def _batch(chunk: TouchSamples, schema: Any) -> Any:
    import numpy as np
    import pyarrow as pa

    arrays = []
    for field in schema:
        column = getattr(chunk, field.name)
        if column is None:
            column = np.zeros(len(chunk), dtype=field.type.to_pandas_dtype())
        arrays.append(pa.array(np.asarray(memoryview(column)), type=field.type))
    return pa.record_batch(arrays, schema=schema)
