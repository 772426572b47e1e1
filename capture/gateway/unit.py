"""A unit of work: lines of a journal become the events that are new, as rows and records for files."""

from __future__ import annotations

import hashlib
import uuid
import zlib
from collections import Counter
from itertools import chain, compress
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from capture.formats.header import Int64  # noqa: TC001 - msgspec reads the annotation
from capture.gateway.ids import Keys
from capture.gateway.rows import Spool
from capture.gateway.state import NO_PROJECT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from capture.gateway.forward import Outbox
    from capture.gateway.ids import Ids
    from capture.gateway.journal import Line
    from capture.gateway.state import Forgotten, State

    #: Takes a function to call with numbers of damaged bytes; returns lines, each with its offset in a topic.
    Lines = Callable[[Callable[[int], object]], Iterable[tuple[Line, bytes, int | None]]]

__all__ = ["DAMAGED", "Unit", "record_keys", "users_of"]

#: Count of the bytes that were passed over.
DAMAGED = "damaged_bytes_total"

#: Text of batches whose ids are looked up at a time (bytes): this bounds the memory.
_PIECE_BYTES = 24 * 1024 * 1024
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
_decode_owner = msgspec.json.Decoder(dict[str, Any]).decode


class _Read(NamedTuple):
    """A batch: its events (JSON of native ones, or records), and their keys in the index.

    `at` is the number of its line, for native ones, or its offset in a topic.
    """

    line: Line
    text: bytes
    at: int | None
    events: list[Any]
    ids: bytes
    times_ms: list[int]
    checksums: list[int]
    user: str = ""


class Unit:
    """The new events of some lines.

    Parameters
    ----------
    state : State
        It has the next offset of each stream of records, for lines that have none.
    ids : Ids
        The index; new ids are pending there.
    forgotten : Forgotten
    outbox : Outbox
        New events go into it as well.
    folder : Path
        For the text that the database reads.
    now_ms : int

    Attributes
    ----------
    rows : int
        Native events, in the `spool`.
    spool : Spool
    records : dict
        Project and event type -> Currents records, each with its offset.
    offsets : dict
        Stream of records -> the next offset.
    quarantine : list of dict
    counts : Counter
        Name and project -> number of events.
    """

    def __init__(  # noqa: PLR0917 - parts of a unit
        self, state: State, ids: Ids, forgotten: Forgotten, outbox: Outbox, folder: Path, now_ms: int
    ) -> None:
        self.rows = 0
        self.records: dict[tuple[int, str], list[tuple[int, dict[str, Any]]]] = {}
        self.offsets: dict[str, int] = {}
        self.quarantine: list[dict[str, Any]] = []
        self.counts: Counter[tuple[str, int]] = Counter()
        self.spool, self.outbox = Spool(folder), outbox
        self._state, self._ids, self._forgotten, self._now_ms = state, ids, forgotten, now_ms
        self._piece: list[_Read] = []
        self._bytes = 0

    def read(self, lines: Lines, unreadable: Mapping[int, str]) -> None:
        """Add the new events of lines, without those that the database cannot read: number -> reason."""
        for number, (line, text, offset) in enumerate(lines(self._skip)):
            self._add(line, text, number if line.wire == "native" else offset, unreadable.get(number, ""))
            if self._bytes >= _PIECE_BYTES:
                self._flush()
        self._flush()

    def count_file(self, rows: int, size: int) -> None:
        """Count a file that is made of the unit's events."""
        self.counts["files_total", NO_PROJECT] += 1
        self.counts["file_bytes", NO_PROJECT] += size
        self.counts["rows_total", NO_PROJECT] += rows

    def _skip(self, size: int) -> None:
        self.counts[DAMAGED, NO_PROJECT] += size

    def _add(self, line: Line, text: bytes, at: int | None, problem: str) -> None:
        """Read a batch into the piece; one that is wrong, or has a `problem`, goes to the quarantine.

        `at` is that of `_Read`.
        """
        is_native = line.wire == "native"
        users = _users_in(text) if line.bad and is_native else []
        for each in line.bad:
            its_users = users if is_native else _users_in(each.event)
            self._set_aside(line, its_users, 1, msgspec.structs.asdict(each))
        try:
            if problem:
                raise ValueError(problem)
            read = (self._native if is_native else self._records)(line, text, at)
        except _WRONG as error:
            about = {"reason": str(error)[:200], "batch": text.decode(errors="replace")}
            self._set_aside(line, _users_in(text), max(1, text.count(b'"euid"')), about)
            return
        self._piece.append(read)
        self._bytes += len(text)

    def _set_aside(self, line: Line, users: list[str], count: int, about: dict[str, Any]) -> None:
        """Put events of a user, by all known ids, into the quarantine, unless the user is forgotten."""
        if any(self._forgotten.has(line.project, user) for user in users):
            self.counts["events_forgotten_total", line.project] += count
        else:
            self.counts["events_set_aside_total", line.project] += count
            place = {"project": line.project, "received": line.received, "wire": line.wire, "key": line.key}
            self.quarantine.append({**place, "users": users, **about})

    def _native(self, line: Line, text: bytes, number: int | None) -> _Read:
        if b'": ' in text:  # spaces that a copy may not have
            text = msgspec.json.format(text, indent=-1)
        batch = _decode_batch(text)
        events: list[Any] = _decode_payloads(text).pl
        if self._forgotten.has(line.project, batch.uid):
            self.counts["events_forgotten_total", line.project] += len(events)
            return _Read(line, text, number, [], b"", [], [])
        ids = bytes.fromhex("".join([event.euid for event in batch.pl]).replace("-", ""))
        if len(ids) != 16 * len(events):
            raise ValueError("an euid is no UUID")
        times = [event.t for event in batch.pl]
        return _Read(line, text, number, events, ids, times, list(map(zlib.crc32, events)), batch.uid)

    def _records(self, line: Line, text: bytes, offset: int | None) -> _Read:
        records = _decode_records(text).events
        has, project = self._forgotten.has, line.project
        kept = [each for each in records if not any(has(project, user) for user in users_of(each))]
        self.counts["events_forgotten_total", line.project] += len(records) - len(kept)
        return _Read(line, text, offset, kept, *record_keys(kept))

    def _flush(self) -> None:
        """Keep the new events of the added batches."""
        piece, self._piece, self._bytes = self._piece, [], 0
        groups: dict[tuple[int, str], list[_Read]] = {}
        for read in piece:
            groups.setdefault((read.line.project, read.line.wire), []).append(read)
        for (project, wire), reads in groups.items():
            keys = Keys.of(
                b"".join(read.ids for read in reads),
                list(chain.from_iterable(read.times_ms for read in reads)),
                list(chain.from_iterable(read.checksums for read in reads)),
            )
            found = self._ids.find(project, wire, keys, self._now_ms)
            copies = int(found.is_copy.sum())
            self.counts["events_duplicate_total", project] += copies
            self.counts["events_conflict_total", project] += found.conflicts
            self.counts["events_written_total", project] += len(found.is_copy) - copies
            # In the order of the batches: `compress` takes from it as many as a batch has events.
            is_new = iter((~found.is_copy).tolist())
            for read in reads:
                self._keep(read, list(compress(read.events, is_new)))
        self.spool.flush()

    def _keep(self, read: _Read, events: list[Any]) -> None:
        """Keep those events of a batch that are new."""
        project, text = read.line.project, read.text
        if read.line.wire == "currents":
            self._keep_records(project, events, read.at)
        elif events:
            if len(events) < len(read.events):
                text = _encode({**_decode_fields(text), "pl": events})
            self.spool.add(read.line, read.user, read.times_ms, read.at or 0, text)
            self.outbox.add(project, text)
            self.rows += len(events)

    def _keep_records(self, project: int, records: list[dict[str, Any]], at: int | None) -> None:
        self.outbox.add_records(project, records)
        for record in records:
            extra = record.pop("extra", None)
            if extra is not None:
                reason = "unknown fields; the record is in its file"
                about = {"project": project, "id": record["id"], "users": users_of(record), "extra": extra}
                self.quarantine.append({"reason": reason, **about})
            event, offset = record["event_type"], at
            if offset is None:
                stream = f"{project}/{event}"
                if stream not in self.offsets:
                    self.offsets[stream] = self._state.offset(stream) or 0
                offset = self.offsets[stream]
                self.offsets[stream] += 1
            self.records.setdefault((project, event), []).append((offset, record))


def users_of(record: Mapping[str, Any]) -> list[str]:
    """Return the ids of the user of a record, or of a native batch."""
    found = [record.get(name) for name in ("uid", "user_id", "external_user_id")]
    return [user for user in found if isinstance(user, str)]


def _users_in(text: bytes | str) -> list[str]:
    """Return `users_of` a text; none where it cannot be read: `forget` looks for them in the text."""
    try:
        return users_of(_decode_owner(text))
    except _WRONG:
        return []


def record_keys(records: list[dict[str, Any]]) -> tuple[bytes, list[int], list[int]]:
    """Return ids, times (ms) and checksums of Currents records."""
    return (
        b"".join(_id(record["id"]) for record in records),
        [record["time"] * 1000 for record in records],
        [zlib.crc32(_encode_sorted(record)) for record in records],
    )


def _id(text: str) -> bytes:
    """Return 16 bytes for an id: those of a UUID, else of its hash."""
    try:
        return uuid.UUID(text).bytes
    except ValueError:
        return hashlib.sha256(text.encode()).digest()[:16]
