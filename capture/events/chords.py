"""Gestures of several fingers, as the custom event that ``[currents] chords`` asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture.events.domain import CustomEvent
from capture.gestures.kinds import MultiKind, plain_value

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture.events.domain import CommonSection
    from capture.gestures.chords import MultiGesture

__all__ = ["chord_event"]

#: Chord -> name of its custom event.
_NAMES = {
    MultiKind.PINCH: "pinch",
    MultiKind.ROTATE: "rotate",
    MultiKind.TAP: "two_finger_tap",
    MultiKind.PAN: "two_finger_pan",
    MultiKind.SWIPE: "two_finger_swipe",
}


def chord_event(chord: MultiGesture) -> Callable[[CommonSection], CustomEvent] | None:
    """Return the maker of a chord's event; None if it was not recognised."""
    name = _NAMES.get(chord.kind)
    if name is None:
        return None
    properties = {
        "fingers": chord.fingers,
        "scale": plain_value(chord.scale),
        "rotation": plain_value(chord.rotation),
        "direction": plain_value(chord.direction),
        "duration_ms": chord.duration,
    }
    return lambda common: CustomEvent(common, name, properties)
