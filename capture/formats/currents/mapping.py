"""Which Currents event a domain event becomes, and what of it is in the record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
from msgspec import UNSET

from capture.events import domain as events
from capture.formats.currents.float32 import shortest, shortest_measures
from capture.gestures.kinds import Direction, Reason
from capture.gestures.recognizer import FIELDS, direction_number, reason_number

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture.events.targets import Target
    from capture.gestures.recognizer import Gesture

__all__ = ["MAPPING"]

_Fields: TypeAlias = "Callable[[Any], dict[str, Any]]"
_CUSTOM = "users.behaviors.CustomEvent"
#: A purchase without an id of its own.
_NO_PRODUCT = "transaction"
_encode = msgspec.json.Encoder().encode

_REASONS = {int(member): member.name.lower() for member in Reason}
_DIRECTIONS = {int(member): member.name.lower() for member in Direction}


#: The gesture's fields but for the kind, which is the event's name; then the target's.
_GestureProperties = msgspec.defstruct(
    "_GestureProperties",
    [*(name for name in FIELDS if name != "kind"), "target_path", "target_id", "responsive"],
    frozen=True,
    gc=False,
)


def _gesture_properties(gesture: Gesture, target: Target) -> str:
    """Return the properties of a gesture as JSON text.

    What is no number is left out, as everything unknown is.
    """
    properties = _GestureProperties(
        gesture.stream,
        gesture.pointer,
        _REASONS[reason_number(gesture)],
        _DIRECTIONS[direction_number(gesture)],
        gesture.time_down,
        gesture.time_up,
        *shortest_measures(gesture),
        gesture.sample_count,
        gesture.first_sample,
        gesture.last_sample,
        gesture.tap_count,
        gesture.rage,
        target.path,
        target.id,
        UNSET if target.responsive is None else target.responsive,
    )
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
    **{event: _gesture_event(kind.name.lower()) for kind, event in events.GESTURE_EVENTS.items()},
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
