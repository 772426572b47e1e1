"""The queues of a store: batches, their outcomes, goals and counts."""

from __future__ import annotations

import contextlib
import uuid
from typing import TYPE_CHECKING

import msgspec

from capture.errors import StoreError
from capture.store.dead_letters import letter_files, make_letter, read_letters
from capture.store.files import PASSING
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
    from capture.store.writer import WaitingCall, Writer

__all__ = ["Goal", "Queues", "Watch", "count_pending"]

_MEMORY = "memory"
#: Bytes to find the first record in.
_LOOK = 64 * 1024


class Goal(msgspec.Struct):
    """Events that were stored at a moment: for a queue, the last in each segment and in memory.

    A segment is known by name and stamp: the name may come back in a folder that was made anew.
    """

    last: dict[tuple[Name, bytes], int]
    number: int

    def covers(self, batch: StoredBatch) -> bool:
        """Return whether a batch begins within it."""
        place = batch.place
        last = self.last.get((place.name, place.stamp), -1) if isinstance(place, Segment) else self.number
        return batch.start <= last


class MemoryQueue:
    """Batches of the calls that wait in memory: once sent, they are never written."""

    def __init__(self, context: Context, writer: Writer) -> None:
        self._formats, self._writer = context.formats, writer
        self._delivered: dict[str, int] = {}

    def next_batch(
        self, queue: str, max_events: int, max_bytes: int, skip: Collection[int]
    ) -> StoredBatch | None:
        """Return the next events of a queue, as `Store.next_batch` does."""
        found: list[tuple[bytes, int, str]] = []
        calls: list[WaitingCall] = []
        size, full = 0, False
        for call, rows in self._waiting_for(queue):
            if calls and call.session != calls[0].session:
                break
            if call.session in skip:
                return None
            more = sum(len(payload) for payload, _, _ in rows)
            if calls and (len(found) + len(rows) > max_events or size + more > max_bytes):
                full = True
                break
            found += rows
            size += more
            calls.append(call)
        if not calls:
            return None
        return StoredBatch(
            queue=queue,
            format=self._formats[queue],
            session=calls[0].session,
            payloads=[payload for payload, _, _ in found],
            event_ids=[event_id for _, _, event_id in found],
            oldest_ms=found[0][1],
            place=_MEMORY,
            start=calls[0].number,
            end=calls[-1].number + 1,
            full=full or len(found) >= max_events,
            calls=calls,
        )

    def _waiting_for(self, queue: str) -> Iterator[tuple[WaitingCall, list[tuple[bytes, int, str]]]]:
        """Yield the calls that a queue has not had yet, with its events: payload, time and id."""
        for call in list(self._writer.waiting):
            rows = [] if queue in call.sent else _rows_of(call, self._formats[queue])
            if rows:
                yield call, rows

    def has_before(self, queue: str, number: int) -> bool:
        """Return whether a call up to a number waits for a queue."""
        return any(call.number <= number for call, _ in self._waiting_for(queue))

    def count(self, queue: str) -> dict[int, int]:
        """Return how many events wait for a queue, by session."""
        sessions: dict[int, int] = {}
        for call, rows in self._waiting_for(queue):
            sessions[call.session] = sessions.get(call.session, 0) + len(rows)
        return sessions

    def stored_of(self, queue: str) -> int:
        """Return how many events wait for a queue, or were delivered from memory."""
        return sum(self.count(queue).values()) + self._delivered.get(queue, 0)

    def begin_send(self, queue: str, batch: StoredBatch) -> bool:
        """Note that the calls of a batch are being sent; False if one was written or dropped meanwhile."""
        waiting = list(self._writer.waiting)
        if not all(call in waiting for call in batch.calls):
            return False
        for call in batch.calls:
            call.sending.add(queue)
        return True

    def acknowledge(self, queue: str, batch: StoredBatch) -> bool:
        """Note that a sink has the calls of a batch; calls that every queue has leave the memory."""
        self._delivered[queue] = self._delivered.get(queue, 0) + batch.count
        for call in batch.calls:
            call.sent.add(queue)
            if all(name in call.sent or not _rows_of(call, wire) for name, wire in self._formats.items()):
                try:
                    self._writer.waiting.remove(call)
                except ValueError:
                    return False
        return True


def _rows_of(call: WaitingCall, wire: str) -> list[tuple[bytes, int, str]]:
    return [
        (payload, time_ms, event_id if isinstance(event_id, str) else str(uuid.UUID(bytes=event_id)))
        for _, payloads, time_ms, event_id in call.rows
        for name, payload in payloads
        if name == wire
    ]


class Queues:
    """Interface of a store for a delivery."""

    def __init__(self, shared: Shared) -> None:
        self._s, self._c = shared, shared.context
        self._memory = MemoryQueue(self._c, shared.writer)

    def _delivers(self) -> bool:
        """Write the waiting events; return whether this process delivers segments."""
        if self._s.writer.waiting:
            self._s.writer.write_waiting()
        return self._s.delivers()

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
            with self._s.reading() as index:
                batch = index.next_batch(queue, max_events, max_bytes, skip, apart=apart)
        if batch is None and self._s.writer.waiting:
            batch = self._memory.next_batch(queue, max_events, max_bytes, skip)
        if self._c.losses.unreported:
            self._c.losses.report()
        return batch

    def begin_send(self, queue: str, batch: StoredBatch) -> bool:
        """Note that `batch` is handed to its sink now; False if it was dropped meanwhile."""
        place = batch.place
        if not isinstance(place, Segment):
            self._s.writer.leave_torn()
            return self._s.writer.guard.call(self._memory.begin_send, queue, batch)
        with self._s.reading() as index:
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
            return self._s.writer.guard.call(self._memory.acknowledge, queue, batch)
        with self._s.reading() as index:
            if not index.acknowledge(place, batch):
                return False
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

    def stored_of(self, queue: str) -> int:
        """Return how many events were stored for a queue, those in memory included."""
        written = self._s.writer.written_of(self._c.formats[queue])
        lost = self._c.losses.of(queue, "memory_full", "close")
        return written + self._memory.stored_of(queue) + lost

    def publish(self, reports: Mapping[str, SinkReport]) -> bool:
        """Write the states of the sinks and the new counts; False if that is not possible."""
        with self._s.reading():
            usable = self._c.claims.delivery.held and not self._c.closed and not self._c.revoked
            return usable and add_reports(self._c.folder, reports)

    def goal(self, queue: str) -> Goal:
        """Return the events that are stored for a queue now, including those in memory.

        Raises
        ------
        StoreError
            When one of its segments cannot be read.
        """
        if not self._delivers():
            return Goal({}, self._s.writer.call_count)
        with self._s.reading() as index:
            index.refresh(force=True)
            return self._goal(index, queue)

    def _goal(self, index: Index, queue: str, *left_out: type[OSError]) -> Goal:
        """Return the pending events of a queue; without segments whose read fails with one of `left_out`.

        Other errors are raised: the events would be taken for delivered.
        """
        last: dict[tuple[Name, bytes], int] = {}
        for segment in index.order:
            position = segment.positions.get(queue)
            with contextlib.suppress(*left_out):
                if position is not None and index.pending(segment, position):
                    last[segment.name, segment.stamp] = position.last
        return Goal(last, self._s.writer.call_count)

    def reached(self, queue: str, goal: Goal) -> bool:
        """Return whether a queue has reached `goal`."""
        return self.have_reached({queue: goal})

    def watch(self) -> Watch:
        """Watch the pending events of every queue, where another process delivers them."""
        return Watch(self, self._c)

    def goals(self) -> dict[str, Goal]:
        """Write the waiting events, and return the pending ones of every queue.

        For a process that does not deliver: one that the other process has deleted meanwhile is left out.
        """
        if self._s.writer.waiting:
            self._s.writer.write_waiting()
        with self._looking() as index:
            return {queue: self._goal(index, queue, FileNotFoundError) for queue in self._c.formats}

    def have_reached(self, goals: Mapping[str, Goal]) -> bool:
        """Return whether every queue has reached its goal."""
        with self._looking() as index:
            for queue, goal in goals.items():
                for (name, stamp), last in goal.last.items():
                    segment = index.segments.get(name)
                    if segment is None or segment.stamp != stamp:
                        continue
                    position = segment.positions.get(queue)
                    if position is not None and position.offset <= last:
                        return False
                if self._memory.has_before(queue, goal.number):
                    return False
        return True

    def pending(self, queue: str) -> Pending:
        """Count the events of `queue` that its sink has not acknowledged, those in memory included."""
        sessions = self._memory.count(queue)
        with self._looking() as index:
            oldest = count_pending(index, queue, sessions)
        return Pending(count=sum(sessions.values()), sessions=sessions, oldest_ms=oldest)

    @contextlib.contextmanager
    def _looking(self) -> Iterator[Index]:
        """Return an index that is up to date: of another process's delivery one that only looks."""
        self._s.check_pid()
        if self._c.claims.delivery.held:
            with self._s.reading() as index:
                index.refresh()
                yield index
        else:
            index = self._s.make_index(writes=False)
            try:
                try:
                    index.refresh()
                except OSError as error:
                    if error.errno in PASSING:  # else nothing is stored
                        raise
                yield index
            except OSError as error:
                raise StoreError(f"{self._c.folder}: {error}") from error


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
        except OSError:
            continue  # the process that delivers has deleted it meanwhile, or it cannot be read now
        if count:
            session, first_ms = segment.name.session, 0
            with contextlib.suppress(OSError):
                first, _ = segment.walk(position.offset, position.offset + _LOOK)
                first_ms = first[0][4] if first else 0
            sessions[session] = sessions.get(session, 0) + count
            oldest = first_ms if oldest is None else min(first_ms, oldest)
    return oldest
