"""The local store: every event is in it before its sinks hear of it, until they have acknowledged it.

One SQLite file (WAL) in a folder. An append is one statement in the caller: one row for each wire
format, with the session state on it, under ids that the store gives. Each sink is a queue, a cursor
over the ids (`_store_queue`). Ids are never used again: a new one is above every id that was ever
taken out, which the INSERT itself checks, so that two processes may append to one store.

`Store.append` takes one lock, for never longer than the busy timeout. Bounds, log and recovery are
looked after by `Store.upkeep`, which a worker thread calls.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from capture import _store_schema as schema
from capture._store_append import Appender
from capture._store_file import BUSY_S, StoreFile, error_code
from capture._store_locks import Claims
from capture._store_losses import Losses
from capture._store_queue import DamagedRow, Queue
from capture._store_rows import Pending, StoredBatch, StoredEvent, encode_state
from capture._store_state import read_state, write_state
from capture._store_upkeep import Upkeep, bury
from capture.clock import Clock
from capture.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

__all__ = ["UNSENT", "Pending", "Store", "StoredBatch", "StoredEvent"]

#: The queue of a store without sinks.
UNSENT = "unsent"
#: Readings of a batch that may find the file damaged before it is given up for now.
_READ_TRIES = 20
#: Times that an append makes room for what waits in memory.
_ROOM_TRIES = 30


class Store:
    """The events of one app that are not delivered yet, and the small state that survives restarts.

    A store whose folder cannot be written takes events all the same: as many as fit wait in memory, the
    others are dropped and counted.

    Parameters
    ----------
    folder : Path
        Where the files are; made when missing.
    formats : mapping
        Queue name (a sink's) -> wire format. Empty: one queue, ``unsent``, of the native format.
    durability : {"process", "power", "none"}
        What an append survives: a killed process, a power loss as well, or nothing: then it is in memory.
    max_bytes : int
        Bound of database and log together (bytes).
    max_age_s : float
        Events older than this (s) are dropped; ``inf`` keeps them.
    clock : Clock
        Wall clock for the age of events.
    on_drop : callable
        Called with a cause and a number of events, with no lock held, when events are lost.
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
        self.formats = dict(formats) or {UNSENT: "native"}
        #: Events that waited in memory for another writer.
        self.deferred_count = 0
        self._max_age_s = max_age_s
        self._clock = clock or Clock()
        self._losses = Losses(os.fspath(folder), on_drop)
        #: State that could not be written yet.
        self._unwritten: dict[str, Any] | None = None
        self._wires = frozenset(self.formats.values())
        single = len(self._wires) == 1
        self._queues = {name: Queue(name, wire, count_gaps=single) for name, wire in self.formats.items()}
        self._appender = Appender(self._wires, self._losses.add)
        self._claims = Claims(self.folder)
        self._file = StoreFile(
            self.folder / schema.FILE_NAME,
            durability=durability,
            on_open=self._opened,
            on_loss=self._recovered,
        )
        self._upkeep = Upkeep(self._file, max_bytes=max_bytes, on_loss=self._losses.add)
        #: Bytes written after which an append looks at the length of the log.
        self._relieve_at = self._upkeep.slice_bytes
        self._pid = os.getpid()
        self._try_to_open()

    @classmethod
    def temporary(cls, *, formats: Mapping[str, str], clock: Clock | None = None) -> Store:
        """Return a store in memory, without bounds: a replay's, which drains it after every chunk.

        It has no age limit, since the times of a log are not the machine's.
        """
        return cls(
            Path(tempfile.gettempdir()) / f"touchcapture-{uuid.uuid4().hex}",
            formats=formats,
            durability="none",
            max_bytes=2**40,
            max_age_s=float("inf"),
            clock=clock,
        )

    @property
    def dropped(self) -> dict[str, int]:
        """Events lost so far, by cause."""
        return self._losses.dropped

    @property
    def path(self) -> Path:
        """The database."""
        return self._file.path

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
        event = StoredEvent(
            session, payloads, time_ms, event_id, b"" if state is None else encode_state(state)
        )
        if self._pid != os.getpid():
            self._after_fork()
        file, appender = self._file, self._appender
        if (
            appender.written_bytes > self._relieve_at and not self._has_room()
        ) or not file.write_lock.acquire(timeout=BUSY_S):
            self._defer(event)
            return False
        try:
            connection = file.writer()
            if appender.deferred:
                appender.insert_deferred(connection, event)
            else:
                appender.insert(connection, event)
        except (sqlite3.Error, StoreError) as error:
            return self._append_failed(event, error)
        finally:
            file.write_lock.release()
            if self._losses.untold:
                self._losses.report()
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
        blob = b"" if state is None else encode_state(state)
        with self._writing() as connection:
            self._appender.insert_packed(connection, events, blob, pack_size)

    def _append_failed(self, event: StoredEvent, error: sqlite3.Error | StoreError) -> bool:
        """Make room and try once more where the bound is reached; defer otherwise. Holds the write lock."""
        self._appender.forget_ids()
        if error_code(error) == sqlite3.SQLITE_FULL:
            if self._make_room(event):
                return True
        elif isinstance(error, sqlite3.Error):
            self._file.failed(error)
        self._losses.say("deferred", f"events wait in memory: {error}")
        self._defer(event)
        return False

    def _has_room(self) -> bool:
        try:
            room = self._upkeep.has_room()
        except (sqlite3.Error, StoreError):
            return True
        if room:
            self._relieve_at = self._appender.written_bytes + self._upkeep.slice_bytes
        return room

    def _make_room(self, event: StoredEvent) -> bool:
        for _ in range(_ROOM_TRIES):
            try:
                connection = self._file.writer()
                if not self._upkeep.is_full(connection):
                    return False
                self._upkeep.make_room(connection, min(2 * len(self._appender.deferred), 100))
                self._appender.insert_deferred(connection, event)
            except StoreError:
                return False
            except sqlite3.Error as error:
                if error_code(error) != sqlite3.SQLITE_FULL:
                    return False
            else:
                return True
        return False

    def _defer(self, event: StoredEvent) -> None:
        self.deferred_count += 1
        self._appender.defer(event)

    # State

    def read_state(self) -> dict[str, Any] | None:
        """Return the state: what `write_state` stored, under what events changed since; None for none."""
        try:
            with self._reading() as connection:
                return read_state(connection, self._unwritten)
        except StoreError:
            return self._unwritten

    def write_state(self, state: Mapping[str, Any]) -> bool:
        """Replace the state; False when it could only be kept in memory, until the file can be written."""
        self._unwritten = dict(state)
        try:
            with self._writing():
                return True
        except StoreError as error:
            self._losses.say("state", f"the state is kept in memory: {error}")
            return False

    # Queues

    def next_batch(
        self, queue: str, max_events: int, max_bytes: int = 500_000, *, skip: Collection[int] = ()
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
        for _ in range(_READ_TRIES):
            try:
                with self._reading() as connection:
                    batch, damaged = self._queues[queue].read(connection, max_events, max_bytes, skip)
                if not damaged:
                    return batch
                self._bury(damaged)
            except StoreError:
                if not self._file.damaged:
                    raise
        raise StoreError(f"{self.path}: damaged again and again")

    def _bury(self, damaged: Sequence[DamagedRow]) -> None:
        """Give up rows whose CRC is wrong; where they cannot be found again, the file itself is damaged."""
        with self._writing() as connection:
            lost = bury(connection, damaged, self._now_ms())
        self._file.damaged = lost == 0
        self._losses.add("damaged", lost)
        self._losses.report()

    def acknowledge(self, queue: str, batch: StoredBatch) -> None:
        """Note that the sink has the events of `batch`; they are taken out once every sink has them."""
        gap = batch.gap
        with self._writing() as connection:
            if gap and self._queues[queue].cursor(connection) >= batch.floor:
                gap = 0
            self._queues[queue].settle(connection, batch)
            self._upkeep.take_out(connection, batch.format, batch.floor)
        self._losses.recover()
        self._losses.add("missing", gap)
        self._losses.report()

    def dead_letter(self, queue: str, batch: StoredBatch, reason: str) -> None:
        """Give up the events of `batch`: they leave the queue and are kept with the reason."""
        now_ms = self._now_ms()
        letters = [
            (queue, row_id, batch.session, batch.format, event_id, reason, now_ms, payload)
            for row_id, event_id, payload in zip(batch.row_ids, batch.event_ids, batch.payloads, strict=True)
        ]
        with self._writing() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO dead_letters VALUES (?, ?, ?, ?, ?, ?, ?, ?)", letters
            )
            self._queues[queue].settle(connection, batch)
            self._upkeep.take_out(connection, batch.format, batch.floor)

    def pending(self, queue: str) -> Pending:
        """Count what `queue` holds that its sink has not acknowledged; events in memory not included."""
        with self._reading() as connection:
            return self._queues[queue].pending(connection)

    @property
    def waiting_in_memory(self) -> int:
        """Events that wait in memory for the next append."""
        return len(self._appender.deferred)

    # Sessions and delivery: one process each

    def claim_session(self, number: int) -> bool:
        """Take the lock on session `number`; False when another process has it, or it is over.

        A session below the largest that was ever claimed on this store is over. The lock on the
        session before is given up. Where nothing can be written there is nobody to share with: True.
        """
        return self._claims.claim_session(number, lambda: self._admit_session(number))

    def _admit_session(self, number: int) -> bool:
        try:
            with self._writing() as connection:
                if number < schema.mark_of(connection)[1]:
                    return False
                schema.set_mark(connection, 0, number)
        except StoreError:
            return True
        return True

    def last_session(self) -> int:
        """Return the largest session number that was ever claimed on this store; 0 for none."""
        try:
            with self._reading() as connection:
                return schema.mark_of(connection)[1]
        except StoreError:
            return 0

    def is_live(self, session: int) -> bool:
        """Tell whether this or another process holds `session`."""
        return self._claims.is_live(session)

    def release_session(self) -> None:
        """Give up the lock on the session."""
        self._claims.release_session()

    def claim_delivery(self) -> bool:
        """Become the process that delivers; False while another one is."""
        if self._pid != os.getpid():
            self._after_fork()
        return self._claims.claim_delivery()

    def release_delivery(self) -> None:
        """Let another process deliver."""
        self._claims.release_delivery()

    # Upkeep and the end

    @property
    def needs_upkeep(self) -> bool:
        """Whether so much was written that `upkeep` should not wait."""
        return self._appender.written_bytes > self._upkeep.slice_bytes or self._file.damaged

    def upkeep(self) -> None:
        """Write what waits in memory, take out what is done, keep the bounds: for a worker thread.

        Raises
        ------
        StoreError
            When the file cannot be used now.
        """
        self._appender.written_bytes = 0
        self._relieve_at = self._upkeep.slice_bytes
        try:
            with self._writing():
                pass
            self._upkeep.checkpoint()
            self._upkeep.tidy(self._wires)
            if self._max_age_s != float("inf"):
                self._upkeep.drop_old(self._now_ms() - int(self._max_age_s * 1000))
            self._upkeep.keep_bound()
            self._upkeep.checkpoint()
            if not self._appender.written_bytes:
                self._upkeep.shrink()
        finally:
            self._losses.report()

    def purge(self) -> int:
        """Drop what is pending, and the dead letters; return how many events were taken out."""
        with self._writing() as connection:
            count = connection.execute("SELECT COALESCE(SUM(count), 0) FROM events").fetchone()[0]
            self._upkeep.empty(connection)
        return int(count)

    def destroy(self) -> None:
        """Delete the store for good: events, ids, counters and state; the folder stays."""
        self._appender.deferred.clear()
        self._unwritten = None
        self._end()
        for path in (*self.folder.glob(f"{schema.FILE_NAME}*"), *self.folder.glob("*.lock")):
            with contextlib.suppress(OSError):
                path.unlink()

    def close(self) -> None:
        """Write what waits in memory, give up the locks and close the files; may be called twice."""
        if self._pid != os.getpid():
            self._after_fork()
        if not self._file.closed:
            with contextlib.suppress(StoreError), self._writing():
                pass
            self._losses.add("close", len(self._appender.deferred))
            self._appender.deferred.clear()
        self._end()
        self._losses.report()

    def _end(self) -> None:
        self._claims.release_session()
        self._claims.release_delivery()
        with self._file.read_lock, self._file.write_lock:
            self._file.closed = True
            self._file.disconnect()

    # Behind the scenes

    def _reading(self) -> contextlib.AbstractContextManager[sqlite3.Connection]:
        if self._pid != os.getpid():
            self._after_fork()
        return self._file.reading()

    def _writing(self) -> contextlib.AbstractContextManager[sqlite3.Connection]:
        if self._pid != os.getpid():
            self._after_fork()
        return self._file.writing(self._catch_up)

    def _catch_up(self, connection: sqlite3.Connection) -> None:
        """Write what waits in memory before anything else."""
        self._appender.insert_deferred(connection)
        if self._unwritten is not None:
            write_state(connection, self._unwritten)
            self._unwritten = None

    def _try_to_open(self) -> None:
        # Twice: a damaged or foreign file is moved aside at the second.
        for _ in range(2):
            try:
                with self._file.reading():
                    return
            except StoreError as error:
                problem = error
        self._losses.say("open", f"{problem}; events wait in memory")

    def _opened(self, connection: sqlite3.Connection) -> None:
        """Make a new connection ready: bounds, queues."""
        self._upkeep.limit(connection)
        schema.register(connection, self.formats, takes_over=UNSENT)

    def _recovered(self, cause: str, count: int) -> None:
        self._appender.forget_ids()
        self._upkeep.forget()
        self._losses.add(cause, count)

    def _after_fork(self) -> None:
        """Start afresh in a forked child: the parent's connections, locks and events are not ours."""
        self._pid = os.getpid()
        if self._file.pid != 0:
            # Forked by something that runs no fork handlers.
            self._file.inherit()
        self._file.pid = self._pid
        self._claims.forget()
        self._appender = Appender(self._wires, self._losses.add)
        self._upkeep.forget()
        self._losses.untold.clear()

    def _now_ms(self) -> int:
        return self._clock.wall_ns() // 1_000_000
