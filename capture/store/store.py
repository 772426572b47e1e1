"""The local store: every event is in it before its sinks get it, until they have acknowledged it.

A folder of append-only segments (`capture.store.segment`), each of one session and written by one process.
An append is one write; no lock, counter or cursor is shared between processes on its way. Each sink is
a queue with its position in a slot of every segment. One process at a time delivers: it alone writes
slots and deletes.

The threads of a process share two locks, both with a deadline: the writer's (rotation, memory), and the
store's (index, slots, deletion). A caller that needs both takes the store's first.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Unpack

from capture._native.guard import BusyError
from capture._native.journal import FAILED, REFUSED, WRITTEN
from capture.store import recovery
from capture.store.files import delete_own, delete_withdrawn
from capture.store.maintenance import Maintenance
from capture.store.queues import Goal, Queues
from capture.store.rows import Pending, StoredBatch, StoredEvent
from capture.store.segment import UNSENT
from capture.store.shared import Shared

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from capture.store.context import Options

__all__ = ["UNSENT", "Goal", "Pending", "Store", "StoredBatch", "StoredEvent"]


class Store:
    """The events of one app that are not delivered yet, and the small state that survives restarts.

    A store whose folder cannot be written takes events all the same: as many as fit wait in memory and are
    delivered from there, the others are dropped and counted.

    Calls for a delivery and the state belong to its parts: `Queues`, `Maintenance` and `AppState` document
    them.

    Parameters
    ----------
    folder : Path
        Where the files are; made when something is written.
    formats : mapping
        Queue name (a sink's) -> wire format. Empty: one queue, ``unsent``, of the native format.
    durability : {"process", "power"}
        Failure that an append survives: a killed process (the default), or a power loss as well.
    max_bytes : int
        Bound of all files together (bytes); 30 MiB by default.
    max_age_s : float
        Events older than this (s) are dropped; ``inf`` keeps them. 30 days by default.
    clock : Clock, optional
        Wall clock for the age of events.
    on_drop : callable, optional
        Called with a cause and a number of events, with no lock held, when events are lost.
    on_revoked : callable, optional
        Called once, when another process opted out, or another store is in the folder; it may hold no lock.
    pwrite : callable, optional
        Stands in for the system's, in tests.

    Attributes
    ----------
    folder : Path
    formats : dict
        Queue -> wire format.
    dropped : dict
        Events lost so far, by cause.
    """

    def __init__(self, folder: str | os.PathLike[str], **options: Unpack[Options]) -> None:
        s = self._s = Shared(folder, **options)
        c = self._c = s.context
        self._writer = s.writer
        self.folder, self.formats, self.dropped = c.folder, c.formats, c.losses.dropped
        queues, self._maintenance = Queues(s), Maintenance(s)
        self.next_batch = queues.next_batch
        self.begin_send, self.end_send = queues.begin_send, queues.end_send
        self.acknowledge, self.move_to_dead_letters = queues.acknowledge, queues.move_to_dead_letters
        self.goal, self.reached, self.pending = queues.goal, queues.reached, queues.pending
        self.watch, self.publish = queues.watch, queues.publish
        self.stored_of, self.dropped_of = queues.stored_of, c.losses.of
        self.claim_delivery, self.release_delivery = s.claim_delivery, s.release_delivery
        self.is_live, self.holds_session = c.claims.is_live, c.claims.holds
        self.read_state, self.write_state, self.first_state = s.state.read, s.state.write, s.state.first
        self.upkeep, self.check_presence = self._maintenance.upkeep, self._maintenance.check_presence
        self.purge, self.retry = self._maintenance.purge, self._maintenance.retry
        self.handle = self._maintenance.handle
        #: Have a note on a session in its segment.
        self.describe_session = s.writer.describe

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
        return self._c.wanted

    @property
    def delivers(self) -> bool:
        """Whether this process holds the lock on delivery."""
        return self._c.claims.delivery.held

    @property
    def revoked(self) -> bool:
        """Whether another process opted out, or replaced the store: nothing is recorded any more."""
        return self._c.revoked

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
        rows: list[Any] = [(session, payloads, time_ms, event_id)]
        if native is not None:
            done = native.append(session, rows, elapsed_ms, screens, boot_ms)
            if done == WRITTEN:
                return True
        return self._append_call(rows, elapsed_ms, screens, boot_ms, failed=done == FAILED)

    def append_many(
        self, events: Sequence[StoredEvent], *, elapsed_ms: int = -1, screens: int = 0, boot_ms: int = 0
    ) -> bool:
        """Store events of one call: those of a session whole or not at all; False when some were deferred.

        Parameters
        ----------
        events : sequence of StoredEvent
        elapsed_ms, screens, boot_ms
            As for `append`, after all of them.
        """
        calls: list[list[Any]] = []
        for event in events:
            if not calls or calls[-1][0][0] != event.session:
                calls.append([])
            calls[-1].append((event.session, event.payloads, event.time_ms, event.event_id))
        written = True
        for rows in calls:
            written = self._append_call(rows, elapsed_ms, screens, boot_ms) and written
        return written

    def _append_call(
        self, rows: list[Any], elapsed_ms: int, screens: int, boot_ms: int, *, failed: bool = False
    ) -> bool:
        """Write a call that the native append has not taken; `failed`: it could not be written, and waits."""
        s, c, writer = self._s, self._c, self._writer
        s.check_pid()
        wires = [wire for _, payloads, _, _ in rows for wire, _ in payloads]
        if not set(wires) & set(self.formats.values()):
            return True
        made, written = writer.made, False
        if c.closed or c.revoked:
            for queue, wire in self.formats.items():
                c.losses.add("close" if c.closed else "opted_out", wires.count(wire), queue)
        elif failed:
            written = writer.write_waiting(count=True)
        else:
            written = writer.append(rows, elapsed_ms, screens, boot_ms)
        if c.closed or c.revoked:  # perhaps meanwhile, by another thread or a signal handler
            s.let_go("close" if c.closed else "opted_out")
            delete_withdrawn(self.folder)
        elif writer.made != made:
            self._maintenance.after_rotation()
        elif not written and len(writer.waiting) == 1:
            c.wanted = True
        c.losses.report()
        return written

    def claim_session(self, number: int, *, new: bool = False) -> bool:
        """Acquire the lock on session `number`; False if another process has it, or the session is over.

        A session below the largest is over. The lock on the session before is given up once its events are
        written. Where nothing can be written there is nobody to share with: True.

        Parameters
        ----------
        new : bool
            Whether nothing of that session may be there yet.
        """
        self._s.check_pid()

        def admit() -> bool:
            last = recovery.last_session(self.folder, locks=not new)
            return number > last if new else number >= last

        if self._c.claims.holds(number):
            return True
        self._s.state.make_folder()
        return self._c.claims.claim_session(number, admit)

    def last_session(self) -> int:
        """Return the largest session number that has a segment or a lock; 0 for none."""
        return max(self._c.claims.session, recovery.last_session(self.folder))

    def release_session(self) -> None:
        """End the session's segment and give up its lock, unless its events wait in memory."""
        if not self._writer.waiting:
            self._writer.end_session()
            self._c.claims.release_session()

    def last_state(self) -> dict[str, Any]:
        """Return the state of the last session, by its events and its note; empty for none."""
        return recovery.last_state(self.folder, self._c.user_id, self._c.boot_id)

    def destroy(self) -> None:
        """Delete the store for good: events, ids, counters and state; the folder stays."""
        self._c.closed = True
        try:
            # Another thread may be making a deleted folder anew.
            self._s.guard.call(self._destroy)
        except BusyError:
            self._destroy()

    def _destroy(self) -> None:
        self._s.let_go("")
        self._s.state.known = None
        delete_own(self.folder)

    def close(self) -> None:
        """Write the events in memory, end the segment, give up the locks; may be called twice."""
        self._s.check_pid()
        if not self._c.closed:
            if not self._c.revoked:
                self._writer.write_waiting()
            self._c.closed = True
            with contextlib.suppress(BusyError):
                self._writer.end_session()
        self._s.let_go("close")
        delete_withdrawn(self.folder)
        self._c.losses.report()
