"""The How We Swipe data set: words swiped on a web keyboard, one sample a line, fields apart by one blank."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from capture.gestures.kinds import Action
from capture.logs.base import LogInfo, Mark, TouchLog
from capture.logs.lines import CONTEXT, USED, Bare, Start, read_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from capture.gestures.samples import TouchSamples
    from capture.logs.samples import Sample, SampleWriter

__all__ = ["Log"]

_HEADER = "sentence timestamp keyb_width keyb_height event x_pos y_pos"
#: Fields that are always there; the word after them may hold blanks, and radius and angle may be empty.
_FIXED = 10
_START = Start(_HEADER, b"keyb_width")
_ROW = Start(rf"{_HEADER}|\S+ \d+ \d+ \d+ touch(?:start|move|end|cancel) ", b" touch", b"keyb_width")
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

    @classmethod
    def matches(cls, head: bytes) -> bool:
        """Return whether the header is of this format."""
        return _START.matches(head)

    def _describe(self) -> LogInfo:
        rows = self.source.text_head().decode("utf-8", "replace").split("\n", 2)[1:2]
        fields = Bare(_ROW, b"")(rows[0]).split(" ") if rows else []
        if len(fields) > 3 and fields[2].isdigit() and fields[3].isdigit():
            return LogInfo(format=self.name, width=int(fields[2][:9]), height=int(fields[3][:9]))
        return LogInfo(format=self.name)

    def _read(self) -> Iterator[TouchSamples]:
        sentence = ""
        bare = Bare(_ROW, self.source.text_head())

        def take(line: str, writer: SampleWriter) -> str:
            nonlocal sentence
            text = bare(line)
            if not text or text.startswith(_HEADER):
                return CONTEXT
            fields = text.split(" ")
            sample = _sample(fields)
            if sample is None:
                return "unknown_lines"
            if fields[0] != sentence:
                sentence = fields[0]
                mark = Mark(time_ns=sample[3], kind="screen", fields={"name": sentence}, sample=writer.total)
                self.mark(mark)
            writer.add(*sample)
            return USED

        yield from read_lines(self, None, take)


def _sample(fields: list[str]) -> Sample | None:
    """Return the sample of a row; None if it has none."""
    if len(fields) < _FIXED:
        return None
    try:
        time, x, y = int(fields[1]) * 1_000_000, float(fields[5]), float(fields[6])
    except ValueError:
        return None
    action = _ACTIONS.get(fields[4])
    return None if action is None or not math.isfinite(x + y) else (0, 0, action, time, x, y)
