"""The maintenance of a store: its bounds, its syncs, requests, and the events that wait in memory."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from capture.delivery.wake import Wake
from capture.errors import LogOnce, StoreError

if TYPE_CHECKING:
    from capture.delivery.base import DeliveryStore

__all__ = ["Maintenance"]

#: The longest time (s) between two passes.
_UPKEEP_S = 5.0
#: Pause (s) after a pass that failed, or that left events in memory.
_RETRY_S = 1.0
_log = logging.getLogger("capture.delivery")


class Maintenance:
    """Maintains a store in the thread that calls `run`.

    Parameters
    ----------
    store : DeliveryStore
    """

    def __init__(self, store: DeliveryStore) -> None:
        self._store = store
        self._wanted, self._pause = Wake(), Wake()
        self._ended = False
        self._log_once = LogOnce(_log)

    def wake(self) -> None:
        """Start a pass now."""
        self._wanted.set()

    def stop(self) -> None:
        """End `run`."""
        self._ended = True
        self._wanted.set()
        self._pause.set()

    def run(self) -> None:
        """Maintain the store until `stop`."""
        while not self._ended:
            failed = True
            try:
                self._store.upkeep()
                failed = False
            except StoreError as error:
                _log.debug("maintenance: %s", error)
            except BaseException as error:  # noqa: BLE001 - sys.exit() in a callback must not end this thread
                self._log_once("upkeep", logging.ERROR, "the store could not be maintained", error=error)
            if failed or self._store.waiting_in_memory:
                self._pause.wait(_RETRY_S)
            if not self._ended:
                self._wanted.wait(_UPKEEP_S)
