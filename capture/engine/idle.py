"""The idle signal: tells a kiosk once that nobody has touched it for a while."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["IdleWatch"]

#: How long (s) the thread sleeps where nothing can happen sooner.
_LONGEST_S = 3600.0


class IdleWatch:
    """Calls back once when there was no touch for a time; the next touch arms it again.

    Parameters
    ----------
    after_s : float
        The time (s).
    on_idle : callable
        Called without arguments, from the watch's thread.
    clock : callable
        Monotonic time (ns).
    """

    def __init__(self, after_s: float, on_idle: Callable[[], None], clock: Callable[[], int]) -> None:
        self._after_ns = int(after_s * 1e9)
        self._on_idle = on_idle
        self._clock = clock
        self._touched_ns = clock()
        self._down = 0
        self._told = False
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def touched(self, down: int) -> None:
        """Note a touch; `down` is how many fingers are down after it."""
        self._touched_ns = self._clock()
        self._down = down
        self._told = False

    def check(self) -> float:
        """Call back if the time is up; return after how many seconds to check again."""
        left_ns = self._touched_ns + self._after_ns - self._clock()
        if self._told or self._down:
            # A touch moves the deadline by the whole time at least.
            return min(self._after_ns / 1e9, _LONGEST_S)
        if left_ns > 0:
            return min(left_ns / 1e9, _LONGEST_S)
        self._told = True
        self._on_idle()
        return min(self._after_ns / 1e9, _LONGEST_S)

    def start(self) -> None:
        """Start the thread that checks; a daemon, which ends with the process."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="touchcapture-idle", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread; it is not waited for."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(self.check()):
            pass
