"""CSV by pyarrow: much faster than `csv`, for large tables whose cells are plain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture.logs.samples import CHUNK_SAMPLES
from capture.logs.source import LINE_LIMIT_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from capture.gestures.samples import TouchSamples
    from capture.logs.arrow import Converter
    from capture.logs.source import LogSource
    from capture.logs.tables import Table

__all__ = ["OddCellError", "read"]

#: Cells that hold nothing.
_EMPTY = ["", " ", "NA", "N/A", "null", "NULL", "None", "nan", "NaN"]
#: Text that pyarrow gets at a time (bytes): less is slower, more takes memory only.
_PART_BYTES = 4 << 20


class OddCellError(Exception):
    """A cell does not fit its column: the table is to be read row by row."""


def read(source: LogSource, table: Table, converter: Converter) -> Iterator[TouchSamples]:
    """Yield the samples of a table.

    Raises
    ------
    OddCellError
        When a cell does not fit; samples that were yielded before are valid.
    """
    import pyarrow as pa

    types = _types(table, converter.chosen)
    before = table.before
    for text in _parts(source):
        try:
            rows = _rows(text, table, types, before, converter)
            chunks = [converter.samples(batch) for batch in rows.to_batches()]
        except (pa.ArrowException, ValueError) as error:
            raise OddCellError(str(error)) from None
        before = 0
        for chunk in chunks:
            for at in range(0, len(chunk), CHUNK_SAMPLES):
                yield chunk[at : at + CHUNK_SAMPLES]


def _rows(text: bytes, table: Table, types: dict[str, Any], before: int, converter: Converter) -> Any:
    """Return the rows of a text as one table; those with too few or too many cells are counted.

    pyarrow's threads get nothing of Python's: they may outlive the interpreter, and would abort the process.
    """
    import pyarrow as pa
    from pyarrow import csv

    def skip(row: Any) -> str:  # noqa: ARG001 - as pyarrow calls it
        converter.skipped += 1
        return "skip"

    def read(handler: Any) -> Any:
        return csv.read_csv(
            pa.BufferReader(copy.getvalue() if handler is None else text),
            csv.ReadOptions(
                column_names=table.names,
                skip_rows=before,
                block_size=len(text) + 1,
                use_threads=handler is None,
            ),
            csv.ParseOptions(delimiter=table.separator, invalid_row_handler=handler),
            csv.ConvertOptions(
                column_types=types,
                include_columns=sorted(types),
                strings_can_be_null=True,
                null_values=_EMPTY,
            ),
        )

    copy = pa.BufferOutputStream()
    copy.write(text)
    try:
        found = read(None)
    except pa.ArrowInvalid:
        found = read(skip)
    return found.combine_chunks()


def _parts(source: LogSource) -> Iterator[bytes]:
    """Yield the text in parts of complete lines; invalid UTF-8 is replaced, which pyarrow would refuse."""
    held: list[bytes] = []
    size = 0
    for block in source.text_blocks():
        end = block.rfind(b"\n") + 1
        size += len(block)
        if end and size >= _PART_BYTES:
            yield _utf8(b"".join([*held, block[:end]]))
            held, size = [block[end:]], len(block) - end
        elif size > _PART_BYTES + LINE_LIMIT_BYTES:
            raise OddCellError("a line is longer than 1 MiB")
        else:
            held.append(block)
    if size:
        yield _utf8(b"".join(held))


def _utf8(text: bytes) -> bytes:
    return text if text.isascii() else text.decode("utf-8", "replace").encode()


def _types(table: Table, chosen: dict[str, list[str]]) -> dict[str, Any]:
    """Return the Arrow type of each column, by the first rows."""
    import pyarrow as pa

    types: dict[str, Any] = {}
    columns = table.columns()
    for role, names in chosen.items():
        for name in names:
            whole = all(cell.strip().lstrip("-").isdecimal() for cell in columns[name] if cell.strip())
            types[name] = {
                "stream": pa.int64() if whole and len(names) == 1 else pa.string(),
                "pointer": pa.int32() if whole else pa.string(),
                "action": pa.int64() if whole else pa.string(),
                "time": pa.int64() if whole else pa.decimal128(27, 9),
                "x": pa.float32(),
                "y": pa.float32(),
            }[role]
    return types
