"""Time as a parameter: the three clocks that the engine reads, in one object that tests replace."""

from __future__ import annotations

import time

__all__ = ["NS_PER_MS", "Clock"]

NS_PER_MS = 1_000_000

_BOOT = getattr(time, "CLOCK_BOOTTIME", None)


class Clock:
    """The machine's clocks, all in int nanoseconds.

    Subclass it, or give any object with the same methods, where time must be under control
    (``capture.testing.FakeClock``).
    """

    __slots__ = ()

    def wall_ns(self) -> int:
        """Time since the Unix epoch; may jump when the clock is set."""
        return time.time_ns()

    def monotonic_ns(self) -> int:
        """Time that never goes back: touch samples and timeouts use it."""
        return time.monotonic_ns()

    def boot_ns(self) -> int:
        """System uptime; monotonic time where the platform has no better answer."""
        if _BOOT is None:
            return time.monotonic_ns()
        return time.clock_gettime_ns(_BOOT)
