"""What a delivery asks of the store that it sends from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection

    from capture.store.rows import StoredBatch

__all__ = ["DeliveryStore"]


class DeliveryStore(Protocol):
    """Queues of events, one for each sink; `capture.store.Store` says what each call means."""

    @property
    def needs_upkeep(self) -> bool:
        """Whether `upkeep` should not wait."""

    @property
    def needs_keeper(self) -> bool:
        """Whether the keeper should look at once."""

    def next_batch(
        self, queue: str, max_events: int, max_bytes: int, *, skip: Collection[int]
    ) -> StoredBatch | None:
        """Return the next events of one session."""

    def acknowledge(self, queue: str, batch: StoredBatch) -> None:
        """Note that the sink has the events."""

    def dead_letter(self, queue: str, batch: StoredBatch, reason: str) -> None:
        """Give up the events."""

    def last_id(self) -> int:
        """Return the largest id that was given."""

    def is_live(self, session: int) -> bool:
        """Tell whether the session may go on."""

    def claim_delivery(self) -> bool:
        """Become the process that delivers, unless another one is."""

    def watch_burst(self) -> bool:
        """Tell whether to ask again soon."""

    def upkeep(self) -> None:
        """Keep the bounds."""
