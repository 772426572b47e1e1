"""Breadcrumbs for Sentry: the last gestures before an error, within ``[privacy]``."""

from __future__ import annotations

from collections import deque
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from capture.clock import NS_PER_MS, Clock
from capture.events.privacy import Masks
from capture.gestures.kinds import Direction, GestureKind
from capture.optional import require

if TYPE_CHECKING:
    from capture.engine import Capture
    from capture.events.targets import Target
    from capture.gestures.recognizer import Gesture

__all__ = ["GestureBreadcrumbs"]

#: Breadcrumbs that are kept.
MOST = 20


class GestureBreadcrumbs:
    """Keeps the last gestures, and adds them to each event that Sentry sends.

    Strokes that were not recognised leave none. A gesture on a hidden target leaves its kind and its time;
    no position is ever in one. Names that are hidden are left out.

    Parameters
    ----------
    capture : Capture
        Capture whose ``[privacy]`` applies.
    most : int, default 20
        How many are kept.
    sentry : module, optional
        Default ``sentry_sdk``.
    clock : Clock, optional

    Examples
    --------
    >>> cap.on_gesture = GestureBreadcrumbs(cap)  # doctest: +SKIP
    """

    def __init__(
        self, capture: Capture, *, most: int = MOST, sentry: Any = None, clock: Clock | None = None
    ) -> None:
        sentry = sentry or require("sentry_sdk", "GestureBreadcrumbs")
        privacy = msgspec.structs.replace(capture.config.privacy, hide_with="drop")
        self._masks = Masks(privacy, "")
        self._clock = clock or Clock()
        self._kept: deque[dict[str, Any]] = deque(maxlen=most)
        sentry.get_global_scope().add_event_processor(self.add_to)

    def __call__(self, gesture: Gesture, target: Target) -> None:
        """Keep a gesture; ``Capture.on_gesture`` calls this."""
        if gesture.kind is GestureKind.NONE:
            return
        name = gesture.kind.name.lower()
        target = self._masks.target(target)
        data: dict[str, Any] = {}
        if not target.hidden:
            duration_ms = round(gesture.duration)
            data = {"duration_ms": duration_ms, "target_path": target.path, "target_id": target.id}
            if gesture.direction is not Direction.NONE:
                data["direction"] = gesture.direction.name.lower()
            if gesture.rage:
                data["rage"] = True
            if target.responsive is False:
                data["dead"] = True
        self._kept.append(
            {
                "type": "user",
                "category": f"touch.{name}",
                "level": "info",
                "timestamp": self._clock.wall_ns() // NS_PER_MS / 1000,
                "message": f"{name} on {target.id}" if target.id else name,
                "data": {key: value for key, value in data.items() if value != ""},
            }
        )

    def add_to(self, event: dict[str, Any], hint: object = None) -> dict[str, Any]:
        """Add the breadcrumbs to an event, in the order of time; Sentry calls this for each one."""
        del hint
        known = event.get("breadcrumbs") or {}
        values = known.get("values", []) if isinstance(known, dict) else list(known)
        event["breadcrumbs"] = {"values": sorted([*values, *self._kept], key=_seconds)}
        return event


def _seconds(crumb: dict[str, Any]) -> float:
    """Return the time of a breadcrumb; Sentry's own are datetimes."""
    time = crumb.get("timestamp")
    if isinstance(time, int | float):
        return float(time)
    return time.timestamp() if isinstance(time, datetime) else 0.0
