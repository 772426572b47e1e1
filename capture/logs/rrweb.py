"""rrweb session replays: touches among all that a page did, in any of the wrappings of the tools."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import msgspec

from capture.gestures.kinds import Action
from capture.logs.base import Mark, TouchLog
from capture.logs.decoding import DECODE_ERRORS, decode_text
from capture.logs.documents import records, unpacked
from capture.logs.lines import CONTEXT, USED
from capture.logs.samples import SampleWriter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from capture.gestures.samples import TouchSamples

__all__ = ["Log"]

_MATCH = re.compile(rb'"timestamp"\s*:\s*\d{6}')
_DATA = re.compile(rb'"(?:source|href|snapshots|cv)"\s*:')
#: A page that is so large that the time behind it is not in the head.
_SNAPSHOT = re.compile(rb'"type"\s*:\s*2\s*,\s*"data"\s*:\s*\{\s*"node"\s*:')
#: Events that are packed one by one are texts that begin so.
_PACKED = re.compile(rb'[\[\s,]"x(?:\\u009c|\xc2\x9c|\^|\\u0001|\xc3\x9a|\\u00da)')

META, INCREMENTAL = 4, 3
MOUSE_MOVE, INTERACTION, TOUCH_MOVE = 1, 2, 6
#: Interactions that are touches.
_TOUCHES = {7: Action.DOWN, 8: Action.MOVE, 9: Action.UP, 10: Action.CANCEL}
#: Interactions of a mouse (real, or emulated after a touch); focus and blur are of no pointer.
_MOUSE = {0, 1, 2, 3, 4}
_MOUSE_POINTER = 0
#: Times of later than the year 2100 in ms, or earlier than 1970, are none.
_LATEST_MS = 4.2e12

#: (pointer, action, time, x, y)
_Touch = tuple[int, int, int, float | None, float | None]


class _Event(msgspec.Struct):
    type: Any = None
    timestamp: Any = None
    data: msgspec.Raw = msgspec.Raw()


class _Data(msgspec.Struct):
    source: Any = None
    type: Any = None
    x: Any = None
    y: Any = None
    pointerId: Any = None  # noqa: N815 - as in the file
    pointerType: int | str | None = None  # noqa: N815 - as in the file
    positions: Any = None
    href: Any = None


_decode_event = msgspec.json.Decoder(_Event).decode
_decode_data = msgspec.json.Decoder(_Data).decode


class Log(TouchLog):
    """A recording of rrweb."""

    name = "rrweb"
    description = "rrweb session replays, in the wrappings of PostHog, Sentry and others"
    example = '[{"type": 3, "data": {"source": 2, "type": 7, "x": 1, "y": 2}, ...}]'
    screen_sign = re.compile(rb'"width"\s*:\s*(\d{1,6})\s*,\s*"height"\s*:\s*(\d{1,6})')

    @classmethod
    def matches(cls, head: bytes) -> bool:
        """Return whether the head has events as rrweb writes them, packed or not."""
        if not re.search(rb"[\[{]", head[:4096]):
            return False
        begins = _PACKED.search(head[:4096]) or _SNAPSHOT.search(head[:4096])
        return bool(begins or (_MATCH.search(head) and _DATA.search(head)))

    def _read(self) -> Iterator[TouchSamples]:
        writer = SampleWriter(self.warnings)
        touches: list[_Touch] = []
        for event in records(self, _record):
            try:
                became = self._use(event, touches)
            except (*DECODE_ERRORS, ValueError, TypeError, OverflowError):
                became = "skipped_rows"
            self.count(became)
        if not self.counts["read"]:
            raise self.error("is not an rrweb recording: it has no events")
        # Moves come in batches, after the lift that ended them: the times put them right.
        touches.sort(key=lambda touch: touch[2])
        for pointer, action, time, x, y in touches:
            # A lift without a place is where the finger was.
            place = (x, y) if x is not None and y is not None else writer.place(0, pointer) or (0.0, 0.0)
            writer.add(0, pointer, action, time, *place)
            if writer.is_full:
                yield writer.take()
        yield writer.finish()

    def _use(self, event: _Event, touches: list[_Touch]) -> str:
        """Read an event; return its outcome."""
        if event.type not in {META, INCREMENTAL}:
            return CONTEXT
        time_ms = _number(event.timestamp)
        if not 0 <= time_ms < _LATEST_MS:
            raise ValueError(time_ms)
        data = self._data(event)
        if data is None:
            return "packed_records"
        if event.type == META:
            self.mark(Mark(time_ns=_ns(time_ms), kind="screen", fields={"name": str(data.href or "")}))
            return CONTEXT
        pointer = 0 if data.pointerId is None else _pointer(data.pointerId)
        if data.source == INTERACTION and data.type in _TOUCHES:
            return self._interaction(data, pointer, time_ms, touches)
        if data.source == TOUCH_MOVE or (data.source == MOUSE_MOVE and data.pointerId is not None):
            return self._moves(data, pointer, time_ms, touches)
        is_mouse = data.source == MOUSE_MOVE or (data.source == INTERACTION and data.type in _MOUSE)
        return "mouse_events" if is_mouse else CONTEXT

    @staticmethod
    def _data(event: _Event) -> _Data | None:
        """Return the data of an event; None for a text that is packed in a way that is not read."""
        data: bytes | msgspec.Raw | None = event.data
        if bytes(memoryview(event.data)[:1]) == b'"':
            data = unpacked(decode_text(event.data))
        return None if data is None else _decode_data(data)

    @staticmethod
    def _interaction(data: _Data, pointer: int, time_ms: float, touches: list[_Touch]) -> str:
        if data.pointerType == _MOUSE_POINTER:
            return "mouse_events"
        action = _TOUCHES[data.type]
        without_place = data.x is None and data.y is None and action in {Action.UP, Action.CANCEL}
        place = (None, None) if without_place else (_number(data.x), _number(data.y))
        touches.append((pointer, action, _ns(time_ms), *place))
        return USED

    def _moves(self, data: _Data, pointer: int, time_ms: float, touches: list[_Touch]) -> str:
        lost = used = 0
        for place in data.positions:
            try:
                time = _ns(time_ms + _number(place.get("timeOffset", 0)))
                touches.append((pointer, Action.MOVE, time, _number(place["x"]), _number(place["y"])))
                used += 1
            except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
                lost += 1
        if lost and not used:
            return "skipped_rows"
        if lost:
            self.warnings["skipped_rows"] += lost
        return USED


def _record(raw: msgspec.Raw) -> _Event | None:
    event = _decode_event(raw)
    return None if event.timestamp is None or event.type is None else event


def _number(value: Any) -> float:
    """Return a number that is one; text and truth values are none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError(value)
    return value


def _pointer(value: Any) -> int:
    number = _number(value)
    if number % 1 or not -(2**31) <= number < 2**31:
        raise ValueError(value)
    return int(number)


def _ns(milliseconds: float) -> int:
    # An offset may be any number: the sum is checked like the time of an event.
    if not -_LATEST_MS < milliseconds < _LATEST_MS:
        raise ValueError(milliseconds)
    return round(milliseconds * 1e6) if milliseconds % 1 else int(milliseconds) * 1_000_000
