"""The common form as Parquet: the six columns, info in the schema metadata, marks in a file beside it."""

from __future__ import annotations

from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import msgspec

from capture.logs.base import LogInfo, Mark, TouchLog
from capture.logs.columns import ColumnMap, Converter, need_arrow
from capture.logs.jsonl import mark_row
from capture.logs.samples import CHUNK_SAMPLES
from capture.logs.source import LogSource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from capture.gestures.samples import TouchSamples
    from capture.logs.writing import Writable

__all__ = ["MARKS_SUFFIX", "METADATA_KEY", "Log", "write"]

METADATA_KEY = b"touchcapture"
#: The marks of ``a.parquet`` are in ``a.marks.jsonl``.
MARKS_SUFFIX = ".marks.jsonl"


class Log(TouchLog):
    """A Parquet file of touch samples."""

    name = "parquet"
    description = "Parquet: the six columns, or any by a column map"
    example = "PAR1..."

    def _describe(self) -> LogInfo:
        need_arrow(self.path)
        import pyarrow as pa

        if self.is_stream:
            raise self.error("Parquet is read from its end: it cannot come on standard input")
        try:
            with self._open() as file:
                schema = file.schema_arrow
            self._map = ColumnMap.parse(self.options.columns)
            self._chosen = self._map.chosen(list(schema.names))
            self._map.check_screen(self.options.screen)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise self.error(str(error).split("\n", 1)[0]) from None
        text = (schema.metadata or {}).get(METADATA_KEY)
        if text is None:
            return LogInfo(format=self.name)
        try:
            return msgspec.json.decode(text, type=LogInfo)
        except msgspec.MsgspecError as error:
            raise self.error(f"its metadata are damaged: {error}") from None

    @classmethod
    def matches(cls, head: bytes) -> bool:
        """Return whether the log has the magic number."""
        return head.startswith(b"PAR1")

    def _open(self) -> Any:
        from pyarrow import parquet

        return parquet.ParquetFile(self.path, pre_buffer=False)

    def _read(self) -> Iterator[TouchSamples]:
        import pyarrow as pa

        converter = Converter(self._map, self._chosen, self.options.screen)
        used = sorted({name for names in self._chosen.values() for name in names})
        marks = self._marks()
        mark = next(marks, None)
        total = 0
        try:
            with self._open() as file:
                for batch in file.iter_batches(CHUNK_SAMPLES, columns=used):
                    chunk = converter.samples(batch)
                    total += len(chunk)
                    while mark is not None and mark.sample < total:
                        self.mark(mark)
                        mark = next(marks, None)
                    yield chunk
                    self.source.bytes_read = min(
                        self.size or 0, (self.size or 0) * total // max(1, file.metadata.num_rows)
                    )
        except (pa.ArrowException, OSError, ValueError) as error:
            raise self.error(str(error).split("\n", 1)[0]) from None
        while mark is not None:
            self.mark(mark)
            mark = next(marks, None)
        converter.count_doubts(self.warnings)

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
