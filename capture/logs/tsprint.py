"""``ts_print`` and ``ts_print_mt`` of tslib: time, place and pressure a line; a pressure of 0 lifts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from capture.gestures.kinds import Action
from capture.logs.base import TouchLog
from capture.logs.lines import USED, Start, read_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from capture.gestures.samples import TouchSamples
    from capture.logs.samples import SampleWriter

__all__ = ["Log"]

_LINE_TEXT = (
    r"(?:(\d{1,10})\.(\d{6}):|sample (\d+) +- *-?)\s+(?:\(slot (\d{1,4})\)\s+)?"
    r"(-?\d{1,7})\s+(-?\d{1,7})\s+(\d{1,7})\s*"
)
_START = Start(_LINE_TEXT + r"$", b": ", b":\t", b"sample ")
_LINE = re.compile(_LINE_TEXT + r"$")
#: Between samples without a time.
_PERIOD_NS = 10_000_000


class Log(TouchLog):
    """Text of ts_print."""

    name = "tsprint"
    description = "ts_print and ts_print_mt of tslib"
    example = "1450000000.123456:    400    240      1"

    @classmethod
    def matches(cls, head: bytes) -> bool:
        """Return whether the head has a sample."""
        return _START.matches(head)

    def _read(self) -> Iterator[TouchSamples]:
        untimed = 0

        def take(line: str, writer: SampleWriter) -> str:
            nonlocal untimed
            found = _LINE.match(line)
            if found is None:
                return "unknown_lines"
            seconds, micros, _, slot, x, y, pressure = found.groups()
            if seconds is None:
                untimed += 1
                time = untimed * _PERIOD_NS
            else:
                time = int(seconds) * 1_000_000_000 + int(micros) * 1000
            finger = int(slot or 0)
            if not int(pressure):
                if writer.is_down(finger):
                    writer.add(0, finger, Action.UP, time, int(x), int(y))
                else:
                    self.warnings["up_without_down"] += 1
            else:
                action = Action.MOVE if writer.is_down(finger) else Action.DOWN
                writer.add(0, finger, action, time, int(x), int(y))
            return USED

        yield from read_lines(self, _START, take)
        if untimed:
            self.warnings["no_clock"] += 1
