"""Properties of a gesture's record: measures, target and context, within ``[privacy]``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET

from capture.events.domain import screen_of
from capture.formats.currents.float32 import MEASURES, shortest, shortest_fields
from capture.gestures import dialects
from capture.gestures.kinds import Direction, Reason
from capture.gestures.recognizer import FIELDS

if TYPE_CHECKING:
    from capture.config import RunConfig
    from capture.events.device import Device
    from capture.events.domain import GestureEvent

__all__ = ["CONTEXT", "POSITIONS", "GestureProperties"]

#: The fields that are where a finger was (px).
POSITIONS = MEASURES[:4]
#: The names that do not come from the gesture or its target.
CONTEXT = ("screen", "screen_path", "session_id", "session_number", "time_ms", "dialect")
_KIND, _REASON, _DIRECTION = (FIELDS.index(name) for name in ("kind", "reason", "direction"))
_PLACES = slice(FIELDS.index(POSITIONS[0]), FIELDS.index(POSITIONS[-1]) + 1)
_NO_POSITION = [UNSET] * len(POSITIONS)
_encode = msgspec.json.Encoder().encode

_REASONS = {int(member): member.name.lower() for member in Reason}
_DIRECTIONS = {int(member): member.name.lower() for member in Direction}

#: The gesture's fields, without the kind, which is the event's name; the target's; the context.
_Properties = msgspec.defstruct(
    "_Properties",
    [(name, Any, UNSET) for name in (*FIELDS, "target_path", "target_id", "responsive", *CONTEXT)],
    frozen=True,
    gc=False,
)


class GestureProperties:
    """Makes the properties of gesture records.

    Parameters
    ----------
    config : RunConfig
    device : Device
        Its density makes px of the grid that positions are rounded to.
    """

    def __init__(self, config: RunConfig, device: Device) -> None:
        self._privacy = config.privacy
        self._has_places = config.privacy.positions != "drop"
        dialect = config.gestures.dialect
        self._dialect = UNSET if dialect == dialects.DEFAULT else dialect
        self.set_device(device)

    def set_device(self, device: Device) -> None:
        """Use the density of another device, or of the same one on another screen."""
        self._grid_px = self._privacy.positions_grid_dp * device.density

    def text(self, event: GestureEvent, session_id: str) -> str:
        """Return the properties of a gesture as JSON text.

        Values that are not numbers are left out, as unknown values are. A gesture on a hidden target has its
        times and its context; path and id of the target only if ``hide_with`` replaces them by digits.
        """
        gesture, target = event.gesture, event.target
        common = event.common
        screen, path = screen_of(common.url)
        context = (screen, path, session_id, common.session_number, common.time_ms, self._dialect)
        if target.hidden:
            named = self._privacy.hide_with == "hash"
            properties = _Properties(
                time_down=gesture.time_down,
                time_up=gesture.time_up,
                target_path=target.path if named else UNSET,
                target_id=target.id if named else UNSET,
                **dict(zip(CONTEXT, context, strict=True)),
            )
            return _encode(properties).decode()
        values = shortest_fields(gesture)
        values[_KIND] = UNSET
        values[_REASON] = _REASONS[values[_REASON]]
        values[_DIRECTION] = _DIRECTIONS[values[_DIRECTION]]
        values[_PLACES] = self._places(values[_PLACES]) if self._has_places else _NO_POSITION
        responsive = UNSET if target.responsive is None else target.responsive
        values += (target.path, target.id, responsive, *context)
        return _encode(_Properties(*values)).decode()

    def _places(self, values: list[Any]) -> list[Any]:
        return values if self._privacy.positions == "keep" else [self._rounded(value) for value in values]

    def _rounded(self, value: Any) -> Any:
        """Return a position on the grid; one that would leave the range of floats is left out."""
        if value is UNSET:
            return UNSET
        try:
            return shortest(math.floor(value / self._grid_px + 0.5) * self._grid_px)
        except OverflowError:
            return UNSET
