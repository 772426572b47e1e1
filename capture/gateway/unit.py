"""A unit of work: lines of a journal become the events that are new, as rows and records for files."""

from __future__ import annotations

import hashlib
import re
import uuid
import zlib
from collections import Counter
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

import msgspec

from capture.formats import native
from capture.formats.header import Int64  # noqa: TC001 - msgspec reads the annotation
from capture.gateway.ids import Keys
from capture.optional import require

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from capture.gateway.ids import Ids
    from capture.gateway.journal import Line

__all__ = ["HALVES", "ORDER", "PARQUET", "Unit", "connect", "quoted", "record_keys", "select_from"]

#: Text of batches whose ids are looked up at a time (bytes): this bounds the memory.
_PIECE_BYTES = 24 * 1024 * 1024
_LEAST_BUFFER = 1024 * 1024
#: Batches that are looked at together for one that the database cannot read.
_PROBE = 1000
#: How rows are sorted in a file.
ORDER = "project_id, user_id, time, uptime_ms"
#: Options of every Parquet file.
PARQUET = "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 100000"
#: The two halves of an id.
HALVES = "(event_id::UHUGEINT >> 64)::UBIGINT, (event_id::UHUGEINT & 18446744073709551615)::UBIGINT"
_LINE = b'{"project":%d,"received":%d,"batch":%b}\n'
_encode = msgspec.json.Encoder().encode
_encode_sorted = msgspec.json.Encoder(order="sorted").encode
_WRONG = (msgspec.MsgspecError, UnicodeDecodeError, ValueError, KeyError, OverflowError)


class _Event(msgspec.Struct):
    euid: str
    t: Int64


class _Batch(msgspec.Struct):
    uid: str
    pl: list[_Event]


class _Payloads(msgspec.Struct):
    pl: list[msgspec.Raw]


class _Records(msgspec.Struct):
    events: list[dict[str, Any]]


_decode_batch = msgspec.json.Decoder(_Batch).decode
_decode_payloads = msgspec.json.Decoder(_Payloads).decode
_decode_records = msgspec.json.Decoder(_Records).decode
_decode_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class _Read(NamedTuple):
    """A batch: its events (JSON of native ones, or records), and what the index knows them by.

    `at` is the number of its line, for native ones, or its offset in a topic.
    """

    line: Line
    text: bytes
    at: int | None
    events: list[Any]
    ids: bytes
    times_ms: list[int]
    marks: list[int]


class Unit:
    """The new events of some lines.

    Parameters
    ----------
    ids : Ids
        The index; what is new is pending there.
    is_forgotten : callable
        Takes project and user.
    scratch : Path
        File for the text that the database reads.
    now_ms : int
    offset_of : callable
        Returns the next offset of a stream of records, for lines that have none.
    unreadable : mapping
        Number of a line -> why the database cannot read it.

    Attributes
    ----------
    rows : int
        Native events, in the scratch file.
    records : dict
        Project and event type -> Currents records, each with its offset.
    offsets : dict
        Stream of records -> the next offset.
    quarantine : list of dict
    counts : Counter
        Name and project -> number of events.
    """

    def __init__(  # noqa: PLR0917 - what a unit is made from
        self,
        ids: Ids,
        is_forgotten: Callable[[int, str], bool],
        scratch: Path,
        now_ms: int,
        offset_of: Callable[[str], int],
        unreadable: Mapping[int, str],
    ) -> None:
        self.rows = 0
        self.records: dict[tuple[int, str], list[tuple[int, dict[str, Any]]]] = {}
        self.offsets: dict[str, int] = {}
        self.quarantine: list[dict[str, Any]] = []
        self.counts: Counter[tuple[str, int]] = Counter()
        self._ids, self._is_forgotten, self._now_ms = ids, is_forgotten, now_ms
        self._offset_of, self._unreadable = offset_of, unreadable
        self._piece: list[_Read] = []
        self._bytes = self._lines = 0
        self._longest = _LEAST_BUFFER
        self._scratch = scratch
        scratch.write_bytes(b"")
        self._texts: list[bytes] = []
        self._numbers: list[int] = []

    def add(self, line: Line, text: bytes, offset: int | None = None) -> None:
        """Add a batch; `flush` when all are added."""
        number, self._lines = self._lines, self._lines + 1
        place = {"project": line.project, "received": line.received, "wire": line.wire, "key": line.key}
        self.quarantine += [{**place, **msgspec.structs.asdict(each)} for each in line.bad]
        self.counts["events_set_aside_total", line.project] += len(line.bad)
        try:
            if number in self._unreadable:
                raise ValueError(self._unreadable[number])
            read = (
                self._native(line, text, number)
                if line.wire == "native"
                else self._records(line, text, offset)
            )
        except _WRONG as error:
            self.quarantine.append(
                {**place, "reason": str(error)[:200], "batch": text.decode(errors="replace")}
            )
            self.counts["events_set_aside_total", line.project] += max(1, text.count(b'"euid"'))
            return
        self._piece.append(read)
        self._bytes += len(text)
        if self._bytes >= _PIECE_BYTES:
            self.flush()

    def _native(self, line: Line, text: bytes, number: int) -> _Read:
        if b'": ' in text:  # spaces that a copy may not have
            text = msgspec.json.format(text, indent=-1)
        batch = _decode_batch(text)
        events: list[Any] = _decode_payloads(text).pl
        if self._is_forgotten(line.project, batch.uid):
            self.counts["events_forgotten_total", line.project] += len(events)
            return _Read(line, text, number, [], b"", [], [])
        ids = bytes.fromhex("".join([event.euid for event in batch.pl]).replace("-", ""))
        if len(ids) != 16 * len(events):
            raise ValueError("an euid is no UUID")
        times = [event.t for event in batch.pl]
        return _Read(line, text, number, events, ids, times, [_mark(event) for event in events])

    def _records(self, line: Line, text: bytes, offset: int | None) -> _Read:
        records = _decode_records(text).events
        kept = [
            each
            for each in records
            if not any(self._is_forgotten(line.project, user) for user in users_of(each))
        ]
        self.counts["events_forgotten_total", line.project] += len(records) - len(kept)
        return _Read(line, text, offset, kept, *record_keys(kept))

    def flush(self) -> None:
        """Keep what is new of the batches that were added."""
        piece, self._piece, self._bytes = self._piece, [], 0
        groups: dict[tuple[int, str], list[_Read]] = {}
        for read in piece:
            groups.setdefault((read.line.project, read.line.wire), []).append(read)
        for (project, wire), reads in groups.items():
            keys = Keys.of(
                b"".join(read.ids for read in reads),
                list(chain.from_iterable(read.times_ms for read in reads)),
                list(chain.from_iterable(read.marks for read in reads)),
            )
            found = self._ids.find(project, wire, keys, self._now_ms)
            copies = int(found.is_copy.sum())
            self.counts["events_duplicate_total", project] += copies
            self.counts["events_conflict_total", project] += found.conflicts
            self.counts["events_written_total", project] += len(found.is_copy) - copies
            is_new = (~found.is_copy).tolist()
            start = 0
            for read in reads:
                new = is_new[start : start + len(read.events)]
                start += len(new)
                if wire == "native":
                    self._take_native(read, new)
                else:
                    self._take_records(read, new)
        with self._scratch.open("ab") as file:
            file.writelines(self._texts)
        self._texts = []

    def _take_native(self, read: _Read, new: list[bool]) -> None:
        text = read.text
        if not all(new):
            left = [event for event, is_new in zip(read.events, new, strict=True) if is_new]
            text = _encode({**_decode_fields(text), "pl": left})
        if any(new):
            line = _LINE % (read.line.project, read.line.received, text)
            self._texts.append(line)
            self._longest = max(self._longest, len(line) + 1)
            self._numbers.append(read.at or 0)
            self.rows += sum(new)

    def _take_records(self, read: _Read, new: list[bool]) -> None:
        project = read.line.project
        for record, is_new in zip(read.events, new, strict=True):
            if not is_new:
                continue
            extra = record.pop("extra", None)
            if extra is not None:
                reason = "unknown fields; the record is in its file"
                about = {"project": project, "id": record["id"], "extra": extra}
                self.quarantine.append({"reason": reason, **about})
            event, offset = record["event_type"], read.at
            if offset is None:
                stream = f"{project}/{event}"
                offset = self.offsets.get(stream)
                offset = self._offset_of(stream) if offset is None else offset
                self.offsets[stream] = offset + 1
            self.records.setdefault((project, event), []).append((offset, record))

    def save(self, connection: Any, path: Path, metadata: str = "") -> dict[int, str]:
        """Write the rows to a Parquet file, sorted; return the lines that the database cannot read.

        Where there are any, there is no file: make the unit again, without them.
        """
        select = select_from(self._scratch, self._longest)
        copy = f"COPY ({select} ORDER BY {ORDER}) TO '{quoted(path)}' ({PARQUET}{metadata})"
        wrong: dict[int, str] = {}
        try:
            connection.execute(copy)
        except require("duckdb").Error:
            with self._scratch.open("rb") as file:
                for start in range(0, len(self._numbers), _PROBE):
                    numbers = self._numbers[start : start + _PROBE]
                    wrong |= self._unread(connection, [(number, file.readline()) for number in numbers])
            if not wrong:
                raise
        self._scratch.unlink()
        return wrong

    def _unread(self, connection: Any, lines: list[tuple[int, bytes]]) -> dict[int, str]:
        """Return which numbered lines the database cannot read, with its reason."""
        probe = self._scratch.with_suffix(".probe")
        probe.write_bytes(b"".join(line for _, line in lines))
        try:
            connection.execute(f"CREATE OR REPLACE TEMP TABLE probe AS {select_from(probe, self._longest)}")
        except require("duckdb").Error as error:
            if len(lines) == 1:
                return {lines[0][0]: str(error).partition("\n")[0]}
            middle = len(lines) // 2
            return self._unread(connection, lines[:middle]) | self._unread(connection, lines[middle:])
        finally:
            probe.unlink(missing_ok=True)
        return {}


def users_of(record: Mapping[str, Any]) -> Collection[str]:
    """Return the ids of a record's user."""
    return [record[name] for name in ("user_id", "external_user_id") if record.get(name) is not None]


def record_keys(records: list[dict[str, Any]]) -> tuple[bytes, list[int], list[int]]:
    """Return ids, times (ms) and marks of Currents records."""
    return (
        b"".join(_id(record["id"]) for record in records),
        [record["time"] * 1000 for record in records],
        [_mark(_encode_sorted(record)) for record in records],
    )


def _mark(event: Any) -> int:
    """Return half a byte of what an event says, never 0: a copy that says something else is counted."""
    return zlib.crc32(event) % 15 + 1


def _id(text: str) -> bytes:
    """Return 16 bytes for an id: those of a UUID, else of its hash."""
    try:
        return uuid.UUID(text).bytes
    except ValueError:
        return hashlib.sha256(text.encode()).digest()[:16]


def connect(scratch: Path, memory_bytes: int) -> Any:
    """Return a connection to a database in memory, which spills into `scratch` and loads no extension."""
    connection = require("duckdb", "the gateway's writer").connect(
        ":memory:",
        config={
            "memory_limit": f"{memory_bytes}B",
            "threads": 1,
            "preserve_insertion_order": False,
            "temp_directory": str(scratch),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    # It would write to the standard output of whoever runs a command.
    connection.execute("SET enable_progress_bar = false")
    return connection


def quoted(path: Path) -> str:
    """Return a path for a statement that takes no parameter."""
    return str(path).replace("'", "''")


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
