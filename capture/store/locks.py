"""OS file locks of the store: one on each live session, one on delivery, one on replacing the file.

The operating system frees a lock when its process dies, however it dies, so a lock is never stale.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
import weakref
from typing import TYPE_CHECKING

from capture.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["Claims", "FileLock", "guard"]

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int, *, shared: bool = False) -> None:  # noqa: ARG001 - there are no shared ones here
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def _unlock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int, *, shared: bool = False) -> None:
        # flock, not fcntl locks: these would be lost whenever any descriptor of the file is closed.
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


#: How often (s) a wait for another process's lock looks again.
_POLL_S = 0.002
#: How often a session's lock is tried.
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
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._descriptor is not None

    def claim(self, *, shared: bool = False) -> bool:
        """Take the lock without waiting; tell whether it is held now.

        Where no lock file can be made (a read-only folder, a full disk) the lock counts as free.

        Parameters
        ----------
        shared : bool, default False
            Whether others may share it.
        """
        if self._descriptor is not None:
            return True
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        except OSError:
            return True
        try:
            _lock(descriptor, shared=shared)
            # Another process may have removed the file between our open and our lock.
            if not _same_file(descriptor, self.path):
                raise BlockingIOError
        except OSError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def release(self, *, remove: bool = False) -> None:
        """Free the lock; with `remove`, take its file away first, while nobody else can hold it."""
        if self._descriptor is None:
            return
        if remove:
            with contextlib.suppress(OSError):
                self.path.unlink()
        # A child that was forked meanwhile may have the descriptor as well: to close ours does not free it.
        with contextlib.suppress(OSError):
            _unlock(self._descriptor)
        self.forget()

    def forget(self) -> None:
        """Close the descriptor only: in a forked child this leaves the parent's lock alone."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = None


@contextlib.contextmanager
def guard(path: Path, *, shared: bool, wait_s: float) -> Iterator[None]:
    """Hold the lock under which a store's file is replaced; shared, while it is opened.

    Parameters
    ----------
    path : Path
        The store's file.
    shared : bool
        Whether others may open it meanwhile.
    wait_s : float
        How long (s) to wait for whoever holds it.

    Raises
    ------
    StoreError
        When the wait is over.
    """
    lock, pause = FileLock(path.with_name("replace.lock")), threading.Event()
    end = time.monotonic() + wait_s
    while not lock.claim(shared=shared):
        if time.monotonic() >= end:
            raise StoreError(f"{path}: another process is replacing it")
        pause.wait(_POLL_S)
    try:
        yield
    finally:
        lock.release()


class Claims:
    """What this process holds of a store: one session, and the right to deliver.

    Parameters
    ----------
    folder : Path
        Where the lock files are.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._session: FileLock | None = None
        self._delivery = FileLock(folder / "delivery.lock")
        # Workers and the caller of a flush ask at once: a lock on a second descriptor of ours would fail.
        self._delivery_guard = threading.Lock()
        _claims.add(self)

    def claim_session(self, number: int, admit: Callable[[], bool]) -> bool:
        """Take the lock on a session and give up the one before, unless `admit` says no."""
        lock = self._lock_of(number)
        if self._session is not None and self._session.path == lock.path:
            return True
        # Whoever asks whether the session is live holds its lock for a moment.
        pause = threading.Event()
        if not any(lock.claim() or pause.wait(_POLL_S) for _ in range(_CLAIM_TRIES)):
            return False
        if not admit():
            lock.release(remove=True)
            return False
        self.release_session()
        self._session = lock
        return True

    def release_session(self) -> None:
        """Give up the lock on the session."""
        if self._session is not None:
            self._session.release(remove=True)
            self._session = None

    def is_live(self, number: int) -> bool:
        """Tell whether this or another process holds the session."""
        lock = self._lock_of(number)
        if self._session is not None and self._session.path == lock.path:
            return True
        if not _exists(lock.path):
            return False
        free = lock.claim()
        lock.release(remove=True)
        return not free

    def claim_delivery(self) -> bool:
        """Become the process that delivers."""
        if self._delivery.held:
            return True
        with self._delivery_guard:
            return self._delivery.claim()

    def release_delivery(self) -> None:
        """Let another process deliver."""
        self._delivery.release()

    def forget(self) -> None:
        """Leave the locks to the parent: in a forked child."""
        self._delivery_guard = threading.Lock()
        for lock in (self._session, self._delivery):
            if lock is not None:
                lock.forget()
        self._session = None

    def _lock_of(self, number: int) -> FileLock:
        return FileLock(self._folder / f"session-{number}.lock")


def _exists(path: Path) -> bool:
    try:
        path.stat()
    except OSError:
        return False
    return True


def _same_file(descriptor: int, path: Path) -> bool:
    try:
        named = path.stat()
    except FileNotFoundError:
        return False
    opened = os.fstat(descriptor)
    return (named.st_ino, named.st_dev) == (opened.st_ino, opened.st_dev)


#: Live claims: a forked child that never uses its store must not keep its parent's locks.
_claims: weakref.WeakSet[Claims] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for claims in list(_claims):
        claims.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
