"""evtest: the C tool's dialect and python-evdev's, the header kept or not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from capture.logs.evdev import BTN_TOUCH, Device, EvdevTextLog
from capture.logs.lines import CONTEXT, USED, Start

if TYPE_CHECKING:
    from capture._native.evdev.text import TextReader

__all__ = ["Log"]

_BEGUN = Start(r"(?:Event: )?time \d*\.\d", b"time ")
_CODE = re.compile(r"\bEvent code (\d{1,9}) \(([\w?]*)\)")
_NUMBER = re.compile(r"\b(Value|Min|Max|Resolution)\s+(-?\d{1,10})\s*$")
_NAME = re.compile(r'Input device name: "(.*)"')
_TYPE = re.compile(r"\bEvent type (\d{1,9})")
_EV_KEY, _EV_REL, _EV_ABS = 1, 2, 3
_CHATTER = re.compile(
    r"^[\s>|]*(Input d|Supported events|Properties|Testing|Event (type|code)"
    r"|(Value|Min|Max|Fuzz|Flat|Resolution|State)\b"
    r"|Property|Repeat|Key repeat|Select the|Available devices|No device|/dev/input|Grab|\*{4})"
)
#: A line that a mail program broke is put together of no more pieces than this.
_PIECES = 4


class Log(EvdevTextLog):
    """Text of evtest."""

    name = "evtest"
    description = "evtest, and python-evdev's evtest"
    example = "Event: time 1714664083.841958, type 3 (EV_ABS), code 53 (ABS_MT_POSITION_X), value 404"
    starts = Start(r"(?:Event: )?time \d*\.\d+,? +(?:type \d+ \(|[-+>!]{4,} ?[A-Z])", b"time ")
    dialect = 2
    type_a_signs = (
        (b"SYN_MT_REPORT", 2),
        (b"++++", 0),
        (b"(EV_SYN), code 2 ", 15),
    )

    #: Pieces of a line that a mail program broke, and the number of the last one.
    _held: tuple[str, ...] = ()
    _held_at = 0

    @classmethod
    def matches(cls, head: bytes) -> bool:
        """Return whether the head has an event or evtest's first line."""
        return super().matches(head) or _BEGUN.matches(head) or head.startswith(b"Input driver version is ")

    def devices(self) -> list[Device]:
        """Return the device of the header."""
        self._bare = _BEGUN.bare(self.source.text_head())
        device = Device(axes={}, values={}, resolutions={})
        kind, code, low = 0, 0, 0
        for line in self.source.text_head().decode("utf-8", "replace").splitlines():
            if found := _TYPE.search(line):
                kind = int(found[1])
            elif found := _CODE.search(line):
                code = int(found[1])
                device.has_touch_button |= kind == _EV_KEY and code == BTN_TOUCH
                device.moves |= kind == _EV_REL and code == 0
            elif kind == _EV_ABS and (found := _NUMBER.search(line)):
                low = _note(device, code, low, found[1], int(found[2]))
            elif found := _NAME.search(line):
                device.name = found[1]
        return [device]

    def strange(self, line: str, reader: TextReader) -> str:
        """Put the pieces of a line that a mail program broke together."""
        if not self._held and _CHATTER.match(line):
            return CONTEXT
        text = self._bare(line).strip().lstrip("> ")
        begins = _BEGUN.matches(text.encode())
        if self._held:
            follows = reader.lines == self._held_at + 1
            pieces = (*self._held, text)
            if follows and reader.line(" ".join(pieces).encode()):
                self._held = ()
                self.count(USED, len(pieces) - 1)
                return USED
            if follows and not begins and len(pieces) < _PIECES and not _CHATTER.match(text):
                self._held, self._held_at = pieces, reader.lines
                return ""
            self.count("unknown_lines", self.held_back())
        if begins:
            self._held, self._held_at = (text[:200],), reader.lines
            return ""
        return CONTEXT if _CHATTER.match(line) else "unknown_lines"

    def held_back(self) -> int:
        """Return how many lines still wait for the next, and wait no longer."""
        held, self._held = len(self._held), ()
        return held


def _note(device: Device, code: int, low: int, name: str, number: int) -> int:
    """Note a number of an axis; return its smallest value."""
    if name == "Value":
        device.values[code] = max(-(2**31), min(number, 2**31 - 1))
    elif name == "Min":
        return number
    elif name == "Max":
        device.axes[code] = low, number
    else:
        device.resolutions[code] = number
    return low
