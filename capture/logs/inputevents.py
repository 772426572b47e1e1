"""``input-events`` of input-utils: an event a line by name, with the time of the day."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from capture.logs.evdev import ABS_CODES, BTN_TOUCH, Device, EvdevLog
from capture.logs.lines import CONTEXT, USED, Start, is_nothing
from capture.logs.times import clock_time

if TYPE_CHECKING:
    from capture._native.evdev.frames import EventModel

__all__ = ["Log"]

_LINE = re.compile(
    r"(\d{1,2}:\d\d:\d\d\.\d+): EV_([A-Z]+) (?:code=(\d{1,9}) value=(-?\d{1,20})"
    r"|(\w+)(?: \((0x[0-9a-fA-F]{1,8})\))? (-?\d{1,20}|pressed|released|repeated?))\s*$"
)
_NAME = re.compile(r'^\s*name\s*: "(.*)"')
_HEADER = re.compile(r"^\s*(?:/dev/|bustype|vendor|product|version|name|bits|waiting for|timeout)")
_TYPES = {"SYN": 0, "KEY": 1, "REL": 2, "ABS": 3, "MSC": 4}
_CODES = ABS_CODES | {
    "ABS_PRESSURE": 0x18, "ABS_MT_SLOT": 0x2F, "ABS_MT_TOUCH_MAJOR": 0x30, "ABS_MT_TOOL_TYPE": 0x37,
    "ABS_MT_TRACKING_ID": 0x39, "ABS_MT_PRESSURE": 0x3A, "ABS_MT_DISTANCE": 0x3B, "BTN_TOUCH": BTN_TOUCH,
    "BTN_LEFT": 0x110, "REL_X": 0x00,
}  # fmt: skip
_VALUES = {"pressed": 1, "released": 0, "repeat": 2, "repeated": 2}
#: A code that no event of a touch has.
_NO_CODE = 0x28


class Log(EvdevLog):
    """Text of input-events."""

    name = "inputevents"
    description = "input-events of input-utils"
    example = "12:07:59.474693: EV_ABS ABS_Y 341"
    starts = Start(r"\d{1,2}:\d\d:\d\d\.\d+: EV_[A-Z]+ ", b": EV_")

    def devices(self) -> list[Device]:
        """Return the device of the header."""
        for line in self.source.text_head().decode("utf-8", "replace").splitlines():
            if name := _NAME.match(line):
                return [Device(name=name[1])]
        return [Device()]

    def _begin(self) -> None:
        self._time: int | None = None

    def play(self, line: str, model: EventModel) -> str:
        """Feed the event of a line."""
        found = _LINE.match(line)
        time = None if found is None else clock_time(found[1], self._time)
        if found is None or time is None:
            return CONTEXT if _HEADER.match(line) or is_nothing(line) else "unknown_lines"
        if found[2] not in _TYPES:
            return CONTEXT
        self._time = time
        code = int(found[3] or (int(found[6], 16) if found[6] else _CODES.get(found[5], _NO_CODE)))
        if code >= 1 << 16:
            return "unknown_lines"
        model.event(time, _TYPES[found[2]], code, int(found[4] or _VALUES.get(found[7], found[7])))
        return USED
