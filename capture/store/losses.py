"""What a store lost: counted by cause, told once to the log and every time to whoever asked."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Losses"]

_log = logging.getLogger("capture.store")


class Losses:
    """Counts lost events.

    Parameters
    ----------
    place : str
        The store, in messages.
    on_drop : callable or None
        Called with a cause and a number of events by `report`.
    """

    def __init__(self, place: str, on_drop: Callable[[str, int], None] | None) -> None:
        #: Events lost so far, by cause.
        self.dropped: dict[str, int] = {}
        #: Losses that nobody was told of yet.
        self.untold: list[tuple[str, int]] = []
        self._place = place
        self._on_drop = on_drop
        self._said: set[str] = set()

    def add(self, cause: str, count: int) -> None:
        """Count lost events; `report` tells of them later, when no lock is held."""
        if count:
            self.dropped[cause] = self.dropped.get(cause, 0) + count
            self.untold.append((cause, count))

    def report(self) -> None:
        """Tell what was lost since the last call; the caller holds no lock."""
        while self.untold:
            cause, count = self.untold.pop(0)
            self.say(cause, f"{count} events dropped ({cause}); more of them are only counted")
            if self._on_drop is not None:
                try:
                    self._on_drop(cause, count)
                except Exception as error:  # noqa: BLE001 - the owner's callable, not ours
                    self.say("on_drop", f"the drop callable raised {error!r}")

    def say(self, what: str, message: str) -> None:
        """Log a warning of a kind, once until `recover`."""
        if what not in self._said:
            self._said.add(what)
            _log.warning("%s: %s", self._place, message)

    def recover(self) -> None:
        """Note that the outage is over: the next loss is logged again."""
        self._said.clear()
