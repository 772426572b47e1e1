"""Requests to send pending events: the meaning of each, and when it is done."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from capture.delivery.base import DeliveryStore, Goal
    from capture.store.rows import StoredBatch

__all__ = ["Asked"]

#: Requests of which it is remembered that they failed.
_REMEMBERED = 1000


class Asked:
    """The requests to one worker.

    Attributes
    ----------
    requested, completed : int
        Numbers of the last request to send pending events, and of the last one that is done.
    failed : set of int
        Requests of which an event became a dead letter.
    """

    def __init__(self) -> None:
        self.requested = 0
        self.completed = 0
        self.failed: set[int] = set()
        #: Open requests, oldest first: number, and the stored events then; None until the next look.
        self._open: deque[tuple[int, Goal | None]] = deque()

    def __bool__(self) -> bool:
        """Return whether there is an open request."""
        return bool(self._open)

    def add(self, goal: Goal | None) -> int:
        """Add a request for `goal`; default: the events that are stored at the next look."""
        self.requested += 1
        self._open.append((self.requested, goal))
        return self.requested

    def look(self, store: DeliveryStore, queue: str) -> None:
        """Set the goals of the requests since the last look at the store."""
        found = None
        for index in range(len(self._open)):
            number, goal = self._open[index]
            if goal is None:
                found = found or store.goal(queue)
                self._open[index] = (number, found)

    def complete(self, store: DeliveryStore, queue: str, due: StoredBatch | None) -> None:
        """Mark requests as done, from the first batch that is due."""
        while self._open and (goal := self._open[0][1]) is not None:
            if due is not None and (goal.covers(due) or not store.reached(queue, goal)):
                return
            self.completed = self._open.popleft()[0]

    def fail(self, batch: StoredBatch) -> None:
        """Note that a batch became dead letters."""
        recent = {number for number in self.failed if number > self.requested - _REMEMBERED}
        self.failed = recent.union(self._of(batch))

    def covers(self, batch: StoredBatch) -> bool:
        """Return whether an open request is for a batch."""
        return any(True for _ in self._of(batch))

    def _of(self, batch: StoredBatch) -> list[int]:
        return [number for number, goal in self._open if goal is not None and goal.covers(batch)]
