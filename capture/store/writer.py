"""Appending: the segments of the session that this process records, and the calls that wait in memory.

The common append is one native call (`SegmentWriter.append`). Calls that it refuses, because a segment
is full, missing or broken, go through `waiting`: the list is written in order, under a lock with a deadline.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections import deque
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from capture._native.guard import BusyError, Guard
from capture._native.journal import FAILED, REFUSED, WRITTEN, SegmentWriter
from capture.store.files import create_segment, sync_folder
from capture.store.recovery import last_seqs, next_name
from capture.store.segment import Header, Name, wire_number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from capture.store.context import Context
    from capture.store.state import AppState

__all__ = ["MAX_WAITING", "WaitingCall", "Writer"]

#: Calls that wait in memory at most.
MAX_WAITING = 1000
#: Longest wait (s) of an append for a rotation or the maintenance thread.
_WAIT_S = 0.05
_FULL_DISK = frozenset({errno.ENOSPC, errno.EDQUOT})
_NO_ID = bytes(16)


#: Session, payloads with their wire formats, time (ms) and id of an event.
Row: TypeAlias = "tuple[int, Sequence[tuple[str, bytes]], int, str | bytes]"


class WaitingCall(msgspec.Struct, eq=False):
    """A call in memory; rows are (session, payloads, time_ms, event_id).

    Attributes
    ----------
    sent : set of str
        Queues whose sink has it: then it is never written.
    sending : set of str
        Queues whose worker is sending it.
    user_id : bytes
        User of the call.
    number : int
        Its place among all calls that waited in memory.
    """

    rows: list[Row]
    elapsed_ms: int
    screens: int
    boot_ms: int
    user_id: bytes
    number: int
    sent: set[str] = set()
    sending: set[str] = set()

    @property
    def session(self) -> int:
        """The session of all rows."""
        return self.rows[0][0]


class Writer:
    """Writes the calls of one session at a time.

    Attributes
    ----------
    native : SegmentWriter or None
        The segment that is written now, whose `name` it is.
    waiting : deque of WaitingCall
        Calls in memory.
    made, call_count : int
        Segments made, and calls that waited in memory, so far.
    """

    def __init__(self, context: Context, state: AppState) -> None:
        self.native: SegmentWriter | None = None
        self.name: Name | None = None
        self.waiting: deque[WaitingCall] = deque()
        #: Number and note of a session; those in the segment, or to go there with a failed call.
        self._note = self._noted = (0, b"")
        self.deferred_count = self.made = self.call_count = 0
        self.guard = Guard(_WAIT_S)
        #: The call that is being written.
        self._writing: WaitingCall | None = None
        self._c, self._state = context, state
        wires = sorted(set(context.formats.values()))
        #: By wire format: the last sequence number before the segment, and how many of the numbers up to it
        #: others gave. Events that this process wrote before = _seqs - _seqs_of_others.
        self._seqs = dict.fromkeys(map(wire_number, wires), 0)
        self._seqs_of_others = self._seqs.copy()
        #: Descriptors of ended segments that are not synced yet.
        self._ended: list[int] = []

    def append(self, rows: list[Row], elapsed_ms: int, screens: int, boot_ms: int) -> bool:
        """Write a call of one session that the native append has not taken; False if it waits."""
        native, done = self.native, REFUSED
        if native is not None:
            done = native.append(rows[0][0], rows, elapsed_ms, screens, boot_ms)
        if done == WRITTEN:
            return True
        if done == REFUSED:
            self.waiting.append(self._make_call(rows, elapsed_ms, screens, boot_ms))
        return self.write_waiting(count=True)

    def write_waiting(self, *, count: bool = False) -> bool:
        """Write the calls that wait, in order; return whether none is left.

        Parameters
        ----------
        count : bool
            Whether the last one was just made, and counts as deferred where it stays.
        """
        try:
            written = self.guard.call(self._write_waiting)
        except BusyError:
            written = False
        if not written and count:
            self.deferred_count += 1
            self._keep_bound()
        return written

    def _write_waiting(self) -> bool:
        waiting = self.waiting
        if self._writing is not None:
            return False  # a signal or log handler records while its thread writes: its call comes next
        try:
            while waiting:
                call = self._writing = waiting[0]
                if call.sent or call.sending or not self._write(call):
                    return False
                waiting.popleft()
        except (TypeError, ValueError):
            # No event of ours: it must not delay the events behind it.
            waiting.popleft()
            raise
        finally:
            self._writing = None
        native = self.native
        if native is not None and not native.torn:
            native.frozen = False
            # `describe` may come between: it changes the note first.
            if self._needs_note(native.session):
                native.frozen = True
        return True

    def _write(self, call: WaitingCall) -> bool:
        for _ in range(6):  # each other time it is a new segment that is made
            native = self.native
            if native is not None and native.torn:
                done = WRITTEN if native.retry() else FAILED
            elif native is not None and native.session == call.session and not native.error:
                rows = self._with_note(call)
                done = native.append(call.session, rows, call.elapsed_ms, call.screens, call.boot_ms, True)
            elif not self._new_segment(call):
                return False
            else:
                continue
            if done == WRITTEN:
                self._c.losses.recover("deferred", "lock")
                return True
            if done == FAILED:
                self._c.losses.say("deferred", f"events wait in memory: {os.strerror(native.error)}")
                # Another segment may take the events that this one refuses: not on a full disk.
                if native.torn and (not native.position or native.error in _FULL_DISK):
                    return False
            # Later calls go to another segment.
            self._leave()
        return False

    def _keep_bound(self) -> None:
        """Drop the oldest call where too many wait: none that is being sent or may be on disk in part."""
        native = self.native
        first = 1 if native is not None and native.torn else 0
        while len(self.waiting) > MAX_WAITING:
            calls = list(self.waiting)[first:]
            victim = next((call for call in calls if not call.sending and call is not self._writing), None)
            if victim is None:
                return
            self.waiting.remove(victim)
            self.count_lost(victim, "memory_full")

    def count_lost(self, call: WaitingCall, cause: str) -> None:
        """Count the events of a call for each queue that would have had them."""
        for _, payloads, _, _ in call.rows:
            wires = {wire for wire, _ in payloads}
            for queue, wire in self._c.formats.items():
                if wire in wires and queue not in call.sent:
                    self._c.losses.add(cause, 1, queue)

    def _new_segment(self, call: WaitingCall) -> bool:
        """Begin the next segment of the call's session; False if that cannot be done now."""
        session = call.session
        self._leave()
        if not self._claim(session):
            self._c.losses.say("lock", "events wait in memory: the session cannot be locked")
            return False
        try:
            if self.name is None or self.name.session != session:
                last = last_seqs(self._c.folder, session)
                seqs = {number: last.get(number, 0) for number in self._seqs}
                others = {at: self._seqs_of_others[at] + seqs[at] - seq for at, seq in self._seqs.items()}
                # No exception of a signal handler comes between.
                self._seqs, self._seqs_of_others, self.name = seqs, others, None
            known = 0 if self.name is None else self.name.number
            name = next_name(self._c.folder, session, known=known)
            return self._admits() and self._create(name, call.user_id)
        except OSError as error:
            self._c.losses.say("deferred", f"events wait in memory: {error}")
            return False

    def _claim(self, session: int) -> bool:
        """Hold the lock of a session of which a segment is to be made, and give up those before."""
        self._state.make_folder()
        if not self._c.claims.holds(session) and not self._c.claims.claim_session(session, lambda: True):
            return False
        return self._c.claims.settle(session)

    def _admits(self) -> bool:
        return not self._c.revoked and not self._c.closed and self._state.is_ours(deeply=False)

    def _make_call(self, rows: list[Any], elapsed_ms: int, screens: int, boot_ms: int) -> WaitingCall:
        self.call_count += 1
        return WaitingCall(rows, elapsed_ms, screens, boot_ms, self._c.user_id, self.call_count)

    def _create(self, name: Name, user_id: bytes) -> bool:
        """Make a segment; False if it may not stay."""
        header = Header(
            session=name.session,
            number=name.number,
            made_ms=self._c.now_ms(),
            user_id=user_id,
            boot_id=self._c.boot_id,
            seqs=self._seqs,
        )
        native = create_segment(
            self._c.folder / name.file,
            header,
            self._c.formats,
            limit=self._c.segment_limit(),
            waiting=self.waiting,
            make_call=self._make_call,
            sync=self._c.power,
            pwrite=self._c.pwrite,
        )
        admitted = False
        try:
            if self._c.power:
                sync_folder(self._c.folder)
            admitted = self._admits()
        finally:
            if not admitted:
                os.close(native.descriptor)
                with contextlib.suppress(OSError):
                    (self._c.folder / name.file).unlink()
        if admitted:
            self.native, self.name, self._noted = native, name, (0, b"")
            self.made += 1
        return admitted

    def _leave(self, mark: bool = True) -> None:
        """End the segment, with an end mark or as it is: nothing is appended to it any more."""
        native = self.native
        if native is None:
            return
        native.frozen = True
        self._seqs = native.last_seqs
        if mark:
            native.end()
        self.native = None
        self._ended.append(native.descriptor)
        if mark and (self._c.power or len(self._ended) > 8):
            self._close_ended(sync=self._c.power)

    def describe(self, session: int, note: Mapping[str, Any]) -> None:
        """Have a note on a session in the segment: its next call takes the long way, and the note with it."""
        self._note = session, msgspec.json.encode(note)
        if self.native is not None and self._needs_note(self.native.session):
            self.native.frozen = True

    def _needs_note(self, session: int) -> bool:
        return self._note[0] == session and self._note != self._noted

    def _with_note(self, call: WaitingCall) -> list[Any]:
        """Return the rows of a call, behind the note that the segment does not have yet."""
        if not self._needs_note(call.session):
            return call.rows
        # Where the write fails, the very same bytes are tried again.
        self._noted = self._note
        return [(call.session, (("", self._note[1]),), call.rows[0][2], _NO_ID), *call.rows]

    def end_session(self) -> None:
        """End the segment of the session; its lock may be given up then."""
        self.guard.call(self._leave)
        self.name = None

    def position_of(self, name: Name) -> int | None:
        """Return up to where the segment is written; None if it is not the one that is written now."""
        native = self.native
        return native.position if native is not None and name == self.name else None

    def sync(self) -> None:
        """Sync the written records to disk."""
        native = self.native
        if native is not None and not native.fdatasync():
            self._c.losses.say("sync", f"a sync failed: {os.strerror(native.error)}")
        self._close_ended(sync=True)

    def _close_ended(self, *, sync: bool) -> None:
        while self._ended:
            descriptor = self._ended.pop()
            with contextlib.suppress(OSError):
                if sync:
                    getattr(os, "fdatasync", os.fsync)(descriptor)
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def leave_torn(self) -> None:
        """Leave a segment whose last call is written in part, so that the call can be sent from memory."""
        if self.native is not None and self.native.torn:
            self.guard.call(self._leave)

    def abandon(self, name: Name) -> dict[int, int]:
        """Leave a segment whose file is gone; return its last sequence numbers if it is written now."""
        if self.native is None or name != self.name:
            return {}
        self.guard.call(self._leave, False)
        return self._seqs

    def give_up(self, cause: str) -> None:
        """Close without another write; waiting events are lost, counted under `cause` if not empty."""
        # The name stays: in a folder that is made anew it is not given to another segment.
        self._leave(mark=False)
        self._close_ended(sync=False)
        for call in list(self.waiting):
            if call is not self._writing:
                self.waiting.remove(call)
                if cause:
                    self.count_lost(call, cause)

    def forget(self) -> None:
        """Leave everything to the parent: in a forked child."""
        self.guard.renew()
        self.waiting = deque()
        self.deferred_count = 0
        self._writing = None  # the parent's other thread may be writing
        self.give_up("")
        self.name = None

    def written_of(self, wire: str) -> int:
        """Return how many events of a wire format this process has written."""
        number = wire_number(wire)
        return self._seqs[number] - self._seqs_of_others[number] + self.in_segment(wire)

    def in_segment(self, wire: str) -> int:
        """Return how many of them are in the segment that is written now."""
        number, native = wire_number(wire), self.native
        return 0 if native is None else native.last_seqs[number] - self._seqs[number]
