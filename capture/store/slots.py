"""Slots of a segment: which queue has which, and how one is written."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from capture.store.segment import (
    HEADER,
    SLOT,
    UNSENT,
    Position,
    slot_bytes,
    slot_name,
    wire_number,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from capture.store.known import Segment

__all__ = ["give_slots", "write_slot"]

_BINARY = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


def give_slots(
    segment: Segment,
    slots: Sequence[tuple[bytes, Position] | None],
    formats: Mapping[str, str],
    write: Callable[[Segment, bytes, Position], None] | None,
) -> None:
    """Give slots to the configured queues that have none, where something in the segment is theirs.

    What was recorded without sinks belongs to the first ones of its wire format. A damaged slot stands, from
    the start, for each queue without a good one.
    """
    missing = [(slot_name(queue), wire_number(wire)) for queue, wire in formats.items()]
    missing = [each for each in missing if each[0] not in segment.positions]
    if not missing:
        return
    free = [HEADER + SLOT * at for at, slot in enumerate(slots) if slot is not None and not slot[0]]
    damaged = [HEADER + SLOT * at for at, slot in enumerate(slots) if slot is None]
    unsent = None if UNSENT in formats else segment.positions.get(UNSENT.encode())
    if unsent is not None:
        takers = [name for name, wire in missing if wire == unsent.wire]
        # The last one over `unsent` itself: until then it stands for whoever has no slot.
        for name in takers:
            last = name == takers[-1]
            place = unsent.slot if last else free.pop(0) if free else -1
            taken = Position(unsent.offset, 0, unsent.seq, unsent.wire, place)
            segment.positions[name] = taken
            if write is not None:
                write(segment, name, taken)
        if takers:
            del segment.positions[UNSENT.encode()]
    if damaged:
        first = segment.header.head
        for name, wire in missing:
            if name not in segment.positions:
                places = free or damaged
                seq = segment.header.seqs.get(wire, 0) if segment.header.seed else -1
                segment.positions[name] = Position(first, 0, seq, wire, places.pop(0) if places else -1)


def write_slot(
    segment: Segment,
    queue: bytes,
    position: Position,
    pwrite: Callable[[int, bytes, int], int] | None = None,
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
            if hasattr(os, "pwrite"):
                return os.pwrite(descriptor, data, position.slot) == SLOT
            os.lseek(descriptor, position.slot, os.SEEK_SET)
            return os.write(descriptor, data) == SLOT
        finally:
            os.close(descriptor)
    except OSError:
        return False
