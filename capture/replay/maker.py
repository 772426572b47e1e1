"""What all session chains of a replay share, and where their events go: one packer for each wire format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture import formats
from capture.events import domain as events
from capture.events.privacy import Masks
from capture.formats.native import wire_event
from capture.replay.currents import replay_records, take
from capture.replay.native import encode_events, wire_events
from capture.replay.rows import Packer, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from capture.config.run import RunConfig
    from capture.events.device import Device
    from capture.replay.native import Recognized

__all__ = ["Maker"]

_MS = 1_000_000


class Maker:
    """Counts sessions, and makes of each event what the sinks want.

    Native events of gestures are made from strokes and encoded a row at a time; other wire formats get the
    domain event.

    Parameters
    ----------
    config : RunConfig
    wires : sequence of str
        Wire formats that the sinks want.
    user_id : str
        Also the salt of what is hidden, so that it comes out the same each time.

    Attributes
    ----------
    sessions, events : int
        How many there were so far; the records that a session begins and ends with are events too.
    wants_records : bool
        Whether a gesture's whole record is wanted.
    """

    def __init__(self, config: RunConfig, wires: Sequence[str], user_id: str) -> None:
        self.config = config
        self.masks = Masks(config.privacy, user_id)
        self.version = events.version_origin(config.project)
        self.timeout_ms = round(config.session.timeout_s * 1000)
        self.sessions = 0
        self.events = 0
        self.wants_records = any(wire != "native" for wire in wires)
        size = config.buffer.batch_size
        self._packers = {
            wire: Packer(wire, encode_events if wire == "native" else _as_they_are, size) for wire in wires
        }
        self._native = self._packers.get("native")
        self._currents = self._packers.get("currents")
        self._others: list[tuple[Packer, Callable[[events.Event], bytes | None]]] = [
            (packer, formats.get(wire).encode)
            for wire, packer in self._packers.items()
            if wire not in {"native", "currents"}
        ]
        self._records = replay_records(config, user_id) if self._currents is not None else None

    def next_session(self) -> int:
        """Return the number of a new session."""
        self.sessions += 1
        return self.sessions

    def put(self, event: events.Event, device: Device) -> None:
        """Take an event."""
        self.events += 1
        wire = None if self._native is None else wire_event(event)
        if self._native is not None and wire is not None:
            common = event.common
            self._native.put(common.session_number, common.time_ms, common.event_id, wire)
        self._put_in_other_formats(event, device)

    def put_gestures(self, scene: events.Scene, gestures: Sequence[Recognized], device: Device) -> None:
        """Take the events of recognised strokes of one scene."""
        self.events += len(gestures)
        unknown_responsive = self.config.gestures.unknown_responsive
        if self._native is not None:
            wires = wire_events(scene, gestures, unknown_responsive)
            self._native.put_all(
                scene.session_number,
                [gesture.time_ms for gesture in gestures],
                [gesture.event_id for gesture in gestures],
                wires,
            )
        for each in gestures if self.wants_records else ():
            record = each.stroke.gesture
            if record is not None:
                common = scene.common(record.time_up // _MS, each.event_id, each.time_ms)
                event = events.gesture_event(record, common, each.target, unknown_responsive)
                if event is not None:
                    self._put_in_other_formats(event, device)

    def end(self) -> None:
        """Take what the end of the last session makes due."""
        if self._records is not None and self._currents is not None:
            for record in self._records.end():
                self._currents.put(record.session, record.time_ms, record.id, record.payload)

    def rows(self, active: Collection[int]) -> list[Row]:
        """Return what was made since the last call; what does not fill a row of an `active` session waits."""
        return [row for packer in self._packers.values() for row in packer.take(active)]

    def _put_in_other_formats(self, event: events.Event, device: Device) -> None:
        common = event.common
        for packer, encode in self._others:
            payload = encode(event)
            if payload is not None:
                packer.put(common.session_number, common.time_ms, common.event_id, payload)
        if self._records is not None and self._currents is not None:
            for record in take(self._records, event, device):
                self.events += record.id != common.event_id
                self._currents.put(record.session, record.time_ms, record.id, record.payload)


def _as_they_are(payloads: list[bytes]) -> list[bytes]:
    return payloads
