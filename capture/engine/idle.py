"""The idle signal of a kiosk: one callback when there was no touch for a time."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["IdleWatch"]

#: Longest sleep (s) of the thread.
_LONGEST_S = 3600.0


class IdleWatch:
    """Calls back once when there was no touch for a time; the next touch arms it again.

    Parameters
    ----------
    after_s : float
        Seconds without a touch.
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
        self._called = False
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def touched(self, down: int) -> None:
        """Start the time again; `down` is the number of fingers that are down after the touch."""
        self._touched_ns = self._clock()
        self._down = down
        self._called = False

    def check(self) -> float:
        """Call back if the time is up; return the seconds until the next check."""
        left_ns = self._touched_ns + self._after_ns - self._clock()
        if self._called or self._down:
            # The next touch restarts the whole time.
            left_ns = self._after_ns
        elif left_ns <= 0:
            self._called = True
            with contextlib.suppress(SystemExit):  # which would end this thread only
                self._on_idle()
            left_ns = self._after_ns
        return min(left_ns / 1e9, _LONGEST_S)

    def start(self) -> None:
        """Start the daemon thread that checks."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="touchcapture-idle", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread, without waiting for it."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(self.check()):
            pass
