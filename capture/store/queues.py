"""The queues of a store: batches, their outcomes, goals and counts."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import msgspec

from capture.store.dead_letters import letter_files, make_letter, read_letters
from capture.store.recovery import Segment
from capture.store.rows import Pending, StoredBatch
from capture.store.sink_reports import add_reports, read_reports

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from capture.store.context import Context
    from capture.store.reader import Index
    from capture.store.segment import Name
    from capture.store.shared import Shared
    from capture.store.sink_reports import SinkReport

__all__ = ["Goal", "Queues", "Watch", "count_pending"]

#: Bytes to find the first record in.
_LOOK = 64 * 1024


class Goal(msgspec.Struct):
    """Events that were stored at a moment: for a queue, the last in each segment and in memory."""

    last: dict[Name, int]
    number: int

    def covers(self, batch: StoredBatch) -> bool:
        """Return whether a batch begins within it."""
        place = batch.place
        last = self.last.get(place.name, -1) if isinstance(place, Segment) else self.number
        return batch.start <= last


class Queues:
    """Interface of a store for a delivery."""

    def __init__(self, shared: Shared) -> None:
        self._s, self._c = shared, shared.context

    def _delivers(self) -> bool:
        """Write the waiting events; return whether this process delivers segments."""
        if self._s.writer.waiting:
            self._s.writer.write_waiting()
        return self._s.claim_delivery() and self._c.claims.delivery.held

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
                index.try_batch(place, batch)
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
            index.acknowledge(place, batch)
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
            usable = self._c.claims.delivery.held and not self._c.closed and not self._c.revoked
            return usable and add_reports(self._c.folder, reports)

    def goal(self, queue: str) -> Goal:
        """Return the events that are stored for a queue now, including those in memory."""
        if not self._delivers():
            return Goal({}, self._s.writer.call_count)
        with self._s.reading() as (index, _):
            index.refresh(force=True)
            return self._goal(index, queue)

    def _goal(self, index: Index, queue: str) -> Goal:
        last: dict[Name, int] = {}
        for segment in index.order:
            position = segment.positions.get(queue)
            with contextlib.suppress(OSError):  # delivered and deleted meanwhile, or not to be read now
                if position is not None and index.pending(segment, position):
                    last[segment.name] = position.last
        return Goal(last, self._s.writer.call_count)

    def reached(self, queue: str, goal: Goal) -> bool:
        """Return whether a queue has reached `goal`."""
        with self._looking() as index:
            return self._reached(index, queue, goal)

    def _reached(self, index: Index, queue: str, goal: Goal) -> bool:
        for name, last in goal.last.items():
            segment = index.segments.get(name)
            position = None if segment is None else segment.positions.get(queue)
            if position is not None and position.offset <= last:
                return False
        return not self._s.memory.has_before(queue, goal.number)

    def watch(self) -> Watch:
        """Watch the pending events of every queue, where another process delivers them."""
        return Watch(self, self._c)

    def goals(self) -> dict[str, Goal]:
        """Return the pending events of every queue, of another process's delivery as well."""
        self._delivers()
        with self._looking() as index:
            return {queue: self._goal(index, queue) for queue in self._c.formats}

    def have_reached(self, goals: Mapping[str, Goal]) -> bool:
        """Return whether every queue has reached its goal."""
        with self._looking() as index:
            return all(self._reached(index, queue, goal) for queue, goal in goals.items())

    def pending(self, queue: str) -> Pending:
        """Count the events of `queue` that its sink has not acknowledged, those in memory included."""
        sessions = self._s.memory.count(queue)
        with self._looking() as index:
            oldest = count_pending(index, queue, sessions)
        return Pending(count=sum(sessions.values()), sessions=sessions, oldest_ms=oldest)

    @contextlib.contextmanager
    def _looking(self) -> Iterator[Index]:
        """Return an index that is up to date: of another process's delivery one that only looks."""
        self._s.check_pid()
        if self._c.claims.delivery.held:
            with self._s.reading() as (index, _):
                index.refresh()
                yield index
        else:
            index = self._s.make_index(writes=False)
            with contextlib.suppress(OSError):
                index.refresh()
            yield index


class Watch:
    """Watches the pending events of every queue until none of them is pending."""

    def __init__(self, queues: Queues, context: Context) -> None:
        self._queues, self._c = queues, context
        self._letters, self._dropped = self._dead_letters(), self._drops()
        self._goals = queues.goals()

    def is_over(self) -> bool:
        """Return whether none of them is pending any more."""
        return self._queues.have_reached(self._goals)

    def has_lost(self) -> bool:
        """Return whether events of these queues became dead letters, or were dropped, meanwhile."""
        return not self._dead_letters() <= self._letters or self._drops() != self._dropped

    def _dead_letters(self) -> set[tuple[str, str]]:
        letters = read_letters(*letter_files(self._c.folder))
        return {(each.queue, each.event_id) for each in letters if each.queue in self._c.formats}

    def _drops(self) -> int:
        reports = read_reports(self._c.folder)
        return sum(reports[queue].dropped for queue in self._c.formats if queue in reports)


def count_pending(index: Index, queue: str, sessions: dict[int, int]) -> int | None:
    """Add the counts of a queue's events in segments to `sessions`; return the time of the oldest."""
    oldest: int | None = None
    for segment in index.order:
        position = segment.positions.get(queue)
        if position is None:
            continue
        try:
            count = index.pending(segment, position)
            first, _ = segment.walk(position.offset, position.offset + _LOOK) if count else ([], 0)
        except OSError:
            continue  # the process that delivers has deleted it meanwhile, or it cannot be read now
        if count:
            session, first_ms = segment.name.session, first[0][4] if first else 0
            sessions[session] = sessions.get(session, 0) + count
            oldest = first_ms if oldest is None else min(first_ms, oldest)
    return oldest
