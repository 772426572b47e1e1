"""The encoders of a replay: events of all logs become rows in the store of the replay."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture.events.device import Device
from capture.formats import Source, make_encoder
from capture.ids import derived_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.config.run import RunConfig
    from capture.events.domain import Event
    from capture.replay.store import ReplayStore

__all__ = ["EventEncoder"]


class EventEncoder:
    """Encodes the events of a replay in each wire format that the sinks want.

    Parameters
    ----------
    config : RunConfig
    store : ReplayStore
        Takes the rows.
    user_id : str
        Also the salt of hidden names and personal data: they come out the same each time.

    Attributes
    ----------
    wires : tuple of str
    events : int
        How many there were so far, with the rows that they made due beside their own.
    """

    def __init__(self, config: RunConfig, store: ReplayStore, user_id: str) -> None:
        self.events = 0
        self.wires = tuple(dict.fromkeys(store.formats.values()))
        self._store = store
        self._device = Device()
        source = Source(
            config=config,
            device=self._device,
            user_id=user_id,
            salt=user_id,
            new_id=derived_id,
            on_drop=lambda _: None,
            is_live=False,
        )
        self._encoders = {wire: make_encoder(wire, source) for wire in self.wires}

    def put(self, events: Sequence[Event], device: Device) -> None:
        """Encode the next events, which happened on `device`."""
        if device is not self._device:
            self._device = device
            for encoder in self._encoders.values():
                encoder.change(device)
        self.events += len(events)
        for wire, encoder in self._encoders.items():
            rows = encoder.encode_all(events)
            self._store.append(wire, rows)
            if encoder.has_state:
                own = {event.common.event_id for event in events}
                self.events += sum(row.event_id not in own for row in rows)

    def end(self) -> None:
        """Encode the events that the end of the last session makes due."""
        for wire, encoder in self._encoders.items():
            self._store.append(wire, encoder.end())
