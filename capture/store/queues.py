"""The queues of a store: batches, their outcomes, goals and counts."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import msgspec

from capture.store import recovery
from capture.store.dead_letters import make_letter
from capture.store.known import Segment
from capture.store.rows import Pending, StoredBatch
from capture.store.sink_reports import add_reports

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from capture.store.reader import Index
    from capture.store.shared import Shared
    from capture.store.sink_reports import SinkReport

__all__ = ["Goal", "Queues", "count_pending"]


class Goal(msgspec.Struct):
    """Events that were stored at a moment: for a queue, the end in each segment and in memory."""

    ends: dict[Segment, int]
    number: int

    def covers(self, batch: StoredBatch) -> bool:
        """Return whether a batch begins within it."""
        end = self.ends.get(batch.place, 0) if isinstance(batch.place, Segment) else self.number + 1
        return batch.start < end


class Queues:
    """Interface of a store for a delivery."""

    def __init__(self, shared: Shared) -> None:
        self._s, self._c = shared, shared.context

    def _delivers(self) -> bool:
        """Write the waiting events; return whether this process delivers segments."""
        if self._s.writer.waiting:
            self._s.writer.write_waiting()
        return self._s.claim_delivery() and self._c.claims.delivers

    def next_batch(
        self,
        queue: str,
        max_events: int,
        max_bytes: int = 500_000,
        *,
        skip: Collection[int] = (),
        apart: bool = False,
    ) -> StoredBatch | None:
        """Return the next events of `queue`, of one session and in order, or None.

        A batch that was not acknowledged is returned again, unchanged.

        Parameters
        ----------
        queue : str
            Name of the queue.
        max_events, max_bytes : int
            Bounds of the batch; a single event may be larger than `max_bytes`.
        skip : collection of int
            Sessions whose turn it is not.
        apart : bool
            Whether a batch that was sent before may be a smaller one now, because the answer asked for that.

        Raises
        ------
        StoreError
            When the store cannot be read.
        """
        batch = None
        if self._delivers():
            with self._s.reading() as (index, _):
                batch = index.next_batch(queue, max_events, max_bytes, skip, apart=apart)
        if batch is None and self._s.writer.waiting:
            batch = self._s.memory.next_batch(queue, max_events, max_bytes, skip)
        if self._c.losses.unreported:
            self._c.losses.report()
        return batch

    def begin_send(self, queue: str, batch: StoredBatch) -> bool:
        """Note that `batch` is handed to its sink now; False if it was dropped meanwhile."""
        place = batch.place
        if not isinstance(place, Segment):
            self._s.writer.leave_torn()
            return self._s.writer.guard.call(self._s.memory.begin_send, queue, batch)
        with self._s.reading() as (index, _):
            if not place.gone:
                place.sending.add(queue)
                index.try_batch(place, queue, batch)
        return not place.gone

    def end_send(self, queue: str, batch: StoredBatch) -> None:
        """Note that the sink has answered."""
        if isinstance(batch.place, Segment):
            batch.place.sending.discard(queue)
        for call in batch.calls:
            call.sending.discard(queue)

    def acknowledge(self, queue: str, batch: StoredBatch) -> bool:
        """Note that the sink has the events of `batch`; False if they were dropped meanwhile."""
        place = batch.place
        if not isinstance(place, Segment):
            return self._s.writer.guard.call(self._s.memory.acknowledge, queue, batch)
        with self._s.reading() as (index, retention):
            if place.gone:
                return False
            index.acknowledge(place, queue, batch)
            if place.complete and not place.sending and index.is_done(place):
                retention.delete(place)
        self._c.losses.recover()
        return True

    def move_to_dead_letters(self, queue: str, batch: StoredBatch, reason: str) -> bool:
        """Move the events of `batch` to the dead letters, with the reason.

        False if they were dropped meanwhile.
        """
        if isinstance(batch.place, Segment) and batch.place.gone:
            return False
        facts: dict[str, int | str] = {
            "session": batch.session,
            "format": batch.format,
            "user_id": batch.user_id.hex(),
        }
        letters = [
            make_letter(queue, reason, self._c.now_ms(), payload, event_id=event_id, **facts)
            for payload, event_id in zip(batch.payloads, batch.event_ids, strict=True)
        ]
        with self._s.reading():
            if not self._s.letters.add(letters):
                self._c.losses.add("dead_letters_full", len(letters), queue)
        done = self.acknowledge(queue, batch)
        self._c.losses.report()
        return done

    def publish(self, reports: Mapping[str, SinkReport]) -> bool:
        """Write the states of the sinks and the new counts; False if that is not possible."""
        with self._s.reading():
            usable = self._c.claims.delivers and not self._c.closed and not self._c.revoked
            return usable and add_reports(self._c.folder, reports)

    def goal(self, queue: str) -> Goal:
        """Return the events that are stored for a queue now, including those in memory."""
        ends: dict[Segment, int] = {}
        if self._delivers():
            with self._s.reading() as (index, _):
                index.refresh(force=True)
                for segment in index.order:
                    position = index.position(segment, queue)
                    if position is not None and index.pending(segment, position):
                        ends[segment] = position.counted
        return Goal(ends, self._s.memory.number_all())

    def reached(self, queue: str, goal: Goal) -> bool:
        """Return whether a queue has reached `goal`."""
        with self._s.reading() as (index, _):
            for segment, end in goal.ends.items():
                position = index.position(segment, queue)
                if not segment.gone and position is not None and position.offset < end:
                    return False
        return not self._s.memory.has_before(queue, goal.number)

    def pending(self, queue: str) -> Pending:
        """Count the events of `queue` that its sink has not acknowledged, those in memory included."""
        self._s.check_pid()
        sessions = self._s.memory.count(queue)
        if self._c.claims.delivers:
            with self._s.reading() as (index, _):
                index.refresh()
                oldest = count_pending(index, queue, sessions)
        else:
            index = self._s.make_index(writes=False)
            with contextlib.suppress(OSError):
                index.refresh()
            oldest = count_pending(index, queue, sessions)
        return Pending(count=sum(sessions.values()), sessions=sessions, oldest_ms=oldest)


def count_pending(index: Index, queue: str, sessions: dict[int, int]) -> int | None:
    """Add the counts of a queue's events in segments to `sessions`; return the time of the oldest."""
    oldest: int | None = None
    for segment in index.order:
        position = index.position(segment, queue)
        if position is None:
            continue
        try:
            count = index.pending(segment, position)
        except OSError:
            continue  # the process that delivers has deleted it meanwhile, or it cannot be read now
        if count:
            session = segment.name.session
            sessions[session] = sessions.get(session, 0) + count
            first = recovery.first_time(segment.path, position.offset, segment.seed)
            oldest = first if oldest is None or first < oldest else oldest
    return oldest
