"""Calls with a deadline over everything in them, name lookup included."""

from __future__ import annotations

import os
import queue
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DeadlineCaller"]


class _Job:
    """One call and what came of it."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function = function
        self._done = threading.Lock()
        self._done.acquire()
        self._result: Any = None
        self._error: Exception | None = None

    def run(self) -> None:
        try:
            self._result = self._function()
        except Exception as error:  # noqa: BLE001 - raised again in the caller
            self._error = error
        self._done.release()

    def result(self, timeout_s: float) -> Any:
        if not self._done.acquire(timeout=max(0.0, timeout_s)):
            raise TimeoutError
        if self._error is not None:
            raise self._error
        return self._result


class DeadlineCaller:
    """Runs one call at a time in a daemon thread of its own.

    Socket timeouts cover neither a name lookup nor an answer that comes a byte at a time. A call that
    misses its deadline is left behind with its thread, and the next one gets a new thread.

    Parameters
    ----------
    name : str
        Name of the threads.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: queue.SimpleQueue[_Job | None] | None = None
        self._pid = 0

    def call(self, function: Callable[[], Any], timeout_s: float) -> Any:
        """Return what `function` returns, or raise what it raises.

        Raises
        ------
        TimeoutError
            When it has not returned after `timeout_s` seconds.
        """
        if self._jobs is None or self._pid != os.getpid():
            self._start()
        job = _Job(function)
        jobs = self._jobs
        if jobs is None:
            raise TimeoutError
        jobs.put(job)
        try:
            return job.result(timeout_s)
        except TimeoutError:
            self.abandon()
            raise

    def abandon(self) -> None:
        """Leave the thread behind; it ends with the call that it is in."""
        if self._jobs is not None:
            self._jobs.put(None)
            self._jobs = None

    def _start(self) -> None:
        jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        threading.Thread(target=_serve, args=(jobs,), name=self._name, daemon=True).start()
        self._jobs, self._pid = jobs, os.getpid()


def _serve(jobs: queue.SimpleQueue[_Job | None]) -> None:
    while (job := jobs.get()) is not None:
        job.run()
