"""Touch logs as evemu recordings, for ``evemu-play``: a type B touchscreen, its units fractions of a px."""

from __future__ import annotations

import math
from typing import IO, TYPE_CHECKING

from capture.gestures.kinds import Action
from capture.logs.evemu import SCREEN_COMMENT
from capture.logs.writing import one_stream

if TYPE_CHECKING:
    from pathlib import Path

    from capture.logs.writing import Writable

__all__ = ["write"]

#: Units per px are a power of two, at most this one; so that a large screen stays in 31 bits.
_MOST_BITS = 20
_STREAM_BITS = 6
_RAW_LIMIT = 1 << 31
_SLOTS = 32
_US = 1000

_EV_SYN, _EV_KEY, _EV_ABS = 0, 1, 3
_SYN_DROPPED, _BTN_TOUCH = 3, 0x14A
_MT_SLOT, _MT_X, _MT_Y, _MT_ID = 0x2F, 0x35, 0x36, 0x39

_DESCRIPTION = """\
# EVEMU 1.3
{comment}N: {name}
I: 0018 0000 0000 0000
P: 02 00 00 00 00 00 00 00
B: 00 0b 00 00 00 00 00 00 00
B: 01 00 00 00 00 00 00 00 00
B: 01 00 00 00 00 00 00 00 00
B: 01 00 00 00 00 00 00 00 00
B: 01 00 00 00 00 00 00 00 00
B: 01 00 00 00 00 00 00 00 00
B: 01 00 04 00 00 00 00 00 00
B: 03 03 00 00 00 00 80 60 02
A: 00 0 {x_max} 0 0 0
A: 01 0 {y_max} 0 0 0
A: 2f 0 {slot_max} 0 0 0
A: 35 0 {x_max} 0 0 0
A: 36 0 {y_max} 0 0 0
A: 39 0 65535 0 0 0
"""


def write(log: Writable, file: IO[bytes], path: Path) -> None:  # noqa: ARG001 - the writers are called alike
    """Write a log as an evemu recording, streamed.

    Places are exact where 2**20 units per px suffice and the log is a file that can be read twice, and
    times to the microsecond. A CANCEL is a SYN_DROPPED where no other finger is down, else a lift.
    """
    bits, width, height = _measure(log)
    description = _DESCRIPTION.format(
        comment=f"{SCREEN_COMMENT} {width}x{height}\n",
        name=log.info.device or "touchcapture recording",
        x_max=(width << bits) - 1,
        y_max=(height << bits) - 1,
        slot_max=_SLOTS - 1,
    )
    file.write(description.encode())
    frames = _Frames(bits)
    for pointer, action, time, x, y in one_stream(log):
        if time < 0:
            raise log.error("has times before 0, which evemu cannot write; --start-time moves them")
        lines = frames.events(pointer, action, x, y)
        if action == Action.CANCEL and lines[0][:2] != (_EV_SYN, _SYN_DROPPED):
            log.lost["cancels_as_ends"] += 1
        micros = time // _US
        stamp = f"E: {micros // 1_000_000}.{micros % 1_000_000:06d}"
        file.write(
            "".join(f"{stamp} {kind:04x} {code:04x} {value}\n" for kind, code, value in lines).encode()
        )


class _Frames:
    """The kernel's view of the fingers: which slot holds which pointer."""

    def __init__(self, bits: int) -> None:
        self._scale = 1 << bits
        self._slots: dict[int, int] = {}
        self._slot = 0
        self._next_id = 0

    def events(self, pointer: int, action: int, x: float, y: float) -> list[tuple[int, int, int]]:
        """Return the (type, code, value) of a frame with one sample."""
        events: list[tuple[int, int, int]] = []
        if action == Action.CANCEL and len(self._slots) == 1:
            self._slots.clear()
            return [(_EV_SYN, _SYN_DROPPED, 0), (_EV_SYN, 0, 0)]
        first = not self._slots
        slot = self._slots.setdefault(pointer, self._free_slot(pointer))
        if slot != self._slot:
            self._slot = slot
            events.append((_EV_ABS, _MT_SLOT, slot))
        if action == Action.DOWN:
            events.append((_EV_ABS, _MT_ID, self._next_id & 0xFFFF))
            self._next_id += 1
        events.append((_EV_ABS, _MT_X, round(x * self._scale)))
        events.append((_EV_ABS, _MT_Y, round(y * self._scale)))
        if action == Action.DOWN and first:
            events.append((_EV_KEY, _BTN_TOUCH, 1))
        elif action in {Action.UP, Action.CANCEL}:
            events.append((_EV_ABS, _MT_ID, -1))
            del self._slots[pointer]
            if not self._slots:
                events.append((_EV_KEY, _BTN_TOUCH, 0))
        return [*events, (_EV_SYN, 0, 0)]

    def _free_slot(self, pointer: int) -> int:
        """Return the pointer's own number as its slot, or the lowest free one."""
        used = set(self._slots.values())
        if 0 <= pointer < _SLOTS and pointer not in used:
            return pointer
        return next(slot for slot in range(len(used) + 1) if slot not in used)


def _measure(log: Writable) -> tuple[int, int, int]:
    """Return how many bits the fractions of a px need, and the screen; reads the log once if it is a file."""
    if log.is_stream:
        if not log.info.width or not log.info.height:
            raise log.error("its screen is not known and cannot be searched for: give it with --screen WxH")
        return _STREAM_BITS, log.info.width, log.info.height
    import numpy as np

    bits, most = 0, np.zeros(2)
    for chunk in log.chunks():
        log.marks.clear()
        places = np.array([memoryview(chunk.x), memoryview(chunk.y)], np.float64)
        places[~np.isfinite(places)] = 0
        while bits < _MOST_BITS and (np.ldexp(places, bits) % 1).any():
            bits += 1
        most = np.maximum(most, np.abs(places).max(axis=1))
    width = log.info.width or math.floor(most[0]) + 1
    height = log.info.height or math.floor(most[1]) + 1
    largest = max(width, height, *most)
    while bits and largest * (1 << bits) >= _RAW_LIMIT:
        bits -= 1
    if largest >= _RAW_LIMIT:
        raise log.error("has positions that do not fit an event")
    return bits, width, height
