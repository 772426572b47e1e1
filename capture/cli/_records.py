"""Records of strokes in files: JSON lines, CSV, Parquet, by the name of the file; streamed."""

from __future__ import annotations

import contextlib
import csv
import io
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import msgspec

from capture.cli._show import writing
from capture.errors import plain, plain_json
from capture.gestures.chords import MULTI_ENUMS, MULTI_FIELDS, MultiTable
from capture.gestures.kinds import Direction, GestureKind, Reason
from capture.gestures.parquet import GestureFile
from capture.gestures.recognizer import FIELDS, GestureTable

_ENUMS = {"kind": GestureKind, "reason": Reason, "direction": Direction}
_NAMES, _MULTI_NAMES = (
    {field: {int(member): member.name.lower() for member in enum} for field, enum in enums.items()}
    for enums in (_ENUMS, MULTI_ENUMS)
)


def rows(table: GestureTable | MultiTable) -> Iterator[tuple[Any, ...]]:
    """Yield a table's records for files: enums as lower-case names, NaN and infinity None."""
    found: list[list[Any]] = []
    names_of = _NAMES if isinstance(table, GestureTable) else _MULTI_NAMES
    for field in table.fields:
        values = getattr(table, field)
        if field in names_of:
            names = names_of[field]
            found.append([names[value] for value in values.tolist()])
        elif values.dtype.kind == "f":
            found.append([value if math.isfinite(value) else None for value in values.tolist()])
        else:
            found.append(values.tolist())
    return zip(*found, strict=True)


class JsonLines:
    """One JSON object a line."""

    def __init__(self, file: IO[bytes], *, with_log: bool = False, multi: bool = False) -> None:  # noqa: ARG002 - as Csv
        self._file = file
        self._with_log = with_log
        self._encode = msgspec.json.Encoder().encode

    def write(self, table: GestureTable | MultiTable, log: str = "") -> None:
        """Write the records of a table, of a log."""
        first = {"log": log} if self._with_log else {}
        lines = [
            plain_json(self._encode(first | dict(zip(table.fields, row, strict=True)))) for row in rows(table)
        ]
        if lines:
            self._file.write(b"\n".join(lines) + b"\n")

    def close(self) -> None:
        """Flush the buffer."""
        self._file.flush()


class Csv:
    """Comma-separated values with a header; nulls are empty."""

    def __init__(self, file: IO[bytes], *, with_log: bool = False, multi: bool = False) -> None:
        self._with_log = with_log
        self._fields = MULTI_FIELDS if multi else FIELDS
        self._text = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
        self._writer = csv.writer(self._text, lineterminator="\n")
        self._has_header = False

    def write(self, table: GestureTable | MultiTable, log: str = "") -> None:
        """Write the records of a table, of a log."""
        self._head(table.fields)
        first = [plain(log)] if self._with_log else []
        for row in rows(table):
            cells = [str(value).lower() if isinstance(value, bool) else value for value in row]
            self._writer.writerow(first + cells)

    def _head(self, fields: tuple[str, ...]) -> None:
        """Write the header, once."""
        if not self._has_header:
            self._writer.writerow(["log", *fields] if self._with_log else fields)
            self._has_header = True

    def close(self) -> None:
        """Flush the buffer."""
        self._head(self._fields)
        self._text.flush()
        self._text.detach()


#: Where records go, table by table.
Records = JsonLines | Csv | GestureFile
_WRITERS: dict[str, type[Records]] = {
    ".jsonl": JsonLines,
    ".csv": Csv,
    ".parquet": GestureFile,
}
#: How the name of a file of records may end.
SUFFIXES = tuple(_WRITERS)


@contextlib.contextmanager
def open_records(path: Path | None, *, with_log: bool = False, multi: bool = False) -> Iterator[Records]:
    """Open a file of records, or standard output; the file has its name once it is complete (`writing`).

    Parameters
    ----------
    path : Path or None
        Its suffix is one of `SUFFIXES`; None is standard output, as JSON lines.
    with_log : bool
        Whether each record begins with its log.
    multi : bool
        Whether records are those of chords.

    Raises
    ------
    ConfigError
        When the file cannot be written.
    """
    suffix = ".jsonl" if path is None else path.suffix.lower()
    with (
        contextlib.nullcontext(sys.stdout.buffer) if path is None else writing(path) as file,
        contextlib.closing(_WRITERS[suffix](file, with_log=with_log, multi=multi)) as writer,
    ):
        yield writer
