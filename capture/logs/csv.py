"""CSV and TSV: the six columns of the common form, or any others by a column map."""

from __future__ import annotations

import codecs
import csv
import io
import re
import threading
from typing import IO, TYPE_CHECKING, Any

from capture.gestures.samples import COLUMNS, TouchSamples
from capture.logs.base import LogInfo, TouchLog
from capture.logs.columns import ColumnMap, Converter, need_arrow
from capture.logs.source import BLOCK_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from capture.logs.writing import Writable

__all__ = ["Log", "write"]

_NEEDED = {"action", "time", "x", "y"}
#: Cells that hold nothing.
_EMPTY = ["", " ", "NA", "N/A", "null", "NULL", "None", "nan", "NaN"]
_ROW = re.compile(r"[Rr]ow #(\d+)")
#: How long (s) a reading that stopped waits for the thread that reads ahead.
_STOP_S = 0.5


class Log(TouchLog):
    """A table as text."""

    name = "csv"
    description = "CSV or TSV: the six columns, or any by a column map"
    example = "action,time,x,y"

    def _describe(self) -> LogInfo:
        need_arrow(self.path)
        try:
            self._map = ColumnMap.parse(self.options.columns)
            self._separator, self._names = _header(self.source.text_head(), self._map)
            self._chosen = self._map.chosen(self._names)
            self._map.check_screen(self.options.screen)
        except ValueError as error:
            raise self.error(str(error), line=1) from None
        return LogInfo(format=self.name)

    @classmethod
    def matches(cls, head: bytes) -> bool:
        """Return whether the first line names the columns of the common form."""
        if b"\0" in head:
            return False
        first = head.split(b"\n", 1)[0].decode("utf-8", "replace")
        return len(first) < 4096 and set(_split(first, _separator(first))) >= _NEEDED

    def _read(self) -> Iterator[TouchSamples]:
        import pyarrow as pa

        stream = _Stream(self.source.text_blocks())
        converter = Converter(self._map, self._chosen, self.options.screen)
        try:
            for batch in self._batches(stream, threads=True):
                yield converter.samples(batch)
        except (pa.ArrowException, ValueError) as error:
            if stream.error is not None:
                raise stream.error from None
            raise self.error(*self._place(error)) from None
        finally:
            stream.stop()
        converter.count_doubts(self.warnings)

    def _batches(self, stream: _Stream, *, threads: bool) -> Any:
        import pyarrow as pa
        from pyarrow import csv as arrow_csv

        used = {name for names in self._chosen.values() for name in names}
        return arrow_csv.open_csv(
            pa.PythonFile(stream, mode="r"),
            read_options=arrow_csv.ReadOptions(
                use_threads=threads,
                block_size=BLOCK_BYTES,
                column_names=self._names,
                skip_rows=int(self._map.header),
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=self._separator, invalid_row_handler=self._skip_row
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=self._types(),
                include_columns=sorted(used),
                strings_can_be_null=True,
                null_values=_EMPTY,
            ),
        )

    def _place(self, error: Exception) -> tuple[str, int | None]:
        """Return what an error says and its line, which pyarrow knows only when it reads without threads."""
        import pyarrow as pa

        if not self.source.is_stream and _ROW.search(str(error)) is None:
            stream = _Stream(self.source.text_blocks())
            try:
                for _ in self._batches(stream, threads=False):
                    pass
            except (pa.ArrowException, ValueError) as again:
                error = again
            finally:
                stream.stop()
        found = _ROW.search(str(error))
        return str(error).split("\n", 1)[0][:300], int(found[1]) if found else None

    def _skip_row(self, row: Any) -> str:  # noqa: ARG002 - as pyarrow calls it
        """Leave out a row that has more or fewer fields than the header."""
        self.warnings["skipped_rows"] += 1
        return "skip"

    def _types(self) -> dict[str, Any]:
        """Return the Arrow type of each column: a guess from the first block might fail later."""
        import pyarrow as pa

        first = self._first_row()
        types: dict[str, Any] = {}
        for role, names in self._chosen.items():
            for name in names:
                numeric = _is_integer(first.get(name, ""))
                types[name] = {
                    "stream": pa.int64() if numeric and len(names) == 1 else pa.string(),
                    "pointer": pa.int32(),
                    "action": pa.int64() if numeric else pa.string(),
                    "time": pa.int64() if self._map.unit_ns == 1 else pa.decimal128(27, 9),
                    "x": pa.float32(),
                    "y": pa.float32(),
                }[role]
        return types

    def _first_row(self) -> dict[str, str]:
        lines = self.source.text_head().decode("utf-8", "replace").splitlines()
        rows = [line for line in lines if line.strip()][int(self._map.header) :][:1]
        cells = _split(rows[0], self._separator) if rows else []
        return dict(zip(self._names, cells, strict=False))


def write(log: Writable, file: IO[bytes], path: Path) -> None:
    """Write the samples of a log as CSV, streamed; its marks are left out."""
    separator = "\t" if path.suffix == ".tsv" else ","
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    rows = csv.writer(text, delimiter=separator, lineterminator="\n")
    rows.writerow(COLUMNS)
    for chunk in log.chunks():
        log.marks.clear()
        rows.writerows(chunk.rows())
    text.detach()


class _Stream(io.RawIOBase):
    """Blocks as the file that pyarrow reads; keeps the error that it would wrap.

    What is not UTF-8 is replaced: pyarrow cannot hand over a row with it.
    """

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._rest = b""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._plain = True
        self._stopped = False
        self._ended = threading.Event()
        self.error: Exception | None = None

    def stop(self) -> None:
        """End the stream for pyarrow's thread that reads ahead, and wait until it has seen the end.

        The interpreter must not end under a thread that is about to call back: that aborts the process.
        """
        self._stopped = True
        self._ended.wait(_STOP_S)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while len(self._rest) < size and not self._stopped:
            try:
                block = next(self._blocks, b"")
            except ValueError as error:
                self.error = error
                self._ended.set()
                raise
            self._rest += self._utf8(block)
            if not block:
                break
        taken, self._rest = self._rest[:size], self._rest[size:]
        if self._stopped or not taken:
            self._ended.set()
            return b""
        return taken

    def _utf8(self, block: bytes) -> bytes:
        self._plain = self._plain and block.isascii()
        return block if self._plain else self._decoder.decode(block, final=not block).encode()


def _header(head: bytes, column_map: ColumnMap) -> tuple[str, list[str]]:
    """Return the separator and the names of the columns."""
    first = next((line for line in head.decode("utf-8", "replace").splitlines() if line.strip()), "")
    separator = column_map.separator or _separator(first)
    cells = _split(first, separator)
    if not column_map.header:
        return separator, [f"#{number}" for number in range(1, len(cells) + 1)]
    doubled = [name for name in set(cells) if cells.count(name) > 1 and name]
    if doubled:
        raise ValueError(f"the column {doubled[0]!r} is there twice")
    return separator, cells


def _separator(line: str) -> str:
    return max("\t,; ", key=line.count) if not set("\t,;") & set(line) else max("\t,;", key=line.count)


def _split(line: str, separator: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=separator), [])]
    except csv.Error:
        return []


def _is_integer(cell: str) -> bool:
    return cell.lstrip("-").isdecimal()
