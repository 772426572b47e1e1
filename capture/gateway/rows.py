"""Rows in Parquet files, and the `Spool`: native batches in the order of their rows, which DuckDB reads."""

from __future__ import annotations

import os
import re
from itertools import groupby, pairwise
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

import msgspec

from capture.formats import native
from capture.optional import require

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from capture.gateway.journal import Line

__all__ = ["HALVES", "ORDER", "Spool", "connect", "end_of", "quoted", "select_from", "write_rows"]

#: How rows are sorted in a file.
ORDER = "project_id, user_id, time, uptime_ms"
#: Options of every Parquet file; a group of rows is held in memory, several times as large as in the file.
_PARQUET = "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 24576"
#: The two halves of an id.
HALVES = "(event_id::UHUGEINT >> 64)::UBIGINT, (event_id::UHUGEINT & 18446744073709551615)::UBIGINT"
#: Least size (bytes) of its buffer for a line.
_LEAST_BUFFER = 1024 * 1024
#: Batches that are looked at together for one that the database cannot read.
_PROBE = 1000
#: Text of one user's batches that is sorted event by event, at most (bytes).
_MOST_SORTED = 24 * 1024 * 1024
_LINE = b'{"project":%d,"received":%d,"batch":%b}\n'
_encode = msgspec.json.Encoder().encode


class _Event(msgspec.Struct):
    t: int


class _Line(msgspec.Struct):
    project: int
    received: int
    batch: dict[str, msgspec.Raw]


_decode_line = msgspec.json.Decoder(_Line).decode
_decode_event = msgspec.json.Decoder(_Event).decode
_decode_events = msgspec.json.Decoder(list[msgspec.Raw]).decode


class _Spooled(NamedTuple):
    """A batch in the spool: its sort keys, from its first event to its last, and its position."""

    project: int
    user: str
    first_ms: int
    number: int
    last_ms: int
    is_sorted: bool
    start: int
    size: int


def connect(scratch: Path, memory_bytes: int) -> Any:
    """Return a connection to a database in memory, which spills into `scratch` and loads no extension."""
    connection = require("duckdb", "the gateway's writer").connect(
        ":memory:",
        config={
            "memory_limit": f"{memory_bytes}B",
            "threads": 1,
            "temp_directory": str(scratch),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    # It would write to the standard output of the command.
    connection.execute("SET enable_progress_bar = false")
    return connection


def quoted(path: Path) -> str:
    """Return a path for a statement that takes no parameter."""
    return str(path).replace("'", "''")


def write_rows(
    connection: Any, rows: str, path: Path, end: int | None = None, values: Sequence[Any] = ()
) -> None:
    """Write the rows of a statement, which has these `values`, to a Parquet file.

    `end` is the offset after them in a partition of a topic; the file's metadata have it.
    """
    metadata = "" if end is None else f", KV_METADATA {{end_offset: '{end}'}}"
    connection.execute(f"COPY ({rows}) TO '{quoted(path)}' ({_PARQUET}{metadata})", values)


def end_of(connection: Any, path: Path) -> int | None:
    """Return the offset after the rows of a file, if it is of a partition of a topic."""
    query = "SELECT decode(value)::BIGINT FROM parquet_kv_metadata(?) WHERE key = 'end_offset'"
    found = connection.execute(query, [str(path)]).fetchone()
    return int(found[0]) if found else None


def select_from(path: Path, most_bytes: int) -> str:
    """Return the statement that reads rows from a file of lines, each at most so long (bytes)."""
    names = {struct.__struct_config__.tag: struct.__name__ for struct in get_args(native.WireEvent)}
    case = " ".join(f"WHEN {tag} THEN '{_event_name(name)}'" for tag, name in names.items())
    text = (Path(__file__).parent / "events.sql").read_text(encoding="utf-8")
    text = text.replace("$names", f"CASE e.ea {case} END").replace("$most", str(most_bytes))
    return text.replace("$path", f"'{quoted(path)}'")


def _event_name(struct: str) -> str:
    """Return ``long_press`` for LongPressWire."""
    return re.sub("(?<!^)([A-Z])", r"_\1", struct.removesuffix("Wire")).lower()


class Spool:
    """Batches in a file.

    Parameters
    ----------
    folder : Path
        For that file, and the sorted one that the database reads.
    """

    def __init__(self, folder: Path) -> None:
        self._spool, self._scratch = folder / "rows.spool", folder / "rows.jsonl"
        self._spool.write_bytes(b"")
        self._texts: list[bytes] = []
        self._spooled: list[_Spooled] = []
        self._end = 0
        self._longest = _LEAST_BUFFER

    def add(self, line: Line, user: str, times_ms: list[int], number: int, text: bytes) -> None:
        """Add a batch, with the number of its line; `flush` now and then."""
        text = _LINE % (line.project, line.received, text)
        self._texts.append(text)
        times = sorted(times_ms)
        about = line.project, user, times[0], number, times[-1], times == times_ms
        self._spooled.append(_Spooled(*about, self._end, len(text)))
        self._end += len(text)
        self._longest = max(self._longest, len(text) + 1)

    def flush(self) -> None:
        """Write the added batches."""
        with self._spool.open("ab") as file:
            file.writelines(self._texts)
        self._texts = []

    def save(self, connection: Any, path: Path, end: int | None) -> dict[int, str]:
        """Write the rows to a Parquet file, as `write_rows` does; return the lines that cannot be read.

        Where there are any, there is no file: make the unit again, without them.
        """
        with self._scratch.open("wb") as file:
            numbers = [file.write(line) and number for number, line in self._sorted()]
        wrong: dict[int, str] = {}
        try:
            write_rows(connection, select_from(self._scratch, self._longest), path, end)
        except require("duckdb").Error as error:
            _check_room(error)
            with self._scratch.open("rb") as file:
                for start in range(0, len(numbers), _PROBE):
                    lines = [(number, file.readline()) for number in numbers[start : start + _PROBE]]
                    wrong |= self._unread(connection, lines)
            if not wrong:
                raise
        self._scratch.unlink()
        self._spool.unlink()
        return wrong

    def _sorted(self) -> Iterator[tuple[int, bytes]]:
        """Yield the batches of the spool, each with its number, sorted by `ORDER`.

        A user's batches follow one another; only where they do not, their events are sorted one by one. The
        database would sort all of them again, beyond the memory that it may have.
        """
        with self._spool.open("rb") as spool:
            for _, group in groupby(sorted(self._spooled), key=lambda each: each[:2]):
                batches = list(group)
                lines = ((each.number, os.pread(spool.fileno(), each.size, each.start)) for each in batches)
                follow = all(each.last_ms <= later.first_ms for each, later in pairwise(batches))
                in_order = follow and all(each.is_sorted for each in batches)
                if in_order or sum(each.size for each in batches) > _MOST_SORTED:
                    yield from lines
                else:
                    yield from _one_by_one(lines)

    def _unread(self, connection: Any, lines: list[tuple[int, bytes]]) -> dict[int, str]:
        """Return which numbered lines the database cannot read, with its reason."""
        probe = self._scratch.with_suffix(".probe")
        probe.write_bytes(b"".join(line for _, line in lines))
        try:
            connection.execute(f"CREATE OR REPLACE TEMP TABLE probe AS {select_from(probe, self._longest)}")
        except require("duckdb").Error as error:
            _check_room(error)
            if len(lines) == 1:
                return {lines[0][0]: str(error).partition("\n")[0]}
            middle = len(lines) // 2
            return self._unread(connection, lines[:middle]) | self._unread(connection, lines[middle:])
        finally:
            probe.unlink(missing_ok=True)
        return {}


def _check_room(error: Exception) -> None:
    """Raise an error that is of disk or memory, and of no batch."""
    if isinstance(error, require("duckdb").OperationalError):
        raise error


def _one_by_one(lines: Iterable[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """Return a line for each event of lines, by time."""
    rows: list[tuple[int, int, bytes]] = []
    for number, text in lines:
        line = _decode_line(text)
        for event in _decode_events(line.batch["pl"]):
            batch = _encode({**line.batch, "pl": [event]})
            rows.append((_decode_event(event).t, number, _LINE % (line.project, line.received, batch)))
    rows.sort(key=itemgetter(0))
    return [row[1:] for row in rows]
