"""evtest: the C tool's dialect and python-evdev's, the header kept or not."""

from __future__ import annotations

import re

from capture.logs.evdev import Device, EvdevTextLog, Event

__all__ = ["Log"]

_EVENT = re.compile(rb"^(?:> ?)*(?:Event: )?time \d+\.\d+,? +(?:type \d+ \(|[-+]{4,} ?[A-Z])", re.MULTILINE)
_CODE = re.compile(r"^\s*Event code (\d+) \(\w+\)")
_NUMBER = re.compile(r"^\s*(Value|Min|Max)\s+(-?\d{1,10})\b")
_NAME = re.compile(r'^Input device name: "(.*)"')
_TYPE = re.compile(r"^\s*Event type (\d+)")
_EV_ABS = 3
_CHATTER = re.compile(
    r"^(Input d|Supported events|Properties|Testing|\s+Event (type|code)"
    r"|\s+(Value|Min|Max|Fuzz|Flat|Resolution|State)\b"
    r"|\s+Property|\s+Repeat|Key repeat|Select the|Available devices|No device|/dev/input|Grab|\*{4})"
)
_WHOLE = re.compile(
    r"time (\d{1,10})\.(\d{6}),? +(?:type (\d{1,5}) \([^)]*\), code (\d{1,5}) +\([^)]*\), value (-?\d{1,10})"
    r"|([-+]{4,}) (SYN_REPORT|SYN_MT_REPORT|SYN_DROPPED|EV_SYN))"
)
_SYNS = {"SYN_REPORT": 0, "EV_SYN": 0, "SYN_MT_REPORT": 2, "SYN_DROPPED": 3}


class Log(EvdevTextLog):
    """Text of evtest."""

    name = "evtest"
    description = "evtest, and python-evdev's evtest"
    example = "Event: time 1714664083.841958, type 3 (EV_ABS), code 53 (ABS_MT_POSITION_X), value 404"
    dialect = 2
    type_a_signs = (
        (b"SYN_MT_REPORT", 2),
        (b"++++", 0),
        (b"(EV_SYN), code 2 ", 15),
    )

    #: A line that a mail program broke in two: its first part.
    _held = ""

    @classmethod
    def matches(cls, head: bytes) -> bool:
        """Return whether the head has an event or evtest's first line."""
        return bool(_EVENT.search(head)) or head.startswith(b"Input driver version is ")

    def devices(self) -> list[Device]:
        """Return the device of the header."""
        device = Device(axes={}, values={})
        kind, code, low = 0, 0, 0
        for line in self.source.text_head().decode("utf-8", "replace").splitlines():
            if found := _TYPE.match(line):
                kind = int(found[1])
            elif found := _CODE.match(line):
                code = int(found[1])
            elif kind == _EV_ABS and (found := _NUMBER.match(line)):
                number = int(found[2])
                if found[1] == "Value":
                    device.values[code] = max(-(2**31), min(number, 2**31 - 1))
                elif found[1] == "Min":
                    low = number
                else:
                    device.axes[code] = low, number
            elif found := _NAME.match(line):
                device.name = found[1]
        return [device]

    def strange(self, line: str) -> Event | bool:
        """Return the event on a line that was quoted or broken by a mail program."""
        line = line.lstrip("> ") if line.startswith(">") else line
        event = _event(line)
        if event is None and self._held:
            event = _event(f"{self._held} {line.strip()}")
        self._held = ""
        if event is not None:
            return event
        if "time " in line[:12]:
            self._held = line[:200]
            return True
        return _CHATTER.match(line) is not None


def _event(line: str) -> Event | None:
    found = _WHOLE.search(line)
    if found is None:
        return None
    seconds, micros, kind, code, value, dashes, sync = found.groups()
    time = (int(seconds) * 1_000_000 + int(micros)) * 1000
    if time.bit_length() > 63:
        return None
    if sync:
        return time, 0, 2 if dashes[0] == "+" else _SYNS[sync], 0
    number = int(value)
    if number.bit_length() > 31:
        return None
    return time, int(kind), int(code), number
