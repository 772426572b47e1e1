"""What leaves a store undelivered: by age, by the bound, by a purge; and the files of what is done."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from capture.store.dead_letters import letter_files, newest_ms, read_letters
from capture.store.segment import OWN_NAME, RETRIED

if TYPE_CHECKING:
    from pathlib import Path

    from capture.store.age import Age
    from capture.store.dead_letters import DeadLetters
    from capture.store.known import Segment
    from capture.store.locks import Claims
    from capture.store.losses import Losses
    from capture.store.reader import Index

__all__ = ["Retention", "store_bytes"]

#: What a file counts at least (bytes): a block of the file system.
_BLOCK = 4096


def store_bytes(folder: Path) -> int:
    """Return what the files of a store take (bytes); lock files hold nothing and do not count."""
    total = 0
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if OWN_NAME.fullmatch(entry.name) and not entry.name.endswith(".lock"):
                with contextlib.suppress(OSError):
                    total += max(entry.stat().st_size, _BLOCK)
    return total


class Retention:
    """Deletes segments and dead letters: for the process that delivers, with the store's lock held.

    Parameters
    ----------
    folder : Path
    index : Index
    letters : DeadLetters
    claims : Claims
    losses : Losses
    max_bytes : int
    """

    def __init__(
        self,
        folder: Path,
        index: Index,
        letters: DeadLetters,
        claims: Claims,
        losses: Losses,
        *,
        max_bytes: int,
    ) -> None:
        self._folder, self._index, self._letters = folder, index, letters
        self._claims, self._losses, self._max_bytes = claims, losses, max_bytes

    # Deletion

    def delete(self, segment: Segment) -> bool:
        """Delete a complete segment, unless a restart needs it for the state; return whether it is gone."""
        if segment.name.kind != RETRIED and not self._index.has_later(segment):
            if self._is_last(segment):
                return False
            lock = self._claims.take(segment.name.session)
            if lock is None:
                return False
            try:
                return self._unlink(segment)
            finally:
                lock.release(remove=True)
        return self._unlink(segment)

    def _unlink(self, segment: Segment) -> bool:
        if not self._claims.delivery_in_place():
            return False  # the folder was replaced: what has this name now is another store's
        try:
            segment.path.unlink()
        except FileNotFoundError:
            pass
        except OSError:
            # Somebody has it open, on Windows: its slots are at the end, and it is tried again.
            return False
        self._index.forget(segment)
        return True

    def _is_last(self, segment: Segment) -> bool:
        """Return whether no other session that has a record is later."""
        session = segment.name.session
        return all(other.name.session <= session for other in self._index.order if other.name.kind != RETRIED)

    def delete_done(self) -> None:
        """Delete the segments that every queue has."""
        for segment in list(self._index.order):
            if not segment.sending and self._index.is_done(segment):
                self.delete(segment)

    # Age and bound

    def drop_old(self, age: Age) -> None:
        """Drop what is too old: events, and files whose last letter is."""
        for segment in list(self._index.order):
            if segment.sending:
                continue
            for name, position in segment.positions.items():
                count = self._index.drop_before(segment, name, position, age)
                self._losses.add("too_old", count, self._index.queue_of(name))
        for path in letter_files(self._folder):
            newest = newest_ms(path)
            if not newest or not age.is_over(newest):
                break
            self._drop_letters(path, "dead_letters_old")

    def keep_bound(self, reserve: int = 0) -> bool:
        """Drop dead letters, then the oldest segments, until the bound is kept; return whether it is.

        Parameters
        ----------
        reserve : int
            Bytes that will be written before this is called again.
        """
        most = self._max_bytes - reserve
        if store_bytes(self._folder) <= most:
            return True
        self.delete_done()
        over = store_bytes(self._folder) - most
        for path in letter_files(self._folder):
            if over <= 0:
                break
            over -= max(path.stat().st_size, _BLOCK)
            self._drop_letters(path, "dead_letters_full")
        for segment in list(self._index.order):
            if over <= 0:
                break
            if segment.complete and not segment.sending:
                over -= self._evict(segment, "store_full")
        return over <= 0

    def _evict(self, segment: Segment, cause: str) -> int:
        """Delete a segment with what is pending in it; return the bytes that are free now."""
        pending = {
            name: self._index.pending(segment, position) for name, position in segment.positions.items()
        }
        if not self.delete(segment):
            return 0
        for name, count in pending.items():
            self._losses.add(cause, count, self._index.queue_of(name))
        return max(segment.size, _BLOCK)

    def _drop_letters(self, path: Path, cause: str) -> None:
        if path == self._letters.current:
            self._letters.close()
        queues = [letter.queue for letter in read_letters(path) if letter.queue]
        with contextlib.suppress(OSError):
            if not self._claims.delivery_in_place():
                return
            path.unlink()
            for queue in queues:
                self._losses.add(cause, 1, queue)

    # A purge

    def purge(self, *, dead_only: bool) -> int:
        """Drop everything that was given up, and what is pending; return how many events that were."""
        self._letters.close()
        count = 0
        for path in letter_files(self._folder):
            letters = sum(bool(letter.queue) for letter in read_letters(path))
            if self._claims.delivery_in_place():
                path.unlink()
                count += letters
        if dead_only:
            return count
        for segment in list(self._index.order):
            by_wire: dict[int, int] = {}
            for name, position in segment.positions.items():
                pending = self._index.pending(segment, position)
                by_wire[position.wire] = max(by_wire.get(position.wire, 0), pending)
                self._index.skip_to(segment, name, position, position.counted)
            count += max(by_wire.values(), default=0)
            if self._index.is_done(segment):
                self.delete(segment)
        return count
