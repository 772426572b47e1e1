"""Reading: the segments of a folder, the position of each queue, and damaged records.

The process that delivers keeps an `Index` that writes slots; others make one to look. The caller holds the
store's lock.
"""

from __future__ import annotations

import contextlib
import time
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from capture._native.journal_scan import BAD, FULL, SHORT, scan, walk
from capture.store.dead_letters import make_letter
from capture.store.files import KEEPS_OPEN, PASSING, exists
from capture.store.recovery import Segment, count_unchecked, load, move, segment_names, write_slot
from capture.store.rows import StoredBatch
from capture.store.segment import END_MARK, Name, Position
from capture.store.state import Presence

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from capture.store.context import Context
    from capture.store.dead_letters import DeadLetters
    from capture.store.state import AppState
    from capture.store.writer import Writer

__all__ = ["Index"]

_CHUNK = 64 * 1024
_MOST = 1 << 30
#: An end mark is not larger.
_MARK_BYTES = 64 + 80
#: How long (s) a folder's time of change is not trusted; how often it is listed at least.
_COARSE_S = 0.02
_LIST_S = 1.0
#: How long (s) a look at the folder serves while events are known that can be sent.
_LOOK_S = 0.005
_ASK_S = 0.2


class Index:
    """The segments of a folder; with `writes`, those of the process that writes slots, deletes and counts."""

    def __init__(
        self, context: Context, state: AppState, writer: Writer, letters: DeadLetters, *, writes: bool
    ) -> None:
        self.segments: dict[Name, Segment] = {}
        self.order: list[Segment] = []
        self._c, self._state, self._writer = context, state, writer
        self._letters, self._writes = letters, writes
        #: The segment that was read last, whose file is kept open.
        self._open: Segment | None = None
        self._changed_ns = -1
        self._looked_s = self._listed_s = self._asked_s = -_LIST_S

    # Segments and sessions

    def refresh(self, *, force: bool = False, if_seen: bool = False) -> bool:
        """Read the folder again, if it may have changed; return whether it was read.

        `if_seen`: only where a change is seen; one just after a look, or after the last one, may not be.
        An OSError says that it cannot be listed.
        """
        now_s = time.monotonic()
        if if_seen and now_s - self._looked_s < _LOOK_S:
            return False
        self._looked_s = now_s
        changed_ns = self._c.folder.stat().st_mtime_ns
        unsure = not if_seen and abs(time.time_ns() - changed_ns) < _COARSE_S * 1e9
        if not force and changed_ns == self._changed_ns and not unsure and now_s - self._listed_s < _LIST_S:
            return False
        names = segment_names(self._c.folder)
        loaded = [self._load(name) for name in names if name not in self.segments]
        # Where one is not whole, or an error comes, it is read again at once.
        self._changed_ns, self._listed_s = changed_ns if all(loaded) else -1, now_s
        listed = set(names)
        for segment in list(self.segments.values()):
            # A signal handler that records may have made one since.
            if segment.name not in listed and not exists(segment.path):
                self.lose(segment)
        self.order = sorted(self.segments.values(), key=attrgetter("name"))
        # First whether a session lives, then the size of its segments: that stays the same then.
        dead: set[int] = set()
        if self._writes and (force or now_s - self._asked_s >= _ASK_S):
            self._asked_s = now_s
            sessions = {each.name.session for each in self.order if not each.complete}
            dead = {session for session in sessions if not self._c.claims.is_live(session)}
        last = {name.session: name.number for name in names if not name.retried}
        for segment in self.order:
            name = segment.name
            if not segment.complete and (name.session in dead or last.get(name.session, 0) > name.number):
                # Of unknown size it is not done: it is looked at again.
                segment.size = segment.file_size()
                segment.complete = segment.size > 0
        return True

    def _load(self, name: Name) -> bool:
        """Add a segment; False if it is not whole yet, or cannot be read now: it is tried again.

        One of a later version is left alone.
        """
        try:
            segment = load(self._c.folder / name.file, name, self._c.formats)
            if segment is None:
                return True
            for queue, each in segment.positions.items() if self._writes else ():
                if queue != each.queue and self.pending(segment, each):
                    message = f"sink {each.queue}: events in its former wire format are not sent"
                    self._c.losses.say(queue, message)
        except OSError as error:
            if error.errno in PASSING:
                raise
            return False
        self.write_slots([segment])
        user = segment.header.user_id
        if self._writes and user and not self._state.knows(user):
            # In a folder that another store has taken over it is ours that is unknown.
            return self._state.is_ours() and self._delete_unknown(segment)
        self.segments[name] = segment
        return True

    def _delete_unknown(self, segment: Segment) -> bool:
        """Delete a process's records of a user who opted out, from before it noticed."""
        pending = self.pending_in(segment)
        try:
            segment.path.unlink()
        except OSError:
            return False
        for queue, count in pending.items():
            self._c.losses.add("opted_out", count, queue)
        return True

    def write_slot(self, segment: Segment, position: Position) -> None:
        """Write a slot, if this process may: a request may end after the close of its store."""
        may = self._writes and not self._c.closed
        position.unwritten = not (may and write_slot(segment, position, self._c.pwrite))

    def lose(self, segment: Segment) -> None:
        """Leave out a segment that somebody else deleted; count its pending events, but for an opt-out."""
        last = self._writer.abandon(segment.name) if self._writes else {}
        counts = self._writes and self._state.look(deeply=True) is not Presence.REVOKED
        for queue, each in segment.positions.items() if counts else ():
            lost = last[each.wire] - each.seq if last and each.seq >= 0 else each.pending
            self._c.losses.add("store_gone", lost, queue)
        self.forget(segment)

    def forget(self, segment: Segment) -> None:
        """Leave out a segment that was deleted."""
        segment.gone, segment.file = True, None
        self.segments.pop(segment.name, None)
        if segment in self.order:
            self.order.remove(segment)

    def delete_done(self) -> None:
        """Delete the segments that every queue has."""
        for segment in list(self.order):
            self.delete_if_done(segment)

    def delete_if_done(self, segment: Segment) -> None:
        """Delete a segment if every queue has all of it, and none is being sent of it."""
        if not segment.sending and self.is_done(segment):
            self.delete(segment)

    def delete(self, segment: Segment) -> bool:
        """Delete a complete segment, unless a restart needs it for the state; return whether it is gone.

        Raises
        ------
        OSError
            When it is not known whether it is gone.
        """
        session = segment.name.session
        if segment.name.retried or self.has_later(segment):
            return self._unlink(segment)
        if all(other.name.session <= session for other in self.order if not other.name.retried):
            return False  # no other session that has a record is later
        lock = self._c.claims.take(session)
        if lock is None:
            return False
        try:
            return self._unlink(segment)
        finally:
            lock.release(remove=True)

    def _unlink(self, segment: Segment) -> bool:
        if not self.delete_file(segment.path):
            # On Windows somebody may have it open: its slots are at the end, and it is tried again.
            with contextlib.suppress(FileNotFoundError):
                segment.path.stat()
                return False
        self.forget(segment)
        return True

    def delete_file(self, path: Path) -> bool:
        """Delete a file and return whether it is gone; False also where the system cannot tell.

        If the folder was replaced, a file of that name is another store's.
        """
        if not self._c.claims.delivery.is_in_place():
            return False
        try:
            path.unlink(missing_ok=True)
        except OSError:
            return False
        return True

    def end_of(self, segment: Segment) -> int:
        """Return up to where a segment may be read now."""
        if segment.complete:
            return segment.size
        own = self._writer.position_of(segment.name)
        return segment.file_size() if own is None else own

    def has_later(self, segment: Segment) -> bool:
        """Return whether the session continues in a later segment."""
        name = segment.name
        later = (other.name for other in self.order if other.name > name)
        return any((other.session, other.retried) == (name.session, name.retried) for other in later)

    # Batches

    def next_batch(
        self, queue: str, max_events: int, max_bytes: int, skip: Collection[int], *, apart: bool
    ) -> StoredBatch | None:
        """Return the next batch of a queue, as `Store.next_batch` does; `apart`: a part of a tried batch."""
        self.refresh(if_seen=True)
        batch = self._next_listed(queue, (max_events, max_bytes), skip, apart=apart)
        if batch is None and self.refresh():
            batch = self._next_listed(queue, (max_events, max_bytes), skip, apart=apart)
        return batch

    def _next_listed(
        self, queue: str, most: tuple[int, int], skip: Collection[int], *, apart: bool
    ) -> StoredBatch | None:
        for segment in list(self.order):
            position = segment.positions.get(queue)
            if position is not None and segment.name.session not in skip:
                batch = self._read(segment, position, most, apart=apart)
                if batch is not None:
                    return batch
        return None

    def _read(
        self, segment: Segment, position: Position, most: tuple[int, int], *, apart: bool
    ) -> StoredBatch | None:
        queue = position.queue
        while (end := self.end_of(segment)) > (start := position.offset):
            tried = min(position.tried, end - start)
            bounds = (_MOST, _MOST) if tried and not apart else most
            payloads, ids, first_ms, used, seq, gap, why = self._scan(
                segment, position, start + tried if tried else end, bounds
            )
            if gap:
                # Once: from then on they are behind the cached position.
                position.seq = seq - len(payloads)
                self._c.losses.add("damaged", gap, queue)
                self.write_slot(segment, position)
            if payloads:
                return StoredBatch(
                    queue=queue,
                    format=self._c.formats[queue],
                    session=segment.name.session,
                    payloads=payloads,
                    event_ids=ids,
                    oldest_ms=first_ms,
                    place=segment,
                    start=start,
                    end=start + used,
                    seq=seq,
                    full=why == FULL or bool(tried) or self.has_later(segment),
                )
            move(position, start + used, seq)
            if not (self._skip_damage(segment, position) if why in {BAD, SHORT} else used):
                return None  # also if it cannot be read now, or was deleted
        return None

    def _scan(self, segment: Segment, position: Position, stop: int, bounds: tuple[int, int]) -> Any:
        """Scan from a position on, reading as much as that needs."""
        if segment is not self._open and KEEPS_OPEN:
            if self._open is not None:
                self._open.file = None
            self._open = segment
            with contextlib.suppress(OSError):
                segment.file = segment.open()
        size = _CHUNK
        while True:
            size = min(size, stop - position.offset)
            try:
                data = segment.read(position.offset, position.offset + size)
            except OSError as error:
                if error.errno in PASSING:
                    raise
                data = b""
            found = scan(data, segment.seed, position.wire, position.seq, *bounds, position.tried > 0)
            if found[-1] in {FULL, BAD} or position.offset + size >= stop or len(data) < size:
                return found
            size *= 4

    def _skip_damage(self, segment: Segment, position: Position) -> bool:
        """Move a position past bytes that are no record; return False if they may become one."""
        end, offset = self.end_of(segment), position.offset
        is_others = not segment.complete and self._writer.position_of(segment.name) is None
        rest = segment.read(offset, end)
        later, _ = walk(rest, segment.seed, True)
        if not later:
            if is_others:
                return False
            if segment.seed < 0:
                self._c.losses.add("damaged", count_unchecked(rest, position.wire), position.queue)
            move(position, end, position.seq)
            return True
        if is_others:
            # A record that was not whole may be now that a later one is.
            rest = segment.read(offset, end)
            if walk(rest, segment.seed)[1]:
                return True
        size = later[0][0]
        if offset not in segment.damaged:
            segment.damaged.add(offset)
            now_ms, session = self._c.now_ms(), segment.name.session
            self._letters.add([make_letter("", "damaged", now_ms, rest[:size], session=session)])
        move(position, offset + size, position.seq)
        return True

    def pending(self, segment: Segment, position: Position) -> int:
        """Return how many records of a segment a queue has not had yet."""
        end = self.end_of(segment)
        position.counted = max(position.counted, position.offset)
        if position.counted < end:
            records, used = segment.walk(position.counted, end, over=True)
            own = [record for record in records if record[2] == position.wire]
            position.pending += len(own)
            if own:
                position.last, position.last_seq = position.counted + own[-1][0], own[-1][3]
            position.counted = end if segment.complete else position.counted + used
        return position.pending

    def pending_in(self, segment: Segment) -> dict[str, int]:
        """Return how many records of a segment each queue has not had yet."""
        return {queue: self.pending(segment, each) for queue, each in segment.positions.items()}

    def acknowledge(self, segment: Segment, batch: StoredBatch) -> bool:
        """Move a queue behind a batch, write its slot, and delete the segment if it is done.

        False if the batch was dropped or purged meanwhile. May be called again after an error.

        Raises
        ------
        OSError
            When the segment cannot be read or deleted now.
        """
        position = segment.positions[batch.queue]
        if segment.gone or position.purged >= batch.end:
            return False
        if position.offset < batch.end:
            if position.counted >= batch.end:
                position.pending -= batch.count
            move(position, batch.end, batch.seq)
        position.tried = 0
        self.write_slot(segment, position)
        self.delete_if_done(segment)
        return True

    def try_batch(self, segment: Segment, batch: StoredBatch) -> None:
        """Note in the slot that a batch is being sent."""
        position = segment.positions[batch.queue]
        if position.tried != batch.end - batch.start:
            position.tried = batch.end - batch.start
            self.write_slot(segment, position)

    def is_done(self, segment: Segment) -> bool:
        """Return whether every queue has all of a segment; the end mark is nobody's."""
        for position in segment.positions.values() if segment.complete else ():
            left = segment.size - position.offset
            if 0 < left <= _MARK_BYTES:
                records, used = segment.walk(position.offset, segment.size)
                if used >= left and all(record[7] & END_MARK for record in records):
                    move(position, segment.size, position.seq)
        return segment.complete and all(each.offset >= segment.size for each in segment.positions.values())

    def skip_counted(self, segment: Segment, position: Position) -> None:
        """Move a queue past the records that were counted, also open ones, and write its slot."""
        if position.pending:
            position.seq = position.last_seq
        position.tried = position.pending = 0
        position.offset = position.purged = position.counted
        self.write_slot(segment, position)

    def write_slots(self, segments: Iterable[Segment]) -> None:
        """Write the slots that are not in the file yet: new ones, and those whose last write failed."""
        for segment in segments:
            for position in segment.positions.values():
                if position.unwritten:
                    self.write_slot(segment, position)
