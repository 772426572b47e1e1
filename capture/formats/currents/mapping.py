"""The Currents event of a domain event, and the fields of its record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from capture.events import domain as events
from capture.formats.currents.float32 import shortest

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CUSTOM", "GESTURES", "MAPPING"]

_Fields: TypeAlias = "Callable[[Any], dict[str, Any]]"
CUSTOM = "users.behaviors.CustomEvent"
#: A purchase without an id of its own.
_NO_PRODUCT = "transaction"
_encode = msgspec.json.Encoder().encode


def _plain_event(name: str) -> tuple[str, _Fields]:
    return CUSTOM, lambda _: {"name": name, "properties": "{}"}


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


#: Gesture event -> name of its custom event.
GESTURES: dict[type, str] = {event: kind.name.lower() for kind, event in events.GESTURE_EVENTS.items()}

#: Any other domain event -> Currents event, and the maker of its own fields.
MAPPING: dict[type, tuple[str, _Fields]] = {
    events.AppStart: _plain_event("app_start"),
    events.AppShow: _plain_event("app_show"),
    events.AppHide: _plain_event("app_hide"),
    events.ScreenView: (CUSTOM, _screen_view),
    events.Transaction: ("users.behaviors.Purchase", _transaction),
    events.Purchase: ("users.behaviors.Purchase", _purchase),
    events.StringVariable: (CUSTOM, _variable),
    events.NumberVariable: (CUSTOM, _variable),
    events.CustomEvent: (CUSTOM, lambda event: _named(event.name, event.properties)),
    events.Location: ("users.behaviors.Location", _location),
    events.InstallAttribution: (
        "users.behaviors.InstallAttribution",
        lambda event: {"source": event.source},
    ),
}
