"""The local store: every event is in it before its sinks hear of it, until they have acknowledged it.

A folder of append-only segments (`capture.store.segment`), each of one session and written by one process.
An append is one write; no lock, counter or cursor is shared between processes on its way. Each sink is a
queue, whose position stands in a slot of every segment. One process at a time delivers: it alone writes
slots and deletes.

The threads of a process share two locks, both with a deadline: the writer's (rotation, memory), and the
store's (index, slots, deletion). Whoever needs both takes the store's first.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from capture._native.guard import BusyError
from capture._native.journal import FAILED, REFUSED, WRITTEN
from capture.store import recovery
from capture.store.appender import Appender
from capture.store.files import delete_own, delete_withdrawn
from capture.store.maintenance import Maintenance
from capture.store.queues import Goal, Queues
from capture.store.rows import Pending, StoredBatch, StoredEvent
from capture.store.segment import UNSENT
from capture.store.sessions import Sessions
from capture.store.shared import Shared

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from capture.clock import Clock
    from capture.store.sink_reports import SinkReport

__all__ = ["UNSENT", "Goal", "Pending", "Store", "StoredBatch", "StoredEvent"]


class Store:
    """The events of one app that are not delivered yet, and the small state that survives restarts.

    A store whose folder cannot be written takes events all the same: as many as fit wait in memory and are
    delivered from there, the others are dropped and counted.

    Parameters
    ----------
    folder : Path
        Where the files are; made when something is written.
    formats : mapping
        Queue name (a sink's) -> wire format. Empty: one queue, ``unsent``, of the native format.
    durability : {"process", "power"}
        What an append survives: a killed process, or a power loss as well.
    max_bytes : int
        Bound of all files together (bytes).
    max_age_s : float
        Events older than this (s) are dropped; ``inf`` keeps them.
    clock : Clock
        Wall clock for the age of events.
    on_drop : callable
        Called with a cause and a number of events, with no lock held, when events are lost.
    on_revoked : callable
        Called once, when another process opted out, or another store is in the folder; it may hold no lock.
    pwrite : callable, optional
        Stands in for the system's, in tests.
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
        on_revoked: Callable[[], None] | None = None,
        pwrite: Callable[[int, bytes, int], int] | None = None,
    ) -> None:
        self._s = Shared(
            folder,
            formats=formats,
            durability=durability,
            max_bytes=max_bytes,
            max_age_s=max_age_s,
            clock=clock,
            on_drop=on_drop,
            on_revoked=on_revoked,
            pwrite=pwrite,
        )
        self._queues = Queues(self._s)
        self._maintenance = Maintenance(self._s)
        self._appender = Appender(self._s, self._maintenance)
        self._sessions = Sessions(self._s)
        self._writer = self._s.writer

    @property
    def folder(self) -> Path:
        """Where the files are."""
        return self._s.folder

    @property
    def formats(self) -> dict[str, str]:
        """Queue -> wire format."""
        return self._s.formats

    @property
    def dropped(self) -> dict[str, int]:
        """Events lost so far, by cause."""
        return self._s.losses.dropped

    def stored_of(self, queue: str) -> int:
        """Return how many events were stored for a queue, those in memory included."""
        written = self._writer.written_of(self._s.formats[queue])
        return written + self._s.memory.stored_of(queue) + self._s.losses.of(queue, "memory_full", "close")

    def dropped_of(self, queue: str) -> int:
        """Return how many events a queue lost."""
        return self._s.losses.of(queue)

    @property
    def deferred_count(self) -> int:
        """Events that waited in memory because they could not be written at once."""
        return self._writer.deferred_count

    @property
    def waiting_in_memory(self) -> int:
        """Calls that wait in memory."""
        return len(self._writer.waiting)

    @property
    def needs_upkeep(self) -> bool:
        """Whether `upkeep` should not wait."""
        return self._s.wanted

    @property
    def delivers(self) -> bool:
        """Whether this process holds the lock on delivery."""
        return self._s.claims.delivers

    @property
    def revoked(self) -> bool:
        """Whether another process opted out, or replaced the store: nothing is recorded any more."""
        return self._s.revoked

    def append(  # noqa: PLR0917 - while a finger lifts, by position
        self,
        session: int,
        payloads: Sequence[tuple[str, bytes]],
        time_ms: int,
        event_id: str | bytes,
        elapsed_ms: int = -1,
        screens: int = 0,
        boot_ms: int = 0,
    ) -> bool:
        """Store one event, in one write; False when it was deferred.

        Parameters
        ----------
        session : int
            Its session number.
        payloads : sequence of (str, bytes)
            Wire format and encoded event; formats that no queue takes are left out.
        time_ms : int
            When it occurred (ms since the epoch).
        event_id : str or bytes
            Its unique id: a UUID as text, or its 16 bytes.
        elapsed_ms, screens, boot_ms : int
            Where the session stands after it: ms since the last action (-1 none), screens shown; its uptime.
        """
        native, done = self._writer.native, REFUSED
        if native is not None:
            done = native.append(session, payloads, time_ms, event_id, elapsed_ms, screens, boot_ms)
            if done == WRITTEN:
                return True
        rows = [(session, payloads, time_ms, event_id)]
        return self._appender.append_call(rows, elapsed_ms, screens, boot_ms, failed=done == FAILED)

    def append_many(
        self,
        events: Sequence[StoredEvent],
        *,
        elapsed_ms: int = -1,
        screens: int = 0,
        boot_ms: int = 0,
    ) -> bool:
        """Store events of one call: those of a session whole or not at all; False when some were deferred.

        Parameters
        ----------
        events : sequence of StoredEvent
        elapsed_ms, screens, boot_ms
            As for `append`, after all of them.
        """
        return self._appender.append_many(events, elapsed_ms, screens, boot_ms)

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

        What was sent and not acknowledged comes again as the same batch.

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
        return self._queues.next_batch(queue, max_events, max_bytes, skip=skip, apart=apart)

    def begin_send(self, queue: str, batch: StoredBatch) -> bool:
        """Note that `batch` is handed to its sink now; False where it was dropped meanwhile."""
        return self._queues.begin_send(queue, batch)

    def end_send(self, queue: str, batch: StoredBatch) -> None:
        """Note that the sink has answered."""
        self._queues.end_send(queue, batch)

    def acknowledge(self, queue: str, batch: StoredBatch) -> bool:
        """Note that the sink has the events of `batch`; False where they were dropped meanwhile."""
        return self._queues.acknowledge(queue, batch)

    def move_to_dead_letters(self, queue: str, batch: StoredBatch, reason: str) -> bool:
        """Give up the events of `batch`: they leave the queue and are kept with the reason.

        False where they were dropped meanwhile.
        """
        return self._queues.move_to_dead_letters(queue, batch, reason)

    def publish(self, reports: Mapping[str, SinkReport]) -> bool:
        """Note how sinks are, and what was counted since the last time; False where that is not possible."""
        return self._queues.publish(reports)

    def goal(self, queue: str) -> Goal:
        """Return what is stored for a queue now, events in memory included."""
        return self._queues.goal(queue)

    def reached(self, queue: str, goal: Goal) -> bool:
        """Return whether a queue has nothing left of what `goal` says."""
        return self._queues.reached(queue, goal)

    def pending(self, queue: str) -> Pending:
        """Count what `queue` holds that its sink has not acknowledged, events in memory included."""
        return self._queues.pending(queue)

    def claim_session(self, number: int, *, new: bool = False) -> bool:
        """Take the lock on session `number`; False when another process has it, or it is over.

        A session below the largest is over. The lock on the session before is given up once its events are
        written. Where nothing can be written there is nobody to share with: True.

        Parameters
        ----------
        new : bool
            Whether nothing of that session may be there yet.
        """
        return self._sessions.claim(number, new=new)

    def describe_session(self, number: int, note: Mapping[str, Any]) -> None:
        """State what a restart must know of a session beside its events: with its next call, whole or not.

        Parameters
        ----------
        number : int
        note : mapping
            What JSON can hold.
        """
        self._writer.describe(number, note)

    def holds_session(self, number: int) -> bool:
        """Return whether this process holds session `number`."""
        return self._s.claims.holds(number)

    def last_session(self) -> int:
        """Return the largest session number that has a segment or a lock; 0 for none."""
        return self._sessions.last()

    def is_live(self, session: int) -> bool:
        """Return whether this or another process holds `session`."""
        return self._s.claims.is_live(session)

    def release_session(self) -> None:
        """End the session's segment and give up its lock, unless events of it wait in memory."""
        self._sessions.release()

    def claim_delivery(self) -> bool:
        """Become the process that delivers; False while another one is."""
        return self._s.claim_delivery()

    def release_delivery(self) -> None:
        """Let another process deliver."""
        self._s.parts = None
        self._s.claims.release_delivery()

    def read_state(self) -> dict[str, Any] | None:
        """Return what `write_state` stored; None for nothing.

        Raises
        ------
        StoreError
            When it cannot be read, and is not in memory either.
        """
        return self._s.state.read()

    def last_state(self) -> dict[str, Any]:
        """Return where the last session stands: what its events and its note say; empty for none."""
        return recovery.last_state(self._s.folder, self._writer.user_id, self._writer.boot_id)

    def write_state(self, state: Mapping[str, Any]) -> bool:
        """Replace the state; False when it is kept in memory until the file can be written."""
        return self._s.state.write(state)

    def first_state(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """Store the keys that the state does not have yet, and return it: another process may be first.

        Raises
        ------
        StoreError
            When it could not be written; nothing is kept in memory.
        """
        return self._s.state.first(state)

    def upkeep(self) -> None:
        """Write and sync what waits, answer requests, keep age and bound: for the maintenance thread.

        Raises
        ------
        StoreError
            When the store cannot be used now.
        """
        self._maintenance.upkeep()

    def purge(self, *, dead_only: bool = False) -> int:
        """Drop what is pending, and the dead letters; return how many events were taken out."""
        return self._maintenance.purge(dead_only=dead_only)

    def retry(self, queue: str | None = None) -> int:
        """Put the dead letters of a queue, or of all, back into it; return how many."""
        return self._maintenance.retry(queue)

    def check_presence(self, *, deeply: bool = False) -> bool:
        """Return whether the store is still ours; what is gone is made anew, an opt-out ends recording."""
        return self._maintenance.check_presence(deeply=deeply)

    def destroy(self) -> None:
        """Delete the store for good: events, ids, counters and state; the folder stays."""
        self._s.closed = True
        try:
            # Another thread may be making a deleted folder anew.
            self._s.guard.call(self._destroy)
        except BusyError:
            self._destroy()

    def _destroy(self) -> None:
        with contextlib.suppress(BusyError):
            self._writer.guard.call(self._writer.give_up, "")
        self._s.parts = self._s.state.known = None
        self._s.letters.close()
        self._s.claims.release_session()
        self._s.claims.release_delivery()
        delete_own(self._s.folder)

    def close(self) -> None:
        """Write what waits in memory, end the segment, give up the locks; may be called twice."""
        self._s.check_pid()
        if not self._s.closed:
            if not self._s.revoked:
                self._writer.write_waiting()
            self._s.closed = self._writer.closed = True
            with contextlib.suppress(BusyError):
                self._writer.end_session()
            with contextlib.suppress(BusyError):
                self._writer.guard.call(self._writer.give_up, "close")
            self._s.letters.close()
        self._s.parts = None
        self._s.claims.release_session()
        self._s.claims.release_delivery()
        delete_withdrawn(self._s.folder)
        self._s.losses.report()
