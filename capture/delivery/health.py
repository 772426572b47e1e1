"""The known state of a sink: its outage, and one log line for each change."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from capture.clock import Clock
    from capture.delivery.base import SinkCounters

__all__ = ["SinkHealth"]

#: A failing sink is logged at this failure in a row, or when it has failed for this time (ns).
_TOLD_AFTER = 3
_TOLD_AFTER_NS = 10 * 10**9
#: Least time (ns) between two lines about dead letters of one reason.
_LETTERS_NS = 60 * 10**9
#: Waits (s) of a paused sink before it is tried again: they double.
_FIRST_PROBE_S = 60.0
_LAST_PROBE_S = 3600.0
_log = logging.getLogger("capture.delivery")


class SinkHealth:
    """Follows one sink.

    Parameters
    ----------
    name : str
        The sink's.
    counters : SinkCounters
        Where `state`, `since`, `attempts`, `paused` and `last_error` are kept.
    clock : Clock
        Time.
    """

    def __init__(self, name: str, counters: SinkCounters, clock: Clock) -> None:
        self._name = name
        self._counters = counters
        self._clock = clock
        self._failed_ns = 0
        self._told = ""
        self._probes = 0
        self._probe_ns = 0
        #: Reason of dead letters -> time of their last log line, and their number since.
        self._letters: dict[str, tuple[int, int]] = {}

    @property
    def is_paused(self) -> bool:
        """Whether nothing is sent until the next probe."""
        return bool(self._counters.paused)

    def probe_in_ns(self, now_ns: int) -> int:
        """Return the time until a paused sink is tried again."""
        return self._probe_ns - now_ns

    def failed(self, reason: str, *, pauses: bool = False) -> None:
        """Note a failed attempt; log it if it is news, and no pause follows."""
        counters, now_ns = self._counters, self._clock.monotonic_ns()
        counters.last_error = reason
        if not counters.attempts:
            counters.since = self._clock.wall_ns() // 1_000_000
            self._failed_ns = now_ns
        counters.attempts += 1
        lasting = counters.attempts >= _TOLD_AFTER or now_ns - self._failed_ns >= _TOLD_AFTER_NS
        if (self._told or lasting) and not pauses:
            self._tell(reason, f"fails, its events are kept (attempt {counters.attempts})")

    def paused(self, reason: str, at_least_s: float | None) -> None:
        """Note that nothing is sent for a while: a minute, then twice as long each time, an hour at last."""
        wait_s = min(_LAST_PROBE_S, max(_FIRST_PROBE_S * 2 ** min(self._probes, 10), at_least_s or 0.0))
        self._probes += 1
        self._probe_ns = self._clock.monotonic_ns() + int(wait_s * 1e9)
        self._counters.state = "paused"
        # Last: it ends a flush, after which the state is read.
        self._counters.paused = reason or "unavailable"
        self._tell(reason, "is paused, its events are kept", "paused")

    def resume(self, *, afresh: bool = False) -> None:
        """Send again now.

        Parameters
        ----------
        afresh : bool
            Whether the next pause is a short one again: somebody asked for the attempt.
        """
        self._counters.paused = ""
        if afresh:
            self._probes = 0

    def gave_up(self, reason: str, count: int) -> None:
        """Note dead letters."""
        now_ns = self._clock.monotonic_ns()
        key = _key(reason)
        told_ns, more = self._letters.get(key, (now_ns - _LETTERS_NS, 0))
        if now_ns - told_ns < _LETTERS_NS:
            self._letters[key] = (told_ns, more + count)
            return
        self._letters[key] = (now_ns, 0)
        _log.warning("sink %s: %d events became dead letters: %s", self._name, more + count, reason)

    def accepted(self) -> None:
        """Note that the sink is well."""
        counters = self._counters
        if self._told:
            _log.info("sink %s works again after %d failed attempts", self._name, counters.attempts)
        self._told, self._probes = "", 0
        counters.attempts, counters.since, counters.last_error = 0, None, ""

    def _tell(self, reason: str, what: str, state: str = "") -> None:
        key = f"{state} {_key(reason)}"
        if key != self._told:
            self._told = key
            _log.warning("sink %s %s: %s", self._name, what, reason)


def _key(reason: str) -> str:
    """Return the key of a reason: a status or a class, not the text of an answer."""
    return reason.partition(":")[0] or "unavailable"
