"""``libinput debug-events``: places in percent of the screen and in mm, an event a line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from capture.gestures.kinds import Action
from capture.logs.base import LogInfo, TouchLog
from capture.logs.evdev import PX_PER_MM, panel_density
from capture.logs.lines import CONTEXT, USED, Start

if TYPE_CHECKING:
    from capture.logs.samples import SampleWriter

__all__ = ["Log"]

_TOUCH = re.compile(
    r"[- ]?event(\d+)\s+TOUCH_(DOWN|MOTION|UP|CANCEL|FRAME)\b\s+(?:\d+\s+)?\+?(\d+\.\d+)s"
    r"(?:\s+(-?\d+)(?:\s*\(-?\d+\))?)?"
    r"(?:\s+(-?[\d.]+)/\s*(-?[\d.]+)\s*\(\s*(-?[\d.]+)/\s*(-?[\d.]+)\s*mm\))?\s*$"
)
_OTHER = re.compile(r"[- ]?event\d+\s+([A-Z]+)_\w+")
_SIZE = re.compile(rb"event(\d+) +DEVICE_ADDED .*?\bsize (\d+)x(\d+)mm")
_PLACE = re.compile(rb"(\d+\.\d+)/ *(\d+\.\d+) *\( *(\d+\.\d+)/ *(\d+\.\d+) *mm\)")
_ACTIONS = {"DOWN": Action.DOWN, "MOTION": Action.MOVE, "UP": Action.UP, "CANCEL": Action.CANCEL}


class Log(TouchLog):
    """Text of libinput debug-events."""

    name = "libinputdebug"
    description = "libinput debug-events"
    example = "event3  TOUCH_DOWN  +0.040s  1 (1) 70.00/60.00 (42.00/60.00mm)"
    starts = Start(r"[- ]?event\d+[ \t]+(?:TOUCH_\w+|DEVICE_ADDED)[ \t]", b"TOUCH_", b"DEVICE_ADDED")

    def _describe(self) -> LogInfo:
        options = self.options
        millimeters = _panel(self.source.text_head())
        size: tuple[float, ...] | None = options.screen
        density = options.density
        if size is None and millimeters is not None:
            density = density or 1.0
            size = tuple(side * PX_PER_MM * density for side in millimeters)
        elif size is not None and millimeters is not None and density is None:
            density = panel_density(size[0] / millimeters[0], size[1] / millimeters[1])
        self._by_resolution = millimeters is not None and options.density is None
        self._size = size
        width, height = map(round, size) if size else (None, None)
        return LogInfo(format=self.name, width=width, height=height, density=density)

    def _begin(self) -> None:
        if self._by_resolution or (self._size and self.options.screen is None):
            self.warnings["density_from_resolution"] += 1
        elif self._size is None:
            self.warnings["panel_units"] += 1
        self._wanted = (self.options.device or "").rpartition("event")[2]

    def _take(self, line: str, writer: SampleWriter) -> str:
        found = _TOUCH.match(line)
        if found is None:
            return _other(line)
        device, kind, seconds, slot, x, y, *_ = found.groups()
        if kind == "FRAME":
            return CONTEXT
        if self._wanted and device != self._wanted:
            return "other_device_lines"
        stream, pointer = self.streams.number(f"event{device}"), int(slot or 0)
        action = _ACTIONS[kind]
        if x is not None:
            width, height = self._size or (100.0, 100.0)
            place = float(x) * width / 100, float(y) * height / 100
        elif action in {Action.UP, Action.CANCEL}:
            place = writer.place(stream, pointer) or (0.0, 0.0)
        else:
            return "unknown_lines"
        writer.add(stream, pointer, action, round(float(seconds) * 1e9), *place)
        return USED


def _other(line: str) -> str:
    other = _OTHER.match(line)
    if other is None or other[1] == "TOUCH":
        return "unknown_lines"
    return "mouse_events" if other[1] == "POINTER" else CONTEXT


def _panel(head: bytes) -> tuple[float, float] | None:
    """Return the size of the panel in mm: that of its line, else by a place in both units."""
    for size in _SIZE.finditer(head):
        if int(size[2]) and int(size[3]):
            return float(size[2]), float(size[3])
    for place in _PLACE.finditer(head):
        x, y, x_mm, y_mm = (float(number) for number in place.groups())
        if min(x, y, x_mm, y_mm) > 1:
            return x_mm / x * 100, y_mm / y * 100
    return None
