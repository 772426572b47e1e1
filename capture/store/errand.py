"""What workers have the appending thread write for them, during a burst of appends.

A worker that writes by itself waits for the append that is under way, and the next append for it: two
changes of threads, each several times as long as the statement. The next append does it on its own
connection instead, and its snapshot of the file stays good.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Errand", "Errands"]

#: How long (s) a worker waits for the next append: those of a burst are closer together.
_WAIT_S = 0.002


class Errand:
    """One statement, run by the next append or taken back.

    Parameters
    ----------
    write : callable
        Runs it on a connection; tells whether it did all there was to do.
    """

    def __init__(self, write: Callable[[sqlite3.Connection], bool]) -> None:
        #: What `write` told; None where it was not run, or failed.
        self.result: bool | None = None
        self._write = write
        self._done = threading.Event()

    def run(self, connection: sqlite3.Connection) -> None:
        """Run it in the appending thread: an error is the worker's to meet, when it writes by itself."""
        with contextlib.suppress(sqlite3.Error):
            self.result = self._write(connection)
        self._done.set()

    def wait(self) -> bool:
        """Wait for an append; tell whether there was one."""
        return self._done.wait(_WAIT_S)


class Errands:
    """The errands that wait for an append; the appending thread holds the write lock to run one."""

    def __init__(self) -> None:
        self.waiting: deque[Errand] = deque()

    def add(self, errand: Errand) -> None:
        """Have the next append run it."""
        self.waiting.append(errand)

    def take_back(self, errand: Errand) -> None:
        """Have no append run it any more; the caller holds the write lock, so that none is about to."""
        with contextlib.suppress(ValueError):
            self.waiting.remove(errand)

    def run_next(self, connection: sqlite3.Connection) -> None:
        """Run the oldest; there is one."""
        self.waiting.popleft().run(connection)

    def clear(self) -> None:
        """Forget them, in a forked child: their workers are not there."""
        self.waiting.clear()
