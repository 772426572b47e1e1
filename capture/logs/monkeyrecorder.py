"""MonkeyRecorder scripts (``.mr``): steps in order, without times."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from capture.gestures.kinds import Action
from capture.logs.base import TouchLog, literal
from capture.logs.lines import CONTEXT, USED, Start, read_lines
from capture.logs.scripts import BETWEEN_NS, TAP_NS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from capture.gestures.samples import TouchSamples
    from capture.logs.samples import Sample, SampleWriter

__all__ = ["Log"]

_VERBS = "TOUCH|DRAG|PRESS|TYPE|WAIT"
_START = Start(rf"(?:{_VERBS})\|\{{", b"|{")
_LINE = re.compile(rf"^({_VERBS})\|(\{{.*\}})$")
_STEPS = 10_000
_ITEM_CHARS = 4096


class Log(TouchLog):
    """A script of MonkeyRecorder."""

    name = "monkeyrecorder"
    description = "MonkeyRecorder scripts"
    example = "TOUCH|{'x':536,'y':1708,'type':'downAndUp',}"

    @classmethod
    def matches(cls, head: bytes) -> bool:
        """Return whether the head has a command of MonkeyRecorder."""
        return _START.matches(head)

    def _read(self) -> Iterator[TouchSamples]:
        self.warnings["no_clock"] += 1
        now = 0

        def take(line: str, writer: SampleWriter) -> str:
            nonlocal now
            if not line:
                return CONTEXT
            samples, now = _played(line, now)
            for sample in samples:
                writer.add(*sample)
            return USED if samples else CONTEXT

        yield from read_lines(self, _START, take)


def _played(line: str, now: int) -> tuple[list[Sample], int]:
    """Return the samples of a command and the time after it."""
    found = _LINE.match(line)
    if found is None or len(line) > _ITEM_CHARS:
        raise ValueError(line[:40])
    verb, item = found[1], literal(found[2])
    if verb == "TOUCH":
        samples = _touch(item, now)
    elif verb == "DRAG":
        samples = _drag(item, now)
    elif verb == "WAIT":
        return [], now + _ns(item["seconds"])
    else:
        return [], now + BETWEEN_NS
    return samples, samples[-1][3] + BETWEEN_NS


def _touch(item: dict[str, Any], now: int) -> list[Sample]:
    x, y = float(item["x"]), float(item["y"])
    down: Sample = (0, 0, Action.DOWN, now, x, y)
    kinds: dict[str, list[Sample]] = {
        "down": [down],
        "up": [(0, 0, Action.UP, now, x, y)],
        "downAndUp": [down, (0, 0, Action.UP, now + TAP_NS, x, y)],
    }
    return kinds[item["type"]]


def _drag(item: dict[str, Any], now: int) -> list[Sample]:
    """Return a straight way in equal steps, as MonkeyDevice.drag plays it."""
    (x0, y0), (x1, y1) = item["start"], item["end"]
    duration, steps = _ns(item["duration"]), int(item["steps"])
    if not 1 <= steps <= _STEPS:
        raise ValueError(f"{steps} steps")
    samples: list[Sample] = []
    for step in range(steps + 1):
        action = Action.DOWN if step == 0 else Action.UP if step == steps else Action.MOVE
        part = step / steps
        samples.append(
            (0, 0, action, now + duration * step // steps, x0 + (x1 - x0) * part, y0 + (y1 - y0) * part)
        )
    return samples


def _ns(seconds: float) -> int:
    return max(0, round(float(seconds) * 1e9))
