"""OS file locks of the store: one on each live session, one on delivery.

The operating system frees a lock when its process dies, however it dies, so a lock is never stale.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["Claims", "FileLock"]

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        # flock, not fcntl locks: these would be lost whenever any descriptor of the file is closed.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


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

    def claim(self) -> bool:
        """Take the lock without waiting; tell whether it is held now.

        Where no lock file can be made (a read-only folder, a full disk) the lock counts as free.
        """
        if self._descriptor is not None:
            return True
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        except OSError:
            return True
        try:
            _lock(descriptor)
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
        self.forget()

    def forget(self) -> None:
        """Close the descriptor only: in a forked child this leaves the parent's lock alone."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = None


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

    def claim_session(self, number: int, admit: Callable[[], bool]) -> bool:
        """Take the lock on a session and give up the one before, unless `admit` says no."""
        lock = self._lock_of(number)
        if self._session is not None and self._session.path == lock.path:
            return True
        if not lock.claim():
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
        if not lock.path.exists():
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


def _same_file(descriptor: int, path: Path) -> bool:
    try:
        named = path.stat()
    except FileNotFoundError:
        return False
    opened = os.fstat(descriptor)
    return (named.st_ino, named.st_dev) == (opened.st_ino, opened.st_dev)
