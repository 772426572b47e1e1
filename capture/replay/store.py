"""The temporary store of a replay: rows in memory, a queue for each sink.

A replay can be repeated, and sends its events before it makes more. So nothing here outlives the
process, has a bound or is checked for damage.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, deque
from itertools import accumulate, groupby, islice
from operator import attrgetter
from typing import TYPE_CHECKING

from capture.delivery.base import DeliveryStore
from capture.store.rows import StoredBatch

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from capture.delivery.base import Goal, Watch
    from capture.formats import Row

__all__ = ["ReplayStore"]

_session = attrgetter("session")


class ReplayStore(DeliveryStore):
    """A `DeliveryStore` for the rows of a replay.

    Parameters
    ----------
    formats : mapping
        Queue name (a sink's) -> wire format.
    """

    def __init__(self, formats: Mapping[str, str]) -> None:
        self.formats = dict(formats)
        #: Queue -> session -> rows that its sink does not have yet.
        self._queues: dict[str, dict[int, deque[Row]]] = {name: {} for name in formats}
        #: Of each queue and session, the rows that its sink has: batches are numbered from there.
        self._acknowledged: Counter[tuple[str, int]] = Counter()

    def append(self, wire: str, rows: Iterable[Row]) -> None:
        """Store the rows of one wire format, in order."""
        queues = [self._queues[name] for name, known in self.formats.items() if known == wire]
        for session, run in groupby(rows, _session):
            together = list(run)
            for queue in queues:
                queue.setdefault(session, deque()).extend(together)

    def next_batch(
        self, queue: str, max_events: int, max_bytes: int, *, skip: Collection[int] = (), apart: bool = False
    ) -> StoredBatch | None:
        """Return the next events of one session, as `Store.next_batch` does."""
        del apart
        session = next((number for number in self._queues[queue] if number not in skip), None)
        if session is None:
            return None
        waiting = self._queues[queue][session]
        rows = list(islice(waiting, max_events))
        payloads = [row.payload for row in rows]
        sizes = list(accumulate(map(len, payloads)))
        # A single event may be larger.
        count = max(1, bisect_right(sizes, max_bytes))
        start = self._acknowledged[queue, session]
        return StoredBatch(
            queue=queue,
            format=self.formats[queue],
            session=session,
            payloads=payloads[:count],
            event_ids=[row.event_id for row in rows[:count]],
            oldest_ms=rows[0].time_ms,
            place=session,
            start=start,
            end=start + count,
            full=count == max_events or count < len(waiting),
        )

    def acknowledge(self, queue: str, batch: StoredBatch) -> bool:
        """Remove the events of `batch` from the queue."""
        waiting = self._queues[queue][batch.session]
        remove = waiting.popleft
        for _ in batch.payloads:
            remove()
        if not waiting:
            del self._queues[queue][batch.session]
        self._acknowledged[queue, batch.session] += batch.count
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
