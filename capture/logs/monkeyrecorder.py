"""MonkeyRecorder scripts (``.mr``): what to do, in order, without times."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from capture.gestures.kinds import Action
from capture.logs.base import LogInfo, ReadOptions, SampleWriter, TouchLog, literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from capture.gestures.samples import TouchSamples
    from capture.logs.source import LogSource

__all__ = ["BETWEEN_NS", "TAP_NS", "Log"]

#: How long a tap is made to last, and how far apart two commands are made to be.
TAP_NS = 50_000_000
BETWEEN_NS = 1_000_000_000

_VERBS = "TOUCH|DRAG|PRESS|TYPE|WAIT"
_MATCH = re.compile(rf"^(?:{_VERBS})\|\{{".encode(), re.MULTILINE)
_LINE = re.compile(rf"^({_VERBS})\|(\{{.*\}})$")
_STEPS = 10_000
_ITEM_CHARS = 4096

#: (pointer, action, time, x, y)
_Sample = tuple[int, int, int, float, float]


class Log(TouchLog):
    """A script of MonkeyRecorder."""

    name: ClassVar[str] = "monkeyrecorder"

    def __init__(self, source: LogSource, options: ReadOptions) -> None:
        super().__init__(source, options)
        width, height = options.screen or (None, None)
        self.info = LogInfo(format=self.name, width=width, height=height, density=options.density)

    @classmethod
    def matches(cls, head: bytes) -> bool:
        """Tell whether the head has a command of MonkeyRecorder."""
        return bool(_MATCH.search(head))

    def _read(self) -> Iterator[TouchSamples]:
        writer = SampleWriter(self.warnings)
        self.warnings["no_clock"] += 1
        now = 0
        for number, line in self.source.lines():
            if not line:
                continue
            try:
                samples, now = _played(line, now)
                for sample in samples:
                    writer.add(0, *sample)
            except (ValueError, TypeError, KeyError):
                self.warnings["unknown_lines"] += 1
            except OverflowError:
                raise self.error("a number is too large", line=number) from None
            if writer.is_full:
                yield writer.take()
        yield writer.finish()


def _played(line: str, now: int) -> tuple[list[_Sample], int]:
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
    return samples, samples[-1][2] + BETWEEN_NS


def _touch(item: dict[str, Any], now: int) -> list[_Sample]:
    x, y = float(item["x"]), float(item["y"])
    down: _Sample = (0, Action.DOWN, now, x, y)
    kinds: dict[str, list[_Sample]] = {
        "down": [down],
        "up": [(0, Action.UP, now, x, y)],
        "downAndUp": [down, (0, Action.UP, now + TAP_NS, x, y)],
    }
    return kinds[item["type"]]


def _drag(item: dict[str, Any], now: int) -> list[_Sample]:
    """Return a straight way in equal steps, as MonkeyDevice.drag plays it."""
    (x0, y0), (x1, y1) = item["start"], item["end"]
    duration, steps = _ns(item["duration"]), int(item["steps"])
    if not 1 <= steps <= _STEPS:
        raise ValueError(f"{steps} steps")
    samples: list[_Sample] = []
    for step in range(steps + 1):
        action = Action.DOWN if step == 0 else Action.UP if step == steps else Action.MOVE
        part = step / steps
        samples.append(
            (0, action, now + duration * step // steps, x0 + (x1 - x0) * part, y0 + (y1 - y0) * part)
        )
    return samples


def _ns(seconds: float) -> int:
    return max(0, round(float(seconds) * 1e9))
