"""A segment as the reader knows it: the position of each queue, and how it moves and is written."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

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
        Name of the queue in slots -> position.
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
    positions: dict[bytes, Position] = {}
    sending: set[str] = set()
    damaged: set[int] = set()

    def give_slots(
        self, slots: Sequence[tuple[bytes, Position] | None], formats: Mapping[str, str]
    ) -> list[tuple[bytes, Position]]:
        """Assign slots to the queues without one that have events here; return the slots to write.

        Events recorded without sinks belong to the first sinks of their wire format. A damaged slot
        counts, from the start, for each queue without a valid one.
        """
        missing = {slot_name(queue): wire_number(wire) for queue, wire in formats.items()}
        for name in missing.keys() & self.positions.keys():
            del missing[name]
        free = [HEADER + SLOT * at for at, slot in enumerate(slots) if slot is not None and not slot[0]]
        damaged = [HEADER + SLOT * at for at, slot in enumerate(slots) if slot is None]
        unsent = None if UNSENT in formats else self.positions.get(UNSENT.encode())
        takers = [name for name, wire in missing.items() if unsent is not None and wire == unsent.wire]
        taken = []
        if unsent is not None and takers:
            # The last one over `unsent` itself: until then it stands for every queue without a slot.
            places = [*(free.pop(0) if free else -1 for _ in takers[1:]), unsent.slot]
            taken = [
                (name, Position(unsent.offset, 0, unsent.seq, unsent.wire, place))
                for name, place in zip(takers, places, strict=True)
            ]
            self.positions.update(taken)
            del self.positions[UNSENT.encode()]
        for name, wire in missing.items() if damaged else ():
            if name not in self.positions:
                places = free or damaged
                seq = self.header.seqs.get(wire, 0) if self.header.seed else -1
                place = places.pop(0) if places else -1
                self.positions[name] = Position(self.header.head, 0, seq, wire, place)
        return taken


def load(path: Path, name: Name) -> tuple[Segment | None, list[tuple[bytes, Position] | None]] | None:
    """Read header and slots of a segment; None if they are not there yet, no segment of a later version.

    Raises
    ------
    OSError
        When it cannot be read.
    """
    block = read_at(path, 0, _FIRST)
    if len(block) < _FIRST:
        return None
    header = read_header(block)
    if header is None:
        if is_later_version(block):
            return None, []
        header = Header(session=name.session, number=name.number)
        seed = find_seed(block, read_at(path, header.head, _MOST))
    else:
        seed = header.seed
        if header.head > len(block):
            block = read_at(path, 0, header.head)
    segment = Segment(name, path, header, seed, block[HEADER - 4 : HEADER], complete=name.kind == RETRIED)
    slots = [read_slot(block, place) for place in range(HEADER, header.head, SLOT)]
    segment.positions = {slot[0]: slot[1] for slot in slots if slot is not None and slot[0]}
    if segment.complete:
        segment.size = path.stat().st_size
    return segment, slots


def move(position: Position, offset: int, seq: int) -> None:
    """Move a position: everything before the offset is done."""
    if position.tried:
        position.tried = max(0, position.tried - (offset - position.offset))
    position.offset, position.seq = offset, seq
    if position.counted < offset:
        position.counted, position.pending = offset, 0


def write_slot(
    segment: Segment, queue: bytes, position: Position, pwrite: Callable[[int, bytes, int], int] | None
) -> bool:
    """Write one whole slot; return whether it is in the file."""
    if position.slot < 0:
        return False
    data = slot_bytes(queue, position)
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
