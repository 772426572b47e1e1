"""What the streams of all logs of a replay share: settings, encoders, and the numbers of sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture.events.device import Device
from capture.events.privacy import Masks
from capture.events.session import SessionState
from capture.formats import Source, make_encoder
from capture.ids import derived_id

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from capture.config.run import RunConfig
    from capture.events.domain import Event, Scene
    from capture.events.targets import Target
    from capture.gestures.recognizer import Gesture
    from capture.replay.store import ReplayStore

__all__ = ["ReplayContext"]


class ReplayContext:
    """Shared state of the streams of all logs of a replay, and the encoders of their events.

    Parameters
    ----------
    config : RunConfig
    store : ReplayStore
        Takes the rows, in each wire format that the sinks want.
    user_id : str
        Also the salt of hidden names and personal data: they come out the same each time.
    on_stroke : callable, optional
        Called with the number of each stroke, its gesture, scene and target.

    Attributes
    ----------
    events, sessions : int
        How many there were so far; events with the rows that they made due beside their own.
    """

    def __init__(
        self,
        config: RunConfig,
        store: ReplayStore,
        user_id: str,
        on_stroke: Callable[[int, Gesture, Scene, Target], None] | None = None,
    ) -> None:
        self.config = config
        self.on_stroke = on_stroke
        self.masks = Masks(config.privacy, user_id)
        self.events = self.sessions = 0
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
        self._encoders = {wire: make_encoder(wire, source) for wire in dict.fromkeys(store.formats.values())}
        self.wants_chords = config.currents.chords and "currents" in self._encoders

    def open_session(self, last: SessionState, time_ms: int) -> SessionState:
        """Return the next session: they are numbered over all streams."""
        del last
        self.sessions += 1
        return SessionState.opened(self.sessions, time_ms)

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
