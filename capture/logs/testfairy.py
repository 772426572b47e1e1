"""TestFairy session data: touches of one finger and the SDK's own reading of them, as one JSON document."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from capture.gestures.kinds import Action
from capture.logs.base import Mark, TouchLog
from capture.logs.decoding import attempt, decode_row
from capture.logs.documents import records
from capture.logs.lines import CONTEXT, USED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from capture.gestures.samples import TouchSamples
    from capture.logs.samples import SampleWriter

__all__ = ["Log"]

_MATCH = re.compile(rb'"(?:input|userInteractions)"\s*:\s*\[')
_ROW = re.compile(rb'"(?:act|ts|kc)"\s*:')
#: Seconds since the session began.
_LATEST_S = 1e9


class _Row(msgspec.Struct):
    """A row of input (t 0 is a touch, 1 a key), or an interaction as the SDK saw it."""

    ts: Any = None
    t: Any = 0
    act: Any = None
    kc: Any = None
    kind: Any = None
    x: Any = None
    y: Any = None


_decode = msgspec.json.Decoder(_Row).decode


class Log(TouchLog):
    """A session that TestFairy recorded."""

    name = "testfairy"
    description = "TestFairy session data"
    example = '{"input": [{"x": 566, "y": 1140, "act": 0, "t": 0, "ts": 6.16}]}'

    @classmethod
    def matches(cls, head: bytes) -> bool:
        """Return whether the head has the lists of such a session."""
        return b"{" in head[:4096] and bool(_MATCH.search(head)) and bool(_ROW.search(head))

    def _read(self) -> Iterator[TouchSamples]:
        yield from self._read_each(records(self, self._record), self._use, "skipped_rows")
        if not self.counts["read"]:
            raise self.error("is not a TestFairy session: it has no input")

    def _record(self, raw: msgspec.Raw) -> _Row | None:
        row = _decode(raw)
        if row.kind is not None and row.act is None:
            said = attempt(decode_row, raw) or {}
            seconds = said.get("ts")
            if isinstance(seconds, int | float) and abs(seconds) < _LATEST_S:
                self.mark(Mark(time_ns=round(seconds * 1e9), kind="interaction", fields=said))
            return row
        return None if row.act is None and row.kc is None and row.x is None else row

    @staticmethod
    def _use(row: _Row, writer: SampleWriter) -> str:
        if row.kind is not None and row.act is None:
            return CONTEXT
        if row.t or isinstance(row.act, bool) or not 0 <= row.act <= 3 or not abs(row.ts) < _LATEST_S:
            return "skipped_rows"
        place = writer.place(0, 0) if row.x is None and row.y is None and row.act != Action.DOWN else None
        x, y = place or (row.x, row.y)
        writer.add(0, 0, row.act, round(row.ts * 1e9), x, y)
        return USED
