"""The door's other processes: forked from a process that starts again those that end."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import time
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["BACKOFF_S", "MAX_BACKOFF_S", "end_all", "fork", "keep_running"]

_log = logging.getLogger("capture.gateway")
#: Time (s) before a process that ended is started again: at first, and if it ends again and again.
BACKOFF_S, MAX_BACKOFF_S = 0.5, 60.0
#: How often (s) processes that ended are looked for.
_LOOK_S = 0.25


def fork(run: Callable[[int], object], parent: int) -> int:
    """Return the id of a new process, which calls a function with the id of its parent."""
    pid = os.fork()
    if not pid:
        try:
            run(parent)
        finally:
            os._exit(0)  # the first process says what is wrong, and ends the others
    return pid


def keep_running(tasks: Sequence[Callable[[int], object]], parent: int) -> None:
    """Run each task in a process, again if that one ends, until a signal, or the end of the process `parent`.

    The door does not do it itself: a process with an event loop and threads cannot be forked.
    """
    ends = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)

    def run(task: Callable[[int], object], parent: int) -> None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ends)
        task(parent)

    pids, due_s, backoff_s = [0] * len(tasks), [0.0] * len(tasks), [BACKOFF_S] * len(tasks)
    while os.getppid() == parent and not ends & signal.sigpending():
        now_s = time.monotonic()
        for at, task in enumerate(tasks):
            if pids[at] and os.waitpid(pids[at], os.WNOHANG)[0]:
                _log.warning("a process of the door ended; another one takes its place")
                longer_s = min(2 * backoff_s[at], MAX_BACKOFF_S)
                backoff_s[at] = BACKOFF_S if now_s - due_s[at] > MAX_BACKOFF_S else longer_s
                pids[at], due_s[at] = 0, now_s + backoff_s[at]
            if not pids[at] and now_s >= due_s[at]:
                try:
                    pids[at] = fork(partial(run, task), os.getpid())
                except OSError as error:
                    _log.warning("a process of the door cannot be started now: %s", error)
                    due_s[at] = now_s + BACKOFF_S
        time.sleep(_LOOK_S)
    end_all([pid for pid in pids if pid])


def end_all(workers: list[int]) -> None:
    """End processes: first all of them get the signal, since each takes its time."""
    for pid in workers:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    while workers:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(workers.pop(), 0)
