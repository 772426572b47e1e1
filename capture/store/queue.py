"""Queues of the store: where each sink stands, what is next for it, what it has done.

One row serves every sink of its wire format. A queue is a cursor over the ids: everything up to it is
done. Events that are done beyond it (another session's are still pending in between) are kept as
ranges `ahead` of it. The position lives in the file alone, so that a purge by another process counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias
from zlib import crc32

import msgspec

from capture.store.rows import Pending, StoredBatch, intact
from capture.store.schema import cursor_of, mend_queue, queue_crc, set_cursor

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterable, Iterator

    from capture.store.fresh import Fresh

__all__ = ["DamagedRow", "Queue"]

#: The rows from the one that a place is in: it may be within a packed row.
_FROM = "FROM events WHERE id >= COALESCE((SELECT MAX(id) FROM events WHERE id <= ?), 0)"
_READ = (
    "SELECT id, session, CAST(format AS BLOB), count, time_ms, crc, CAST(event_ids AS BLOB), payload "
    f"{_FROM} ORDER BY id"
)
_ADVANCE = "UPDATE queues SET cursor = ?, crc = ? WHERE name = ? AND cursor < ?"
#: Where a queue stands, and whether there are ids ahead of that which are done.
_PLACE = "SELECT cursor, crc, EXISTS (SELECT 1 FROM ahead WHERE queue = name) FROM queues WHERE name = ?"
_Row: TypeAlias = "tuple[int, int, bytes, int, int, int, bytes, bytes]"
#: Rows that a reading looks through behind a pending event of another session.
_WINDOW = 400


class DamagedRow(msgspec.Struct, frozen=True):
    """A row whose CRC or packing is wrong: never sent. Nothing in it but the id is sure to be what it was."""

    id: int
    session: Any
    format: Any
    event_ids: Any
    payload: Any


class _Reading(msgspec.Struct):
    """A batch in the making."""

    start: int
    expected: int
    max_events: int
    max_bytes: int
    skip: Collection[int]
    ahead: list[tuple[int, int]]
    session: int | None = None
    row_ids: list[int] = []
    payloads: list[bytes] = []
    event_ids: list[str] = []
    oldest_ms: int = 0
    byte_count: int = 0
    first_skipped: int | None = None
    rows_after_skip: int = 0
    gap: int = 0
    full: bool = False

    def add(self, row_id: int, session: int, payload: bytes, event_id: str) -> None:
        """Take one event, unless it would make the batch too large."""
        if self.row_ids and self.byte_count + len(payload) > self.max_bytes:
            self.full = True
            return
        self.session = session
        self.row_ids.append(row_id)
        self.payloads.append(payload)
        self.event_ids.append(event_id)
        self.byte_count += len(payload)
        self.full = len(self.row_ids) >= self.max_events


class Queue:
    """One sink's place in the store.

    Parameters
    ----------
    name : str
        The sink's name.
    wire : str
        Wire format of the rows that it takes.
    count_gaps : bool
        Whether a missing id is a lost event: only where all rows are of one format.
    """

    def __init__(self, name: str, wire: str, *, count_gaps: bool) -> None:
        self.name = name
        self.format = wire
        self._wire = wire.encode()
        self.count_gaps = count_gaps
        #: Up to here there is nothing for this queue: rows of other formats are not read again.
        self._seen = 0
        #: Where the cursor has just been put, for the reading that follows at once.
        self._advanced: int | None = None

    def forget(self) -> None:
        """Start afresh: in a forked child, in another file, where the same ids may be other events."""
        self._seen = 0
        self._advanced = None

    def read(
        self,
        connection: sqlite3.Connection,
        max_events: int,
        max_bytes: int,
        skip: Collection[int],
        fresh: Fresh,
    ) -> tuple[StoredBatch | None, list[DamagedRow]]:
        """Return the next events of one session, leaving out the sessions of `skip`, and damaged rows."""
        known = self._advanced
        cursor, ahead = self._place(connection)
        start = max(cursor, self._seen)
        if not ahead:
            batch = fresh.batch(
                self.name, self.format, start, max_events=max_events, max_bytes=max_bytes, skip=skip
            )
            if batch is not None:
                return batch, []
        if skip and not _has_others(connection, start, skip):
            return None, []
        reading = _Reading(start, start + 1, max_events, max_bytes, skip, ahead)
        damaged: list[DamagedRow] = []
        rows = connection.execute(_READ, (start,))
        try:
            for row in rows:
                if row[0] <= start and isinstance(row[3], int) and row[0] + row[3] <= start + 1:
                    continue
                if not self._take_next(reading, row):
                    self._take(reading, row, damaged)
                if reading.full or reading.rows_after_skip > _WINDOW:
                    break
        finally:
            rows.close()
        if reading.gap and known is not None:
            # Dropped by another process just now, maybe: its cursor tells.
            return self.read(connection, max_events, max_bytes, skip, fresh)
        if not reading.row_ids or reading.session is None:
            if reading.first_skipped is None and not damaged and not reading.gap:
                self._seen = max(start, reading.expected - 1)
            return None, damaged
        last = reading.row_ids[-1]
        skipped = reading.first_skipped
        batch = StoredBatch(
            queue=self.name,
            format=self.format,
            session=reading.session,
            row_ids=reading.row_ids,
            payloads=reading.payloads,
            event_ids=reading.event_ids,
            oldest_ms=reading.oldest_ms,
            byte_count=reading.byte_count,
            floor=_floor(reading, last),
            full=reading.full,
            has_ahead=bool(reading.ahead),
            gap=reading.gap if self.count_gaps and (skipped is None or skipped > last) else 0,
        )
        return batch, damaged

    def _take_next(self, reading: _Reading, row: _Row) -> bool:
        """Take a row of one event that follows on the last one: the short way for a live app."""
        row_id, session, wire, count, _, crc, event_id, payload = row
        if (
            count != 1
            or row_id != reading.expected
            or session != reading.session
            or wire != self._wire
            or reading.ahead
            or reading.first_skipped is not None
            or type(payload) is not bytes
            or reading.byte_count + len(payload) > reading.max_bytes
            or crc32(payload, crc32(b"%d,%d,%s," % (row_id, session, wire))) != crc
        ):
            return False
        reading.expected = row_id + 1
        reading.row_ids.append(row_id)
        reading.payloads.append(payload)
        reading.event_ids.append(event_id.decode(errors="replace"))
        reading.byte_count += len(payload)
        reading.full = len(reading.row_ids) >= reading.max_events
        return True

    def _take(self, reading: _Reading, row: _Row, damaged: list[DamagedRow]) -> None:
        row_id, session, wire, count, time_ms, _, event_ids, payload = row
        if row_id > reading.expected:
            reading.gap += row_id - reading.expected
            reading.gap -= _overlap(reading.ahead, reading.expected, row_id - 1)
        events = intact(row)
        if events is None:
            damaged.append(DamagedRow(row_id, session, wire, event_ids, payload))
            reading.expected = row_id + 1
            return
        reading.expected = row_id + count
        if wire != self._wire:
            return
        if reading.first_skipped is not None:
            reading.rows_after_skip += 1
        if self._take_whole(reading, row, events):
            return
        names = event_ids.decode(errors="replace").split(" ")
        for index in range(max(0, reading.start + 1 - row_id), count):
            event = row_id + index
            if reading.ahead and _overlap(reading.ahead, event, event):
                continue
            if session in reading.skip or reading.session not in {None, session}:
                reading.first_skipped = reading.first_skipped or event
                return
            reading.add(event, session, events[index], names[index] if len(names) == count else str(event))
            if not reading.oldest_ms and isinstance(time_ms, int):
                reading.oldest_ms = time_ms
            if reading.full:
                return

    @staticmethod
    def _take_whole(reading: _Reading, row: _Row, events: list[bytes]) -> bool:
        """Take all events of a row at once, where none of them asks for a closer look."""
        row_id, session, _, count, time_ms, _, event_ids, _ = row
        size = sum(map(len, events))
        names = event_ids.split(b" ")
        if (
            reading.ahead
            or row_id <= reading.start
            or len(names) != count
            or session in reading.skip
            or reading.session not in {None, session}
            or len(reading.row_ids) + count > reading.max_events
            or reading.byte_count + size > reading.max_bytes
        ):
            return False
        reading.session = session
        reading.row_ids += range(row_id, row_id + count)
        reading.payloads += events
        reading.event_ids += event_ids.decode(errors="replace").split(" ")
        reading.byte_count += size
        reading.full = len(reading.row_ids) >= reading.max_events
        if not reading.oldest_ms and isinstance(time_ms, int):
            reading.oldest_ms = time_ms
        return True

    def advance(self, connection: sqlite3.Connection, batch: StoredBatch) -> bool:
        """Mark the events of `batch` as done by moving the cursor alone; tell whether that was all."""
        floor = batch.floor
        if batch.has_ahead or batch.row_ids[-1] > floor:
            return False
        values = (floor, queue_crc(self.name, floor), self.name, floor)
        if connection.execute(_ADVANCE, values).rowcount != 1:
            return False
        self._advanced = floor
        return True

    def settle(self, connection: sqlite3.Connection, batch: StoredBatch) -> None:
        """Mark the events of `batch` as done; the caller has begun a transaction."""
        if not set_cursor(connection, self.name, batch.floor):
            mend_queue(connection, self.name, self.format)
            set_cursor(connection, self.name, batch.floor)
        if batch.has_ahead:
            connection.execute("DELETE FROM ahead WHERE queue = ? AND last <= ?", (self.name, batch.floor))
        if batch.row_ids[-1] > batch.floor:
            beyond = [row_id for row_id in batch.row_ids if row_id > batch.floor]
            connection.executemany(
                "INSERT OR REPLACE INTO ahead VALUES (?, ?, ?)",
                [(self.name, first, last) for first, last in _ranges(beyond)],
            )

    def cursor(self, connection: sqlite3.Connection) -> int:
        """Return the id up to which everything is done."""
        return cursor_of(connection, self.name)

    def pending(self, connection: sqlite3.Connection) -> Pending:
        """Count what is not done."""
        cursor = self.cursor(connection)
        ahead = self._ahead(connection)
        sessions: dict[int, int] = {}
        oldest: int | None = None
        rows = connection.execute(
            "SELECT id, session, count, time_ms FROM events WHERE id + count - 1 > ? AND format = ?",
            (cursor, self.format),
        )
        for row_id, session, count, time_ms in rows:
            if not isinstance(count, int) or not isinstance(time_ms, int):
                # Damaged: the reading finds out.
                continue
            left = row_id + count - max(row_id, cursor + 1)
            left -= _overlap(ahead, max(row_id, cursor + 1), row_id + count - 1)
            if left > 0:
                sessions[session] = sessions.get(session, 0) + left
                oldest = time_ms if oldest is None else min(oldest, time_ms)
        return Pending(count=sum(sessions.values()), sessions=sessions, oldest_ms=oldest)

    def events(self, connection: sqlite3.Connection) -> Iterator[tuple[int, str, bytes]]:
        """Read every pending event whose CRC is right: session, event id, payload."""
        start, ahead = self.cursor(connection), self._ahead(connection)
        for row in connection.execute(_READ, (start,)):
            events = intact(row) if row[2] == self._wire else None
            names = row[6].decode(errors="replace").split(" ") if events else []
            for index, payload in enumerate(events or ()):
                row_id = row[0] + index
                if row_id > start and not _overlap(ahead, row_id, row_id):
                    yield row[1], names[index] if index < len(names) else str(row_id), payload

    def _place(self, connection: sqlite3.Connection) -> tuple[int, list[tuple[int, int]]]:
        """Return the cursor, and the ids that are done ahead of it."""
        advanced, self._advanced = self._advanced, None
        if advanced is not None:
            return advanced, []
        row = connection.execute(_PLACE, (self.name,)).fetchone()
        if row is None or queue_crc(self.name, row[0]) != row[1]:
            return self.cursor(connection), self._ahead(connection)
        return row[0], self._ahead(connection) if row[2] else []

    def _ahead(self, connection: sqlite3.Connection) -> list[tuple[int, int]]:
        return connection.execute(
            "SELECT first, last FROM ahead WHERE queue = ? ORDER BY first", (self.name,)
        ).fetchall()


def _has_others(connection: sqlite3.Connection, start: int, skip: Collection[int]) -> bool:
    """Tell whether there may be an event behind `start` of a session that is not to be skipped."""
    sessions = ", ".join("?" * len(skip))
    row = connection.execute(
        f"SELECT EXISTS (SELECT 1 {_FROM} AND session NOT IN ({sessions}))",
        (start, *skip),
    ).fetchone()
    return bool(row[0])


def _floor(reading: _Reading, last: int) -> int:
    if reading.first_skipped is not None and reading.first_skipped < last:
        return reading.first_skipped - 1
    # Everything was looked at: what follows the batch is done or another format's.
    return last if reading.full or reading.first_skipped is not None else reading.expected - 1


def _overlap(ranges: Iterable[tuple[int, int]], first: int, last: int) -> int:
    return sum(max(0, min(last, stop) - max(first, start) + 1) for start, stop in ranges)


def _ranges(ids: list[int]) -> Iterator[tuple[int, int]]:
    start = 0
    for index in range(1, len(ids) + 1):
        if index == len(ids) or ids[index] != ids[index - 1] + 1:
            yield ids[start], ids[index - 1]
            start = index
