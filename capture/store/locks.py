"""OS file locks of the store: one on each live session, one on delivery, one on the state.

The operating system frees a lock when its process dies, however it dies, so a lock is never stale.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import weakref
from typing import TYPE_CHECKING

from capture.process import run_in_forked_child

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["Claims", "FileLock"]

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def _unlock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        # flock, not fcntl locks: these would be lost whenever any descriptor of the file is closed.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


#: Windows deletes no file that is open.
_DELETES_OPEN = sys.platform != "win32"
#: How often (s) a session's lock is tried again, and how many times.
_POLL_S = 0.002
_CLAIM_TRIES = 3


class FileLock:
    """An exclusive lock on a file, held until `release` or the end of the process.

    Parameters
    ----------
    path : Path
        The lock file; made when missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._problem: OSError | None = None
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._descriptor is not None

    @property
    def unavailable(self) -> bool:
        """Whether no process could have it at the last `claim`: read-only, a full disk, no locks there."""
        return self._problem is not None

    def claim(self) -> bool:
        """Acquire the lock without waiting; return whether it is held now."""
        if self._descriptor is not None:
            return True
        self._problem = None
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        except OSError as error:
            self._problem = error
            return False
        try:
            _lock(descriptor)
            # Another process may have removed the file between our open and our lock.
            if not _same_file(descriptor, self.path):
                raise BlockingIOError
        except OSError as error:
            os.close(descriptor)
            if _DELETES_OPEN and not isinstance(error, BlockingIOError):
                self._problem = error  # on Windows perhaps a lock that another process holds
            return False
        self._descriptor = descriptor
        return True

    def claim_or_raise(self) -> bool:
        """Acquire the lock as `claim` does; return False while another process holds it.

        Raises
        ------
        OSError
            When the lock file cannot be made, or the file system has no locks.
        """
        claimed = self.claim()
        if self._problem is not None:
            raise self._problem
        return claimed

    def is_in_place(self) -> bool:
        """Return whether the lock is held and its file is still the one of that name."""
        descriptor = self._descriptor
        return descriptor is not None and _same_file(descriptor, self.path)

    def release(self, *, remove: bool = False) -> None:
        """Free the lock; with `remove`, delete its file, while nobody else can hold it."""
        if self._descriptor is None:
            return
        mine = remove and self.is_in_place()
        if mine and _DELETES_OPEN:
            self._delete()
        # A child that was forked meanwhile may have the descriptor as well: to close ours does not free it.
        with contextlib.suppress(OSError):
            _unlock(self._descriptor)
        self.forget()
        if mine and not _DELETES_OPEN:
            self._delete()  # one that another process has opened meanwhile stays

    def _delete(self) -> None:
        with contextlib.suppress(OSError):
            self.path.unlink()

    def forget(self) -> None:
        """Close the descriptor only: in a forked child this leaves the parent's lock alone."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(descriptor)


class Claims:
    """The locks of this process: its session, and the right to deliver.

    Parameters
    ----------
    folder : Path
        Where the lock files are.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        #: By session: the one of this process last, behind those whose last events are not written yet.
        self._sessions: dict[int, FileLock] = {}
        #: The right to deliver.
        self.delivery = FileLock(folder / "delivery.lock")
        # Workers and the caller of a flush ask at once: a lock on a second descriptor of ours would fail.
        # A signal handler may ask while its thread does.
        self._delivery_guard = threading.RLock()
        _claims.add(self)

    @property
    def session(self) -> int:
        """The session of this process; 0 for none."""
        return next(reversed(list(self._sessions)), 0)

    def claim_session(self, number: int, admit: Callable[[], bool]) -> bool:
        """Acquire the lock on a session that this process does not hold, unless `admit` refuses.

        Where no lock file can be made this is True as well: events are kept in memory then. The session
        before stays locked until `settle`.
        """
        # A process that asks whether the session is live holds its lock for a moment.
        lock, pause = self._lock_of(number), threading.Event()
        for _ in range(_CLAIM_TRIES):
            if lock.claim() or lock.unavailable:
                break
            pause.wait(_POLL_S)
        else:
            return False
        if not admit():
            lock.release(remove=True)
            return False
        self._sessions[number] = lock
        return True

    def settle(self, number: int) -> bool:
        """Release the sessions before `number`; return whether the lock of that one is held."""
        lock = self._sessions.get(number)
        if lock is None or number != self.session:
            return lock is not None and lock.held
        self._release(list(self._sessions)[:-1])
        return lock.claim()

    def release_session(self) -> None:
        """Release the lock on the session, and on those before."""
        self._release(list(self._sessions))

    def _release(self, numbers: list[int]) -> None:
        for number in numbers:
            lock = self._sessions.pop(number, None)  # another thread may close the store meanwhile
            if lock is not None:
                lock.release(remove=True)

    def holds(self, number: int) -> bool:
        """Return whether this process holds the session."""
        return number in self._sessions

    def is_live(self, number: int) -> bool:
        """Return whether this or another process holds the session."""
        if self.holds(number):
            return True
        lock = self._lock_of(number)
        # One that cannot be asked about is live: what it writes later would be taken for read.
        live = lock.path.exists() and not lock.claim()
        lock.release(remove=True)
        return live

    def take(self, number: int) -> FileLock | None:
        """Return a lock on a session that no process holds, for the caller to release; None if one does."""
        lock = self._lock_of(number)
        return None if self.holds(number) or not lock.claim() else lock

    def claim_delivery(self) -> bool:
        """Become the process that delivers; also without a lock file, for events in memory."""
        with self._delivery_guard:
            return self.delivery.claim() or self.delivery.unavailable

    def are_in_place(self) -> bool:
        """Return whether the files of the locks that are held are still there."""
        lock = self._sessions.get(self.session)
        if lock is not None and lock.held:
            return lock.is_in_place()
        return not self.delivery.held or self.delivery.is_in_place()

    def forget(self) -> None:
        """Leave the locks to the parent: in a forked child."""
        self._delivery_guard = threading.RLock()
        for lock in (self.delivery, *self._sessions.values()):
            lock.forget()
        self._sessions = {}

    def _lock_of(self, number: int) -> FileLock:
        return FileLock(self._folder / f"session-{number}.lock")


def _same_file(descriptor: int, path: Path) -> bool:
    try:
        # Another thread may close the descriptor meanwhile: then nothing is held.
        named, opened = path.stat(), os.fstat(descriptor)
    except OSError:
        return False
    return (named.st_ino, named.st_dev) == (opened.st_ino, opened.st_dev)


#: Live claims: a forked child that never uses its store must not keep its parent's locks.
_claims: weakref.WeakSet[Claims] = weakref.WeakSet()


def _forget_all() -> None:
    for claims in list(_claims):
        claims.forget()


run_in_forked_child(_forget_all)
