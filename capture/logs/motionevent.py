"""Log lines with Android's ``MotionEvent { ... }``, which several layers may have printed for one event."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from capture.gestures.kinds import Action
from capture.logs.base import Sample, TouchLog

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Log"]

_MATCH = re.compile(rb"MotionEvent\]? ?(?:ViewRootImpl ?)?\{ ?action=")
_EVENT = re.compile(r"MotionEvent\]? ?(?:ViewRootImpl ?)?\{([^}]{0,8192})\}")
_FIELD = re.compile(r"\b(\w{1,32})(?:\[(\d{1,3})\])?=([^,\s]{1,64})")
_ACTION = re.compile(r"(?:ACTION_)?(POINTER_DOWN|POINTER_UP|DOWN|UP|MOVE|CANCEL)(?:\((\d{1,3})\))?$")
#: How many events back a copy of another layer is looked for.
_MEMORY = 64


class Log(TouchLog):
    """A log of an app or of the system in which touches were printed."""

    name = "motionevent"
    description = "log lines with Android's MotionEvent, copies of other layers left out"
    example = "MotionEvent { action=ACTION_DOWN, id[0]=0, x[0]=642.5, y[0]=887.0, ... }"

    @classmethod
    def matches(cls, head: bytes) -> bool:
        """Return whether the head has a printed MotionEvent."""
        return bool(_MATCH.search(head))

    def _samples(self, lines: Iterator[str]) -> Iterator[Sample]:
        printed: dict[tuple[object, ...], None] = {}
        for line in lines:
            found = _EVENT.search(line)
            if found is None:
                continue
            event = _Event(found[1])
            if not event.is_touch:
                self.warnings["skipped_rows"] += 1
            elif event.key in printed:
                self.warnings["duplicate_events"] += 1
            else:
                printed[event.key] = None
                if len(printed) > _MEMORY:
                    del printed[next(iter(printed))]
                if event.history:
                    self.warnings["history_not_printed"] += event.history
                yield from event.samples()


class _Event:
    """A printed event, its pointers in the order of their indices."""

    def __init__(self, text: str) -> None:
        fields: dict[str, str] = {}
        pointers: dict[int, dict[str, float]] = {}
        self.is_touch = False
        for name, index, value in _FIELD.findall(text):
            if index and name in {"id", "x", "y"}:
                pointers.setdefault(int(index), {})[name] = _number(value)
            else:
                fields.setdefault(name, value)
        action = _ACTION.match(fields.get("action", ""))
        time, history = fields.get("eventTime", ""), fields.get("historySize", "0")
        self.pointers = [pointers[index] for index in sorted(pointers)]
        complete = all(pointer.keys() == {"id", "x", "y"} for pointer in self.pointers)
        complete = complete and all(math.isfinite(pointer["id"]) for pointer in self.pointers)
        if action is None or not time.isdecimal() or not self.pointers or not complete:
            return
        self.action, self.index = action[1], int(action[2] or 0)
        self.is_touch = self.index < len(self.pointers)
        self.time = int(time) * 1_000_000
        self.history = int(history) if history.isdecimal() else 0
        places = tuple((pointer["x"], pointer["y"]) for pointer in self.pointers)
        self.key = (self.action, self.index, self.time, places)

    def samples(self) -> Iterator[Sample]:
        """Yield the sample of each pointer that the event is about."""
        if self.action in {"MOVE", "CANCEL"}:
            about = self.pointers
            action = Action[self.action]
        else:
            about = [self.pointers[self.index]]
            action = Action[self.action.removeprefix("POINTER_")]
        for pointer in about:
            yield 0, int(pointer["id"]), action, self.time, pointer["x"], pointer["y"]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
