"""Stroke XML of the gesture recognizers $1, $N and of the MMG set: points with or without times.

Only tags are looked at, one after the other: a damaged one is left out and counted, and the rest is read.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from capture.gestures.kinds import Action
from capture.logs.base import Mark, TouchLog
from capture.logs.lines import CONTEXT, USED, is_nothing
from capture.logs.samples import SampleWriter
from capture.logs.source import LINE_LIMIT_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from capture.gestures.samples import TouchSamples

__all__ = ["Log"]

_MATCH = re.compile(rb"<(?:Gesture|Stroke|Point)[\s>]")
_TAG = re.compile(r"<!--.*?-->|<([/?!]?)([A-Za-z]+)([^<>]*)(>?)", re.DOTALL)
_ATTRIBUTE = re.compile(r"(\w+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
#: Between points that have no time: a 60 Hz panel.
_PERIOD_NS = 16_000_000


class Log(TouchLog):
    """Strokes of one gesture, or of several."""

    name = "strokes"
    description = "stroke XML of $1, $N and MMG"
    example = '<Point X="51" Y="23" T="1302212416386" />'

    @classmethod
    def matches(cls, head: bytes) -> bool:
        """Return whether the head is XML with a gesture, a stroke or a point."""
        return b"<" in head[:512] and bool(_MATCH.search(head))

    def _read(self) -> Iterator[TouchSamples]:
        self._writer = SampleWriter(self.warnings)
        #: The last point of a stroke is its lift, so each is held until the next.
        self._held: tuple[int, float, float] | None = None
        self._count = self._open = 0
        rest = b""
        for block in self.source.text_blocks():
            text = rest + block
            # A tag may continue in the next block, and so may a line between two tags.
            comment = text.rfind(b"<!--")
            end = comment if text.find(b"-->", comment) < 0 <= comment else max(text.rfind(b"<"), 0)
            self._tags(text[:end].decode("utf-8", "replace"))
            rest = text[end:]
            if len(rest) > LINE_LIMIT_BYTES:
                raise self.error("has a tag that is longer than 1 MiB")
            if self._writer.is_full:
                yield self._writer.take()
        self._tags(rest.decode("utf-8", "replace"))
        if self._open > 0 or self._held is not None:
            self.warnings["cut_off"] += 1
        self._add_held()
        yield self._writer.finish()

    def _tags(self, text: str) -> None:
        """Read the tags of a text."""
        after = 0
        for found in _TAG.finditer(text):
            self._between(text[after : found.start()])
            after = found.end()
            if found[2] is not None:
                self.count(self._tag(*found.groups()))
        self._between(text[after:])

    def _between(self, text: str) -> None:
        """Count the lines between two tags that are neither blank nor comments."""
        for line in text.split("\n")[1:-1]:
            if not is_nothing(line):
                self.count("unknown_lines")

    def _tag(self, sign: str, name: str, attributes: str, closing: str) -> str:
        """Read a tag; return its outcome."""
        if sign == "!" and name in {"DOCTYPE", "ENTITY"}:
            raise self.error("declares entities or a document type, which no stroke file needs")
        if name in {"Stroke", "Gesture"} and sign != "?":
            self._lift()
            if not attributes.endswith("/"):
                self._open += -1 if sign else 1
        if not closing:
            return "skipped_rows"
        given = {found[1]: found[2] or found[3] or "" for found in _ATTRIBUTE.finditer(attributes)}
        if name == "Gesture" and not sign:
            fields = {"name": html.unescape(given.get("Name", ""))}
            self.mark(Mark(time_ns=0, kind="gesture", fields=fields, sample=self._writer.total))
        return self._point(given) if name == "Point" and not sign else CONTEXT

    def _add_held(self) -> None:
        if self._held is not None:
            self._writer.add(0, 0, Action.DOWN if self._count == 1 else Action.MOVE, *self._held)

    def _lift(self) -> None:
        if self._held is not None:
            if self._count == 1:
                self._add_held()
            self._writer.add(0, 0, Action.UP, *self._held)
        self._held = None
        self._count = 0

    def _point(self, given: dict[str, str]) -> str:
        try:
            x, y, time = float(given["X"]), float(given["Y"]), _time_ns(given.get("T"))
        except (KeyError, ValueError, OverflowError):
            return "skipped_rows"
        if time is None:
            self.untimed += 1
            time = self.untimed * _PERIOD_NS
        self._add_held()
        self._held = time, x, y
        self._count += 1
        return USED


def _time_ns(given: str | None) -> int | None:
    """Return a time in ms as ns; None if missing.

    Raises
    ------
    ValueError, OverflowError
        When it is no time, or does not fit.
    """
    if given is None:
        return None
    time = int(given) * 1_000_000 if given.isdecimal() else round(float(given) * 1e6)
    if not -(1 << 63) <= time < 1 << 63:
        raise OverflowError(given)
    return time
