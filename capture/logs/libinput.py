"""``libinput record``: YAML that a tool prints, one event a line.

It is read by lines and not with a YAML parser: such a parser makes some seven objects of an event, cannot
read a file whose tail is missing (Ctrl-C), and would have to be kept from building objects; the tool
prints each event as a line of its own, always in the same way.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from capture._native.evdev.text import contains
from capture.logs.evdev import Device, EvdevTextLog, Event

if TYPE_CHECKING:
    from capture._native.evdev.text import TextReader

__all__ = ["Log"]

_MATCH = re.compile(rb"^(?:- node: /dev/input/|libinput:[ \t\r]*\n[ \t]+version:)", re.MULTILINE)
_PART = re.compile(
    rb'^(?:- node: (\S+)|    name: "([^"\n]*)"|      (\d+): \[(-?\d+), (-?\d+), -?\d+, -?\d+, -?\d+\])',
    re.MULTILINE,
)
_DEVICE, _EVENTS = b"- node: ", b"  events:"
_NODE = re.compile(r"^- node: (\S+)")
_YAML = re.compile(r"^(\s*#|\s*- |\s*-$|\s*[\w\"'-]+:|Recording to |\s*[\]}]|\s*0x|---|\s*[\w-]+=)")


class Log(EvdevTextLog):
    """A recording of libinput record."""

    name = "libinput"
    description = "libinput record (YAML)"
    example = "- [  0,  81233,   3,  57,  46] # EV_ABS / ABS_MT_TRACKING_ID"
    untried = True
    dialect = 3
    type_a_signs: tuple[tuple[bytes, int], ...] = (
        (b",   0,   2,", 8),
        (b", 0, 2,", 4),
        (b"SYN_MT_REPORT", 2),
    )

    @classmethod
    def matches(cls, head: bytes) -> bool:
        """Return whether the head has a device node as libinput prints it."""
        return bool(_MATCH.search(head))

    def devices(self) -> list[Device]:
        """Return all devices; those after the first stand behind the events of the one before."""
        devices: list[Device] = []
        blocks = [self.source.text_head()] if self.source.is_stream else self.source.text_blocks()
        rest = b""
        described = True  # what stands before the events of a device
        for block in blocks:
            text = rest + block
            end = text.rfind(b"\n") + 1
            rest = text[end:]
            if described or contains(text, _DEVICE, 2):
                for part in _PART.finditer(text, 0, end):
                    _note(part, devices)
                node, events = text.rfind(_DEVICE), text.rfind(_EVENTS)
                described = node > events if max(node, events) >= 0 else described
        if len(devices) > 1:
            # Every block must be read then: the events of a device stand behind the line that names it.
            self.type_a_signs = ()
        return devices

    def strange(self, line: str) -> Event | bool:
        """Return whether the line is YAML that holds no event."""
        return _YAML.match(line) is not None

    def enter(self, reader: TextReader, line: str) -> None:
        """Skip the events of devices that were not chosen."""
        node = _NODE.match(line)
        if node is not None:
            reader.muted = node[1] != self.device.path


def _note(part: re.Match[bytes], devices: list[Device]) -> None:
    """Add what a line says of a device."""
    node, name, code, low, high = part.groups()
    if node:
        devices.append(Device(path=node.decode("utf-8", "replace"), axes={}))
    elif name and devices:
        devices[-1].name = name.decode("utf-8", "replace")
    elif code and devices:
        devices[-1].axes[int(code)] = int(low), int(high)
