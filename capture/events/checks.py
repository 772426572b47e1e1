"""Checks of the tracking API's arguments: every limit in one place.

Each function returns the value as it will be recorded, or raises `InvalidEventError` naming the
argument, the value and the limit. Characters are Unicode code points.
"""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Any, NoReturn

from msgspec.structs import replace

from capture.errors import InvalidEventError, LogOnce
from capture.events import currencies
from capture.events.domain import NumberVariable, StringVariable, Transaction

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture.events.domain import CommonSection, Event

__all__ = [
    "EMPTY_VALUE",
    "check_choice",
    "check_currency",
    "check_key",
    "check_optional_text",
    "check_path",
    "check_screen_name",
    "check_seconds",
    "check_size",
    "check_value",
    "check_variable",
    "refuse",
    "same_event",
    "shown",
    "transaction",
    "variable",
]

MAX_NAME = 2083
MAX_SEGMENTS = 2
MAX_KEY = 512
MAX_TEXT = 255
MAX_INT = 2**32 - 1
#: A time that is longer (s) is as good as for ever, and would be more than a wait can take.
MAX_SECONDS = 100 * 365 * 86_400.0
#: Replacement of an empty string variable.
EMPTY_VALUE = "cs-empty"

_log_once = LogOnce(logging.getLogger("capture.events"))


def check_screen_name(name: object) -> str:
    """Return a screen's name: 1 to 2083 characters."""
    return _bounded("name", name, MAX_NAME)


def check_path(path: object) -> tuple[str, ...]:
    """Return a screen's URL path: up to two segments of 1 to 2083 characters."""
    if not isinstance(path, (tuple, list)) or len(path) > MAX_SEGMENTS:
        refuse("path", path, f"a tuple of at most {MAX_SEGMENTS} texts")
    return tuple(_bounded(f"path[{index}]", part, MAX_NAME) for index, part in enumerate(path))


def check_value(value: object, argument: str = "value") -> float:
    """Return a finite number as float."""
    expected = "a finite number"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        refuse(argument, value, expected)
    try:
        number = float.__float__(value) if isinstance(value, float) else float(int.__int__(value))
    except OverflowError:
        refuse(argument, value, expected)
    if not math.isfinite(number):
        refuse(argument, value, expected)
    return number


def check_seconds(argument: str, value: object) -> float:
    """Return a time in seconds, at most a hundred years."""
    return min(check_value(value, argument), MAX_SECONDS)


def check_currency(currency: object) -> tuple[str, int]:
    """Return the alphabetic and the numeric ISO 4217 code."""
    if isinstance(currency, bool) or not isinstance(currency, (str, int)):
        refuse("currency", currency, "an ISO 4217 code: letters (EUR) or number (978)")
    plain = str.__str__(currency) if isinstance(currency, str) else int.__int__(currency)
    codes = currencies.find(plain)
    if codes is None:
        refuse("currency", currency, "a currency of ISO 4217: letters (EUR) or number (978)")
    since = currencies.withdrawn_since(codes[0])
    if since is not None:
        _log_once(codes[0], logging.WARNING, "currency %s: withdrawn in %s", codes[0], since)
    return codes


def check_key(key: object) -> str:
    """Return the key of a dynamic variable: 1 to 512 characters after trimming."""
    text = _text("key", key).strip()
    if not 1 <= len(text) <= MAX_KEY:
        refuse("key", key, f"1 to {MAX_KEY} characters after trimming, not {len(text)}")
    return text


def check_variable(value: object) -> str | int:
    """Return the value of a dynamic variable: a text trimmed and cut, or a whole number in range."""
    if isinstance(value, str):
        return _text("value", value).strip()[:MAX_TEXT] or EMPTY_VALUE
    if isinstance(value, bool) or not isinstance(value, int):
        refuse("value", value, f"a text, or a whole number from 0 to {MAX_INT}")
    number = int.__int__(value)
    if not 0 <= number <= MAX_INT:
        refuse("value", value, f"a whole number from 0 to {MAX_INT}")
    return number


def transaction(
    value: object,
    currency: object,
    id: object = None,  # noqa: A002 - the format's name
) -> Callable[[CommonSection], Event]:
    """Return the maker of a purchase's event."""
    amount = check_value(value)
    letters, number = check_currency(currency)
    transaction_id = check_optional_text("id", id)
    return lambda common: Transaction(common, amount, number, letters, transaction_id)


def variable(key: object, value: object) -> Callable[[CommonSection], Event]:
    """Return the maker of a dynamic variable's event."""
    name, content = check_key(key), check_variable(value)
    if isinstance(content, str):
        return lambda common: StringVariable(common, name, content)
    return lambda common: NumberVariable(common, name, content)


def check_optional_text(argument: str, value: object) -> str | None:
    """Return a text, or None."""
    return None if value is None else _text(argument, value)


def check_choice(argument: str, value: object, choices: tuple[int, ...]) -> int:
    """Return a whole number that is one of `choices`."""
    if isinstance(value, bool) or not isinstance(value, int) or value not in choices:
        refuse(argument, value, f"one of {', '.join(map(str, choices))}")
    return int.__int__(value)


def check_size(argument: str, value: object) -> int:
    """Return a length in px: a whole number from 0."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
        refuse(argument, value, "a whole number of px, at least 0")
    return int.__int__(value)


def _bounded(argument: str, value: object, most: int) -> str:
    text = _text(argument, value)
    if not 1 <= len(text) <= most:
        refuse(argument, value, f"1 to {most} characters, not {len(text)}")
    return text


def _text(argument: str, value: object) -> str:
    if not isinstance(value, str):
        refuse(argument, value, "a text")
    text = str.__str__(value)  # a plain str, also of a subclass
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            refuse(argument, value, "a text without lone surrogates")
    return text


def same_event(event: Event, changed: object) -> Event:
    """Return the result of ``before_send`` with the id, session and time of the event."""
    if type(changed) is not type(event):
        raise TypeError(f"before_send returned a {type(changed).__name__} for a {type(event).__name__}")
    common = event.common
    kept = replace(
        changed.common,
        event_id=common.event_id,
        session_number=common.session_number,
        time_ms=common.time_ms,
    )
    return replace(changed, common=kept)


def refuse(argument: str, value: Any, expected: str) -> NoReturn:
    """Raise the error of a wrong argument."""
    raise InvalidEventError(f"{argument} = {shown(value)}: expected {expected}") from None


def shown(value: Any) -> str:
    """Return a shortened text of a value, for an error message."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - the caller's object may do anything; the message must still be made
        text = f"a {type(value).__name__} that has no repr"
    return text if len(text) <= 60 else text[:57] + "..."
