"""A signal to a waiting thread that no exception between two bytecodes can leave locked."""

from __future__ import annotations

import contextlib
import threading

__all__ = ["Wake"]


class Wake:
    """A flag that one thread waits for and resets by that; `set` may be called in a signal handler.

    `threading.Event` and `threading.Condition` take their lock in Python: an exception that is raised
    there leaves it taken for ever.
    """

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def set(self) -> None:
        """Wake the thread that waits, or the next one that will."""
        with contextlib.suppress(RuntimeError):
            self._lock.release()

    def wait(self, timeout_s: float | None) -> bool:
        """Wait until it is set, for `timeout_s` at most; return whether it was."""
        return self._lock.acquire(True, -1 if timeout_s is None else min(timeout_s, threading.TIMEOUT_MAX))
