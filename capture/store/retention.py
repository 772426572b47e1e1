"""Events that leave a store undelivered: by age, by the bound, by a purge; and the files of delivered ones.

For the process that delivers, with the store's lock held.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from capture.store.dead_letters import letter_files, read_letters
from capture.store.files import exists
from capture.store.segment import OWN_NAME
from capture.store.sink_reports import add_drops

if TYPE_CHECKING:
    from pathlib import Path

    from capture.store.context import Context
    from capture.store.dead_letters import DeadLetters
    from capture.store.reader import Index
    from capture.store.recovery import Segment

__all__ = ["Retention", "store_bytes"]

#: Least size that a file counts (bytes): a block of the file system.
_BLOCK = 4096
#: 2020: a time before it is that of a machine whose clock was not set yet.
_FIRST_MS = 1_577_836_800_000


def store_bytes(folder: Path) -> int:
    """Return the size of a store's files (bytes); lock files hold nothing and do not count."""
    total = 0
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if OWN_NAME.fullmatch(entry.name) and not entry.name.endswith(".lock"):
                with contextlib.suppress(OSError):
                    total += max(entry.stat().st_size, _BLOCK)
    return total


class Retention:
    """Deletes segments and dead letters."""

    def __init__(self, context: Context, letters: DeadLetters, index: Index) -> None:
        self._c, self._letters, self._index = context, letters, index

    def delete(self, segment: Segment) -> bool:
        """Delete a complete segment, unless a restart needs it for the state; return whether it is gone."""
        session = segment.name.session
        if segment.name.retried or self._index.has_later(segment):
            return self._unlink(segment)
        others = (other.name for other in self._index.order)
        if all(other.session <= session for other in others if not other.retried):
            return False  # no other session that has a record is later
        lock = self._c.claims.take(session)
        if lock is None:
            return False
        try:
            return self._unlink(segment)
        finally:
            lock.release(remove=True)

    def _unlink(self, segment: Segment) -> bool:
        if not self._delete(segment.path):
            # Somebody has it open, on Windows: its slots are at the end, and it is tried again.
            return False
        self._index.forget(segment)
        return True

    def _delete(self, path: Path) -> bool:
        """Delete a file and return whether it is gone.

        If the folder was replaced, a file of that name is another store's.
        """
        with contextlib.suppress(OSError):
            if self._c.claims.delivery.is_in_place():
                path.unlink()
        return not exists(path)

    def delete_done(self) -> None:
        """Delete the segments that every queue has."""
        for segment in list(self._index.order):
            if not segment.sending and self._index.is_done(segment):
                self.delete(segment)

    def _is_old(self, time_ms: int, uptime_ms: int = 0, boot_id: bytes = b"") -> bool:
        """Return whether an event of a time (ms, wall clock and uptime; 0 unknown) is too old.

        By the boot clock, which does not change when the time is set, where the event was in the present run
        of the machine; by the wall clock else, as far as the time can be right.
        """
        most_ms, now_ms = self._c.max_age_s * 1000, self._c.clock.boot_ns() // 1_000_000
        if boot_id and boot_id == self._c.boot_id and 0 < uptime_ms <= now_ms:
            return now_ms - uptime_ms > most_ms
        return time_ms >= _FIRST_MS and self._c.now_ms() - time_ms > most_ms

    def drop_old(self) -> None:
        """Drop old events, and files whose last letter is old."""
        for segment in list(self._index.order):
            for queue, position in segment.positions.items() if not segment.sending else ():
                count = self._index.drop_before(segment, position, self._is_old)
                self._c.losses.add("too_old", count, queue)
                add_drops(self._c.folder, {queue: count})
        for path in letter_files(self._c.folder):
            newest = max((letter.at_ms for letter in read_letters(path)), default=0)
            if not newest or not self._is_old(newest):
                break
            self._drop_letters(path, "dead_letters_old")

    def keep_bound(self, reserve: int = 0) -> bool:
        """Drop dead letters, then the oldest segments, until the bound is kept; return whether it is.

        Parameters
        ----------
        reserve : int
            Bytes that will be written before this is called again.
        """
        most = self._c.max_bytes - reserve
        if store_bytes(self._c.folder) <= most:
            return True
        self.delete_done()
        over = store_bytes(self._c.folder) - most
        for path in letter_files(self._c.folder):
            if over > 0:
                over -= max(path.stat().st_size, _BLOCK)
                self._drop_letters(path, "dead_letters_full")
        for segment in list(self._index.order):
            if over > 0 and segment.complete and not segment.sending:
                over -= self._evict(segment)
        return over <= 0

    def _evict(self, segment: Segment) -> int:
        """Delete a segment with its pending events; return the bytes that are free now."""
        pending = self._index.pending_in(segment)
        # First, lest a process that waits for them takes them for delivered.
        add_drops(self._c.folder, pending)
        if not self.delete(segment):
            return 0
        for queue, count in pending.items():
            self._c.losses.add("store_full", count, queue)
        return max(segment.size, _BLOCK)

    def _drop_letters(self, path: Path, cause: str) -> int:
        """Delete a file of dead letters, counted where a cause is given; return how many were in it."""
        self._letters.close()
        queues = [letter.queue for letter in read_letters(path) if letter.queue]
        if not self._delete(path):
            return 0
        for queue in queues if cause else ():
            self._c.losses.add(cause, 1, queue)
        return len(queues)

    def purge(self, *, dead_only: bool) -> int:
        """Drop all dead letters and pending events; return their number."""
        count = sum(self._drop_letters(path, "") for path in letter_files(self._c.folder))
        for segment in list(self._index.order) if not dead_only else ():
            pending = self._index.pending_in(segment)
            add_drops(self._c.folder, pending)
            count += max(pending.values(), default=0)
            for position in segment.positions.values():
                self._index.skip_counted(segment, position)
            if self._index.is_done(segment):
                self.delete(segment)
        return count
