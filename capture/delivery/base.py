"""The store as a delivery uses it, and the counts of one sink."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Collection

    from capture.store.rows import StoredBatch

__all__ = ["DeliveryStore", "SinkCounters"]


class SinkCounters(msgspec.Struct):
    """Counts of one sink.

    Attributes
    ----------
    delivered, dead_letters : int
        Events accepted, and events given up.
    retried : int
        Requests that failed and are made again.
    paused : str
        Why delivery to the sink is paused; empty if it is not.
    last_error : str
        The last failure; empty after a success.
    """

    delivered: int = 0
    retried: int = 0
    dead_letters: int = 0
    paused: str = ""
    #: Its key in the summary of a replay is older than its name.
    last_error: str = msgspec.field(default="", name="problem")


class DeliveryStore(Protocol):
    """Queues of events, one for each sink; `capture.store.Store` documents each call."""

    @property
    def needs_upkeep(self) -> bool:
        """Whether `upkeep` should not wait."""

    @property
    def needs_keeper(self) -> bool:
        """Whether the maintenance thread should make a pass now."""

    def next_batch(
        self, queue: str, max_events: int, max_bytes: int, *, skip: Collection[int]
    ) -> StoredBatch | None:
        """Return the next events of one session."""

    def acknowledge(self, queue: str, batch: StoredBatch) -> None:
        """Delete the events from the queue: the sink has them."""

    def move_to_dead_letters(self, queue: str, batch: StoredBatch, reason: str) -> None:
        """Move the events out of the queue to the dead letters."""

    def last_id(self) -> int:
        """Return the largest id of an event."""

    def is_live(self, session: int) -> bool:
        """Return whether another process may still record the session."""

    def claim_delivery(self) -> bool:
        """Become the process that delivers, unless another one is."""

    def watch_burst(self) -> bool:
        """Return whether a burst of appends goes on, so that the thread asks again soon."""

    def upkeep(self) -> None:
        """Keep the bounds."""
