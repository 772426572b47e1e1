"""A read transaction that stays open between the appends of a burst."""

from __future__ import annotations

import contextlib
import sqlite3

__all__ = ["Hold"]

#: Rows enough for the statement to stay open behind its first.
_OPEN = "SELECT 1 FROM sqlite_master UNION ALL SELECT 1 FROM sqlite_master"


class Hold:
    """Keeps the appending connection's snapshot of the file from one append to the next.

    To take a snapshot and to give it up are four of the six locking calls of an append, a quarter of its
    time. While it is held, an append after anybody else's write fails (``SQLITE_BUSY_SNAPSHOT``): what was
    known of the file, such as which ids are free, is still so in one that succeeds. The log cannot start
    over meanwhile, so every other writer of this process releases it first, and the store's keeper does
    when the burst is over.

    The caller of every method holds the write lock.
    """

    def __init__(self) -> None:
        self._cursor: sqlite3.Cursor | None = None
        #: Whether an append within this hold has found its id to be free.
        self.checked = False
        #: Whether there was an append since the keeper looked, and whether it looks often.
        self.used = False
        self.watched = False

    @property
    def on(self) -> bool:
        """Whether a snapshot is held."""
        return self._cursor is not None

    def take(self, connection: sqlite3.Connection) -> None:
        """Hold the newest snapshot; the caller has none."""
        self.checked, self.used = False, True
        self._cursor = connection.execute(_OPEN)

    def release(self) -> None:
        """Give the snapshot up, if one is held."""
        cursor, self._cursor = self._cursor, None
        self.checked = False
        if cursor is not None:
            with contextlib.suppress(sqlite3.Error):
                cursor.close()

    def watch(self) -> bool:
        """Release it where no append came since the last call; tell whether to look again soon."""
        self.watched, self.used = self.used, False
        if not self.watched:
            self.release()
        return self.watched

    def forget(self) -> sqlite3.Cursor | None:
        """Leave the snapshot alone, in a forked child; return what must not be closed."""
        cursor, self._cursor = self._cursor, None
        self.checked = False
        return cursor
