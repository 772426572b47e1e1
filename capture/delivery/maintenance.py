"""The maintenance of a store: its bounds, its log, and the events that wait in memory."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from capture.errors import StoreError

if TYPE_CHECKING:
    from capture.clock import Clock
    from capture.delivery.base import DeliveryStore

__all__ = ["Maintenance"]

#: The longest time (s) between two passes.
_UPKEEP_S = 5.0
#: How often (s), during a burst of appends, the store is asked whether the burst is over.
_BURST_S = 0.05
#: Pause (s) after a pass that failed twice.
_RETRY_S = 1.0
_log = logging.getLogger("capture.delivery")


class Maintenance:
    """Maintains a store in the thread that calls `run`.

    Parameters
    ----------
    store : DeliveryStore
    clock : Clock
    """

    def __init__(self, store: DeliveryStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._wanted = threading.Event()
        self._ended = threading.Event()

    def wake(self) -> None:
        """Start a pass now if the store needs one; called after each append."""
        if self._store.needs_keeper and not self._wanted.is_set():
            self._wanted.set()

    def stop(self) -> None:
        """End `run`."""
        self._ended.set()
        self._wanted.set()

    def run(self) -> None:
        """Maintain the store until `stop`."""
        store, wanted, ended = self._store, self._wanted, self._ended
        next_ns = failures = 0
        while not ended.is_set():
            if store.needs_upkeep or self._clock.monotonic_ns() >= next_ns:
                try:
                    store.upkeep()
                    failures = 0
                except StoreError as error:
                    _log.debug("maintenance: %s", error)
                    failures += 1
                    # The first failure may have found damage, which the next pass repairs at once.
                    ended.wait(_RETRY_S if failures > 1 else 0)
                next_ns = self._clock.monotonic_ns() + int(_UPKEEP_S * 1e9)
            wanted.clear()
            pause_s = _BURST_S if store.watch_burst() else _UPKEEP_S
            if not store.needs_upkeep and not ended.is_set():
                wanted.wait(pause_s)
