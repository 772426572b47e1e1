"""``libinput record``: YAML that a tool prints, one event a line.

It is read by lines and not with a YAML parser. Such a parser makes some seven objects of an event, cannot
read a file whose tail is missing (Ctrl-C), and would have to be kept from building objects. The tool
prints each event as a line of its own, always in the same way.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from capture._native.evdev.text import contains
from capture.logs.evdev import BTN_TOUCH, Device, EvdevTextLog
from capture.logs.lines import CONTEXT, Start, undecorated

if TYPE_CHECKING:
    from capture._native.evdev.text import TextReader

__all__ = ["Log"]

#: The lines of a frame, as a mail has them without the head.
_FRAME = Start(r"- \[ *\d+, *\d+, *\d+, *\d+, *-?\d+\]", b"- [")
_PART = re.compile(
    rb'^(?:- node: (\S+)|    name: "([^"\n]*)"'
    rb"|      (\d{1,9}): \[(-?\d{1,11}), (-?\d{1,11}), -?\d{1,11}, -?\d{1,11}, (-?\d{1,11})\]"
    rb"|      (\d{1,9}): \[([\d, ]*)\])",
    re.MULTILINE,
)
_DEVICE, _EVENTS = b"- node: ", b"  events:"
_NODE = re.compile(r"(?:^|[\s>|:\]])- node: (\S+)")
_YAML = re.compile(r"^(\s*#|\s*- |\s*-$|\s*[\w\"'-]+:|Recording to |\s*[\]}]|\s*0x|---|\s*[\w-]+=)")


class Log(EvdevTextLog):
    """A recording of libinput record."""

    name = "libinput"
    description = "libinput record (YAML), or its frames without a head"
    untried = True
    example = "- [  0,  81233,   3,  57,  46] # EV_ABS / ABS_MT_TRACKING_ID"
    starts = Start(r"- node: /dev/input/|libinput:[ \t\r]*$", b"- node:", b"libinput:")
    dialect = 3
    type_a_signs: tuple[tuple[bytes, int], ...] = (
        (b",   0,   2,", 8),
        (b", 0, 2,", 4),
        (b"SYN_MT_REPORT", 2),
    )

    @classmethod
    def matches(cls, head: bytes) -> bool:
        """Return whether the head has a device node as libinput prints it."""
        has_head = super().matches(head) and (b"- node: " in head or b"version:" in head)
        return has_head or _FRAME.matches(head)

    def devices(self) -> list[Device]:
        """Return all devices; those after the first follow the events of the previous one."""
        devices: list[Device] = []
        blocks = [self.source.text_head()] if self.source.is_stream else self.source.line_blocks()
        before = self.starts.before(self.source.text_head())
        described = True  # the text before a device's events
        for text in blocks:
            if described or contains(text, _DEVICE, 2):
                for part in _PART.finditer(undecorated(text, before)):
                    _note(part, devices)
                node, events = text.rfind(_DEVICE), text.rfind(_EVENTS)
                described = node > events if max(node, events) >= 0 else described
        if len(devices) > 1:
            # Every block must be read then: the events of a device stand behind the line that names it.
            self.type_a_signs = ()
        return devices

    def strange(self, line: str, reader: TextReader) -> str:  # noqa: ARG002 - as the other readers
        """Return whether the line is YAML that holds no event."""
        return CONTEXT if _YAML.match(line) else "unknown_lines"

    def enter(self, reader: TextReader, line: str) -> None:
        """Skip the events of devices that were not chosen."""
        node = _NODE.search(line)
        if node is not None:
            reader.muted = node[1] != self.device.path


def _note(part: re.Match[bytes], devices: list[Device]) -> None:
    """Add the facts of a device in a line."""
    node, name, code, low, high, resolution, kind, codes = part.groups()
    if node:
        devices.append(Device(path=node.decode("utf-8", "replace"), axes={}, resolutions={}))
    elif name and devices:
        devices[-1].name = name.decode("utf-8", "replace")
    elif code and devices:
        devices[-1].axes[int(code)] = int(low), int(high)
        devices[-1].resolutions[int(code)] = int(resolution)
    elif kind and devices:
        numbers = codes.replace(b",", b" ").split()
        devices[-1].has_touch_button |= kind == b"1" and str(BTN_TOUCH).encode() in numbers
        devices[-1].moves |= kind == b"2" and b"0" in numbers
