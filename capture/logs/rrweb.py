"""rrweb session replays: touches among everything else that a page did, as one JSON document."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from capture.gestures.kinds import Action
from capture.logs.base import (
    DECODE_ERRORS,
    DOCUMENT_LIMIT_BYTES,
    LogInfo,
    Sample,
    TouchLog,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Log"]

_MATCH = re.compile(rb'"timestamp"\s*:\s*\d{6}')
_DATA = re.compile(rb'"(?:source|href)"\s*:')
_META = re.compile(rb'"width"\s*:\s*(\d{1,6})\s*,\s*"height"\s*:\s*(\d{1,6})')

META, INCREMENTAL = 4, 3
MOUSE_MOVE, INTERACTION, TOUCH_MOVE = 1, 2, 6
#: Interactions that are touches.
_TOUCHES = {7: Action.DOWN, 8: Action.MOVE, 9: Action.UP, 10: Action.CANCEL}
#: Interactions of a mouse (real, or emulated after a touch); focus and blur are of no pointer.
_MOUSE = {0, 1, 2, 3, 4}


class _Position(msgspec.Struct):
    x: float
    y: float
    timeOffset: float = 0  # noqa: N815 - as in the file


class _Data(msgspec.Struct):
    source: int = -1
    type: int = -1
    x: float | None = None
    y: float | None = None
    pointerId: int | None = None  # noqa: N815 - as in the file
    positions: list[_Position] = []
    href: str = ""


class _Event(msgspec.Struct):
    type: int
    timestamp: float
    data: msgspec.Raw = msgspec.Raw()


class _Wrapped(msgspec.Struct):
    events: list[_Event]


class Log(TouchLog):
    """A recording of rrweb, as an array of events or an object with one."""

    name = "rrweb"
    description = "rrweb session replays"
    example = '[{"type": 3, "data": {"source": 2, "type": 7, "x": 1, "y": 2}, ...}]'

    @classmethod
    def matches(cls, head: bytes) -> bool:
        """Return whether the head has events as rrweb writes them."""
        return head.lstrip()[:1] in {b"[", b"{"} and bool(_MATCH.search(head)) and bool(_DATA.search(head))

    def _describe(self) -> LogInfo:
        found = _META.search(self.source.text_head())
        if found is None:
            return LogInfo(format=self.name)
        return LogInfo(format=self.name, width=int(found[1]), height=int(found[2]))

    def _samples(self, lines: Iterator[str]) -> Iterator[Sample]:  # noqa: ARG002 - one document
        try:
            # Moves come in batches, after the lift that ended them: the times put them right.
            yield from sorted(
                (touch for event in self._events() for touch in self._touches(event)),
                key=lambda touch: touch[3],
            )
        except (*DECODE_ERRORS, OverflowError, ValueError) as error:
            raise self.error(f"is no rrweb recording: {error}") from None

    def _events(self) -> list[_Event]:
        text = self.source.everything(DOCUMENT_LIMIT_BYTES)
        if text.lstrip().startswith(b"{"):
            return msgspec.json.decode(text, type=_Wrapped).events
        return msgspec.json.decode(text, type=list[_Event])

    def _touches(self, event: _Event) -> Iterator[Sample]:
        if event.type not in {META, INCREMENTAL}:
            return
        data = msgspec.json.decode(event.data, type=_Data)
        if event.type == META:
            self.mark_here("screen", _ns(event.timestamp), name=data.href)
            return
        pointer = data.pointerId or 0
        if data.source == INTERACTION and data.type in _TOUCHES:
            if data.x is not None and data.y is not None:
                yield 0, pointer, _TOUCHES[data.type], _ns(event.timestamp), data.x, data.y
        elif data.source == TOUCH_MOVE or (data.source == MOUSE_MOVE and data.pointerId is not None):
            for place in data.positions:
                time = _ns(event.timestamp + place.timeOffset)
                yield 0, pointer, Action.MOVE, time, place.x, place.y
        elif data.source == MOUSE_MOVE or (data.source == INTERACTION and data.type in _MOUSE):
            self.warnings["mouse_events"] += 1


def _ns(milliseconds: Any) -> int:
    return (
        round(milliseconds * 1e6)
        if isinstance(milliseconds, float) and milliseconds % 1
        else (int(milliseconds) * 1_000_000)
    )
