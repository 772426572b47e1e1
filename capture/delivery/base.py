"""The store as a delivery uses it, and the counts of one sink."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from capture.store.rows import StoredBatch
    from capture.store.sink_reports import SinkReport

__all__ = ["DeliveryStore", "Everything", "Goal", "SinkCounters", "Watch"]


class SinkCounters(msgspec.Struct):
    """Counts of one sink.

    Attributes
    ----------
    delivered, dead_letters : int
        Events accepted, and events given up.
    retried : int
        Requests that failed and are made again.
    state : {"idle", "sending", "waiting", "paused"}
        Nothing is due; a batch is being sent; waiting for the next attempt after a failure; paused for
        a minute and more.
    paused : str
        Why delivery to the sink is paused; empty if it is not.
    last_error : str
        The last failure: status and the beginning of the answer, or class and host; empty after a success.
    since : int or None
        When it began to fail (ms since the epoch); None while it is well.
    attempts : int
        Failed attempts since then.
    """

    delivered: int = 0
    retried: int = 0
    dead_letters: int = 0
    state: str = "idle"
    paused: str = ""
    #: Its key in the summary of a replay is older than its name.
    last_error: str = msgspec.field(default="", name="problem")
    since: int | None = None
    attempts: int = 0


class Goal(Protocol):
    """Events that were stored at a moment."""

    def covers(self, batch: StoredBatch) -> bool:
        """Return whether a batch begins within it."""


class Everything:
    """A goal that all batches belong to."""

    def covers(self, batch: StoredBatch) -> bool:
        """Return True."""
        del batch
        return True


class Watch(Protocol):
    """Watches the events that were pending at a moment, where another process delivers them."""

    def is_over(self) -> bool:
        """Return whether none of them is pending any more."""

    def has_lost(self) -> bool:
        """Return whether an event was given up or dropped since."""


class DeliveryStore(Protocol):
    """Queues of events, one for each sink; `capture.store.Store` documents each call.

    Where an answer is given here, it is that of a store that drops nothing, and whose sessions are over.
    """

    @property
    def needs_upkeep(self) -> bool:
        """Whether the next `upkeep` is due at once; False where a store has none."""
        return False

    @property
    def delivers(self) -> bool:
        """Whether this process delivers what is stored; else what waits in memory alone."""
        return True

    @property
    def waiting_in_memory(self) -> int:
        """How many calls wait in memory."""
        return 0

    def next_batch(
        self, queue: str, max_events: int, max_bytes: int, *, skip: Collection[int], apart: bool
    ) -> StoredBatch | None:
        """Return the next events of one session."""

    def begin_send(self, queue: str, batch: StoredBatch) -> bool:
        """Note that a batch is handed to its sink; False if it was dropped meanwhile."""
        del queue, batch
        return True

    def end_send(self, queue: str, batch: StoredBatch) -> None:
        """Note that the sink has answered."""
        del queue, batch

    def acknowledge(self, queue: str, batch: StoredBatch) -> bool:
        """Note that the sink has the events; False if they were dropped meanwhile."""

    def move_to_dead_letters(self, queue: str, batch: StoredBatch, reason: str) -> bool:
        """Move the events to the dead letters; False if they were dropped meanwhile."""

    def dropped_of(self, queue: str) -> int:
        """Return how many events the queue lost."""
        del queue
        return 0

    def publish(self, reports: Mapping[str, SinkReport]) -> bool:
        """Note how sinks are, for other processes, if any asks; False if that is not possible."""
        del reports
        return True

    def goal(self, queue: str) -> Goal:
        """Return the events that are stored now."""
        del queue
        return Everything()

    def reached(self, queue: str, goal: Any) -> bool:
        """Return whether nothing is left of a goal."""

    def watch(self) -> Watch:
        """Watch the pending events, where another process delivers them."""

    def check_presence(self, *, deeply: bool = False) -> bool:
        """Return whether the store is still ours; lost files are counted and made anew."""

    def is_live(self, session: int) -> bool:
        """Return whether the session may continue."""
        del session
        return False

    def claim_delivery(self) -> bool:
        """Become the process that delivers, unless another one is."""

    def upkeep(self) -> None:
        """Keep the bounds."""
        return
