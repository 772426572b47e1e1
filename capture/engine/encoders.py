"""The encoders of a recorder: from an event to the rows of each wire format, stored as one call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture.events.session import SessionState
from capture.formats import make_encoder
from capture.store.rows import StoredEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from capture.events.device import Device
    from capture.events.domain import Event
    from capture.formats import Row, Source
    from capture.store.store import Store

__all__ = ["Encoders"]


class Encoders:
    """Encodes events in several wire formats; a session's note in the store has their state.

    Parameters
    ----------
    wires : iterable of str
        Names of the formats.
    source : Source
        Origin of their events.
    """

    def __init__(self, wires: Iterable[str], source: Source) -> None:
        self._encoders = [(wire, make_encoder(wire, source)) for wire in wires]
        self._with_state = [(wire, encoder) for wire, encoder in self._encoders if encoder.has_state]

    @property
    def have_state(self) -> bool:
        """Whether one of them makes rows for sessions or remembers anything."""
        return bool(self._with_state)

    def change(self, device: Device, **facts: Any) -> None:
        """Use other facts from now on; see `Encoder.change`."""
        for _, encoder in self._with_state:
            encoder.change(device, **facts)

    def forget(self) -> None:
        """Forget the current session without its end: another process continues it."""
        for _, encoder in self._with_state:
            encoder.forget()

    def describe(self, store: Store, state: SessionState) -> None:
        """Write a session's state for a restart with its next call."""
        note: dict[str, Any] = {"first_event_ms": state.first_event_ms}
        for _, encoder in self._with_state:
            note |= encoder.state(state.number)
        store.describe_session(state.number, note)

    def begin(self, store: Store, time_ms: int, uptime_ms: int, claim: Callable[[], int]) -> None:
        """Store the rows that are due when recording begins, in the session that `claim` returns.

        They open no session: it stays empty until its first event.
        """
        rows = [row for wire, encoder in self._encoders for row in _stored(wire, encoder.begin(time_ms))]
        if rows:
            number = claim()
            store.describe_session(number, {"is_empty": True})
            rows = [StoredEvent(number, row.payloads, row.time_ms, row.event_id) for row in rows]
            self._store_rows(store, rows, SessionState(), uptime_ms)

    def end(self, store: Store, state: SessionState, uptime_ms: int) -> None:
        """Store the rows that the end of a session makes due."""
        rows = [row for wire, encoder in self._with_state for row in _stored(wire, encoder.end())]
        self._append_ended(store, rows, state, uptime_ms)

    def append(self, store: Store, event: Event, before: SessionState, state: SessionState) -> bytes | None:
        """Store an event in each format as one call, behind the rows that it makes due.

        Parameters
        ----------
        store : Store
        event : Event
        before, state : SessionState
            State of the sessions before and after the event.

        Returns
        -------
        bytes or None
            The event in the first format that has it.
        """
        common = event.common
        event_id, own = common.event_id, common.session_number
        payloads: list[tuple[str, bytes]] = []
        due: list[StoredEvent] = []
        for wire, encoder in self._encoders:
            rows = encoder.encode(event)
            if rows and rows[-1].event_id == event_id:
                payloads.append((wire, rows[-1].payload))
                rows = rows[:-1]
            due += _stored(wire, rows)
        ended = [row for row in due if row.session != own]
        if ended:
            self._append_ended(store, ended, before, common.uptime_ms)
            due = [row for row in due if row.session == own]
        if self._with_state:
            self.describe(store, state)
        if payloads:
            due.append(StoredEvent(own, payloads, common.time_ms, event_id))
        self._store_rows(store, due, state, common.uptime_ms)
        return payloads[0][1] if payloads else None

    def _append_ended(
        self, store: Store, rows: list[StoredEvent], state: SessionState, uptime_ms: int
    ) -> None:
        """Store the last rows of a session, which is over whatever the clock says at the next start."""
        if rows:
            store.describe_session(rows[-1].session, {"ended": True})
            self._store_rows(store, rows, state, uptime_ms)

    @staticmethod
    def _store_rows(store: Store, rows: list[StoredEvent], state: SessionState, uptime_ms: int) -> None:
        place = {"elapsed_ms": state.elapsed_ms, "screens": state.screen_count, "boot_ms": uptime_ms}
        if len(rows) == 1:
            row = rows[0]
            store.append(row.session, row.payloads, time_ms=row.time_ms, event_id=row.event_id, **place)
        else:
            store.append_many(rows, **place)


def _stored(wire: str, rows: Sequence[Row]) -> list[StoredEvent]:
    return [StoredEvent(row.session, [(wire, row.payload)], row.time_ms, row.event_id) for row in rows]
