"""Log records of OpenTelemetry, from canonical records: as plain data, in the mapping that JSON has.

Names follow the semantic conventions for apps and sessions, which are in development: see `CONVENTIONS`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from capture import __version__
from capture.formats.currents.gestures import POSITIONS
from capture.formats.currents.mapping import GESTURES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["CONVENTIONS", "NAMES", "attribute_of", "log_record", "request", "resource_of", "takes"]

#: Version of the semantic conventions that names follow.
CONVENTIONS = "1.43.0"
_SCHEMA_URL = f"https://opentelemetry.io/schemas/{CONVENTIONS}"
_CUSTOM = "users.behaviors.CustomEvent"
_GESTURES = frozenset(GESTURES.values())
_INFO = 9
#: Event -> name of its log record; a custom event has its own.
_NAMES = {
    "users.behaviors.InstallAttribution": "install_attribution",
    "users.behaviors.Location": "location",
    "users.behaviors.Purchase": "purchase",
    "users.behaviors.Uninstall": "uninstall",
    "users.behaviors.app.FirstSession": "first_session",
    "users.behaviors.app.NewsFeedImpression": "news_feed_impression",
    "users.behaviors.app.SessionEnd": "session.end",
    "users.behaviors.app.SessionStart": "session.start",
}
_WIDGET_CLICK, _SCREEN_CLICK = "app.widget.click", "app.screen.click"
#: Names of log records; custom events have others, their own.
NAMES = (_WIDGET_CLICK, _SCREEN_CLICK, *sorted(_GESTURES), *_NAMES.values())
#: Field of a record -> attribute; the others are ours.
_ATTRIBUTES = {
    "id": "log.record.uid",
    "session_id": "session.id",
    "latitude": "geo.location.lat",
    "longitude": "geo.location.lon",
    "screen": "app.screen.name",
    "screen_path": "app.screen.id",
    "target_id": "app.widget.id",
    "title": "app.screen.name",
}
#: Facts about app and device: attributes of the resource, not of each record.
_RESOURCE = {
    "app_id": "service.name",
    "device_id": "app.installation.id",
    "device_model": "device.model.name",
    "os_version": "os.version",
    "platform": "touch.platform",
    "timezone": "touch.timezone",
    "app_group_id": "touch.app_group_id",
}
_ELSEWHERE = frozenset(
    {"event_type", "time", "time_ms", "name", "properties", "user_id", "external_user_id", "session_start_ms"}
)
_decode = msgspec.json.Decoder(dict[str, Any]).decode


def attribute_of(name: str) -> str:
    """Return the attribute that a field of a record, or a property of a gesture, becomes."""
    if name in POSITIONS:
        return f"app.screen.coordinate.{name[0]}"
    known = {**_ATTRIBUTES, **_RESOURCE, "user_id": "user.id", "external_user_id": "user.id"}
    return known.get(name, f"touch.{name}")


def takes(event: str) -> bool:
    """Return whether there is a log record of such an event."""
    return event == _CUSTOM or event in _NAMES


def resource_of(record: Mapping[str, Any]) -> dict[str, str]:
    """Return the attributes of app and device that a record names."""
    return {key: record[name] for name, key in _RESOURCE.items() if name in record}


def log_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the log record of a canonical record."""
    event = record["event_type"]
    properties = _decode(record.get("properties", "{}"))
    name = _NAMES.get(event, record.get("name", ""))
    known = {
        each: value for each, value in record.items() if each not in _ELSEWHERE and each not in _RESOURCE
    }
    values: dict[str, Any] = {"user.id": record.get("external_user_id", record["user_id"])}
    if event == _CUSTOM and name in _GESTURES and "session_id" in properties:
        name, place = _gesture_name(name, properties)
        values |= place
        known |= {each: value for each, value in properties.items() if each not in POSITIONS}
    elif event == _CUSTOM and name == "screen_view":
        known |= properties
    else:
        values |= {f"touch.property.{key}": value for key, value in properties.items()}
    time_ms = properties.get("time_ms") if "session_id" in properties else None
    time_ns = (time_ms if type(time_ms) is int else record["time"] * 1000) * 1_000_000
    for each, value in known.items():
        if each not in _ELSEWHERE and value not in {"", None}:
            values[_ATTRIBUTES.get(each, f"touch.{each}")] = value
    return {
        "timeUnixNano": str(time_ns),
        "observedTimeUnixNano": str(time_ns),
        "severityNumber": _INFO,
        "eventName": name,
        "attributes": _attributes(values),
    }


def _gesture_name(name: str, properties: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the name of a gesture's log record, and where it was, if that is kept (px)."""
    has_place = "x_up" in properties and "y_up" in properties
    place: dict[str, Any] = {}
    if has_place:
        place = {f"app.screen.coordinate.{axis}": round(properties[f"{axis}_up"]) for axis in ("x", "y")}
    if name == "tap" and properties.get("target_id"):
        return _WIDGET_CLICK, place
    if name == "tap" and has_place:
        return _SCREEN_CLICK, place
    return name, place


def request(records: Iterable[tuple[Mapping[str, str], dict[str, Any]]]) -> dict[str, Any]:
    """Return an export request of log records, each with the attributes of its resource."""
    resources: dict[tuple[tuple[str, str], ...], list[dict[str, Any]]] = {}
    for resource, record in records:
        resources.setdefault(tuple(resource.items()), []).append(record)
    scope = {"name": "touchcapture", "version": __version__}
    return {
        "resourceLogs": [
            {
                "resource": {"attributes": _attributes(dict(resource))},
                "scopeLogs": [{"scope": scope, "logRecords": listed, "schemaUrl": _SCHEMA_URL}],
                "schemaUrl": _SCHEMA_URL,
            }
            for resource, listed in resources.items()
        ]
    }


def _attributes(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in values.items() if value is not None]


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        # 64 bits, which numbers of JSON do not hold; a larger number is a text.
        return {"intValue": str(value)} if -(2**63) <= value < 2**63 else {"stringValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(each) for each in value]}}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": _attributes(value)}}
    return {"stringValue": "" if value is None else value}
