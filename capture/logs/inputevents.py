"""``input-events`` of input-utils: an event a line by name, with the time of the day."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from capture.logs.evdev import Device, EvdevLog
from capture.logs.lines import CONTEXT, USED, Bare, Start, is_nothing
from capture.logs.times import clock_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from capture._native.evdev.frames import EventModel

__all__ = ["Log"]

_START = Start(r"\d{1,2}:\d\d:\d\d\.\d+: EV_[A-Z]+ ", b": EV_")
_LINE = re.compile(
    r"(\d{1,2}:\d\d:\d\d\.\d+): EV_([A-Z]+) (?:code=(\d+) value=(-?\d+)"
    r"|(\w+)(?: \((0x[0-9a-fA-F]+)\))? (-?\d+|pressed|released|repeated?))\s*$"
)
_NAME = re.compile(r'^\s*name\s*: "(.*)"')
_HEADER = re.compile(r"^\s*(?:/dev/|bustype|vendor|product|version|name|bits|waiting for|timeout)")
_TYPES = {"SYN": 0, "KEY": 1, "REL": 2, "ABS": 3, "MSC": 4}
_CODES = {
    "ABS_X": 0x00, "ABS_Y": 0x01, "ABS_PRESSURE": 0x18, "ABS_MT_SLOT": 0x2F, "ABS_MT_TOUCH_MAJOR": 0x30,
    "ABS_MT_POSITION_X": 0x35, "ABS_MT_POSITION_Y": 0x36, "ABS_MT_TOOL_TYPE": 0x37,
    "ABS_MT_TRACKING_ID": 0x39, "ABS_MT_PRESSURE": 0x3A, "ABS_MT_DISTANCE": 0x3B,
    "BTN_TOUCH": 0x14A, "BTN_LEFT": 0x110, "REL_X": 0x00,
}  # fmt: skip
_VALUES = {"pressed": 1, "released": 0, "repeat": 2, "repeated": 2}
#: A code that no event of a touch has.
_NO_CODE = 0x28


class Log(EvdevLog):
    """Text of input-events."""

    name = "inputevents"
    description = "input-events of input-utils"
    example = "12:07:59.474693: EV_ABS ABS_Y 341"

    @classmethod
    def matches(cls, head: bytes) -> bool:
        """Return whether the head has an event."""
        return _START.matches(head)

    def devices(self) -> list[Device]:
        """Return the device of the header."""
        for line in self.source.text_head().decode("utf-8", "replace").splitlines():
            if name := _NAME.match(line):
                return [Device(name=name[1])]
        return [Device()]

    def pump(self, model: EventModel, blocks: Iterable[bytes]) -> Iterator[None]:
        """Feed the events."""
        time: int | None = None
        bare = Bare(_START, self.source.text_head())
        for number, line in enumerate(self.lines(blocks)):
            found = _LINE.match(bare(line))
            moment = clock_time(found[1], time) if found is not None else None
            became = USED
            if found is None or moment is None or found[2] not in _TYPES:
                context = _HEADER.match(line) or is_nothing(line) or (found and moment)
                became = CONTEXT if context else "unknown_lines"
            else:
                time = moment
                code = found[3] or (int(found[6], 16) if found[6] else _CODES.get(found[5], _NO_CODE))
                value = found[4] or _VALUES.get(found[7], found[7])
                if abs(int(value)) < 1 << 31 and int(code) < 1 << 16:
                    model.event(time, _TYPES[found[2]], int(code), int(value))
                else:
                    became = "unknown_lines"
            if not model.scanning:
                self.count(became)
            if number % 1000 == 0:
                yield
