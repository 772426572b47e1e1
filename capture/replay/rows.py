"""What a replay makes, on its way to the sinks: rows of whole batches, encoded in one call each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

__all__ = ["Packer", "Row"]


class Row(msgspec.Struct, frozen=True, gc=False):
    """Neighbours of one session in one wire format.

    Attributes
    ----------
    wire : str
        Wire format of the payloads.
    session : int
        Their session number.
    time_ms : int
        When the first of them occurred (ms since the epoch).
    event_ids : list of str
    payloads : list of bytes
    """

    wire: str
    session: int
    time_ms: int
    event_ids: list[str]
    payloads: list[bytes]


class Packer:
    """Gathers the events of one wire format into rows of up to `size` events of one session.

    Parameters
    ----------
    wire : str
        Name of the wire format.
    encode : callable
        Encodes the events of a row at once.
    size : int
        Events of a row: those of a whole batch, which need not be put together again then.
    """

    def __init__(self, wire: str, encode: Callable[[list[Any]], list[bytes]], size: int) -> None:
        self.wire = wire
        self._encode = encode
        self._size = size
        self._session = 0
        self._time_ms = 0
        self._ids: list[str] = []
        self._events: list[Any] = []
        self._rows: list[Row] = []

    def put(self, session: int, time_ms: int, event_id: str, event: Any) -> None:
        """Take the next event, in the form that `encode` takes."""
        self.put_all(session, (time_ms,), (event_id,), (event,))

    def put_all(
        self, session: int, times_ms: Sequence[int], event_ids: Sequence[str], events: Sequence[Any]
    ) -> None:
        """Take the next events, of one session."""
        start = 0
        while start < len(events):
            if not self._events or session != self._session:
                self._end_row()
                self._session, self._time_ms = session, times_ms[start]
            end = start + self._size - len(self._events)
            self._events += events[start:end]
            self._ids += event_ids[start:end]
            if len(self._events) == self._size:
                self._end_row()
            start = end

    def take(self, active: Collection[int]) -> list[Row]:
        """Return the rows since the last call; what does not fill one in an `active` session waits."""
        if self._session not in active:
            self._end_row()
        rows, self._rows = self._rows, []
        return rows

    def _end_row(self) -> None:
        if self._events:
            payloads = self._encode(self._events)
            self._rows.append(Row(self.wire, self._session, self._time_ms, self._ids, payloads))
            self._ids, self._events = [], []
