"""Checks of the arguments that only Currents records need: every limit in one place.

Each function returns the value as it will be recorded, or raises `InvalidEventError` naming the
argument, the value and the limit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from capture.errors import InvalidEventError
from capture.events import checks as tracking, domain as events
from capture.events.checks import refuse
from capture.formats.currents.float32 import shortest
from capture.formats.currents.schema import FIELDS, MAX_RECORD_BYTES, PLATFORMS, platform_of

__all__ = [
    "check_ad_id_type",
    "check_degrees",
    "check_event",
    "check_float",
    "check_location",
    "check_name",
    "check_optional_bool",
    "check_platform",
    "check_properties",
]

MAX_NAME = 255
MAX_DEPTH = 16
#: A record without its properties takes less than this (bytes).
_ROOM_BYTES = 8192
MAX_PROPERTIES_BYTES = MAX_RECORD_BYTES - _ROOM_BYTES


def check_name(argument: str, value: object) -> str:
    """Return a text of 1 to 255 characters."""
    text = tracking.check_optional_text(argument, value)
    if text is None or not 1 <= len(text) <= MAX_NAME:
        refuse(argument, value, f"1 to {MAX_NAME} characters")
    return text


def check_float(argument: str, value: object, *, least: float = -math.inf) -> float:
    """Return a number in the range of 32-bit floats, at least `least`."""
    number = tracking.check_value(value, argument)
    if number < least:
        refuse(argument, value, f"a number, at least {least:g}")
    try:
        shortest(number)
    except OverflowError:
        refuse(argument, value, "a number in the range of 32-bit floats")
    return number


def check_optional_float(argument: str, value: object, *, least: float = -math.inf) -> float | None:
    """Return a number as `check_float` does, or None."""
    return None if value is None else check_float(argument, value, least=least)


def check_degrees(argument: str, value: object, most: float) -> float:
    """Return an angle from -`most` to `most` degrees."""
    number = tracking.check_value(value, argument)
    if not -most <= number <= most:
        refuse(argument, value, f"{-most:g} to {most:g} degrees")
    return number


def check_location(
    latitude: object,
    longitude: object,
    altitude: object,
    horizontal_accuracy: object,
    vertical_accuracy: object,
) -> tuple[float, float, float | None, float | None, float | None]:
    """Return the measures of a location: degrees, and metres or None."""
    return (
        check_degrees("latitude", latitude, 90),
        check_degrees("longitude", longitude, 180),
        check_optional_float("altitude", altitude),
        check_optional_float("horizontal_accuracy", horizontal_accuracy, least=0),
        check_optional_float("vertical_accuracy", vertical_accuracy, least=0),
    )


def check_optional_bool(argument: str, value: object) -> bool | None:
    """Return true, false or None."""
    if value is not None and not isinstance(value, bool):
        refuse(argument, value, "true or false")
    return value


def check_platform(value: object) -> str | None:
    """Return a value of ``platform``, from a kind of device (``FireTV``) or a value, in any case."""
    if value is None:
        return None
    platform = platform_of(str.__str__(value)) if isinstance(value, str) else None
    if platform is None:
        refuse("platform", value, f"one of {', '.join(PLATFORMS)}, or None")
    return platform


def check_ad_id_type(value: object) -> str:
    """Return the kind of an advertising id."""
    kinds = FIELDS["ad_id_type"].values
    if not isinstance(value, str) or value not in kinds:
        refuse("ad_id_type", value, f"one of {', '.join(kinds)}")
    return str.__str__(value)


def check_properties(value: object) -> dict[str, Any]:
    """Return a copy of properties: a dict with text keys and JSON values, of at most 890 kB as JSON."""
    if not isinstance(value, Mapping):
        refuse("properties", value, "a dict")
    plain = dict(value)
    _check_json("properties", plain, 1)
    try:
        encoded = msgspec.json.encode(plain)
    except (TypeError, ValueError, OverflowError):
        refuse("properties", value, "texts without lone surrogates, and numbers of at most 64 bits")
    if len(encoded) > MAX_PROPERTIES_BYTES:
        raise InvalidEventError(
            f"properties: {len(encoded)} bytes as JSON; expected at most {MAX_PROPERTIES_BYTES}"
        )
    copy: dict[str, Any] = msgspec.json.decode(encoded)
    return copy


def check_event(event: events.Event) -> None:
    """Check what only Currents records have of an event that a host has changed."""
    match event:
        case events.CustomEvent():
            check_name("name", event.name)
            check_properties(event.properties)
        case events.InstallAttribution():
            check_name("source", event.source)
        case events.Location():
            check_location(
                event.latitude,
                event.longitude,
                event.altitude,
                event.horizontal_accuracy,
                event.vertical_accuracy,
            )
        case events.Transaction():
            tracking.check_currency(event.currency_code)
            if isinstance(event, events.Purchase):
                check_name("product_id", event.product_id)
                check_properties(event.properties)


def _check_json(path: str, value: object, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise InvalidEventError(f"{path}: nested deeper than {MAX_DEPTH}")
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                refuse(path, key, "text keys")
            _check_json(f"{path}[{key[:40]!r}]", inner, depth + 1)
    elif isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):
            _check_json(f"{path}[{index}]", inner, depth + 1)
    elif isinstance(value, float):
        if not math.isfinite(value):
            refuse(path, value, "a finite number")
    elif value is not None and not isinstance(value, (str, int)):
        refuse(path, value, "a JSON value: text, number, true, false, None, list or dict")
