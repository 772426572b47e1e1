"""Lines of names and values, as people print touches: ``action=0 x=120.5 y=30``, ``T:1234 X:321``."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import msgspec

from capture.logs.columns import ACTION_WORDS
from capture.logs.names import named_roles
from capture.logs.times import line_time

__all__ = ["of_pairs"]

#: A name and its value, a word between quotes or not; what another sign of a pair follows is a name.
_PAIR = re.compile(
    r"(?<![\w.])([A-Za-z_][\w.]{0,31})\s?[=:]\s?"
    r"(?:(-?\d{1,19}(?:\.\d{1,19})?)|[\"']?([A-Za-z_]\w{0,31})[\"']?)(?!\w|\s?[=:]|\.\w)"
)
_POINT = re.compile(
    r"\((-?\d{1,9}(?:\.\d{1,19})?), ?(-?\d{1,9}(?:\.\d{1,19})?)\)(?: at (\d{1,18}(?:\.\d{1,19})?))?"
)
#: A time of the day, or since the start, under a name of its own, as Flutter prints it.
_CLOCK = re.compile(r"\btime[a-z_]{0,16}\s?[=:]\s?(\d{1,4}:\d\d:\d\d(?:\.\d{1,9})?)(?!\w)", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z_]{2,32}")
_LONGEST = 1024
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - written without its zone, which is UTC
_encode = msgspec.json.encode


def of_pairs(line: str) -> tuple[str, str] | None:
    """Return the record of a line as JSON; None for a line without a time and a place.

    The time may be that at the beginning of the line, the action a word of its own, and the place a pair
    of numbers.
    """
    if len(line) > _LONGEST:
        return None
    found: dict[str, float | int | str] = {}
    for name, number, word in _PAIR.findall(line):
        found.setdefault(name, word or _number(number))
    roles = named_roles(list(found))
    if not {"x", "y"} <= roles.keys():
        point = _POINT.search(line)
        if point is None:
            return None
        found |= {"x": _number(point[1]), "y": _number(point[2])}
        if point[3] and "time" not in roles:
            found["time"] = _number(point[3])
            roles["time"] = "time"
    if "time" not in roles and (clock := _CLOCK.search(line)):
        found["time"] = clock[1]
    elif "time" not in roles:
        time_ns = line_time(line)
        if time_ns is None:
            return None
        try:
            moment = _EPOCH + timedelta(seconds=time_ns // 1_000_000_000)
        except OverflowError:
            return None
        found["time"] = f"{moment.isoformat()}.{time_ns % 1_000_000_000:09d}"
    name = roles.get("action", "action")
    if str(found.get(name, "")).lower() not in ACTION_WORDS:
        words = (word for word in _WORD.findall(line) if word not in found)
        action = next((word for word in words if word.lower() in ACTION_WORDS), None)
        found |= {} if action is None else {name: action}
    return "", _encode(found).decode()


def _number(text: str) -> float | int:
    return float(text) if "." in text else int(text)
