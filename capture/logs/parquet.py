"""The common form as Parquet: the six columns, info in the schema metadata, marks in a file beside it."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import msgspec

from capture.errors import TouchLogError
from capture.gestures.samples import COLUMNS
from capture.logs.arrow import Converter, nanoseconds, need_arrow, own_unit
from capture.logs.base import LogInfo, Mark
from capture.logs.decoding import decode_row
from capture.logs.jsonl import mark_row
from capture.logs.mapped import MappedLog
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


class Log(MappedLog):
    """A Parquet file of touch samples."""

    name = "parquet"
    description = "Parquet: the six columns, or any by a column map"
    example = "PAR1..."
    binary = True

    def _find_columns(self) -> LogInfo:
        need_arrow(self.path)
        if self.is_stream:
            raise self.error("Parquet is read from its end: it cannot come on standard input")
        with self._opened() as file:
            schema = file.schema_arrow
            self._names = list(schema.names)
            if self._map.common and not set(self._names) >= _NEEDED:
                self._guess(file)
            self._chosen = self._map.chosen(self._names)
            self._check(file)
        times = [self._chosen[role][0] for role in ("time", "down", "up") if role in self._chosen]
        self._own_units = {name: own_unit(schema.field(name).type) for name in times}
        return self._info(schema.metadata or {})

    @classmethod
    def matches(cls, head: bytes) -> bool:
        """Return whether the head is that of Parquet."""
        return head.startswith(b"PAR1")

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        """Open the file; errors of pyarrow become those of the log."""
        import pyarrow as pa
        from pyarrow import parquet

        try:
            with parquet.ParquetFile(self.path, pre_buffer=False) as file:
                yield file
        except TouchLogError:
            raise
        except (pa.ArrowException, OSError, ValueError) as error:
            raise self.error(str(error).split("\n", 1)[0]) from None

    def _used(self) -> list[str]:
        lower = {name.lower(): name for name in self._names}
        only = {lower.get(column.lower(), column) for column, _ in self._map.only}
        return sorted({name for names in self._chosen.values() for name in names} | only)

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
            for column in map(part.column, indices):
                name, size = column.path_in_schema, column.total_uncompressed_size
                is_text = name in used and column.physical_type == "BYTE_ARRAY"
                if is_text and size > max(_TEXT_BYTES, _CELL_BYTES * column.num_values):
                    raise ValueError(f"the column {name!r} holds texts of {size >> 20} MiB")

    def _guess(self, file: Any) -> None:
        """Select the columns by name; an error lists the columns of the file."""
        kinds = {field.name: str(field.type) for field in file.schema_arrow}
        plain = [name for name in self._names if _is_plain(kinds[name]) and self._names.count(name) == 1]
        cells: dict[str, list[str]] = {}
        if file.metadata.num_rows:
            batch = next(file.iter_batches(256, columns=plain))
            cells = {name: [str(cell) for cell in batch.column(name).to_pylist()] for name in plain}
        self._map = self._guessed(self._names, cells)

    def _info(self, metadata: dict[bytes, bytes]) -> LogInfo:
        text = metadata.get(METADATA_KEY)
        if text is None:
            return LogInfo(format=self.name)
        try:
            return msgspec.json.decode(text, type=LogInfo)
        except msgspec.MsgspecError as error:
            raise self.error(f"its metadata are damaged: {error}") from None

    def _read(self) -> Iterator[TouchSamples]:
        self._say_assumed()
        marks = self._marks()
        mark = next(marks, None)
        total = 0
        with self._opened() as file:
            for chunk in self._chunks(file):
                total += len(chunk)
                while mark is not None and mark.sample < total:
                    self.mark(mark)
                    mark = next(marks, None)
                yield chunk
        while mark is not None:
            self.mark(mark)
            mark = next(marks, None)

    def _chunks(self, file: Any) -> Iterator[TouchSamples]:
        """Yield the samples: by columns if they are plain, else row by row."""
        batches = file.iter_batches(CHUNK_SAMPLES, columns=self._used())
        first = next(batches, None)
        if first is None:
            return
        head = first.slice(0, _SAMPLE)
        trial = self._trial(self._cells(head), len(head), self._unit())
        batches = chain([first], batches)
        if trial is None:
            rows = self._rows()
            yield from self._by_rows(batches, file, rows)
            self._sum_up_rows(rows)
            return
        unit = next(iter(self._own_units.values()), None) or trial.unit.ns or 1
        converter = Converter(self._map, self._chosen, self._size, unit)
        for batch in batches:
            try:
                chunk = converter.samples(batch)
            except ValueError:
                # A cell does not fit its column: these rows one by one.
                rows = self._rows()
                yield from self._by_rows([batch], file, rows)
                self._sum_up(rows)
                continue
            self._follow(converter.used, file)
            yield chunk
        self._sum_up_converted(converter, trial)

    def _unit(self) -> int | None:
        """Return the unit of the cells of times: ns where a column has a unit of its own."""
        return 1 if any(self._own_units.values()) else None

    def _rows(self) -> Rows:
        return Rows(self._map, self._size, self.warnings, self._unit())

    def _by_rows(self, batches: Iterable[Any], file: Any, rows: Rows) -> Iterator[TouchSamples]:
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

    def _follow(self, read: int, file: Any) -> None:
        self.source.bytes_read = (self.size or 0) * read // max(1, file.metadata.num_rows)

    def _cells(self, batch: Any) -> dict[str, Any]:
        """Return the columns of a batch as lists, by role; times with a unit of their own in ns."""
        columns: dict[str, list[Any]] = {}
        for name in batch.schema.names:
            column = batch.column(name)
            own = self._own_units.get(name)
            columns[name] = column.to_pylist() if own is None else nanoseconds(column, own).to_pylist()
        return self._map.cells(self._chosen, columns, len(batch))

    def _marks(self) -> Iterator[Mark]:
        beside = marks_path(Path(self.path))
        if not beside.is_file():
            return
        for number, line in enumerate(LogSource(str(beside)).lines(), 1):
            if not line:
                continue
            try:
                fields = decode_row(line)
                kind, time_ns = str(fields.pop("mark")), int(fields.pop("time"))
                stream, sample = int(fields.pop("stream", 0)), int(fields.pop("sample", 0))
                yield Mark(kind=kind, time_ns=time_ns, stream=stream, sample=sample, fields=fields)
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
        [(name, pa.from_numpy_dtype(letter)) for name, (letter, _, _) in COLUMNS.items()],
        metadata={METADATA_KEY: msgspec.json.encode(log.info)},
    )
    beside = marks_path(path)
    marks: list[Mark] = []
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        for chunk in log.chunks():
            writer.write_batch(_batch(chunk, schema))
            marks += log.marks
            log.marks.clear()
    marks += log.marks
    if marks:
        rows = (mark_row(mark) | {"sample": mark.sample} for mark in marks)
        beside.write_bytes(msgspec.json.Encoder().encode_lines(rows))
    else:
        beside.unlink(missing_ok=True)


def _batch(chunk: TouchSamples, schema: Any) -> Any:
    import numpy as np
    import pyarrow as pa

    arrays = []
    for name, (letter, _, _) in COLUMNS.items():
        column = getattr(chunk, name)
        arrays.append(pa.array(np.zeros(len(chunk), letter) if column is None else np.asarray(column)))
    return pa.record_batch(arrays, schema=schema)
