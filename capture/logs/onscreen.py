"""Touch events of browsers, some of which list the touches on the screen and not those that changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from capture.logs.jsoncells import Row

__all__ = ["OnScreen", "repeated_lists"]

_CHANGED, _ON_SCREEN, _ON_TARGET = "changedTouches", "touches", "targetTouches"
_EVENTS = {"touchstart", "touchmove", "touchend", "touchcancel"}
_ENDS = {"touchend", "touchcancel"}
_IDS = ("identifier", "id", "pointerId", "fingerId")


def repeated_lists(event: Container[str]) -> set[str]:
    """Return the names of the lists whose touches another list of the event has."""
    if _CHANGED in event:
        return {_ON_SCREEN, _ON_TARGET}
    return {_ON_TARGET} if _ON_SCREEN in event else set()


class OnScreen:
    """The touches that the last event listed: what changed since tells which finger an event is about."""

    def __init__(self) -> None:
        self._before: dict[Any, Row] = {}

    def changed(self, key: str, event: Mapping[str, Any], touches: list[Row] | None) -> list[Row] | None:
        """Return the touches that changed, with the fields of the event; None for another list.

        A finger that was lifted is in the list of the event before, where it was last.
        """
        words = {str(value).lower() for value in event.values()} & _EVENTS
        if key not in {_ON_SCREEN, _ON_TARGET} or touches is None or len(words) != 1:
            return None
        before = self._before
        self._before = now = {_id(touch, number): touch for number, touch in enumerate(touches)}
        word = words.pop()
        if word == "touchmove":
            changed = touches
        elif word == "touchstart":
            changed = [touch for number, touch in now.items() if number not in before] or touches
        else:
            changed = [touch for number, touch in before.items() if number not in now] or touches
        return [{**touch, **event} if word in _ENDS else {**event, **touch} for touch in changed]


def _id(touch: Row, number: int) -> Any:
    return next((touch[key] for key in _IDS if isinstance(touch.get(key), str | int | float)), number)
