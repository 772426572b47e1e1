"""Time as a parameter: the three clocks that the engine reads, in one object that tests replace."""

from __future__ import annotations

import time
from functools import partial

__all__ = ["NS_PER_MS", "Clock"]

NS_PER_MS = 1_000_000

_BOOT = getattr(time, "CLOCK_BOOTTIME", None)


class Clock:
    """The machine's clocks, all in int nanoseconds.

    Subclass it, or give any object with the same methods, where time must be under control
    (``capture.testing.FakeClock``).
    """

    __slots__ = ()

    # Functions of the system as they are: each is read while a finger lifts.
    #: Time since the Unix epoch; may jump when the clock is set.
    wall_ns = staticmethod(time.time_ns)
    #: Time that never goes back: touch samples and timeouts use it.
    monotonic_ns = staticmethod(time.monotonic_ns)
    #: System uptime; monotonic time where the platform has no better answer.
    boot_ns = staticmethod(time.monotonic_ns if _BOOT is None else partial(time.clock_gettime_ns, _BOOT))
