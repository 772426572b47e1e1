"""The common form as JSON lines (``.touch.jsonl``): info first, then samples and marks in their order."""

from __future__ import annotations

import math
from typing import IO, TYPE_CHECKING, Any

import msgspec

from capture.gestures.kinds import Action
from capture.logs.base import DECODE_ERRORS, LogInfo, Mark, TouchLog
from capture.logs.samples import SampleWriter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from capture.gestures.samples import TouchSamples
    from capture.logs.writing import Writable

__all__ = ["ACTIONS", "Log", "write"]

#: Words for the actions, which may stand in place of their numbers.
ACTIONS = {action.name.lower(): int(action) for action in Action} | {"canceled": int(Action.CANCEL)}


class _Line(msgspec.Struct):
    """A line of any of the three kinds."""

    info: LogInfo | None = None
    mark: str | None = None
    time: int | None = None
    action: int | str | None = None
    x: float | str | None = None
    y: float | str | None = None
    pointer: int = 0
    stream: int = 0


_decode = msgspec.json.Decoder(_Line).decode
_decode_fields = msgspec.json.Decoder(dict[str, Any]).decode


class Log(TouchLog):
    """The common form as JSON lines."""

    name = "jsonl"
    description = "the common form: info, samples and marks as JSON lines"
    example = '{"action": 0, "time": 1000000, "x": 10.0, "y": 20.0}'

    @classmethod
    def matches(cls, head: bytes) -> bool:
        """Return whether the first line is an info, a sample or a mark."""
        first = head.lstrip().split(b"\n", 1)[0]
        try:
            line = _decode(first)
        except DECODE_ERRORS:
            return False
        return line.info is not None or line.time is not None

    def _describe(self) -> LogInfo:
        first = self.source.text_head().lstrip().split(b"\n", 1)[0]
        try:
            return _decode(first).info or LogInfo(format=self.name)
        except DECODE_ERRORS as error:
            raise self.error(f"is no common form: {error}", line=1) from None

    def _read(self) -> Iterator[TouchSamples]:
        writer = SampleWriter(self.warnings)
        for number, text in self.source.lines():
            if not text:
                continue
            try:
                line = _decode(text)
                if line.info is not None:
                    continue
                if line.mark is not None:
                    self._mark(line, text, writer.total)
                elif writer.add(
                    line.stream, line.pointer, _action(line.action), _time(line), _px(line.x), _px(line.y)
                ):
                    yield writer.take()
            except (*DECODE_ERRORS, ValueError, OverflowError) as error:
                raise self.error(str(error), line=number) from None
        yield writer.finish()

    def _mark(self, line: _Line, text: str, before: int) -> None:
        fields = _decode_fields(text)
        for key in ("mark", "time", "stream"):
            fields.pop(key, None)
        kind = line.mark or ""
        self.mark(Mark(time_ns=_time(line), kind=kind, fields=fields, stream=line.stream, sample=before))


def write(log: Writable, file: IO[bytes], path: Path) -> None:  # noqa: ARG001 - the writers are called alike
    """Write a log as JSON lines, streamed."""
    file.write(msgspec.json.encode({"info": log.info}) + b"\n")
    encode = msgspec.json.encode
    before = 0
    for chunk in log.chunks():
        marks: dict[int, list[Mark]] = {}
        for mark in log.marks:
            marks.setdefault(mark.sample, []).append(mark)
        log.marks.clear()
        lines: list[bytes] = []
        for index, (stream, pointer, action, time, x, y) in enumerate(chunk.rows(), before):
            lines.extend(_mark_line(mark) for mark in marks.pop(index, ()))
            row = {"stream": stream, "pointer": pointer, "action": action, "time": time}
            lines.append(encode(row | {"x": _number(x), "y": _number(y)}))
        lines.extend(_mark_line(mark) for late in marks.values() for mark in late)
        before += len(chunk)
        file.write(b"\n".join(lines) + b"\n")
    late = [_mark_line(mark) for mark in log.marks]
    log.marks.clear()
    if late:
        file.write(b"\n".join(late) + b"\n")


def mark_row(mark: Mark) -> dict[str, Any]:
    """Return a mark as it is written: kind, time, stream and its fields side by side."""
    return {"mark": mark.kind, "time": mark.time_ns, "stream": mark.stream} | mark.fields


def _mark_line(mark: Mark) -> bytes:
    return msgspec.json.encode(mark_row(mark))


def _number(value: float) -> float | str:
    """Return a px value as JSON can hold it, with the digits that a float32 has."""
    if not math.isfinite(value):
        return str(value)
    return value


def _action(given: int | str | None) -> int:
    action = ACTIONS.get(given) if isinstance(given, str) else given
    if action is None:
        raise ValueError(f"action {given!r}: expected a number or one of {', '.join(ACTIONS)}")
    return action


def _time(line: _Line) -> int:
    if line.time is None:
        raise ValueError("a time (int, ns) is missing")
    return line.time


def _px(given: float | str | None) -> float:
    if given is None:
        return math.nan
    return float(given)
