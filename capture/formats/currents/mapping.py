"""Which Currents event a domain event becomes, and what of it is in the record."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from capture import events
from capture.formats.currents.float32 import shortest, shortest_known
from capture.kinds import Direction, Reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture.gestures import Gesture
    from capture.targets import Target

__all__ = ["MAPPING"]

_Fields: TypeAlias = "Callable[[Any], dict[str, Any]]"
_CUSTOM = "users.behaviors.CustomEvent"
#: A purchase without an id of its own.
_NO_PRODUCT = "transaction"
_encode = msgspec.json.Encoder().encode

_MEASURES = (
    "x_down",
    "y_down",
    "x_up",
    "y_up",
    "duration",
    "distance",
    "velocity",
    "velocity_x",
    "velocity_y",
    "path_length",
    "width",
    "height",
)
_REASONS = {int(member): member.name.lower() for member in Reason}
_DIRECTIONS = {int(member): member.name.lower() for member in Direction}
_measures = attrgetter(*_MEASURES)


def _gesture_properties(gesture: Gesture, target: Target) -> str:
    """Return the gesture's and the target's full names and values as JSON text.

    What is no number is left out, as everything unknown is; the kind is the event's name.
    """
    properties: dict[str, Any] = {
        "stream": gesture.stream,
        "pointer": gesture.pointer,
        "reason": _REASONS[gesture.reason],
        "direction": _DIRECTIONS[gesture.direction],
        "time_down": gesture.time_down,
        "time_up": gesture.time_up,
        **shortest_known(_MEASURES, _measures(gesture)),
        "sample_count": gesture.sample_count,
        "first_sample": gesture.first_sample,
        "last_sample": gesture.last_sample,
        "tap_count": gesture.tap_count,
        "rage": gesture.rage,
        "target_path": target.path,
        "target_id": target.id,
    }
    if target.responsive is not None:
        properties["responsive"] = target.responsive
    return _encode(properties).decode()


def _gesture_event(name: str) -> tuple[str, _Fields]:
    return _CUSTOM, lambda event: {
        "name": name,
        "properties": _gesture_properties(event.gesture, event.target),
    }


def _plain_event(name: str) -> tuple[str, _Fields]:
    return _CUSTOM, lambda _: {"name": name, "properties": "{}"}


def _named(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "properties": _encode(properties).decode()}


def _screen_view(event: events.ScreenView) -> dict[str, Any]:
    return _named("screen_view", {"title": event.title, "load_time_ms": event.load_time_ms})


def _variable(event: events.StringVariable | events.NumberVariable) -> dict[str, Any]:
    return _named("dynamic_variable", {"key": event.key, "value": event.value})


def _transaction(event: events.Transaction) -> dict[str, Any]:
    return {
        "price": shortest(event.value),
        "currency": event.currency_code,
        "product_id": event.id or _NO_PRODUCT,
        "properties": "{}",
    }


def _purchase(event: events.Purchase) -> dict[str, Any]:
    return {
        **_transaction(event),
        "product_id": event.product_id,
        "properties": _encode(event.properties).decode(),
    }


def _location(event: events.Location) -> dict[str, Any]:
    fields = {
        "latitude": event.latitude,
        "longitude": event.longitude,
        "altitude": event.altitude,
        "ll_accuracy": event.horizontal_accuracy,
        "alt_accuracy": event.vertical_accuracy,
    }
    return {name: shortest(value) for name, value in fields.items() if value is not None}


#: Domain event -> Currents event, and what makes its own fields.
MAPPING: dict[type, tuple[str, _Fields]] = {
    events.AppStart: _plain_event("app_start"),
    events.AppShow: _plain_event("app_show"),
    events.AppHide: _plain_event("app_hide"),
    events.ScreenView: (_CUSTOM, _screen_view),
    events.Tap: _gesture_event("tap"),
    events.LongPress: _gesture_event("long_press"),
    events.Drag: _gesture_event("drag"),
    events.Fling: _gesture_event("fling"),
    events.Transaction: ("users.behaviors.Purchase", _transaction),
    events.Purchase: ("users.behaviors.Purchase", _purchase),
    events.StringVariable: (_CUSTOM, _variable),
    events.NumberVariable: (_CUSTOM, _variable),
    events.CustomEvent: (_CUSTOM, lambda event: _named(event.name, event.properties)),
    events.Location: ("users.behaviors.Location", _location),
    events.InstallAttribution: (
        "users.behaviors.InstallAttribution",
        lambda event: {"source": event.source},
    ),
}
