"""evemu recordings: ``E:`` lines, the device's description before them or in a file beside."""

from __future__ import annotations

import re
from pathlib import Path

from capture.errors import TouchLogError
from capture.logs.evdev import Device, EvdevTextLog, Event

__all__ = ["DESCRIPTION_SUFFIXES", "SCREEN_COMMENT", "Log"]

#: Files that describe a device and hold no events.
DESCRIPTION_SUFFIXES = (".desc", ".prop", ".device")
#: What our own writer leaves for our reader; evemu-play skips it as a comment.
SCREEN_COMMENT = "# touchcapture: screen"

_EVENT = re.compile(rb"^E: +\d+\.\d+ [0-9a-fA-F]{4} [0-9a-fA-F]{4} -?\d+", re.MULTILINE)
_HEADER = re.compile(rb"^(# EVEMU \d|N: .*\r?\nI: [0-9a-f]{4} )", re.MULTILINE)
_AXIS = re.compile(r"^A: ([0-9a-fA-F]+) (-?\d+) (-?\d+)\b")
_SCREEN = re.compile(rf"^{SCREEN_COMMENT} (\d{{1,6}})x(\d{{1,6}})$", re.MULTILINE)
_DESCRIPTION_BYTES = 1 << 20


class Log(EvdevTextLog):
    """A recording of evemu-record."""

    name = "evemu"
    description = "evemu-record, its description inside or beside it"
    example = "E: 0.000001 0003 0035 861"
    dialect = 1
    type_a_signs = ((b" 0000 0002 ", 9),)

    @classmethod
    def matches(cls, head: bytes) -> bool:
        """Return whether the head has an event or the description of a device."""
        return bool(_EVENT.search(head) or _HEADER.search(head))

    def devices(self) -> list[Device]:
        """Return the device of the header, or of the description beside the log."""
        head = self.source.text_head().decode("utf-8", "replace")
        if screen := _SCREEN.search(head):
            self.own_screen = int(screen[1]), int(screen[2])
        device = _described(head)
        if not device.axes and not self.source.is_stream:
            device = self._beside() or device
        return [device]

    def strange(self, line: str) -> Event | bool:
        """Return whether the line belongs to the description."""
        return line[:3] in {"N: ", "I: ", "P: ", "B: ", "A: ", "L: ", "S: "}

    def _beside(self) -> Device | None:
        """Look for the description: ``a.b.events`` may have ``a.b.desc`` or ``a.desc``."""
        log = Path(self.path)
        stem = log.name
        while "." in stem:
            stem = stem.rpartition(".")[0]
            for suffix in DESCRIPTION_SUFFIXES:
                beside = log.with_name(stem + suffix)
                if beside.is_file() and beside.stat().st_size < _DESCRIPTION_BYTES:
                    return _described(_text_of(beside))
        return None


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise TouchLogError(f"cannot be read: {error.strerror}", path=str(path)) from error


def _described(text: str) -> Device:
    device = Device(axes={})
    for line in text.splitlines():
        if axis := _AXIS.match(line):
            device.axes[int(axis[1], 16)] = int(axis[2]), int(axis[3])
        elif line.startswith("N: "):
            device.name = line[3:].strip()
        elif line.startswith("E: "):
            break
    return device
