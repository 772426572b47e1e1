"""CSV by pyarrow: much faster than `csv`, for large tables whose cells are plain."""

from __future__ import annotations

import codecs
import io
import threading
from typing import TYPE_CHECKING, Any

from capture.logs.source import BLOCK_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from capture.gestures.samples import TouchSamples
    from capture.logs.arrow import Converter
    from capture.logs.source import LogSource
    from capture.logs.tables import Table

__all__ = ["OddCellError", "read"]

#: Cells that hold nothing.
_EMPTY = ["", " ", "NA", "N/A", "null", "NULL", "None", "nan", "NaN"]
#: How long (s) a reading that stopped waits for the thread that reads ahead.
_STOP_S = 0.5


class OddCellError(Exception):
    """A cell does not fit its column: the table is to be read row by row."""


def read(source: LogSource, table: Table, converter: Converter) -> Iterator[TouchSamples]:
    """Yield the samples of a table.

    Raises
    ------
    OddCellError
        When a cell does not fit; what was yielded before stands.
    """
    import pyarrow as pa

    stream = _Stream(source.text_blocks())
    try:
        for batch in _batches(stream, table, converter):
            yield converter.samples(batch)
    except (pa.ArrowException, ValueError) as error:
        if stream.error is not None:
            raise stream.error from None
        raise OddCellError(str(error)) from None
    finally:
        stream.stop()


def _batches(stream: _Stream, table: Table, converter: Converter) -> Any:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    def skip(row: Any) -> str:  # noqa: ARG001 - as pyarrow calls it
        converter.skipped += 1
        return "skip"

    used = {name for names in table.chosen.values() for name in names}
    return arrow_csv.open_csv(
        pa.PythonFile(stream, mode="r"),
        read_options=arrow_csv.ReadOptions(
            block_size=BLOCK_BYTES, column_names=table.names, skip_rows=table.before
        ),
        parse_options=arrow_csv.ParseOptions(delimiter=table.separator, invalid_row_handler=skip),
        convert_options=arrow_csv.ConvertOptions(
            column_types=_types(table),
            include_columns=sorted(used),
            strings_can_be_null=True,
            null_values=_EMPTY,
        ),
    )


def _types(table: Table) -> dict[str, Any]:
    """Return the Arrow type of each column, by the first rows."""
    import pyarrow as pa

    types: dict[str, Any] = {}
    for role, names in table.chosen.items():
        for name in names:
            whole = all(cell.strip().lstrip("-").isdecimal() for cell in table.cells(name) if cell.strip())
            types[name] = {
                "stream": pa.int64() if whole and len(names) == 1 else pa.string(),
                "pointer": pa.int32() if whole else pa.string(),
                "action": pa.int64() if whole else pa.string(),
                "time": pa.int64() if whole else pa.decimal128(27, 9),
                "x": pa.float32(),
                "y": pa.float32(),
            }[role]
    return types


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
