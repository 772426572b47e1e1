"""RERAN's translated logs: a count, then pairs of lines, an interval in ns and ``device,type,code,value``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from capture.logs.evdev import Device, EvdevLog
from capture.logs.lines import CONTEXT, USED, Bare, Start, undecorated

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from capture._native.evdev.frames import EventModel

__all__ = ["Log"]

#: An event behind two numbers, as at the start, or two events with an interval before each.
_PAIR = rb"\d+[ \t\r]*\n+\d+,\d+,\d+,-?\d+[ \t\r]*"
_MATCH = re.compile(rb"\A\s*\d+[ \t\r]*\n+" + _PAIR + rb"\n|(?m:^" + _PAIR + rb"\n+" + _PAIR + rb"$)")
_START = Start(r"\d+,\d+,\d+,-?\d+\r*$")
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

    @classmethod
    def matches(cls, head: bytes) -> bool:
        """Return whether the head has an interval and an event behind it."""
        return bool(_MATCH.search(undecorated(head, _START.before(head))))

    def devices(self) -> list[Device]:
        """Return the devices, which have but a number, that with the most positions first."""
        head = self.source.text_head()
        text = undecorated(head, _START.before(head)).decode("utf-8", "replace")
        found: dict[str, int] = {}
        for number, code in re.findall(r"^(\d+),3,(\d+),", text, re.MULTILINE):
            found[number] = found.get(number, 0) + (code in {"0", "53"})
        ordered = sorted(found, key=lambda number: -found[number])
        return [Device(path=f"/dev/input/event{number}") for number in ordered]

    def pump(self, model: EventModel, blocks: Iterable[bytes]) -> Iterator[None]:
        """Add up the intervals."""
        time, strange, used, number = 0, 0, 0, 0
        begun = False  # the first of two numbers before the first event is their count
        bare = Bare(_START, self.source.text_head())
        for number, line in enumerate(self.lines(blocks), 1):
            line = bare(line)  # noqa: PLW2901 - without the text before it
            found = _EVENT.match(line)
            if found is not None and -_INT32 <= int(found[4]) < 2 * _INT32:
                used += 1
                begun = True
                device, kind, code, value = (int(part) for part in found.groups())
                if self.device.path == f"/dev/input/event{device}":
                    model.event(time, kind, code, value - 2 * _INT32 if value >= _INT32 else value)
            elif line.isdecimal() and len(line) <= 18 and time + int(line) < _LATEST_NS:
                time = time + int(line) if begun else int(line)
            elif line:
                strange += 1
            if number % 1000 == 0:
                yield
        if not model.scanning:
            self.count("unknown_lines", strange)
            self.count(USED, used)
            self.count(CONTEXT, number - strange - used)
