"""The local store: every event is in it before its sinks hear of it, until they have acknowledged it.

One SQLite file (WAL) in a folder. An append is one statement in the caller: one row for each wire
format, with the session state on it, under ids that the store gives. Each sink is a queue, a cursor
over the ids (`_store_queue`). Ids are never used again: a new one is above every id that was ever
taken out, which the INSERT itself checks, so that two processes may append to one store.

Two connections: one appends, one reads and deletes. `_write_lock` orders the writes of this process,
so that they wait for each other without SQLite's sleeps; `_read_lock`, always taken first, guards the
other connection. `append` takes the write lock alone, and never for longer than the busy timeout.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import sqlite3
import tempfile
import threading
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

from capture import _store_schema as schema
from capture._store_locks import FileLock, session_lock_path
from capture._store_queue import DamagedRow, Queue
from capture._store_rows import (
    Pending,
    StoredBatch,
    StoredEvent,
    checksum,
    decode_state,
    encode_state,
    pack,
)
from capture.clock import Clock
from capture.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

__all__ = ["UNSENT", "Pending", "Store", "StoredBatch", "StoredEvent"]

#: The queue of a store without sinks.
UNSENT = "unsent"
#: How long (s) an append waits for another writer before the event is deferred.
BUSY_S = 0.005
#: How long (s) a worker waits for another process's lock.
PATIENT_S = 2.0
#: Events that may wait in memory for the next append.
MAX_DEFERRED = 1000
#: Acknowledged events are taken out in chunks of this many.
_CHUNK = 200
_ID_TRIES = 100

_INSERT = "INSERT INTO events SELECT {rows} WHERE ?1 > (SELECT removed FROM mark)"
_COLUMNS = ", ".join("?" * 9)
_INSERT_ROW = f"INSERT INTO events VALUES ({_COLUMNS})"  # noqa: S608 - constant text
_log = logging.getLogger("capture.store")


class Store:
    """The events of one app that are not delivered yet, and the small state that survives restarts.

    Parameters
    ----------
    folder : Path
        Where the files are; made when missing.
    formats : mapping
        Queue name (a sink's) -> wire format. Empty: one queue, ``unsent``, of the native format.
    durability : {"process", "power", "none"}
        What an append survives: a killed process, a power loss as well, or nothing (a replay's store).
    max_bytes : int
        Bound of database and log together (bytes).
    max_age_s : float
        Events older than this (s) are dropped; ``inf`` keeps them.
    clock : Clock
        Wall clock for the age of events.
    on_drop : callable
        Called with a cause and a number of events, with no lock held, when events are lost.

    Raises
    ------
    StoreError
        When the folder cannot be made or the database not opened.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        formats: Mapping[str, str],
        durability: str = "process",
        max_bytes: int = 30 * 1024 * 1024,
        max_age_s: float = 30 * 86_400.0,
        clock: Clock | None = None,
        on_drop: Callable[[str, int], None] | None = None,
    ) -> None:
        self.folder = Path(folder)
        self.path = self.folder / schema.FILE_NAME
        self.formats = dict(formats) or {UNSENT: "native"}
        self.durability = durability
        self.max_bytes = max_bytes
        self.max_age_s = max_age_s
        #: Events lost so far, by cause.
        self.dropped: dict[str, int] = {}
        #: Events that waited in memory for another writer.
        self.deferred_count = 0
        self._clock = clock or Clock()
        self._on_drop = on_drop
        self._wires = frozenset(self.formats.values())
        self._queues = {
            name: Queue(name, wire, count_gaps=len(self._wires) == 1) for name, wire in self.formats.items()
        }
        self._deferred: deque[StoredEvent] = deque()
        self._losses: list[tuple[str, int]] = []
        self._reset()
        with self._reading():
            pass

    def _reset(self) -> None:
        """Start without connections and locks: at construction, and in a forked child."""
        self._pid = os.getpid()
        self._write_lock = threading.Lock()
        self._read_lock = threading.RLock()
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        self._last_id = 0
        self._deleted: dict[str, int] = {}
        self._session_lock: FileLock | None = None
        self._delivery_lock = FileLock(self.folder / "delivery.lock")

    @classmethod
    def temporary(cls, *, formats: Mapping[str, str], clock: Clock | None = None) -> Store:
        """Return a store in a temporary folder of its own, which `close` removes: a replay's.

        It has no age limit, since the times of a log are not the machine's, and nothing survives the process.
        """
        store = cls(
            tempfile.mkdtemp(prefix="touchcapture-"),
            formats=formats,
            durability="none",
            max_bytes=2**40,
            max_age_s=float("inf"),
            clock=clock,
        )
        store._temporary = True
        return store

    _temporary = False

    # Appending

    def append(
        self,
        session: int,
        payloads: Sequence[tuple[str, bytes]],
        *,
        time_ms: int,
        event_id: str,
        state: Mapping[str, Any] | None = None,
    ) -> bool:
        """Store one event, in one transaction; False when it was deferred.

        Parameters
        ----------
        session : int
            Its session number.
        payloads : sequence of (str, bytes)
            Wire format and encoded event; formats that no queue takes are left out.
        time_ms : int
            When it occurred (ms since the epoch).
        event_id : str
            Its unique id.
        state : mapping, optional
            Keys of the state that this event changes; the others stay.
        """
        blob = b"" if state is None else encode_state(state)
        event = StoredEvent(session, payloads, time_ms, event_id, blob)
        if self._pid != os.getpid():
            self._after_fork()
        if not self._write_lock.acquire(timeout=BUSY_S):
            self._defer(event)
            return False
        try:
            if self._writer is None:
                self._writer = self._open(BUSY_S)
            if self._deferred:
                self._write_deferred(self._writer, event)
            else:
                self._insert(self._writer, event)
        except (sqlite3.Error, StoreError) as error:
            self._failed(error)
            self._defer(event)
            return False
        finally:
            self._write_lock.release()
        return True

    def append_many(
        self, events: Sequence[StoredEvent], *, state: Mapping[str, Any] | None = None, pack_size: int = 50
    ) -> None:
        """Store a chunk of events in one transaction: all or none.

        Neighbours of one session share a row of up to `pack_size` events, which is several times faster
        than a row each.

        Raises
        ------
        StoreError
            When the chunk could not be written.
        """
        if not events:
            return
        with self._writing(BUSY_S if self._pid == os.getpid() else PATIENT_S) as connection:
            self._insert_packed(connection, events, b"" if state is None else encode_state(state), pack_size)

    def _insert(self, connection: sqlite3.Connection, event: StoredEvent) -> None:
        wires = self._wires
        payloads = event.payloads
        for _ in range(_ID_TRIES):
            values: list[Any] = []
            row_id = self._last_id
            state = event.state
            for wire, payload in payloads:
                if wire in wires:
                    row_id += 1
                    crc = checksum(row_id, event.session, wire, payload)
                    values += (
                        row_id,
                        event.session,
                        wire,
                        1,
                        event.time_ms,
                        crc,
                        event.event_id,
                        payload,
                        state,
                    )
                    state = b""
            count = len(values) // 9
            if not count:
                return
            try:
                if connection.execute(_insert_sql(count), values).rowcount == count:
                    self._last_id = row_id
                    return
            except sqlite3.IntegrityError:
                pass
            # Another process was faster.
            self._last_id = _largest_id(connection)
        raise StoreError(f"{self.path}: no free id after {_ID_TRIES} tries")

    def _insert_packed(
        self, connection: sqlite3.Connection, events: Sequence[StoredEvent], state: bytes, pack_size: int
    ) -> None:
        next_id = _largest_id(connection) + 1
        rows: list[tuple[Any, ...]] = []
        for group in _runs(events, pack_size):
            first = group[0]
            ids = " ".join([event.event_id for event in group])
            for position, (wire, _) in enumerate(first.payloads):
                if wire not in self._wires:
                    continue
                count = len(group)
                if count == 1:
                    payload, label = first.payloads[position][1], wire
                else:
                    payload = pack([event.payloads[position][1] for event in group])
                    label = f"{wire}*{count}"
                crc = checksum(next_id, first.session, label, payload)
                rows.append(
                    (next_id, first.session, wire, count, first.time_ms, crc, ids, payload, group[-1].state)
                )
                next_id += count
        if state and rows:
            rows[-1] = (*rows[-1][:-1], state)
        connection.executemany(_INSERT_ROW, rows)
        self._last_id = next_id - 1

    def _defer(self, event: StoredEvent) -> None:
        self.deferred_count += 1
        self._deferred.append(event)
        if len(self._deferred) > MAX_DEFERRED:
            with contextlib.suppress(IndexError):
                self._deferred.popleft()
                self._lost("memory_full", 1)

    def _write_deferred(self, connection: sqlite3.Connection, *more: StoredEvent) -> None:
        """Write what waits in memory, and `more` behind it, in one transaction."""
        connection.execute("BEGIN IMMEDIATE")
        try:
            waiting = list(self._deferred)
            for event in (*waiting, *more):
                self._insert(connection, event)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            self._last_id = 0
            raise
        for _ in waiting:
            self._deferred.popleft()

    # State

    def read_state(self) -> dict[str, Any] | None:
        """Return the state: what `write_state` stored, under what events changed since; None for none."""
        with self._reading() as connection:
            stored = {
                name: (session, row_id, value)
                for name, session, row_id, value in connection.execute(
                    "SELECT name, session, id, value FROM state"
                )
            }
            newest = connection.execute(
                "SELECT session, id, state FROM events WHERE length(state) > 0 "
                "ORDER BY session DESC, id DESC LIMIT 1"
            ).fetchone()
        app = stored.get("app", (0, 0, b""))
        state = decode_state(app[2]) if app[2] else None
        carried = max((row for row in (stored.get("session"), newest) if row), default=None)
        if carried and carried[1] > app[1] and carried[0] >= app[0]:
            changes = decode_state(carried[2])
            if changes is not None:
                state = {**(state or {}), **changes}
        return state

    def write_state(self, state: Mapping[str, Any]) -> None:
        """Replace the state.

        Raises
        ------
        StoreError
            When it could not be written.
        """
        with self._writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO state VALUES ('app', ?, ?, ?)",
                (int(state.get("session_number") or 0), _largest_id(connection), encode_state(state)),
            )

    # Queues

    def next_batch(
        self, queue: str, max_events: int, max_bytes: int = 512_000, *, skip: Collection[int] = ()
    ) -> StoredBatch | None:
        """Return the next events of `queue`, of one session and in order, or None.

        Parameters
        ----------
        queue : str
            Name of the queue.
        max_events, max_bytes : int
            Bounds of the batch; a single event may be larger than `max_bytes`.
        skip : collection of int
            Sessions whose turn it is not.

        Raises
        ------
        StoreError
            When the store cannot be read.
        """
        while True:
            with self._reading() as connection:
                batch, damaged = self._queues[queue].read(connection, max_events, max_bytes, skip)
            if not damaged:
                return batch
            self._bury(damaged)

    def acknowledge(self, queue: str, batch: StoredBatch) -> None:
        """Note that the sink has the events of `batch`; they are taken out once every sink has them."""
        with self._reading() as reader:
            done = self._queues[queue]
            with self._writing() as connection:
                gap = batch.gap if done.cursor(reader) < batch.floor else 0
                done.settle(connection, batch)
                self._take_out(connection, done.format)
        if gap:
            self._lost("missing", gap)
        self._report()

    def dead_letter(self, queue: str, batch: StoredBatch, reason: str) -> None:
        """Give up the events of `batch`: they leave the queue and are kept with the reason."""
        now = self._clock.wall_ns() // 1_000_000
        letters = [
            (queue, row_id, batch.session, batch.format, event_id, reason, now, payload)
            for row_id, event_id, payload in zip(batch.row_ids, batch.event_ids, batch.payloads, strict=True)
        ]
        with self._reading(), self._writing() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO dead_letters VALUES (?, ?, ?, ?, ?, ?, ?, ?)", letters
            )
            self._queues[queue].settle(connection, batch)
            self._take_out(connection, batch.format)

    def pending(self, queue: str) -> Pending:
        """Count what `queue` holds that its sink has not acknowledged; events in memory not included."""
        with self._reading() as connection:
            return self._queues[queue].pending(connection)

    def dead_letters(self, queue: str | None = None) -> int:
        """Count the dead letters, of one queue or of all."""
        with self._reading() as connection:
            row = connection.execute(
                "SELECT count(*) FROM dead_letters WHERE ?1 IS NULL OR queue = ?1", (queue,)
            ).fetchone()
        return int(row[0])

    def _take_out(self, connection: sqlite3.Connection, wire: str, at_least: int = _CHUNK) -> None:
        """Delete the rows that every queue of the format has done, a chunk at a time."""
        done = connection.execute("SELECT MIN(cursor) FROM queues WHERE format = ?", (wire,)).fetchone()[0]
        since = self._deleted.get(wire, 0)
        if done - since < at_least:
            return
        bounds = (since, done, done, wire)
        where = "id > ? AND id <= ? AND id + count - 1 <= ? AND format = ?"
        _fold(connection, where, bounds)
        connection.execute(f"DELETE FROM events WHERE {where}", bounds)  # noqa: S608 - constant text
        connection.execute("UPDATE mark SET removed = MAX(removed, ?)", (done,))
        # A packed row may reach beyond what is done: it is looked at again.
        row = connection.execute("SELECT MAX(id) FROM events WHERE id <= ?", (done,)).fetchone()
        self._deleted[wire] = done if row[0] is None else min(done, row[0] - 1)

    def _bury(self, damaged: Sequence[DamagedRow]) -> None:
        """Move rows whose CRC is wrong to the dead letters, for every queue."""
        now = self._clock.wall_ns() // 1_000_000
        lost = 0
        with self._writing() as connection:
            for row in damaged:
                taken = connection.execute("DELETE FROM events WHERE id = ?", (row.id,)).rowcount
                lost += row.count if taken else 0
                last = row.id + row.count - 1
                connection.execute("UPDATE mark SET removed = MAX(removed, ?)", (last,))
                connection.execute(
                    "INSERT OR REPLACE INTO dead_letters VALUES ('', ?, ?, ?, ?, 'wrong CRC', ?, ?)",
                    (row.id, row.session, row.format, row.event_ids, now, row.payload),
                )
                connection.execute(
                    "INSERT OR REPLACE INTO ahead SELECT name, ?, ? FROM queues", (row.id, last)
                )
        self._lost("damaged", lost)
        self._report()

    # Sessions and delivery: one process each

    def claim_session(self, number: int) -> bool:
        """Take the lock on session `number`; False when another process has it, or it is over.

        A session below the largest that was ever claimed on this store is over. The lock on the
        session before is given up.
        """
        lock = FileLock(session_lock_path(self.folder, number))
        if self._session_lock is not None and self._session_lock.path == lock.path:
            return True
        if not lock.claim():
            return False
        with self._writing() as connection:
            changed = connection.execute(
                "UPDATE mark SET session = ?1 WHERE session <= ?1", (number,)
            ).rowcount
        if not changed:
            lock.release(remove=True)
            return False
        self.release_session()
        self._session_lock = lock
        return True

    def last_session(self) -> int:
        """Return the largest session number that was ever claimed on this store; 0 for none."""
        with self._reading() as connection:
            return int(connection.execute("SELECT session FROM mark").fetchone()[0])

    def is_live(self, session: int) -> bool:
        """Tell whether this or another process holds `session`."""
        path = session_lock_path(self.folder, session)
        if self._session_lock is not None and self._session_lock.path == path:
            return True
        if not path.exists():
            return False
        lock = FileLock(path)
        free = lock.claim()
        lock.release(remove=True)
        return not free

    def release_session(self) -> None:
        """Give up the lock on the session."""
        if self._session_lock is not None:
            self._session_lock.release(remove=True)
            self._session_lock = None

    def claim_delivery(self) -> bool:
        """Become the process that delivers; False while another one is."""
        return self._delivery_lock.claim()

    def release_delivery(self) -> None:
        """Let another process deliver."""
        self._delivery_lock.release()

    # The end

    def purge(self) -> int:
        """Drop everything that is pending, and the dead letters; return how many events were taken out."""
        with self._reading(), self._writing() as connection:
            last = _largest_id(connection)
            count = connection.execute("SELECT COALESCE(SUM(count), 0) FROM events").fetchone()[0]
            _fold(connection, "id <= ?", (last,))
            connection.execute("DELETE FROM events")
            connection.execute("DELETE FROM ahead")
            connection.execute("DELETE FROM dead_letters")
            connection.execute("UPDATE queues SET cursor = ?", (last,))
            connection.execute("UPDATE mark SET removed = MAX(removed, ?)", (last,))
        return int(count)

    def destroy(self) -> None:
        """Delete the store: events, ids, counters and state; the folder stays."""
        self._deferred.clear()
        self.release_session()
        self.release_delivery()
        with self._read_lock, self._write_lock:
            self._disconnect()
            for path in (*self.folder.glob(f"{schema.FILE_NAME}*"), *self.folder.glob("*.lock")):
                with contextlib.suppress(OSError):
                    path.unlink()

    def close(self) -> None:
        """Write what waits in memory, give up the locks and close the files; may be called twice."""
        if self._pid != os.getpid():
            self._after_fork()
        if self._deferred:
            with contextlib.suppress(StoreError), self._writing():
                pass
            if self._deferred:
                self._lost("close", len(self._deferred))
                self._deferred.clear()
        self.release_session()
        self.release_delivery()
        with self._read_lock, self._write_lock:
            self._disconnect()
        if self._temporary:
            shutil.rmtree(self.folder, ignore_errors=True)
        self._report()

    # Connections

    def _open(self, busy_s: float) -> sqlite3.Connection:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            connection = schema.connect(self.path, durability=self.durability, busy_s=busy_s)
            schema.prepare(connection)
            self._register(connection)
        except (OSError, sqlite3.Error, schema.Foreign) as error:
            raise StoreError(f"{self.path}: cannot be opened: {error}") from error
        return connection

    def _register(self, connection: sqlite3.Connection) -> None:
        known = dict(connection.execute("SELECT name, cursor FROM queues"))
        for name, wire in self.formats.items():
            if name in known:
                continue
            # The first sinks take over what was recorded without one; a later one starts with what is new.
            start = known[UNSENT] if UNSENT in known else _largest_id(connection) if known else 0
            connection.execute("INSERT OR IGNORE INTO queues VALUES (?, ?, ?)", (name, wire, start))
        if UNSENT in known and UNSENT not in self.formats:
            connection.execute("DELETE FROM queues WHERE name = ?", (UNSENT,))

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """Hold the reading connection."""
        if self._pid != os.getpid():
            self._after_fork()
        with self._read_lock:
            try:
                if self._reader is None:
                    self._reader = self._open(PATIENT_S)
                yield self._reader
            except sqlite3.Error as error:
                self._failed(error)
                raise StoreError(f"{self.path}: {error}") from error

    @contextlib.contextmanager
    def _writing(self, busy_s: float = PATIENT_S) -> Iterator[sqlite3.Connection]:
        """Hold a transaction on the writing connection, behind what waits in memory."""
        if self._pid != os.getpid():
            self._after_fork()
        with self._write_lock:
            try:
                if self._writer is None:
                    self._writer = self._open(BUSY_S)
                connection = self._writer
                if busy_s != BUSY_S:
                    connection.execute(f"PRAGMA busy_timeout = {int(busy_s * 1000)}")
                try:
                    if self._deferred:
                        self._write_deferred(connection)
                    connection.execute("BEGIN IMMEDIATE")
                    yield connection
                    connection.execute("COMMIT")
                finally:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    if busy_s != BUSY_S:
                        connection.execute(f"PRAGMA busy_timeout = {int(BUSY_S * 1000)}")
            except sqlite3.Error as error:
                self._failed(error)
                raise StoreError(f"{self.path}: {error}") from error

    def _disconnect(self) -> None:
        for connection in (self._reader, self._writer):
            if connection is not None:
                with contextlib.suppress(sqlite3.Error):
                    connection.close()
        self._reader = self._writer = None

    def _after_fork(self) -> None:
        """Start afresh in a forked child: the parent's connections, locks and events are not ours."""
        _inherited.append((self._writer, self._reader))
        for lock in (self._session_lock, self._delivery_lock):
            if lock is not None:
                lock.forget()
        self._deferred.clear()
        self._losses.clear()
        self._reset()

    # Losses

    def _failed(self, error: Exception) -> None:
        _log.debug("%s: %s", self.path, error)

    def _lost(self, cause: str, count: int) -> None:
        if count:
            self.dropped[cause] = self.dropped.get(cause, 0) + count
            self._losses.append((cause, count))

    def _report(self) -> None:
        """Tell what was lost, with no lock held."""
        while self._losses:
            cause, count = self._losses.pop()
            if self._on_drop is not None:
                self._on_drop(cause, count)


#: Connections that a forked child must neither use nor close.
_inherited: list[Any] = []
_statements: dict[int, str] = {}


def _insert_sql(count: int) -> str:
    sql = _statements.get(count)
    if sql is None:
        rows = _COLUMNS.replace("?", "?1", 1)
        if count > 1:
            more = f" UNION ALL SELECT {_COLUMNS}" * (count - 1)
            chosen = f"SELECT * FROM (SELECT {_COLUMNS}{more})"  # noqa: S608 - constant text
            sql = f"INSERT INTO events {chosen} WHERE ?1 > (SELECT removed FROM mark)"  # noqa: S608 - constant text
        else:
            sql = _INSERT.format(rows=rows)
        _statements[count] = sql
    return sql


def _largest_id(connection: sqlite3.Connection) -> int:
    """Return the largest id that was ever given."""
    row = connection.execute(
        "SELECT MAX(COALESCE((SELECT id + count - 1 FROM events ORDER BY id DESC LIMIT 1), 0), removed, "
        "COALESCE((SELECT MAX(cursor) FROM queues), 0)) FROM mark"
    ).fetchone()
    return int(row[0])


def _fold(connection: sqlite3.Connection, where: str, bounds: Sequence[Any]) -> None:
    """Keep the newest state of rows that are about to be deleted."""
    connection.execute(
        f"INSERT INTO state SELECT 'session', session, id, state FROM events WHERE {where} "  # noqa: S608 - constant text
        "AND length(state) > 0 ORDER BY session DESC, id DESC LIMIT 1 "
        "ON CONFLICT (name) DO UPDATE "
        "SET session = excluded.session, id = excluded.id, value = excluded.value "
        "WHERE (excluded.session, excluded.id) > (session, id)",
        bounds,
    )


def _runs(events: Sequence[StoredEvent], size: int) -> Iterator[Sequence[StoredEvent]]:
    """Split into runs of one session, of at most `size` events."""
    start = 0
    for index in range(1, len(events) + 1):
        if (
            index == len(events)
            or index - start >= size
            or events[index].session != events[start].session
            or len(events[index].payloads) != len(events[start].payloads)
        ):
            yield events[start:index]
            start = index
