"""RERAN's translated logs: a count, then pairs of lines, an interval in ns and ``device,type,code,value``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from capture.logs.evdev import Device, EvdevLog

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from capture._native.evdev.frames import EventModel

__all__ = ["Log"]

_MATCH = re.compile(rb"^\s*\d+\r*\n+\d+\r*\n+\d+,\d+,\d+,-?\d+\r*\n")
_EVENT = re.compile(r"^(\d{1,9}),(\d{1,5}),(\d{1,5}),(-?\d{1,10})$")


class Log(EvdevLog):
    """What RERAN's translator made of getevent."""

    name = "reran"
    description = "RERAN's translated logs"
    example = "2,3,53,479"
    untried = True

    @classmethod
    def matches(cls, head: bytes) -> bool:
        """Return whether the first three lines are a count, an interval and an event."""
        return bool(_MATCH.match(head))

    def devices(self) -> list[Device]:
        """Return the devices, which have but a number, that with the most positions first."""
        text = self.source.text_head().decode("utf-8", "replace")
        found: dict[str, int] = {}
        for number, code in re.findall(r"^(\d+),3,(\d+),", text, re.MULTILINE):
            found[number] = found.get(number, 0) + (code in {"0", "53"})
        ordered = sorted(found, key=lambda number: -found[number])
        return [Device(path=f"/dev/input/event{number}") for number in ordered]

    def pump(self, model: EventModel, blocks: Iterable[bytes]) -> Iterator[None]:
        """Add up the intervals."""
        time, strange = 0, 0
        for number, line in enumerate(self.lines(blocks), 1):
            found = _EVENT.match(line)
            if found is not None:
                device, kind, code, value = (int(part) for part in found.groups())
                if self.device.path == f"/dev/input/event{device}":
                    signed = value - (1 << 32) if value >= 1 << 31 else value
                    if signed.bit_length() > 31:
                        raise self.error(f"{value} is no value of an event", line=number)
                    model.event(time, kind, code, signed)
            elif line.isdecimal() and len(line) <= 18:
                time += int(line) if number > 1 else 0
                if time >= 1 << 62:
                    raise self.error("the intervals add up to more than a clock can hold", line=number)
            elif line:
                strange += 1
            if number % 1000 == 0:
                yield
        if strange and not model.scanning:
            self.warnings["unknown_lines"] += strange
