"""Android's getevent: numbers (``getevent -t``) or names (``-lt``), with the header of ``-lp`` or without."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from capture.logs.evdev import ABS_CODES, Device, EvdevTextLog
from capture.logs.lines import CONTEXT, Start

if TYPE_CHECKING:
    from collections.abc import Iterable

    from capture._native.evdev.text import TextReader

__all__ = ["Log"]

_ADD_DEVICE = re.compile(r"add\s+device\s+\d+:\s+(\S+)")
_NAME = re.compile(r'\bname:\s+"(.*)"')
_RANGE = re.compile(
    r"\b(\w{1,32})\s{0,32}:\svalue\s-?\d{1,11},\smin\s(-?\d{1,11}),\smax\s(-?\d{1,11})"
    r"(?:,\sfuzz\s-?\d{1,11},\sflat\s-?\d{1,11},\sresolution\s(\d{1,9}))?"
)
_CHATTER = re.compile(r"^(add\sdevice|remove device|could not |\s{2,}\S|\t|#)")
_TOUCH = re.compile(
    rb"(?:^|(?<=[\s>|:\]]))(/dev/\S+):[ \t]+"
    rb"(EV_ABS[ \t]+ABS_MT_POSITION_[XY]|EV_KEY[ \t]+BTN_TOUCH|0003[ \t]+003[56]|0001[ \t]+014a)?",
    re.MULTILINE,
)


class Log(EvdevTextLog):
    """Text of getevent."""

    name = "getevent"
    description = "Android's getevent -lt or -t, with the header of -lp or without"
    example = "[    1193.605705] EV_ABS       ABS_MT_POSITION_X    00000213"
    dialect = 0
    type_a_signs = ((b"SYN_MT_REPORT", 2), (b"0000 0002 0", 8))
    #: Tabs stand for the blanks in what went through an editor or a spreadsheet.
    starts = Start(
        r"(?:\[[ \t]*\d+\.\d{6}\][ \t]+|\d+-\d{1,6}:[ \t]+)?(?:/dev/\S+:[ \t]+)?"
        r"(?:[0-9a-fA-F]{4}[ \t]+[0-9a-fA-F]{4}[ \t]+[0-9a-fA-F]{8}"
        r"|EV_[A-Z]+[ \t]+\S+[ \t]+(?:[0-9a-fA-F]{8}|DOWN|UP|[A-Z]\w*))"
        r"(?:[ \t]+rate \d+)?[ \t\r]*$|add\sdevice\s\d+:\s",
        b"EV_",
        *(f"000{kind}{blank}0".encode() for kind in (0, 1, 3) for blank in " \t"),
        b"add device ",
        b"add\tdevice\t",
    )

    def devices(self) -> list[Device]:
        """Return the devices of the header, and those that only the lines name."""
        devices: list[Device] = []
        for line in self.source.text_head().decode("utf-8", "replace").splitlines():
            if added := _ADD_DEVICE.search(line):
                devices.append(Device(path=added[1], axes={}, resolutions={}))
            elif name := _NAME.search(line):
                if devices:
                    devices[-1].name = name[1]
            elif axis := _RANGE.search(line):
                if not devices:
                    devices.append(Device(axes={}, resolutions={}))
                code = _axis_code(axis[1])
                devices[-1].axes[code] = int(axis[2]), int(axis[3])
                devices[-1].resolutions[code] = int(axis[4] or 0)
            elif devices and "BTN_TOUCH" in line and "(0001)" in line:
                devices[-1].has_touch_button = True
        return devices

    def choose_device(self, devices: list[Device]) -> Device:
        """Return the device to read; lines without a path belong to the only one there is."""
        touches = _touches([self.source.text_head()])
        if touches and not any(touches.values()) and not self.source.is_stream:
            touches = _touches(self.source.line_blocks())
        known = {device.path for device in devices}
        devices = devices + [Device(path=path) for path in touches if path not in known]
        if self.options.device or not touches:
            chosen = super().choose_device(devices)
            return chosen if touches else msgspec.structs.replace(chosen, path="")
        path = max(touches, key=lambda path: touches[path])
        self.other_devices = sum(1 for other, count in touches.items() if count and other != path)
        return next(device for device in devices if device.path == path)

    def strange(self, line: str, reader: TextReader) -> str:  # noqa: ARG002 - as the other readers
        """Return whether the line is chatter of the tool, which is no loss."""
        return CONTEXT if _CHATTER.match(line) else "unknown_lines"


def _axis_code(label: str) -> int:
    if label in ABS_CODES:
        return ABS_CODES[label]
    try:
        return int(label, 16)
    except ValueError:
        return -1


def _touches(blocks: Iterable[bytes]) -> Counter[str]:
    """Count the touch events of each device path; a path without one is there with 0."""
    touches: Counter[str] = Counter()
    for text in blocks:
        for line in _TOUCH.finditer(text):
            touches[line[1].decode("utf-8", "replace")] += line[2] is not None
    return touches
