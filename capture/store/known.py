"""Segments as the reader knows them, and how a position moves."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from capture.store.recovery import find_seed, read_at
from capture.store.segment import (
    HEADER,
    RETRIED,
    SLOT,
    Header,
    Name,
    Position,
    is_later_version,
    read_header,
    read_slot,
)

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Damage", "Segment", "load", "move"]

_FIRST = HEADER + 7 * SLOT
_MOST = 1 << 30


class Segment(msgspec.Struct, eq=False):
    """A segment that is known: its header, and where each queue stands.

    Attributes
    ----------
    name, path, header
    seed : int
        CRC that the records start from; -1 where it is lost.
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
        Queues whose worker is sending what is in it.
    damaged : set of int
        Offsets of damage that is noted already.
    """

    name: Name
    path: Path
    header: Header
    seed: int
    stamp: bytes = b""
    complete: bool = False
    size: int = 0
    gone: bool = False
    positions: dict[bytes, Position] = {}
    sending: set[str] = set()
    damaged: set[int] = set()

    def is_done(self) -> bool:
        """Return whether every queue has all of it."""
        return self.complete and all(each.offset >= self.size for each in self.positions.values())


def load(path: Path, name: Name) -> tuple[Segment | None, list[tuple[bytes, Position] | None]] | None:
    """Read header and slots of a segment; None where they are not there yet, no segment of a later version.

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
    stamp = block[HEADER - 4 : HEADER]
    segment = Segment(name, path, header, -1 if seed is None else seed, stamp, complete=name.kind == RETRIED)
    slots = [read_slot(block, place) for place in range(HEADER, header.head, SLOT)]
    segment.positions = {slot[0]: slot[1] for slot in slots if slot is not None and slot[0]}
    if segment.complete:
        segment.size = path.stat().st_size
    return segment, slots


class Damage(NamedTuple):
    """Bytes that are no whole record, between two that are."""

    segment: Segment
    raw: bytes


def move(position: Position, offset: int, seq: int) -> None:
    """Move a position: what is before the offset is done."""
    if position.tried:
        position.tried = max(0, position.tried - (offset - position.offset))
    position.offset, position.seq = offset, seq
    if position.counted < offset:
        position.counted, position.pending = offset, 0
