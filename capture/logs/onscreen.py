"""Touch events of browsers, some of which list the touches on the screen and not those that changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture.logs.names import named_roles

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from capture.logs.jsoncells import Row

__all__ = ["LISTS", "OnScreen", "repeated_lists"]

_CHANGED, _ON_SCREEN, _ON_TARGET = "changedTouches", "touches", "targetTouches"
#: Names of the lists that `OnScreen` reads.
LISTS = frozenset({_ON_SCREEN, _ON_TARGET})
_ENDS = {"touchend", "touchcancel"}
_EVENTS = {"touchstart", "touchmove"} | _ENDS
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
        #: Whether the lists have the touches that changed, under the name of the others.
        self._are_changed = False

    def changed(self, event: Mapping[str, Any], touches: list[Row] | None) -> list[Row] | None:
        """Return the touches that changed, with the fields of the event; None for another list.

        A finger that was lifted is in the list of the event before, where it was last.
        """
        words = {str(value).lower() for value in event.values()} & _EVENTS
        if touches is None or len(words) != 1:
            return None
        now = {_id(touch): touch for touch in touches}
        if len(now) != len(touches):
            # Samples of one finger, or fingers that nothing tells apart.
            return None
        before, self._before = self._before, now
        word = words.pop()
        gone = [touch for number, touch in before.items() if number not in now]
        if word not in _ENDS:
            self._are_changed |= bool(gone)
            new = [touch for number, touch in now.items() if number not in before]
            return [{**event, **touch} for touch in (word == "touchstart" and new) or touches]
        # Of the touches that changed some are listed.
        self._are_changed &= bool(touches)
        told = {
            key: event[key] for role, key in named_roles(list(event)).items() if role in {"time", "action"}
        }
        ended = touches if self._are_changed else gone or touches
        return [{**event, **touch, **told} for touch in ended]


def _id(touch: Row) -> Any:
    return next((touch[key] for key in _IDS if isinstance(touch.get(key), str | int | float)), None)
