"""evemu recordings: ``E:`` lines, the device's description before them or in a file beside."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from capture.errors import TouchLogError
from capture.logs.evdev import BTN_TOUCH, Device, EvdevTextLog
from capture.logs.lines import CONTEXT, Start

if TYPE_CHECKING:
    from capture._native.evdev.text import TextReader

__all__ = ["DESCRIPTION_SUFFIXES", "SCREEN_COMMENT", "Log"]

#: Files that describe a device and hold no events.
DESCRIPTION_SUFFIXES = (".desc", ".prop", ".device")
#: Note of our own writer for our reader; evemu-play skips it as a comment.
SCREEN_COMMENT = "# touchcapture: screen"

_AXIS = re.compile(
    r"(?:^|[\s>|:+])A: ([0-9a-fA-F]{1,8}) (-?\d{1,11}) (-?\d{1,11})\b(?: -?\d+ -?\d+ (\d{1,9})\b)?"
)
_NAME = re.compile(r"(?:^|[\s>|:+])N: (.*)")
_BITS = re.compile(r"(?:^|[\s>|:+])B: (\w\w)((?: \w\w)+)")
_PART = re.compile(r"(?:^|[\s>|:+])[NIPBALS]: ")
_SCREEN = re.compile(rf"^{SCREEN_COMMENT} (\d{{1,6}})x(\d{{1,6}})$", re.MULTILINE)
_DESCRIPTION_BYTES = 1 << 20


class Log(EvdevTextLog):
    """A recording of evemu-record."""

    name = "evemu"
    description = "evemu-record, its description inside or beside it"
    example = "E: 0.000001 0003 0035 861"
    dialect = 1
    type_a_signs = ((b" 0000 0002 ", 9),)
    starts = Start(
        r"E: +\d+\.\d+ [0-9a-fA-F]{4} [0-9a-fA-F]{4} -?\d+|# EVEMU \d|N: .*\r?\nI: [0-9a-f]{4} ",
        b"E: ",
        b"# EVEMU",
        b"N: ",
    )

    def devices(self) -> list[Device]:
        """Return the device of the header, or of the description beside the log."""
        head = self.source.text_head().decode("utf-8", "replace")
        if screen := _SCREEN.search(head):
            self.own_screen = int(screen[1]), int(screen[2])
        device = _described(head)
        if not device.axes and not self.source.is_stream:
            device = self._beside() or device
        return [device]

    def strange(self, line: str, reader: TextReader) -> str:  # noqa: ARG002 - as the other readers
        """Return whether the line belongs to the description."""
        return CONTEXT if _PART.search(line) else "unknown_lines"

    def _beside(self) -> Device | None:
        """Find the description: ``a.b.events`` may have ``a.b.desc`` or ``a.desc``."""
        log = Path(self.path)
        stem = log.name
        while "." in stem:
            stem = stem.rpartition(".")[0]
            for suffix in DESCRIPTION_SUFFIXES:
                beside = log.with_name(stem + suffix)
                if not beside.is_file() or beside.stat().st_size >= _DESCRIPTION_BYTES:
                    continue
                try:
                    return _described(beside.read_text(encoding="utf-8", errors="replace"))
                except OSError as error:
                    raise TouchLogError(f"cannot be read: {error.strerror}", path=str(beside)) from error
        return None


def _described(text: str) -> Device:
    device = Device(axes={}, resolutions={})
    bits: dict[str, bytes] = {}
    for line in text.splitlines():
        if axis := _AXIS.search(line):
            code = int(axis[1], 16)
            device.axes[code] = int(axis[2]), int(axis[3])
            device.resolutions[code] = int(axis[4] or 0)
        elif name := _NAME.search(line):
            device.name = name[1].strip()
        elif found := _BITS.search(line):
            with contextlib.suppress(ValueError):
                bits[found[1]] = bits.get(found[1], b"") + bytes.fromhex(found[2])
        elif line.startswith("E: "):
            break
    device.has_touch_button = _has_bit(bits.get("01", b""), BTN_TOUCH)
    device.moves = _has_bit(bits.get("02", b""), 0)
    return device


def _has_bit(mask: bytes, bit: int) -> bool:
    return bit // 8 < len(mask) and bool(mask[bit // 8] & 1 << bit % 8)
