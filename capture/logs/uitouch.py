"""UITouch as iOS and its simulator print it: the address is the finger, points of the window the place."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from capture.gestures.kinds import Action
from capture.logs.base import TouchLog
from capture.logs.lines import CONTEXT, USED
from capture.logs.times import ISO_TIME, iso_found, line_time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from capture.gestures.samples import TouchSamples
    from capture.logs.samples import SampleWriter

__all__ = ["Log"]

_BEGIN = "<UITouch: 0x"
_ADDRESS = _BEGIN.index("0x")
_PHASE = re.compile(r"phase:\s*([A-Z]\w+)")
_PLACE = re.compile(r"location in window:\s*\{(-?[\d.]+),\s*(-?[\d.]+)\}")
#: A line as almost all are: a time, one touch with its phase in the second place, whole.
_PLAIN = re.compile(
    ISO_TIME + r"[^<]*<UITouch: (0x[0-9a-fA-F]+)>[^;]*; phase: ([A-Z]\w+);"
    r"(?:[^;]*;)*? location in window: \{(-?[\d.]+), (-?[\d.]+)\}"
)
_ACTIONS = {
    "Began": Action.DOWN,
    "Moved": Action.MOVE,
    "Stationary": Action.MOVE,
    "Ended": Action.UP,
    "Cancelled": Action.CANCEL,
    "Canceled": Action.CANCEL,
}
#: Between prints without a time: a 60 Hz panel.
_PERIOD_NS = 16_000_000
#: A print that is broken into lines is no longer than this.
_PRINT_CHARS, _PRINT_LINES = 8192, 40


class Log(TouchLog):
    """A log of an app in which touches were printed."""

    name = "uitouch"
    description = "log lines with iOS's UITouch, copies of other views left out"
    example = "<UITouch: 0x105e08a10> phase: Began; ... location in window: {120.3, 410}; ..."
    line_times = True
    sign = re.compile(rb"<UITouch: 0x[0-9a-fA-F]+>")
    screen_sign = re.compile(rb"<UIWindow: [^>]{0,200}?frame = \(0 0; (\d{1,5})(?:\.\d+)? (\d{1,5})")

    def _read(self) -> Iterator[TouchSamples]:
        yield from super()._read()
        self.count("unknown_lines", self._held)

    def _begin(self) -> None:
        self._held = 0  # lines of a print whose end did not come yet
        self._text = ""
        self._time = 0
        self._timed = False
        #: The last print of each finger, which comes once per view, and the finger's number.
        self._last: dict[str, tuple[tuple[str, str, str], int]] = {}

    def _take(self, line: str, writer: SampleWriter) -> str:
        """Read a line, or hold it back until the print that begins in it is whole."""
        if not self._held and (plain := _PLAIN.match(line)) is not None and self._take_plain(plain, writer):
            return USED
        at = line.find(_BEGIN)
        if at >= 0:
            self._find_time(line)
            text = line
        elif self._text:
            text = f"{self._text}\n{line}"
            at = text.find(_BEGIN)
        else:
            return CONTEXT
        end = self._add(text, at, writer)
        if end < 0:
            self._text = text
            return self._wait(text)
        self._text = text[end:] if text.find(_BEGIN, end) >= 0 else ""
        self._count_held(USED)
        return USED

    def _take_plain(self, plain: re.Match[str], writer: SampleWriter) -> bool:
        """Add the touch of a whole line; False for one with another touch in it."""
        time = iso_found(plain)
        if time is None or plain.string.find(_BEGIN, plain.end(4)) >= 0:
            return False
        self._text, self._time, self._timed = "", time, True
        self._touch(plain[4], (plain[5], plain[6], plain[7]), writer)
        return True

    def _count_held(self, became: str) -> None:
        self.count(became, self._held)
        self._held = 0

    def _find_time(self, line: str) -> None:
        self._count_held("unknown_lines")
        time = line_time(line, self._time if self._timed else None)
        if time is not None:
            self._time, self._timed = time, True
        elif not self._timed:
            self.untimed += 1
            self._time = self.untimed * _PERIOD_NS

    def _add(self, text: str, at: int, writer: SampleWriter) -> int:
        """Add the touches printed in a text from a place on; return where the last one ends, -1 for none."""
        end = -1
        while at >= 0:
            after = text.find(_BEGIN, at + 1)
            stop = after if after >= 0 else len(text)
            phase = _PHASE.match(text, max(text.find("phase:", at, stop), at), stop)
            place = _PLACE.match(text, _own(text, "location in window:", at, stop), stop)
            if phase and place:
                end = place.end()
                address = text[at + _ADDRESS : text.find(">", at, stop)]
                self._touch(address, (phase[1], place[1], place[2]), writer)
            elif after >= 0:
                self.warnings["skipped_rows"] += 1
            at = after
        return end

    def _touch(self, address: str, own: tuple[str, str, str], writer: SampleWriter) -> None:
        """Add a touch by its phase and place, unless it is one that was printed before."""
        phase, x, y = own
        action = _ACTIONS.get(phase)
        known = self._last.get(address)
        if action is None:
            self.warnings["skipped_rows"] += 1
        elif known is not None and known[0] == own:
            self.warnings["duplicate_events"] += 1
        else:
            finger = self.pointers.number(address) if known is None else known[1]
            self._last[address] = own, finger
            writer.add(0, finger, action, self._time, float(x), float(y))

    def _wait(self, text: str) -> str:
        if self._held >= _PRINT_LINES or len(text) > _PRINT_CHARS:
            self._text = ""
            self._count_held("unknown_lines")
            return "unknown_lines"
        self._held += 1
        return ""


def _own(text: str, name: str, start: int, stop: int) -> int:
    """Return where a touch's own value under a name is, not that of the time before; `stop` for none."""
    at = text.find(name, start, stop)
    while at >= 0 and text[at - 9 : at] == "previous ":
        at = text.find(name, at + 1, stop)
    return at if at >= 0 else stop
