"""TestFairy session data: touches of one finger and the SDK's own reading of them, as one JSON document."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from capture.logs.base import (
    DECODE_ERRORS,
    DOCUMENT_LIMIT_BYTES,
    Mark,
    Sample,
    TouchLog,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Log"]

_MATCH = re.compile(rb'"(?:input|userInteractions)"\s*:\s*\[')
_ROW = re.compile(rb'"(?:act|ts|kc)"\s*:')


class _Row(msgspec.Struct):
    """A row of input; t 0 is a touch, 1 a key."""

    ts: float
    t: int = 0
    act: int = -1
    x: float | None = None
    y: float | None = None


class _Session(msgspec.Struct):
    input: list[_Row] = []
    userInteractions: list[dict[str, Any]] = []  # noqa: N815 - as in the file


class Log(TouchLog):
    """A session that TestFairy recorded."""

    name = "testfairy"
    description = "TestFairy session data"
    example = '{"input": [{"x": 566, "y": 1140, "act": 0, "t": 0, "ts": 6.16}]}'

    @classmethod
    def matches(cls, head: bytes) -> bool:
        """Return whether the head has the lists of such a session."""
        return head.lstrip().startswith(b"{") and bool(_MATCH.search(head)) and bool(_ROW.search(head))

    def _samples(self, lines: Iterator[str]) -> Iterator[Sample]:  # noqa: ARG002 - one document
        try:
            session = msgspec.json.decode(self.source.everything(DOCUMENT_LIMIT_BYTES), type=_Session)
        except DECODE_ERRORS as error:
            raise self.error(f"is no TestFairy session: {error}") from None
        for said in session.userInteractions:
            seconds = said.get("ts")
            if isinstance(seconds, int | float) and abs(seconds) < 1e9:
                self.mark(Mark(time_ns=round(seconds * 1e9), kind="interaction", fields=said))
        for row in session.input:
            if row.t or row.x is None or row.y is None or not 0 <= row.act <= 3:
                self.warnings["skipped_rows"] += 1
            else:
                yield 0, 0, row.act, round(row.ts * 1e9), row.x, row.y
