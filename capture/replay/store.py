"""The temporary store of a replay: rows in memory, a queue for each sink.

A replay can be repeated, and sends its events before it makes more. So nothing here outlives the
process, has a bound or is checked for damage, and most often a batch is one pack.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import msgspec

from capture.delivery.base import UnsharedStore
from capture.store.rows import StoredBatch

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from capture.delivery.base import Goal, Watch
    from capture.replay.encoder import Pack

__all__ = ["ReplayStore"]


class _Piece(msgspec.Struct, frozen=True, gc=False):
    """Events of a pack that are not sent yet, numbered from `first` on."""

    first: int
    pack: Pack
    event_ids: list[str]
    payloads: list[bytes]
    byte_count: int

    @classmethod
    def of(cls, first: int, pack: Pack) -> _Piece:
        """Return all events of a pack."""
        return cls(first, pack, pack.event_ids, pack.payloads, sum(map(len, pack.payloads)))

    @property
    def end(self) -> int:
        """The number behind the last event's."""
        return self.first + len(self.payloads)

    def behind(self, count: int) -> _Piece:
        """Return the batch without the first `count` events."""
        payloads = self.payloads[count:]
        return _Piece(
            self.first + count, self.pack, self.event_ids[count:], payloads, sum(map(len, payloads))
        )

    def fitting(self, max_events: int, max_bytes: int) -> int:
        """Return how many of the events have room."""
        if len(self.payloads) <= max_events and self.byte_count <= max_bytes:
            return len(self.payloads)
        count = 0
        for payload in self.payloads[:max_events]:
            max_bytes -= len(payload)
            if max_bytes < 0:
                break
            count += 1
        return count


class ReplayStore(UnsharedStore):
    """A `DeliveryStore` for rows that are packed already.

    Parameters
    ----------
    formats : mapping
        Queue name (a sink's) -> wire format.
    """

    def __init__(self, formats: Mapping[str, str]) -> None:
        self._formats = dict(formats)
        self._queues: dict[str, deque[_Piece]] = {name: deque() for name in formats}
        self._next = 1

    def append(self, packs: Iterable[Pack]) -> None:
        """Store rows; those of a session come one after another in each wire format."""
        for pack in packs:
            piece = _Piece.of(self._next, pack)
            self._next = piece.end
            for name, wire in self._formats.items():
                if wire == pack.wire:
                    self._queues[name].append(piece)

    def next_batch(
        self, queue: str, max_events: int, max_bytes: int, *, skip: Collection[int] = (), apart: bool = False
    ) -> StoredBatch | None:
        """Return the next events of one session, as `Store.next_batch` does."""
        del apart
        session, oldest_ms, byte_count, first, end = 0, 0, 0, 0, 0
        payloads: list[bytes] = []
        event_ids: list[str] = []
        full = False
        for piece in self._queues[queue]:
            pack = piece.pack
            if pack.session in skip:
                continue
            if not payloads:
                session, oldest_ms, first = pack.session, pack.time_ms, piece.first
            elif pack.session != session:
                break
            count = piece.fitting(max_events - len(payloads), max_bytes - byte_count)
            if not payloads:
                # A single event may be larger.
                count = max(1, count)
            end = piece.first + count
            payloads += piece.payloads[:count]
            event_ids += piece.event_ids[:count]
            byte_count += piece.byte_count
            full = count < len(piece.payloads) or len(payloads) == max_events
            if full:
                break
        if not payloads:
            return None
        return StoredBatch(
            queue=queue,
            format=self._formats[queue],
            session=session,
            payloads=payloads,
            event_ids=event_ids,
            oldest_ms=oldest_ms,
            byte_count=sum(map(len, payloads)),
            place=session,
            start=first,
            end=end,
            full=full,
        )

    def acknowledge(self, queue: str, batch: StoredBatch) -> bool:
        """Remove the events of `batch` from the queue."""
        pieces = self._queues[queue]
        last = batch.end - 1
        other: list[_Piece] = []
        while pieces and pieces[0].first <= last:
            piece = pieces.popleft()
            if piece.pack.session != batch.session:
                other.append(piece)
            elif piece.end > last + 1:
                other.append(piece.behind(last + 1 - piece.first))
        pieces.extendleft(reversed(other))
        return True

    def move_to_dead_letters(self, queue: str, batch: StoredBatch, reason: str) -> bool:
        """Remove the events of `batch`; the delivery counts them."""
        del reason
        return self.acknowledge(queue, batch)

    def reached(self, queue: str, goal: Goal) -> bool:
        """Return whether nothing is left."""
        del goal
        return not self._queues[queue]

    def watch(self) -> Watch:
        """Raise: no other process delivers."""
        raise NotImplementedError

    def check_presence(self, *, deeply: bool = False) -> bool:
        """Return True: it is in memory."""
        del deeply
        return True

    def claim_delivery(self) -> bool:
        """Return True: no other process delivers."""
        return True
