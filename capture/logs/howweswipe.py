"""The How We Swipe data set: words swiped on a web keyboard, one sample a line, fields apart by one blank."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from capture.gestures.kinds import Action
from capture.logs.base import Mark, TouchLog
from capture.logs.lines import CONTEXT, USED, Start

if TYPE_CHECKING:
    from capture.logs.samples import SampleWriter

__all__ = ["Log"]

_HEADER = "sentence timestamp keyb_width keyb_height event x_pos y_pos"
#: Fields that are always there; the word after them may hold blanks, and radius and angle may be empty.
_FIXED = 10
_ACTIONS = {
    "touchstart": Action.DOWN,
    "touchmove": Action.MOVE,
    "touchend": Action.UP,
    "touchcancel": Action.CANCEL,
}


class Log(TouchLog):
    """A participant's log; the screen is the keyboard, in CSS px."""

    name = "howweswipe"
    description = "the How We Swipe data set"
    example = "is_she_done_yet 1581260810918 393 224 touchstart 293 13 0.18 0.18 0 is 1"
    starts = Start(rf"{_HEADER}|\S+ \d+ \d+ \d+ touch(?:start|move|end|cancel) ", b" touch", b"keyb_width")
    screen_sign = re.compile(rb"\S \d+ (\d{1,9}) (\d{1,9}) touch(?:start|move|end|cancel) ")

    @classmethod
    def matches(cls, head: bytes) -> bool:
        """Return whether the header is of this format."""
        return _HEADER.encode() in head and super().matches(head)

    def _begin(self) -> None:
        self._sentence = ""

    def _take(self, line: str, writer: SampleWriter) -> str:
        if not line or line.startswith(_HEADER):
            return CONTEXT
        fields = line.split(" ")
        time, x, y = int(fields[1]) * 1_000_000, float(fields[5]), float(fields[6])
        action = _ACTIONS.get(fields[4])
        if len(fields) < _FIXED or action is None or not math.isfinite(x + y):
            return "unknown_lines"
        if fields[0] != self._sentence:
            self._sentence = fields[0]
            fields_of_mark = {"name": self._sentence}
            self.mark(Mark(time_ns=time, kind="screen", fields=fields_of_mark, sample=writer.total))
        writer.add(0, 0, action, time, x, y)
        return USED
