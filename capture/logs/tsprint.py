"""``ts_print`` and ``ts_print_mt`` of tslib: time, place and pressure a line; a pressure of 0 lifts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from capture.gestures.kinds import Action
from capture.logs.base import TouchLog
from capture.logs.lines import USED, Start

if TYPE_CHECKING:
    from capture.logs.samples import SampleWriter

__all__ = ["Log"]

_LINE_TEXT = (
    r"(?:(\d{1,10})\.(\d{6}):|sample (\d+) +- *-?)\s+(?:\(slot (\d{1,4})\)\s+)?"
    r"(-?\d{1,7})\s+(-?\d{1,7})\s+(\d{1,7})\s*"
)
_LINE = re.compile(_LINE_TEXT + r"$")
#: Between samples without a time.
_PERIOD_NS = 10_000_000


class Log(TouchLog):
    """Text of ts_print."""

    name = "tsprint"
    description = "ts_print and ts_print_mt of tslib"
    example = "1450000000.123456:    400    240      1"
    starts = Start(_LINE_TEXT + r"$", b": ", b":\t", b"sample ")

    def _take(self, line: str, writer: SampleWriter) -> str:
        found = _LINE.match(line)
        if found is None:
            return "unknown_lines"
        seconds, micros, _, slot, x, y, pressure = found.groups()
        if seconds is None:
            self.untimed += 1
            time = self.untimed * _PERIOD_NS
        else:
            time = int(seconds) * 1_000_000_000 + int(micros) * 1000
        finger = int(slot or 0)
        is_down = writer.place(0, finger) is not None
        if int(pressure):
            action = Action.MOVE if is_down else Action.DOWN
        elif is_down:
            action = Action.UP
        else:
            self.warnings["up_without_down"] += 1
            return USED
        writer.add(0, finger, action, time, int(x), int(y))
        return USED
