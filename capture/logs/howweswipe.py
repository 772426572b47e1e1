"""The How We Swipe data set: words swiped on a web keyboard, one sample a line, fields apart by one blank."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from capture.gestures.kinds import Action
from capture.logs.base import LogInfo, Mark, ReadOptions, SampleWriter, TouchLog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from capture.gestures.samples import TouchSamples
    from capture.logs.source import LogSource

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

    name: ClassVar[str] = "howweswipe"

    def __init__(self, source: LogSource, options: ReadOptions) -> None:
        super().__init__(source, options)
        size: tuple[int | None, int | None] = options.screen or self._keyboard()
        self.info = LogInfo(format=self.name, width=size[0], height=size[1], density=options.density)

    @classmethod
    def matches(cls, head: bytes) -> bool:
        """Tell by the header."""
        return head.startswith(_HEADER.encode())

    def _keyboard(self) -> tuple[int | None, int | None]:
        rows = self.source.text_head().split(b"\n", 2)[1:2]
        fields = rows[0].split(b" ") if rows else []
        if len(fields) > 3 and fields[2].isdigit() and fields[3].isdigit():
            return int(fields[2][:9]), int(fields[3][:9])
        return None, None

    def _read(self) -> Iterator[TouchSamples]:
        writer = SampleWriter(self.warnings)
        sentence = ""
        for number, line in self.source.lines():
            fields = line.split(" ")
            if number == 1 or not line:
                continue
            sample = _sample(fields)
            if sample is None:
                self.warnings["unknown_lines"] += 1
                continue
            if fields[0] != sentence:
                sentence = fields[0]
                mark = Mark(time_ns=sample[1], kind="screen", fields={"name": sentence}, sample=writer.total)
                self.mark(mark)
            try:
                full = writer.add(0, 0, *sample)
            except OverflowError:
                raise self.error("a number is too large", line=number) from None
            if full:
                yield writer.take()
        yield writer.finish()


def _sample(fields: list[str]) -> tuple[int, int, float, float] | None:
    """Return (action, time, x, y) of a row; None when it is none."""
    if len(fields) < _FIXED:
        return None
    try:
        time, x, y = int(fields[1]) * 1_000_000, float(fields[5]), float(fields[6])
    except ValueError:
        return None
    action = _ACTIONS.get(fields[4])
    return None if action is None or not math.isfinite(x + y) else (action, time, x, y)
