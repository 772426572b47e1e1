"""Appending: ids, the one statement of a live event, packed rows, and what waits in memory."""

from __future__ import annotations

import sqlite3
from collections import deque
from itertools import groupby, islice
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from capture._store_rows import StoredEvent, checksum, pack
from capture._store_schema import PAGE_BYTES, largest_id
from capture.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["MAX_DEFERRED", "Appender"]

#: Events that may wait in memory for the next append.
MAX_DEFERRED = 1000
_DEFERRED_CHUNK = 50
_ID_TRIES = 100
_session_of = attrgetter("session")
_COLUMN_COUNT = 9
_ONE = "SELECT " + ", ".join("?" * _COLUMN_COUNT)
_INSERT_ROW = "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"


def _insert_sql(count: int) -> str:
    """Return the statement that inserts `count` rows, or none where the first id was given already."""
    rows = " UNION ALL ".join([_ONE] * count)
    return f"INSERT INTO events SELECT * FROM ({rows}) WHERE ? > (SELECT removed FROM mark)"  # noqa: S608


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
        #: Bytes written to the log since the store was last looked after: a page at least for each row.
        self.written_bytes = 0
        self._wires = wires
        self._on_loss = on_loss
        self._last_id = 0
        self._sql = {count: _insert_sql(count) for count in range(1, len(wires) + 1)}

    def forget_ids(self) -> None:
        """Ask the file for the next id: after a fork, a failed transaction, a new file."""
        self._last_id = 0

    def insert(self, connection: sqlite3.Connection, event: StoredEvent) -> None:
        """Insert one event, in one statement."""
        session, wires, state = event.session, self._wires, event.state
        for _ in range(_ID_TRIES):
            values: list[Any] = []
            row_id = self._last_id
            for wire, payload in event.payloads:
                if wire in wires:
                    row_id += 1
                    crc = checksum(row_id, session, wire, payload)
                    values += (row_id, session, wire, 1, event.time_ms, crc, event.event_id, payload, state)
                    self.written_bytes += max(len(payload), PAGE_BYTES)
            count = len(values) // _COLUMN_COUNT
            if not count:
                return
            values.append(values[0])
            try:
                if connection.execute(self._sql[count], values).rowcount == count:
                    self._last_id = row_id
                    return
            except sqlite3.IntegrityError:
                pass
            # The first event of this process, or another process was faster.
            self._last_id = largest_id(connection)
        raise StoreError(f"no free id after {_ID_TRIES} tries")

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
