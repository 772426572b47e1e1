"""Records that go into a store, and batches that come out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Pending", "StoredBatch", "StoredEvent"]


class StoredEvent(msgspec.Struct, frozen=True, gc=False):
    """An event on its way into the store.

    Attributes
    ----------
    session : int
        Its session number.
    payloads : sequence of (str, bytes)
        Wire format and encoded event, one for each wire format that a sink wants.
    time_ms : int
        When it occurred (ms since the epoch, wall clock): its age counts from here.
    event_id : str or bytes
        Its unique id: a UUID as text, or its 16 bytes.
    """

    session: int
    payloads: Sequence[tuple[str, bytes]]
    time_ms: int
    event_id: str | bytes


class StoredBatch(msgspec.Struct, gc=False):
    """Stored events of exactly one session, in the order in which they were recorded.

    Attributes
    ----------
    queue : str
        The queue that it was read from.
    format : str
        Wire format of the payloads.
    session : int
        The session of every event in it.
    payloads, event_ids : list
        One element per event.
    oldest_ms : int
        Time of the first event (ms since the epoch).
    place : object
        Its origin, in the order of reading; two batches of one place can be compared.
    start, end : int
        Where in the place it begins and ends.
    seq : int
        Sequence number of its last event.
    full : bool
        Whether it ends where it does because it reached a bound.
    """

    queue: str
    format: str
    session: int
    payloads: list[bytes]
    event_ids: list[str]
    oldest_ms: int
    place: Any
    start: int
    end: int
    seq: int = 0
    full: bool = False
    #: The calls in memory that it holds.
    calls: Sequence[Any] = ()

    @property
    def user_id(self) -> bytes:
        """User of the events; empty if the place does not name one."""
        if self.calls:
            return bytes(self.calls[0].user_id)
        header = getattr(self.place, "header", None)
        return b"" if header is None else bytes(header.user_id)

    @property
    def count(self) -> int:
        """Number of events."""
        return len(self.payloads)

    def begins_before_the_end_of(self, other: StoredBatch) -> bool:
        """Return whether it begins within `other`, or before it in the same place."""
        return self.place == other.place and self.start < other.end


class Pending(msgspec.Struct, frozen=True):
    """Events of a queue that its sink has not acknowledged.

    Attributes
    ----------
    count : int
        Events.
    sessions : dict
        Session number -> events.
    oldest_ms : int or None
        Time of the oldest event (ms since the epoch).
    """

    count: int
    sessions: dict[int, int]
    oldest_ms: int | None
