"""A segment as the reader knows it: the position of each queue, and how it moves and is written."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import msgspec

from capture._native.journal_scan import walk
from capture.store.recovery import find_seed, read_at
from capture.store.segment import (
    HEADER,
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
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

__all__ = ["Segment", "load", "move", "write_slot"]

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


def write_slot(
    segment: Segment, position: Position, pwrite: Callable[[int, bytes, int], int] | None
) -> bool:
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
