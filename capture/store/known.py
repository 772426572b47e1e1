"""Segments as the reader knows them, and how a position moves."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from capture.store.segment import RETRIED, Header, Name, Position

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Damage", "Segment", "move"]


class Segment:
    """A segment that is known: its header, and where each queue stands.

    Attributes
    ----------
    positions : dict
        Name of the queue in slots -> position.
    complete : bool
        Whether nothing is appended any more.
    sending : set of str
        Queues whose worker is sending what is in it.
    gone : bool
        Whether it was deleted.
    damaged : set of int
        Offsets of damage that is noted already.
    """

    __slots__ = (
        "complete",
        "damaged",
        "gone",
        "header",
        "name",
        "path",
        "positions",
        "seed",
        "sending",
        "size",
    )

    def __init__(self, name: Name, path: Path, header: Header, seed: int) -> None:
        self.name, self.path, self.header, self.seed = name, path, header, seed
        self.positions: dict[bytes, Position] = {}
        self.complete = name.kind == RETRIED
        self.sending: set[str] = set()
        self.gone = False
        self.size = 0
        self.damaged: set[int] = set()

    def is_done(self) -> bool:
        """Return whether every queue has all of it."""
        return self.complete and all(each.offset >= self.size for each in self.positions.values())


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
