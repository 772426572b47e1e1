"""Native events of gestures in blocks: without a domain event for each, encoded in one call.

`capture.events.gesture_event` and `NativeFormat.encode` give the same bytes, one event at a time; a test
compares them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET
from msgspec.structs import asdict, replace

from capture.events.domain import event_int
from capture.formats.native import Drag, Fling, LongPress, Tap, WireEvent
from capture.gestures.kinds import GestureKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from capture.events.domain import Scene
    from capture.events.targets import Target
    from capture.replay.strokes import Stroke

__all__ = ["Recognized", "encode_events", "wire_events"]

_MS = 1_000_000
_TAP, _LONG_PRESS, _DRAG = int(GestureKind.TAP), int(GestureKind.LONG_PRESS), int(GestureKind.DRAG)
_encode_lines = msgspec.json.Encoder().encode_lines


class Recognized(msgspec.Struct, frozen=True, gc=False):
    """A recognised stroke on its way to its event.

    Attributes
    ----------
    stroke : Stroke
        Of any kind but NONE.
    event_id : str
    time_ms : int
        When it ended (ms since the epoch).
    target : Target
    """

    stroke: Stroke
    event_id: str
    time_ms: int
    target: Target


def wire_events(scene: Scene, gestures: Iterable[Recognized], unknown_responsive: bool) -> list[WireEvent]:
    """Return the native events of gestures of one scene.

    Parameters
    ----------
    scene : Scene
    gestures : iterable of Recognized
    unknown_responsive : bool
        What a tap says where it is not known whether the target reacts.
    """
    tap, long_press, drag, fling = _blanks(scene)
    made: list[WireEvent] = []
    for gesture in gestures:
        stroke, target, event_id, time_ms = gesture.stroke, gesture.target, gesture.event_id, gesture.time_ms
        kind, uptime_ms, path, own_id = stroke.kind, stroke.time_up // _MS, target.path, target.id
        if kind == _TAP:
            known = target.responsive
            wire: WireEvent = replace(
                tap,
                uptime_ms=uptime_ms,
                event_id=event_id,
                time_ms=time_ms,
                target_path=path,
                target_id=own_id,
                responsive=unknown_responsive if known is None else known,
            )
        elif kind == _LONG_PRESS:
            wire = replace(
                long_press,
                uptime_ms=uptime_ms,
                event_id=event_id,
                time_ms=time_ms,
                target_path=path,
                target_id=own_id,
            )
        else:
            wire = replace(
                drag if kind == _DRAG else fling,
                uptime_ms=uptime_ms,
                event_id=event_id,
                time_ms=time_ms,
                target_path=path,
                target_id=own_id,
                direction=stroke.direction,
                distance=event_int(stroke.distance),
                velocity=event_int(stroke.velocity),
            )
        made.append(wire)
    return made


def _blanks(scene: Scene) -> tuple[Tap, LongPress, Drag, Fling]:
    """Return an event of each kind to be copied: that costs less than to make one of so many fields."""
    shared: dict[str, Any] = {
        **asdict(scene),
        "carrier_id": UNSET if scene.carrier_id is None else scene.carrier_id,
        **dict.fromkeys(("uptime_ms", "time_ms"), 0),
        **dict.fromkeys(("event_id", "target_path", "target_id"), ""),
    }
    movement: dict[str, Any] = {"direction": 1, "distance": 0, "velocity": 0}
    return (
        Tap(**shared, responsive=False),
        LongPress(**shared),
        Drag(**shared, **movement),
        Fling(**shared, **movement),
    )


def encode_events(wires: Sequence[WireEvent]) -> list[bytes]:
    """Return the bytes of each event."""
    # JSON holds no line break but as an escape.
    return _encode_lines(wires).split(b"\n")[:-1]
