"""Stroke XML of the gesture recognizers $1, $N and of the MMG set: points with or without times."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.parsers import expat

from capture.gestures.kinds import Action
from capture.logs.base import Mark, TouchLog
from capture.logs.lines import shape, undecorated
from capture.logs.samples import SampleWriter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from capture.gestures.samples import TouchSamples

__all__ = ["Log"]

_MATCH = re.compile(rb"<(?:Gesture|Stroke|Point)[\s>]")
#: Between points that have no time: a 60 Hz panel.
_PERIOD_MS = 16.0


class Log(TouchLog):
    """Strokes of one gesture, or of several."""

    name = "strokes"
    description = "stroke XML of $1, $N and MMG"
    example = '<Point X="51" Y="23" T="1302212416386" />'

    @classmethod
    def matches(cls, head: bytes) -> bool:
        """Tell whether the head is XML with a gesture, a stroke or a point."""
        return b"<" in head[:512] and bool(_MATCH.search(head))

    def _read(self) -> Iterator[TouchSamples]:
        writer = SampleWriter(self.warnings)
        strokes = _Strokes(self, writer)
        try:
            for block in self._text():
                strokes.parser.Parse(block, False)
                if writer.is_full:
                    yield writer.take()
            strokes.parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise self.error(f"is not well-formed XML: {error}", line=error.lineno) from None
        except (ValueError, OverflowError, LookupError) as error:
            line = strokes.parser.CurrentLineNumber
            raise self.error(f"has a point that is none: {error}", line=line) from None
        if strokes.untimed:
            self.warnings["no_clock"] += 1
        yield writer.finish()

    def _text(self) -> Iterator[bytes]:
        """Yield the text, without what stands before its lines where something does."""
        head = self.source.text_head()
        before = shape(head[: head.find(b"<")].decode("utf-8", "replace").rpartition("\n")[2].rstrip(" \t"))
        if before is not None:
            for _, line in self.source.lines():
                yield undecorated(line.encode() + b"\n", before).lstrip(b" \t")
            return
        blocks = self.source.text_blocks()
        yield next(blocks, b"").lstrip()
        yield from blocks


class _Strokes:
    """Points as they come; the last one of a stroke is its lift, so each is held until the next."""

    def __init__(self, log: Log, writer: SampleWriter) -> None:
        self.untimed = 0
        self._log = log
        self._writer = writer
        self._held: tuple[int, float, float] | None = None
        self._count = 0
        # UTF-16 is decoded before: what the declaration says of it holds no more.
        self.parser = expat.ParserCreate("utf-8" if b"\0" in log.source.head else None)
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.EntityDeclHandler = self._entity
        self.parser.StartDoctypeDeclHandler = self._entity

    def _entity(self, *_: object) -> None:
        raise self._log.error("declares entities or a document type, which no stroke file needs")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "Point":
            self._point(attributes)
        elif name == "Gesture":
            kind = attributes.get("Name", "")
            self._log.mark(Mark(time_ns=0, kind="gesture", fields={"name": kind}, sample=self._writer.total))

    def _end(self, name: str) -> None:
        if name in {"Stroke", "Gesture"} and self._held is not None:
            if self._count == 1:
                self._writer.add(0, 0, Action.DOWN, *self._held)
            self._writer.add(0, 0, Action.UP, *self._held)
            self._held = None
            self._count = 0

    def _point(self, attributes: dict[str, str]) -> None:
        x, y = attributes.get("X"), attributes.get("Y")
        if x is None or y is None:
            raise ValueError("X or Y is missing")
        given = attributes.get("T")
        if given is None:
            self.untimed += 1
            time = round(self.untimed * _PERIOD_MS * 1e6)
        else:
            time = int(given) * 1_000_000 if given.isdecimal() else round(float(given) * 1e6)
        if self._held is not None:
            action = Action.DOWN if self._count == 1 else Action.MOVE
            self._writer.add(0, 0, action, *self._held)
        self._held = time, float(x), float(y)
        self._count += 1
