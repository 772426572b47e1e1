"""Gestures of several fingers, as the custom event that ``[currents] chords`` asks for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from capture.gestures.kinds import MultiKind

if TYPE_CHECKING:
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


def chord_event(chord: MultiGesture) -> tuple[str, dict[str, Any]] | None:
    """Return the name and the properties of a chord's event; None if it was not recognised."""
    name = _NAMES.get(chord.kind)
    if name is None:
        return None
    return name, {
        "fingers": chord.fingers,
        "scale": _finite(chord.scale),
        "rotation": _finite(chord.rotation),
        "direction": chord.direction.name.lower(),
        "duration_ms": chord.duration,
    }


def _finite(value: float) -> float | None:
    """Return a measure for JSON, which has no infinity."""
    return value if math.isfinite(value) else None
