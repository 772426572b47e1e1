"""OS file locks of the store: one on each live session, one on delivery.

The operating system frees a lock when its process dies, however it dies, so a lock is never stale.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FileLock", "session_lock_path"]

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        # flock, not fcntl locks: these would be lost whenever any descriptor of the file is closed.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def session_lock_path(folder: Path, session: int) -> Path:
    """Return the lock file of a session."""
    return folder / f"session-{session}.lock"


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
        """Take the lock without waiting; tell whether it is held now."""
        if self._descriptor is not None:
            return True
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        except OSError:
            return False
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


def _same_file(descriptor: int, path: Path) -> bool:
    try:
        named = path.stat()
    except FileNotFoundError:
        return False
    opened = os.fstat(descriptor)
    return (named.st_ino, named.st_dev) == (opened.st_ino, opened.st_dev)
