"""RERAN's translated logs: a count, then pairs of lines, an interval in ns and ``device,type,code,value``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from capture.logs.evdev import Device, EvdevLog
from capture.logs.lines import CONTEXT, USED, Start, undecorated

if TYPE_CHECKING:
    from capture._native.evdev.frames import EventModel

__all__ = ["Log"]

#: An event behind two numbers, as at the start, or two events with an interval before each.
_PAIR = rb"\d+[ \t\r]*\n+\d+,\d+,\d+,-?\d+[ \t\r]*"
_MATCH = re.compile(rb"\A\s*\d+[ \t\r]*\n+" + _PAIR + rb"\n|(?m:^" + _PAIR + rb"\n+" + _PAIR + rb"$)")
_EVENT = re.compile(r"^(\d{1,9}),(\d{1,5}),(\d{1,5}),(-?\d{1,10})$")
_INT32 = 1 << 31
#: No clock of ns goes beyond it.
_LATEST_NS = 1 << 62


class Log(EvdevLog):
    """Output of RERAN's translator of getevent."""

    name = "reran"
    description = "RERAN's translated logs"
    example = "2,3,53,479"
    untried = True
    starts = Start(r"\d+,\d+,\d+,-?\d+\r*$")

    @classmethod
    def matches(cls, head: bytes) -> bool:
        """Return whether the head has an interval and an event behind it."""
        return bool(_MATCH.search(undecorated(head, cls.starts.before(head))))

    def devices(self) -> list[Device]:
        """Return the devices, which have but a number, that with the most positions first."""
        head = self.source.text_head()
        text = undecorated(head, self.starts.before(head)).decode("utf-8", "replace")
        found: dict[str, int] = {}
        for number, code in re.findall(r"^(\d+),3,(\d+),", text, re.MULTILINE):
            found[number] = found.get(number, 0) + (code in {"0", "53"})
        ordered = sorted(found, key=lambda number: -found[number])
        return [Device(path=f"/dev/input/event{number}") for number in ordered]

    def _begin(self) -> None:
        self._time = 0
        self._begun = False  # the first of two numbers before the first event is their count

    def play(self, line: str, model: EventModel) -> str:
        """Feed an event, or add up an interval."""
        found = _EVENT.match(line)
        if found is not None and -_INT32 <= int(found[4]) < 2 * _INT32:
            self._begun = True
            device, kind, code, value = map(int, found.groups())
            if self.device.path == f"/dev/input/event{device}":
                model.event(self._time, kind, code, value - 2 * _INT32 if value >= _INT32 else value)
            return USED
        if line.isdecimal() and len(line) <= 18 and self._time + int(line) < _LATEST_NS:
            self._time = self._time + int(line) if self._begun else int(line)
            return CONTEXT
        return "unknown_lines" if line else CONTEXT
