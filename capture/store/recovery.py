"""What the segments of a folder say: the positions of queues, and the last session at a start.

Nothing is written but slots: a torn tail stays after the last complete call.
"""

from __future__ import annotations

import contextlib
import os
import re
import struct
import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from capture._native.journal import crc32c
from capture._native.journal_scan import walk
from capture.store.files import KEEPS_OPEN, KeptFile, files_of, read_at
from capture.store.segment import (
    END_MARK,
    HEADER,
    NOTE,
    RECORD,
    SLOT,
    UNSENT,
    Header,
    Name,
    Position,
    is_later_version,
    read_header,
    read_slot,
    slot_bytes,
    slot_name,
    wire_number,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = [
    "Content",
    "Segment",
    "last_seqs",
    "last_session",
    "last_state",
    "load",
    "move",
    "next_name",
    "open_segment",
    "read_payloads",
    "segment_names",
    "session_locks",
    "write_slot",
]

_MARK = struct.Struct("<HQ")
_FIRST = HEADER + 7 * SLOT
_MOST = 1 << 30
_LOCK = re.compile(r"session-(\d+)\.lock")


class Content(NamedTuple):
    """A segment as it was read: its records of complete calls, as `walk` has them, and the bytes of these."""

    header: Header
    data: bytes
    records: list[tuple[Any, ...]]

    def payload(self, record: tuple[Any, ...]) -> bytes:
        """Return the event of a record."""
        start = record[0] + RECORD
        return self.data[start : start + record[1]]


class Segment(msgspec.Struct, eq=False):
    """A known segment: its header, and the position of each queue.

    Attributes
    ----------
    name, path, header
    seed : int
        CRC that the records start from; -1 if it is lost.
    stamp : bytes
        CRC of the header as it is in the file: another segment of that name has another one.
    complete : bool
        Whether nothing is appended any more.
    size : int
        Its end (bytes), once it is complete.
    gone : bool
        Whether it was deleted.
    positions : dict
        Queue -> position.
    sending : set of str
        Queues whose worker is sending its events.
    damaged : set of int
        Offsets of damage that is noted already.
    file : KeptFile or None
        The file, while it is kept open.
    """

    name: Name
    path: Path
    header: Header
    seed: int
    stamp: bytes
    complete: bool = False
    size: int = 0
    gone: bool = False
    positions: dict[str, Position] = {}
    sending: set[str] = set()
    damaged: set[int] = set()
    file: KeptFile | None = None

    def open(self) -> KeptFile:
        """Open the file, if it is still the one that was loaded."""
        file = KeptFile(self.path)
        if not file.read(HEADER).endswith(self.stamp):
            raise FileNotFoundError  # another store's, in a folder that was replaced
        return file

    def file_size(self) -> int:
        """Return the size of the file now (bytes); 0 where that is not known."""
        try:
            return self.path.stat().st_size
        except OSError:
            return 0

    def read(self, start: int, end: int) -> bytes:
        """Return a part of the file."""
        file = self.file
        if file is not None:
            try:
                return read_at(file, start, end - start)
            except OSError:
                self.file = None  # perhaps the file system was mounted anew
        return read_at(self.path, start, end - start)

    def walk(self, start: int, end: int, *, over: bool = False) -> tuple[list[tuple[Any, ...]], int]:
        """Return the records of a part of the file, as `walk` has them."""
        return walk(self.read(start, end), self.seed, over)

    def give_slots(self, slots: Sequence[Position | None], formats: Mapping[str, str]) -> None:
        """Assign slots to the queues without one that have events here; those to write are marked.

        Events recorded without sinks belong to the first sinks of their wire format. A damaged slot
        counts, from the start, for each queue without a valid one.
        """
        missing = {queue: wire_number(formats[queue]) for queue in formats if queue not in self.positions}
        free = [slot.slot for slot in slots if slot is not None and not slot.queue]
        damaged = [HEADER + SLOT * at for at, slot in enumerate(slots) if slot is None]
        unsent = None if UNSENT in formats else self.positions.get(UNSENT)
        takers = [queue for queue, wire in missing.items() if unsent is not None and wire == unsent.wire]
        if unsent is not None and takers:
            # The last one over `unsent` itself: until then it stands for every queue without a slot.
            places = [*(free.pop(0) if free else -1 for _ in takers[1:]), unsent.slot]
            for queue, place in zip(takers, places, strict=True):
                self.positions[queue] = Position(
                    queue, unsent.offset, 0, unsent.seq, unsent.wire, place, unwritten=True
                )
            del self.positions[UNSENT]
        for queue, wire in missing.items() if damaged else ():
            if queue not in self.positions:
                places = free or damaged
                seq = self.header.seqs.get(wire, 0) if self.header.seed else -1
                place = places.pop(0) if places else -1
                self.positions[queue] = Position(queue, self.header.head, 0, seq, wire, place)


def load(path: Path, name: Name, formats: Mapping[str, str]) -> Segment | None:
    """Read header and slots of a segment; None if it is of a later version.

    Raises
    ------
    OSError
        When it cannot be read, or they are not there yet.
    """
    block = read_at(path, 0, _FIRST)
    if len(block) < _FIRST:
        raise BlockingIOError
    if is_later_version(block):
        return None
    header = read_header(block)
    if header is None:
        header = Header(session=name.session, number=name.number)
        seed = find_seed(block, read_at(path, header.head, _MOST))
    else:
        seed = header.seed
        if header.head > len(block):
            block = read_at(path, 0, header.head)
            if len(block) < header.head:
                raise BlockingIOError  # a slot that is not there yet would be one of a queue without events
    segment = Segment(name, path, header, seed, block[HEADER - 4 : HEADER], complete=name.retried)
    queues = {slot_name(queue): queue for queue in formats}
    slots = [read_slot(block, place, queues) for place in range(HEADER, header.head, SLOT)]
    segment.positions = {_key(slot, formats): slot for slot in slots if slot is not None and slot.queue}
    segment.give_slots(slots, formats)
    if segment.complete:
        segment.size = path.stat().st_size
    return segment


def _key(slot: Position, formats: Mapping[str, str]) -> str:
    """Return the queue of a slot; another name if its sink has another wire format by now.

    Its events stay until they are too old, as those of a sink that is gone.
    """
    wire = formats.get(slot.queue)
    return slot.queue if wire is None or wire_number(wire) == slot.wire else f"{slot.queue} ({slot.wire})"


def move(position: Position, offset: int, seq: int) -> None:
    """Move a position: everything before the offset is done."""
    if position.tried:
        position.tried = max(0, position.tried - (offset - position.offset))
    position.offset, position.seq = offset, seq
    if position.counted < offset:
        position.counted, position.pending = offset, 0


def write_slot(segment: Segment, position: Position, pwrite: Callable[[int, bytes, int], int] | None) -> bool:
    """Write one whole slot; return whether it is in the file."""
    if position.slot < 0:
        return False
    data = slot_bytes(position)
    try:
        file = segment.file or segment.open()
        if pwrite is not None or KEEPS_OPEN:
            return (pwrite or os.pwrite)(file.fileno(), data, position.slot) == SLOT
        file.seek(position.slot)
        return file.write(data) == SLOT
    except OSError:
        segment.file = None
        return False


def segment_names(folder: Path) -> list[Name]:
    """Return the segments of a folder, in their order.

    Raises
    ------
    OSError
        When it cannot be listed.
    """
    files = os.listdir(folder)  # noqa: PTH208 - as in `files_of`
    return sorted(name for file in files if (name := Name.parse(file)) is not None)


def session_locks(files: Iterable[str]) -> set[int]:
    """Return the sessions that have a lock file."""
    return {int(found[1]) for file in files if (found := _LOCK.fullmatch(file)) is not None}


def last_session(folder: Path, *, locks: bool = True) -> int:
    """Return the largest session that has a segment, or a lock if these count; 0 for none."""
    files = files_of(folder)
    names = (name for file in files if (name := Name.parse(file)) is not None)
    own = [name.session for name in names if not name.retried]
    return max([*own, *(session_locks(files) if locks else ())], default=0)


def next_name(folder: Path, session: int, *, retried: bool = False, known: int = 0) -> Name:
    """Return the name of the next segment of a session; its number is above `known` as well."""
    names = segment_names(folder)
    numbers = [each.number for each in names if (each.session, each.retried) == (session, retried)]
    return Name(session, retried, max(known, *numbers, 0) + 1)


def last_seqs(folder: Path, session: int) -> dict[int, int]:
    """Return the last sequence numbers of a session, by the number of the wire format.

    Raises
    ------
    OSError
        When the folder cannot be listed.
    """
    for found in _newest_first(folder, session):
        seqs = dict(found.header.seqs)
        for record in found.records:
            if record[7] & END_MARK:
                seqs.update(_MARK.iter_unpack(found.payload(record)))
            else:
                seqs[record[2]] = record[3]
        if seqs:
            return seqs
    return {}


def last_state(folder: Path, user_id: bytes, boot_id: bytes = b"") -> dict[str, Any]:
    """Return the state of the user's last session: the fields of a `SessionState`, and its note.

    Empty if missing. ``boot_ms`` is the uptime of its last event, ``is_this_boot`` whether the
    machine has run since.
    """
    with contextlib.suppress(OSError):
        for found in _newest_first(folder):
            if user_id and found.header.user_id not in {user_id, b""}:
                continue
            read = [record for record in found.records if not record[7] & END_MARK]
            if read:
                notes = [found.payload(record) for record in read if record[2] == NOTE]
                note = msgspec.json.decode(notes[-1], type=dict[str, Any]) if notes else {}
                return {**_state(found.header, read[0], read[-1], boot_id), **note}
    return {}


def newest_user(folder: Path) -> str | None:
    """Return the user id of the newest segment whose header is right; None if missing."""
    with contextlib.suppress(OSError):
        for found in _newest_first(folder):
            if found.header.user_id:
                return str(uuid.UUID(bytes=found.header.user_id))
    return None


def _newest_first(folder: Path, session: int | None = None) -> Iterator[Content]:
    """Read a session's own segments, or those of all."""
    for name in reversed(segment_names(folder)):
        if not name.retried and session in {None, name.session}:
            yield open_segment(folder / name.file)


def find_seed(block: bytes, data: bytes) -> int:
    """Return the CRC that the records of a segment with a damaged header start from; -1 if none fits.

    Parameters
    ----------
    block : bytes
        The header.
    data : bytes
        The records.
    """
    stated = int.from_bytes(block[HEADER - 4 : HEADER], "little")
    for seed in (stated, crc32c(block[: HEADER - 4])):
        if walk(data, seed, True)[0]:
            return seed
    return -1


def _state(header: Header, first: tuple[Any, ...], last: tuple[Any, ...], boot_id: bytes) -> dict[str, Any]:
    _, _, _, _, time_ms, elapsed_ms, screens, _, _, boot_ms = last
    return {
        "boot_ms": boot_ms if header.boot_id else None,
        "is_this_boot": bool(header.boot_id) and header.boot_id == boot_id,
        "session_number": header.session,
        "screen_count": screens,
        "first_event_ms": first[4],
        "last_event_ms": time_ms,
        "action_ms": None if elapsed_ms < 0 else time_ms - elapsed_ms,
    }


def open_segment(path: Path) -> Content:
    """Return what is in a segment: nothing if its header is damaged or it cannot be read."""
    data = b""
    with contextlib.suppress(OSError):
        data = path.read_bytes()
    header = read_header(data[:HEADER])
    if header is None or len(data) <= header.head:
        return Content(Header(session=0, number=0), b"", [])
    data = data[header.head :]
    return Content(header, data, walk(data, header.seed, True)[0])


def count_unchecked(data: bytes, wire: int) -> int:
    """Return how many records of a wire format there seem to be, by their sizes: no CRC can be checked."""
    at = count = 0
    while at + 64 < len(data):
        size, number = int.from_bytes(data[at : at + 4], "little"), data[at + 52 : at + 54]
        count += size > 0 and int.from_bytes(number, "little") == wire
        at += (64 + size + 7) // 8 * 8
    return count


def read_payloads(folder: Path, wire: str) -> Iterator[bytes]:
    """Yield the payloads of a folder in a wire format, delivered or not.

    Raises
    ------
    OSError
        When the folder cannot be listed.
    """
    number = wire_number(wire)
    for name in segment_names(folder):
        found = open_segment(folder / name.file)
        yield from (found.payload(record) for record in found.records if record[2] == number)
