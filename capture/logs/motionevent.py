"""Log lines with Android's ``MotionEvent { ... }``, which several layers may have printed for one event."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from capture.gestures.kinds import Action
from capture.logs.base import TouchLog
from capture.logs.lines import CONTEXT, USED

if TYPE_CHECKING:
    from capture.logs.samples import SampleWriter

__all__ = ["Log"]

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
    sign = re.compile(rb"MotionEvent\]? ?(?:ViewRootImpl ?)?\{ ?action=")

    def _begin(self) -> None:
        self._printed: dict[tuple[object, ...], None] = {}

    def _take(self, line: str, writer: SampleWriter) -> str:
        found = _EVENT.search(line)
        if found is None:
            return "unknown_lines" if "MotionEvent" in line and "action=" in line else CONTEXT
        fields: dict[str, str] = {}
        pointers: dict[int, dict[str, float]] = {}
        for name, index, value in _FIELD.findall(found[1]):
            if index and name in {"id", "x", "y"}:
                pointers.setdefault(int(index), {})[name] = _number(value)
            else:
                fields.setdefault(name, value)
        if fields.get("source", "").lower() in _MOUSE:
            return "mouse_events"
        fingers = [pointers[index] for index in sorted(pointers)]
        whole = all(finger.keys() == {"id", "x", "y"} and math.isfinite(finger["id"]) for finger in fingers)
        action, time = _action(fields.get("action", "")), fields.get("eventTime", "")
        if not whole or action is None or action[1] >= len(fingers) or not time.isdecimal():
            return "skipped_rows"
        name, index = action
        device, time_ns = fields.get("deviceId", "0"), int(time) * 1_000_000
        places = ((finger["x"], finger["y"]) for finger in fingers)
        if self._is_copy((device, name, index, time_ns, *places)):
            return "duplicate_events"
        history = fields.get("historySize", "")
        if history.isdecimal() and int(history):
            self.warnings["history_not_printed"] += int(history)
        stream, what = self.streams.number(device), Action[name.removeprefix("POINTER_")]
        for finger in fingers if name in {"MOVE", "CANCEL"} else [fingers[index]]:
            writer.add(stream, int(finger["id"]), what, time_ns, finger["x"], finger["y"])
        return USED

    def _is_copy(self, event: tuple[object, ...]) -> bool:
        """Return whether another layer printed an event before; remember it."""
        if event in self._printed:
            return True
        self._printed[event] = None
        if len(self._printed) > _MEMORY:
            del self._printed[next(iter(self._printed))]
        return False


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
