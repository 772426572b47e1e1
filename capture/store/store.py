"""The local store: every event is in it before its sinks hear of it, until they have acknowledged it.

One SQLite file (WAL) in a folder. An append is one statement in the caller: one row for each wire
format, with the session state on it, under ids that the store gives. Each sink is a queue, a cursor
over the ids (`capture.store.queue`). Ids are never used again: a new one is above every id that was ever
taken out, which the INSERT itself checks, so that two processes may append to one store.

`Store.append` takes one lock, for never longer than the busy timeout. Bounds, log and recovery are
looked after by `Store.upkeep`, which a worker thread calls.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from typing import TYPE_CHECKING, Any

import msgspec

from capture.errors import StoreError
from capture.store import schema
from capture.store.core import UNSENT, StoreCore
from capture.store.dead_letters import bury
from capture.store.errand import Errand
from capture.store.file import BUSY_S, error_code
from capture.store.rows import Pending, StoredBatch, StoredEvent, encode_state
from capture.store.upkeep import CHUNK

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from capture.store.queue import DamagedRow

__all__ = ["UNSENT", "Pending", "Store", "StoredBatch", "StoredEvent"]

#: Readings of a batch that may find the file damaged before it is given up for now.
_READ_TRIES = 20
#: Times that an append makes room for what waits in memory.
_ROOM_TRIES = 30


class Store(StoreCore):
    """The events of one app that are not delivered yet, and the small state that survives restarts.

    A store whose folder cannot be written takes events all the same: as many as fit wait in memory, the
    others are dropped and counted.

    Parameters
    ----------
    folder : Path
        Where the files are; made when missing.
    formats : mapping
        Queue name (a sink's) -> wire format. Empty: one queue, ``unsent``, of the native format.
    durability : {"process", "power"}
        What an append survives: a killed process, or a power loss as well.
    max_bytes : int
        Bound of database and log together (bytes).
    max_age_s : float
        Events older than this (s) are dropped; ``inf`` keeps them.
    clock : Clock
        Wall clock for the age of events.
    on_drop : callable
        Called with a cause and a number of events, with no lock held, when events are lost.
    """

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
        if self.pid != os.getpid():
            self._after_fork()
        file, appender = self._file, self._appender
        if (appender.written_bytes > self._relieve_at and not self._has_room()) or not (
            file.write_lock.acquire(blocking=False) or file.write_lock.acquire(timeout=BUSY_S)
        ):
            self._defer(event)
            return False
        try:
            connection = file.writer()
            if appender.deferred:
                # What waited may have waited for the end of our own snapshot.
                file.hold.release()
                appender.insert_deferred(connection, event)
            else:
                appender.append(connection, event, file.hold)
                if self._errands.waiting:
                    self._errands.run_next(connection)
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
        # With the ids goes what was known of them under the snapshot.
        self._file.hold.release()
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
        if self._file.closed:
            self._losses.add("close", 1)
            return
        self.deferred_count += 1
        self._appender.defer(event)

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
            known = self._file.damaged
            try:
                with self._reading() as connection:
                    batch, damaged = self._queues[queue].read(
                        connection, max_events, max_bytes, skip, self._appender.fresh
                    )
                    if batch is not None and self._file.generation:
                        batch = msgspec.structs.replace(batch, generation=self._file.generation)
                if not damaged:
                    return batch
                self._bury(damaged)
            except StoreError:
                # Damage that is found just now is mended at the next try; what could not be mended waits.
                if known or not self._file.damaged:
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
        """Note that the sink has the events of `batch`; they are taken out once every sink has them.

        Not where the file was replaced meanwhile, in which its ids may be other events': it is sent again.
        """
        gap = batch.gap
        if not self._advance(queue, batch):
            with self._writing() as connection:
                if batch.generation != self._file.generation:
                    return
                if gap and self._queues[queue].cursor(connection) >= batch.floor:
                    gap = 0
                self._queues[queue].settle(connection, batch)
                self._upkeep.take_out(connection, batch.format, batch.floor)
        self._losses.recover()
        self._losses.add("missing", gap)
        self._losses.report()

    def _advance(self, queue: str, batch: StoredBatch) -> bool:
        """Acknowledge in one statement, where nothing else is to be done; tell whether that was so."""
        if batch.gap or self._appender.deferred or self._upkeep.takes_out(batch.format, batch.floor):
            return False

        def advance(connection: sqlite3.Connection) -> bool:
            if batch.generation != self._file.generation:
                return True
            return self._queues[queue].advance(connection, batch)

        errand = Errand(advance)
        if self._file.hold.used:
            self._errands.add(errand)
            if errand.wait():
                return bool(errand.result)
        with self._reading() as connection, self._file.exclusive():
            self._errands.take_back(errand)
            return advance(connection) if errand.result is None else errand.result

    def move_to_dead_letters(self, queue: str, batch: StoredBatch, reason: str) -> None:
        """Give up the events of `batch`: they leave the queue and are kept with the reason."""
        now_ms = self._now_ms()
        letters = [
            (queue, row_id, batch.session, batch.format, event_id, reason, now_ms, payload)
            for row_id, event_id, payload in zip(batch.row_ids, batch.event_ids, batch.payloads, strict=True)
        ]
        with self._writing() as connection:
            if batch.generation != self._file.generation:
                return
            connection.executemany(
                "INSERT OR REPLACE INTO dead_letters VALUES (?, ?, ?, ?, ?, ?, ?, ?)", letters
            )
            self._queues[queue].settle(connection, batch)
            self._upkeep.take_out(connection, batch.format, batch.floor)

    def last_id(self) -> int:
        """Write what waits in memory, and return the largest id that was ever given.

        Raises
        ------
        StoreError
            When the store cannot be used now.
        """
        with self._writing() if self._waits else self._reading() as connection:
            return schema.largest_id(connection)

    def pending(self, queue: str) -> Pending:
        """Count what `queue` holds that its sink has not acknowledged; events in memory not included."""
        with self._reading() as connection:
            return self._queues[queue].pending(connection)

    @property
    def needs_upkeep(self) -> bool:
        """Whether so much was written that `upkeep` should not wait."""
        file = self._file
        return self._appender.written_bytes > self._upkeep.slice_bytes or file.damaged or file.moved

    @property
    def needs_keeper(self) -> bool:
        """Whether the keeper should look at once: for upkeep, or to end a burst in time."""
        hold = self._file.hold
        return self.needs_upkeep or (hold.on and not hold.watched)

    def watch_burst(self) -> bool:
        """End what a burst of appends holds of the file once it is over; tell whether to ask again soon."""
        if not self._file.hold.used and not self._file.hold.on:
            return False
        with self._file.write_lock:
            return self._file.hold.watch()

    def upkeep(self) -> None:
        """Write what waits in memory, take out what is done, keep the bounds: for a worker thread.

        Raises
        ------
        StoreError
            When the file cannot be used now.
        """
        self._appender.written_bytes = 0
        self._relieve_at = self._upkeep.slice_bytes
        self._file.look()
        try:
            if self._waits:
                with self._writing():
                    pass
            self._file.take_over()
            self._upkeep.checkpoint()
            # During a burst, no more often than acknowledgements do it.
            self._upkeep.tidy(self._wires, at_least=CHUNK if self._appender.written_bytes else 1)
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
            # Before the next append: ids that were taken out are not to be tried again.
            self._appender.forget_ids()
        return int(count)

    def destroy(self) -> None:
        """Delete the store for good: events, ids, counters and state; the folder stays."""
        self._unwritten = None
        self._end()
        self._appender.give_up()
        self._appender.forget_ids()
        for path in (*self.folder.glob(f"{schema.FILE_NAME}*"), *self.folder.glob("*.lock")):
            with contextlib.suppress(OSError):
                path.unlink()

    def close(self) -> None:
        """Write what waits in memory, give up the locks and close the files; may be called twice."""
        if self.pid != os.getpid():
            self._after_fork()
        if not self._file.closed:
            with contextlib.suppress(StoreError), self._writing():
                pass
        self._end()
        self._losses.add("close", self._appender.give_up())
        self._losses.report()
