"""Log lines with Android's ``MotionEvent { ... }``, which several layers may have printed for one event."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from capture.gestures.kinds import Action
from capture.logs.base import TouchLog
from capture.logs.lines import CONTEXT, USED, read_lines
from capture.logs.samples import Names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from capture.gestures.samples import TouchSamples
    from capture.logs.samples import Sample, SampleWriter

__all__ = ["Log"]

_MATCH = re.compile(rb"MotionEvent\]? ?(?:ViewRootImpl ?)?\{ ?action=")
_EVENT = re.compile(r"MotionEvent\]? ?(?:ViewRootImpl ?)?\{([^}]{0,8192})\}")
_FIELD = re.compile(r"\b(\w{1,32})(?:\[(\d{1,3})\])?=([^,\s]{1,64})")
_ACTION = re.compile(r"(?:ACTION_)?(POINTER_DOWN|POINTER_UP|DOWN|UP|MOVE|CANCEL)(?:\((\d{1,3})\))?$")
#: Of an action that is printed as a number, as old Androids and apps do: its low byte; the next is an index.
_NUMBERS = {0: "DOWN", 1: "UP", 2: "MOVE", 3: "CANCEL", 5: "POINTER_DOWN", 6: "POINTER_UP"}
#: InputDevice.SOURCE_MOUSE, as a number and by name.
_MOUSE = {"0x2002", "mouse"}
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

    def _read(self) -> Iterator[TouchSamples]:
        printed: dict[tuple[object, ...], None] = {}
        devices = Names()

        def take(line: str, writer: SampleWriter) -> str:
            found = _EVENT.search(line)
            if found is None:
                return "unknown_lines" if "MotionEvent" in line and "action=" in line else CONTEXT
            event = _Event(found[1])
            if event.is_mouse:
                return "mouse_events"
            if not event.is_touch:
                return "skipped_rows"
            if event.key in printed:
                return "duplicate_events"
            printed[event.key] = None
            if len(printed) > _MEMORY:
                del printed[next(iter(printed))]
            if event.history:
                self.warnings["history_not_printed"] += event.history
            stream = devices.number(event.device)
            for sample in event.samples(stream):
                writer.add(*sample)
            return USED

        yield from read_lines(self, None, take)
        self.name_streams(devices)


class _Event:
    """A printed event, its pointers in the order of their indices."""

    def __init__(self, text: str) -> None:
        fields: dict[str, str] = {}
        pointers: dict[int, dict[str, float]] = {}
        self.is_touch = self.is_mouse = False
        for name, index, value in _FIELD.findall(text):
            if index and name in {"id", "x", "y"}:
                pointers.setdefault(int(index), {})[name] = _number(value)
            else:
                fields.setdefault(name, value)
        self.device = fields.get("deviceId", "0")
        self.is_mouse = fields.get("source", "").lower() in _MOUSE
        action = _action(fields.get("action", ""))
        time, history = fields.get("eventTime", ""), fields.get("historySize", "0")
        self.pointers = [pointers[index] for index in sorted(pointers)]
        complete = all(pointer.keys() == {"id", "x", "y"} for pointer in self.pointers)
        complete = complete and all(math.isfinite(pointer["id"]) for pointer in self.pointers)
        if action is None or not time.isdecimal() or not self.pointers or not complete:
            return
        self.action, self.index = action
        self.is_touch = self.index < len(self.pointers)
        self.time = int(time) * 1_000_000
        self.history = int(history) if history.isdecimal() else 0
        places = tuple((pointer["x"], pointer["y"]) for pointer in self.pointers)
        self.key = (self.device, self.action, self.index, self.time, places)

    def samples(self, stream: int) -> Iterator[Sample]:
        """Yield the sample of each pointer that the event is about."""
        if self.action in {"MOVE", "CANCEL"}:
            about = self.pointers
            action = Action[self.action]
        else:
            about = [self.pointers[self.index]]
            action = Action[self.action.removeprefix("POINTER_")]
        for pointer in about:
            yield stream, int(pointer["id"]), action, self.time, pointer["x"], pointer["y"]


def _action(text: str) -> tuple[str, int] | None:
    """Return the name of an action and the index of its pointer, from a name or a number."""
    found = _ACTION.match(text)
    if found is not None:
        return found[1], int(found[2] or 0)
    try:
        number = int(text, 0)
    except ValueError:
        return None
    name = _NUMBERS.get(number & 0xFF)
    return None if name is None else (name, number >> 8 & 0xFF)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
