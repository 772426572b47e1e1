"""Appending: ids, the one statement of a live event, packed rows, and what waits in memory."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import deque
from itertools import chain, groupby, islice
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from capture.errors import StoreError
from capture.store.fresh import Fresh, Row
from capture.store.rows import StoredEvent, checksum, pack
from capture.store.schema import PAGE_BYTES, largest_id, mend_mark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from capture.store.hold import Hold

__all__ = ["MAX_DEFERRED", "Appender"]

#: Events that may wait in memory for the next append.
MAX_DEFERRED = 1000
_DEFERRED_CHUNK = 50
_ID_TRIES = 100
#: Tries after which it is not another process that is faster, but the mark that is damaged.
_MEND_AFTER = 5
_session_of = attrgetter("session")
#: An event that follows on the last one within this time (ms) belongs to a burst.
_BURST_MS = 20
_COLUMN_COUNT = 9
_VALUES = ", ".join("?" * _COLUMN_COUNT)


def _insert(count: int) -> str:
    """Return the statement that inserts `count` rows."""
    return "INSERT INTO events VALUES " + ", ".join([f"({_VALUES})"] * count)  # noqa: S608 - constant text


def _insert_if_free(count: int) -> str:
    """Return the statement that inserts `count` rows, or none where the first id was given already."""
    rows = " UNION ALL ".join([f"SELECT {_VALUES}"] * count)
    return f"INSERT INTO events SELECT * FROM ({rows}) WHERE ? > (SELECT removed FROM mark)"  # noqa: S608


_INSERT_ROW = _insert(1)


class Appender:
    """Writes events to the store's file; the caller holds the write lock.

    Parameters
    ----------
    wires : frozenset of str
        Wire formats that a queue takes; others are left out.
    on_loss : callable
        Called with a cause and a number of events.
    """

    def __init__(self, wires: frozenset[str], on_loss: Callable[[str, int], None]) -> None:
        self.deferred: deque[StoredEvent] = deque()
        #: What was committed last.
        self.fresh = Fresh()
        #: Bytes written to the log since the store was last looked after: a page at least for each row.
        self.written_bytes = 0
        self._wires = wires
        self._on_loss = on_loss
        self._last_id = 0
        self._last_ms = 0
        counts = range(1, len(wires) + 1)
        self._insert = {count: _insert(count) for count in counts}
        self._insert_if_free = {count: _insert_if_free(count) for count in counts}

    def forget_ids(self) -> None:
        """Ask the file for the next id: after a fork, a failed transaction, a new file."""
        self._last_id = 0
        self.fresh.clear()

    def append(self, connection: sqlite3.Connection, event: StoredEvent, hold: Hold) -> None:
        """Insert one event and commit it, in one statement."""
        time_ms = event.time_ms
        if not hold.on and 0 <= time_ms - self._last_ms <= _BURST_MS:
            hold.take(connection)
        self._last_ms = time_ms
        for row in self.insert(connection, event, hold):
            self.fresh.add(row)

    def insert(
        self, connection: sqlite3.Connection, event: StoredEvent, hold: Hold | None = None
    ) -> list[Row]:
        """Insert one event, in one statement; return its rows."""
        for tries in range(_ID_TRIES):
            rows = self._rows(event)
            count = len(rows)
            if not count:
                return rows
            values = rows[0] if count == 1 else tuple(chain.from_iterable(rows))
            try:
                if hold is not None and hold.checked:
                    connection.execute(self._insert[count], values)
                    free = True
                else:
                    values += (values[0],)
                    free = connection.execute(self._insert_if_free[count], values).rowcount == count
            except sqlite3.IntegrityError:
                free = False
            except sqlite3.OperationalError:
                if hold is None or not hold.on:
                    raise
                # Somebody else has written meanwhile, most likely: once more without the snapshot.
                hold.release()
                continue
            if free:
                self._last_id += count
                if hold is not None:
                    hold.used = True
                    hold.checked = hold.on
                return rows
            # The first event of this process, or another process was faster.
            if tries > _MEND_AFTER:
                mend_mark(connection)
            self._last_id = largest_id(connection)
        raise StoreError(f"no free id after {_ID_TRIES} tries")

    def _rows(self, event: StoredEvent) -> list[Row]:
        """Return an event as rows: one for each wire format that a queue takes, under the next ids."""
        rows: list[Row] = []
        row_id, session, event_id = self._last_id, event.session, event.event_id
        for wire, payload in event.payloads:
            if wire in self._wires:
                row_id += 1
                crc = checksum(row_id, session, wire, payload)
                rows.append((row_id, session, wire, 1, event.time_ms, crc, event_id, payload, event.state))
                self.written_bytes += max(len(payload), PAGE_BYTES)
        return rows

    def insert_packed(
        self, connection: sqlite3.Connection, events: Sequence[StoredEvent], state: bytes, pack_size: int
    ) -> None:
        """Insert a chunk, up to `pack_size` neighbours of one session in a row; within a transaction."""
        next_id = largest_id(connection) + 1
        rows: list[tuple[Any, ...]] = []
        for group in _runs(events, pack_size):
            session, time_ms, carried = group[0].session, group[0].time_ms, group[-1].state
            for wire in self._wires:
                payloads = [payload for event in group for name, payload in event.payloads if name == wire]
                if not payloads:
                    continue
                count, packed, label = 1, payloads[0], wire
                if len(payloads) > 1:
                    count, packed = len(payloads), pack(payloads)
                    label = f"{wire}*{count}"
                taken = group if count == len(group) else [event for event in group if _has(event, wire)]
                ids = " ".join([event.event_id for event in taken])
                crc = checksum(next_id, session, label, packed)
                rows.append((next_id, session, wire, count, time_ms, crc, ids, packed, carried))
                self.written_bytes += max(len(packed), PAGE_BYTES)
                next_id += count
        if state and rows:
            rows[-1] = (*rows[-1][:-1], state)
        connection.executemany(_INSERT_ROW, rows)
        self._last_id = next_id - 1

    def defer(self, event: StoredEvent) -> None:
        """Keep an event in memory for the next append; the oldest goes where there are too many."""
        self.deferred.append(event)
        if len(self.deferred) > MAX_DEFERRED:
            self.deferred.popleft()
            self._on_loss("memory_full", 1)

    def give_up(self) -> int:
        """Forget what waits in memory, and return how many events that are."""
        count = 0
        with contextlib.suppress(IndexError):
            while True:
                self.deferred.popleft()
                count += 1
        return count

    def insert_deferred(self, connection: sqlite3.Connection, *more: StoredEvent) -> None:
        """Write what waits in memory, and `more` behind it, a few in each transaction."""
        while self.deferred or more:
            waiting = list(islice(self.deferred, _DEFERRED_CHUNK))
            # What comes last is written with the last of the others, or not at all.
            last = more if len(waiting) == len(self.deferred) else ()
            connection.execute("BEGIN IMMEDIATE")
            try:
                for event in (*waiting, *last):
                    self.insert(connection, event)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                self.forget_ids()
                raise
            for _ in waiting:
                self.deferred.popleft()
            if last:
                return


def _has(event: StoredEvent, wire: str) -> bool:
    return any(name == wire for name, _ in event.payloads)


def _runs(events: Sequence[StoredEvent], size: int) -> Iterator[list[StoredEvent]]:
    """Split into runs of one session, of at most `size` events."""
    for _, run in groupby(events, _session_of):
        left = list(run)
        for start in range(0, len(left), size):
            yield left[start : start + size]
