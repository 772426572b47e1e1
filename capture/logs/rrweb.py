"""rrweb session replays: touches among everything else that a page did, as one JSON document."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from capture.gestures.kinds import Action
from capture.logs.base import (
    DECODE_ERRORS,
    DOCUMENT_LIMIT_BYTES,
    LogInfo,
    Mark,
    ReadOptions,
    SampleWriter,
    TouchLog,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from capture.gestures.samples import TouchSamples
    from capture.logs.source import LogSource

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

    name: ClassVar[str] = "rrweb"

    def __init__(self, source: LogSource, options: ReadOptions) -> None:
        super().__init__(source, options)
        found = _META.search(source.text_head())
        size = options.screen or ((int(found[1]), int(found[2])) if found else (None, None))
        self.info = LogInfo(format=self.name, width=size[0], height=size[1], density=options.density)

    @classmethod
    def matches(cls, head: bytes) -> bool:
        """Tell whether the head has events as rrweb writes them."""
        return head.lstrip()[:1] in {b"[", b"{"} and bool(_MATCH.search(head)) and bool(_DATA.search(head))

    def _read(self) -> Iterator[TouchSamples]:
        writer = SampleWriter(self.warnings)
        touches: list[tuple[int, int, int, float, float]] = []
        try:
            for event in self._events():
                touches += self._touches(event)
            # Moves come in batches, after the lift that ended them: the times put them right.
            touches.sort(key=lambda touch: touch[2])
            for touch in touches:
                if writer.add(0, *touch):
                    yield writer.take()
        except (*DECODE_ERRORS, OverflowError, ValueError) as error:
            raise self.error(f"is no rrweb recording: {error}") from None
        yield writer.finish()

    def _events(self) -> list[_Event]:
        text = self.source.everything(DOCUMENT_LIMIT_BYTES)
        if text.lstrip().startswith(b"{"):
            return msgspec.json.decode(text, type=_Wrapped).events
        return msgspec.json.decode(text, type=list[_Event])

    def _touches(self, event: _Event) -> Iterator[tuple[int, int, int, float, float]]:
        if event.type not in {META, INCREMENTAL}:
            return
        data = msgspec.json.decode(event.data, type=_Data)
        if event.type == META:
            self.mark(Mark(time_ns=_ns(event.timestamp), kind="screen", fields={"name": data.href}))
            return
        pointer = data.pointerId or 0
        if data.source == INTERACTION and data.type in _TOUCHES:
            if data.x is not None and data.y is not None:
                yield pointer, _TOUCHES[data.type], _ns(event.timestamp), data.x, data.y
        elif data.source == TOUCH_MOVE or (data.source == MOUSE_MOVE and data.pointerId is not None):
            for place in data.positions:
                time = _ns(event.timestamp + place.timeOffset)
                yield pointer, Action.MOVE, time, place.x, place.y
        elif data.source == MOUSE_MOVE or (data.source == INTERACTION and data.type in _MOUSE):
            self.warnings["mouse_events"] += 1


def _ns(milliseconds: Any) -> int:
    return (
        round(milliseconds * 1e6)
        if isinstance(milliseconds, float) and milliseconds % 1
        else (int(milliseconds) * 1_000_000)
    )
