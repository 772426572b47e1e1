"""What the segments of a folder say: the positions of queues, and the last session at a start.

Nothing is written but slots: a torn tail stays after the last complete call.
"""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING, Any

import msgspec

from capture._native.journal import crc32c
from capture._native.journal_scan import walk
from capture.store.files import files_of, read_at
from capture.store.segment import (
    END_MARK,
    HEADER,
    NOTE,
    OWN,
    RETRIED,
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
    "Segment",
    "last_number",
    "last_seqs",
    "last_session",
    "last_state",
    "load",
    "move",
    "open_segment",
    "records",
    "segment_names",
    "session_locks",
    "write_slot",
]

_MARK_BYTES = 10
_FIRST = HEADER + 7 * SLOT
_MOST = 1 << 30
_BINARY = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


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

    def read(self, start: int, end: int) -> bytes:
        """Return a part of the file."""
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
    """Read header and slots of a segment; None if they are not there yet, or of a later version.

    Raises
    ------
    OSError
        When it cannot be read.
    """
    block = read_at(path, 0, _FIRST)
    if len(block) < _FIRST or is_later_version(block):
        return None
    header = read_header(block)
    if header is None:
        header = Header(session=name.session, number=name.number)
        seed = find_seed(block, read_at(path, header.head, _MOST))
    else:
        seed = header.seed
        if header.head > len(block):
            block = read_at(path, 0, header.head)
    segment = Segment(name, path, header, seed, block[HEADER - 4 : HEADER], complete=name.kind == RETRIED)
    queues = {slot_name(queue): queue for queue in formats}
    slots = [read_slot(block, place, queues) for place in range(HEADER, header.head, SLOT)]
    segment.positions = {slot.queue: slot for slot in slots if slot is not None and slot.queue}
    segment.give_slots(slots, formats)
    if segment.complete:
        segment.size = path.stat().st_size
    return segment


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
        descriptor = os.open(segment.path, os.O_RDWR | _BINARY)
        try:
            os.lseek(descriptor, HEADER - len(segment.stamp), os.SEEK_SET)
            if os.read(descriptor, len(segment.stamp)) != segment.stamp:
                return False  # another store's, in a folder that was replaced
            if pwrite is not None:
                return pwrite(descriptor, data, position.slot) == SLOT
            os.lseek(descriptor, position.slot, os.SEEK_SET)
            return os.write(descriptor, data) == SLOT
        finally:
            os.close(descriptor)
    except OSError:
        return False


def segment_names(folder: Path) -> list[Name]:
    """Return the segments of a folder, in their order.

    Raises
    ------
    OSError
        When it cannot be listed.
    """
    return sorted(name for path in folder.iterdir() if (name := Name.parse(path.name)) is not None)


def session_locks(files: Iterable[str]) -> set[int]:
    """Return the sessions that have a lock file."""
    return {
        int(file[8:-5])
        for file in files
        if file.startswith("session-") and file.endswith(".lock") and file[8:-5].isdigit()
    }


def last_session(folder: Path) -> int:
    """Return the largest session that has a segment or a lock; 0 for none."""
    files = files_of(folder)
    names = (name for file in files if (name := Name.parse(file)) is not None)
    own = [name.session for name in names if name.kind == OWN]
    return max([*own, *session_locks(files)], default=0)


def last_number(folder: Path, session: int, kind: str = OWN) -> int:
    """Return the number of the last segment of a session; 0 for none."""
    names = segment_names(folder)
    return max((name.number for name in names if (name.session, name.kind) == (session, kind)), default=0)


def last_seqs(folder: Path, session: int) -> dict[int, int]:
    """Return the last sequence numbers of a session, by the number of the wire format."""
    for name in reversed([name for name in _own(folder) if name.session == session]):
        found = open_segment(folder / name.file)
        if found is None:
            continue
        header, data = found
        seqs = dict(header.seqs)
        for record in records(data, header.seed):
            if record[7] & END_MARK:
                at = record[0] + 64
                for place in range(at, at + record[1] - _MARK_BYTES + 1, _MARK_BYTES):
                    wire = int.from_bytes(data[place : place + 2], "little")
                    seq = int.from_bytes(data[place + 2 : place + 10], "little")
                    seqs[wire] = seq
            else:
                seqs[record[2]] = record[3]
        return seqs
    return {}


def last_state(folder: Path, user_id: bytes, boot_id: bytes = b"") -> dict[str, Any]:
    """Return the state of the user's last session: the fields of a `SessionState`, and its note.

    Empty if missing. ``boot_ms`` is the uptime of its last event, ``is_this_boot`` whether the
    machine has run since.
    """
    try:
        names = list(_own(folder))
    except OSError:
        return {}
    for name in reversed(names):
        found = open_segment(folder / name.file)
        if found is None:
            continue
        header, data = found
        if user_id and header.user_id not in {user_id, b""}:
            continue
        read = [record for record in records(data, header.seed) if not record[7] & END_MARK]
        if read:
            return {**_state(header, read[0], read[-1], boot_id), **_note(data, read)}
    return {}


def newest_user(folder: Path) -> str | None:
    """Return the user id of the newest segment whose header is right; None if missing."""
    try:
        names = list(_own(folder))
    except OSError:
        return None
    for name in reversed(names):
        found = open_segment(folder / name.file)
        if found is not None and found[0].user_id:
            return str(uuid.UUID(bytes=found[0].user_id))
    return None


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
        if records(data, seed):
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


def _note(data: bytes, read: list[tuple[Any, ...]]) -> dict[str, Any]:
    """Return the last note of a segment; empty if it has none."""
    notes = [record for record in read if record[2] == NOTE]
    if not notes:
        return {}
    at, size = notes[-1][0] + 64, notes[-1][1]
    note: dict[str, Any] = msgspec.json.decode(data[at : at + size], type=dict[str, Any])
    return note


def _own(folder: Path) -> Iterator[Name]:
    return (name for name in segment_names(folder) if name.kind == OWN)


def open_segment(path: Path) -> tuple[Header, bytes] | None:
    """Return the header and the records of a segment; None if it has none that is right."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    header = read_header(data[:HEADER])
    if header is None or len(data) <= header.head:
        return None
    return header, data[header.head :]


def records(data: bytes, seed: int) -> list[tuple[Any, ...]]:
    """Return the records of complete calls, as `walk` has them; damaged records are skipped."""
    return walk(data, seed, True)[0]


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
    for name in segment_names(folder):
        found = open_segment(folder / name.file)
        for record in () if found is None else records(found[1], found[0].seed):
            if found is not None and record[2] == wire_number(wire):
                yield found[1][record[0] + 64 : record[0] + 64 + record[1]]
