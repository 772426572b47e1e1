"""How old an event is: elapsed time, which a clock that is set does not change."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from capture.clock import Clock

__all__ = ["Age"]

#: 2020: a time before it is that of a machine whose clock was not set yet.
_FIRST_MS = 1_577_836_800_000


class Age:
    """Says which events are older than a time, now.

    Parameters
    ----------
    clock : Clock
        Time.
    max_age_s : float
        The age (s).
    boot_id : bytes
        Of the machine's present run; empty where it is not known.
    """

    def __init__(self, clock: Clock, max_age_s: float, boot_id: bytes) -> None:
        self._now_ms = clock.wall_ns() // 1_000_000
        self._uptime_ms = clock.boot_ns() // 1_000_000
        self._max_ms = int(max_age_s * 1000)
        self._boot_id = boot_id

    def is_over(self, time_ms: int, uptime_ms: int = 0, boot_id: bytes = b"") -> bool:
        """Return whether what happened at a time is too old.

        By the boot clock where it was in the present run of the machine, by the wall clock else, as far as
        the time can be right.

        Parameters
        ----------
        time_ms, uptime_ms : int
            Wall clock and uptime then (ms); 0 for an uptime that is not known.
        boot_id : bytes
            Of the run of the machine then.
        """
        if boot_id and boot_id == self._boot_id and 0 < uptime_ms <= self._uptime_ms:
            return self._uptime_ms - uptime_ms > self._max_ms
        return time_ms >= _FIRST_MS and self._now_ms - time_ms > self._max_ms
