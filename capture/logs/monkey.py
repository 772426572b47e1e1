"""Scripts of Android's ``monkey -f``: pointer events with times or without, taps, drags and waits."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from capture.gestures.kinds import Action
from capture.logs.base import TouchLog
from capture.logs.lines import CONTEXT, USED, Start
from capture.logs.scripts import MS, STEP_NS, TAP_NS, Player

if TYPE_CHECKING:
    from capture.logs.samples import SampleWriter

__all__ = ["Log"]

_CALL = r"(?:capture)?(DispatchPointer|Tap|PressAndHold|Drag|UserWait)\(([^()]*)\)"
_HEAD = re.compile(r"(?:type= ?|count= ?|speed= ?|start data|\w+= )")
_FIND = re.compile(_CALL)
_ANY = re.compile(r"(?:capture)?[A-Z]\w*\(.*\)$")
#: MotionEvent's numbers; other fingers than the first have numbers that a script cannot name.
_ACTIONS = {0: Action.DOWN, 1: Action.UP, 2: Action.MOVE, 3: Action.CANCEL}


class Log(TouchLog):
    """A script of monkey."""

    name = "monkey"
    description = "scripts of Android's monkey -f"
    example = "DispatchPointer(0,0,0,400,500,0,0,0,0,0,0,0)"
    starts = Start(
        r"start data >>|" + _CALL,
        b"start data",
        b"DispatchPointer(",
        b"Tap(",
        b"PressAndHold(",
        b"Drag(",
        b"UserWait(",
    )

    @classmethod
    def matches(cls, head: bytes) -> bool:
        """Return whether the head has the line before the data, or a pointer event."""
        return super().matches(head) and (b"start data" in head or b"DispatchPointer(" in head)

    def _begin(self) -> None:
        self._player = Player()
        self._clock = False  # events have times of their own

    def _take(self, line: str, writer: SampleWriter) -> str:
        found = _FIND.match(line)
        if found is None:
            return CONTEXT if _HEAD.match(line) or _ANY.match(line.strip()) else "unknown_lines"
        numbers = [float(word) for word in found[2].split(",")]
        if found[1] == "DispatchPointer":
            return self._pointer(numbers, writer)
        self.untimed += found[1] != "UserWait"
        return self._play(found[1], numbers, writer)

    def _pointer(self, numbers: list[float], writer: SampleWriter) -> str:
        if len(numbers) < 5:
            return "unknown_lines"
        action = _ACTIONS.get(int(numbers[2]))
        if action is None:
            return "skipped_rows"
        stream = self.streams.number(int(numbers[10])) if len(numbers) > 10 else 0
        if numbers[1] > 0:
            self._clock = True
            self._player.now_ns = round(numbers[1] * MS)
        else:
            self.untimed += 1
        # A tap of a press and a lift without times lasts as long as any tap.
        if not self._clock and action == Action.UP:
            self._player.wait(TAP_NS - STEP_NS)
        writer.add(stream, 0, action, self._player.now_ns, numbers[3], numbers[4])
        if not self._clock:
            self._player.wait(STEP_NS)
        return USED

    def _play(self, verb: str, numbers: list[float], writer: SampleWriter) -> str:
        player = self._player
        if verb == "UserWait" and len(numbers) == 1:
            player.wait(numbers[0] * MS)
            return CONTEXT
        if verb == "Tap" and len(numbers) in {2, 3}:
            player.tap(writer, numbers[0], numbers[1], numbers[2] * MS if len(numbers) == 3 else TAP_NS)
        elif verb == "PressAndHold" and len(numbers) == 3:
            player.tap(writer, numbers[0], numbers[1], numbers[2] * MS)
        elif verb == "Drag" and len(numbers) == 5:
            steps = max(1, int(numbers[4]))
            player.way(writer, (numbers[0], numbers[1]), (numbers[2], numbers[3]), steps * STEP_NS, steps)
        else:
            return "unknown_lines"
        return USED
