"""The common form as JSON lines (``.touch.jsonl``): info first, then samples and marks in their order."""

from __future__ import annotations

import math
from typing import IO, TYPE_CHECKING, Any

import msgspec

from capture.errors import plain_json
from capture.gestures.kinds import Action
from capture.logs.base import LogInfo, Mark, TouchLog
from capture.logs.decoding import attempt, decode_row
from capture.logs.lines import CONTEXT, USED, Start
from capture.logs.times import Gaps

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from capture.gestures.samples import TouchSamples
    from capture.logs.samples import SampleWriter
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
    pointer: int | str = 0
    stream: int | str = 0


_bare = Start(r"\{").bare(b"")
_INT32, _INT64 = 1 << 31, 1 << 63
#: Keys of a mark that are no fields of it.
_OF_MARK = {"mark", "time", "stream"}
_decode = msgspec.json.Decoder(_Line).decode


def _first(head: bytes) -> _Line | None:
    """Return the first line, if it is one."""
    for text in head.split(b"\n", 8)[:8]:
        line = attempt(_decode, _bare(text.decode("utf-8", "replace")).strip()) if text.strip() else None
        if line is not None:
            return line
    return None


class Log(TouchLog):
    """The common form as JSON lines."""

    name = "jsonl"
    description = "the common form: info, samples and marks as JSON lines"
    example = '{"action": 0, "time": 1000000, "x": 10.0, "y": 20.0}'

    @classmethod
    def matches(cls, head: bytes) -> bool:
        """Return whether the first line is an info, a sample or a mark."""
        line = _first(head)
        return line is not None and (
            line.info is not None
            or (line.time is not None and (line.mark is not None or line.action is not None))
        )

    def _describe(self) -> LogInfo:
        line = _first(self.source.text_head())
        return (line.info if line is not None else None) or LogInfo(format=self.name)

    def _read(self) -> Iterator[TouchSamples]:
        self._gaps = Gaps()
        self._broken = ""
        yield from self._read_each(self.source.lines(), self._line, "skipped_rows")
        if self._broken:
            self.count("cut_off" if self._broken.startswith("{") else "unknown_lines")
        if self._gaps.doubtful:
            self.warnings["time_unit_doubtful"] += 1

    def _line(self, text: str, writer: SampleWriter) -> str:
        """Read a line; one that is no JSON waits for the next: the last is cut off."""
        if self._broken:
            self.count("unknown_lines")
            self._broken = ""
        line = text if text.startswith("{") else _bare(text)
        try:
            return self._use(line, writer)
        except (msgspec.ValidationError, RecursionError):
            return "skipped_rows"
        except msgspec.DecodeError:
            self._broken = line
            return ""

    def _use(self, text: str, writer: SampleWriter) -> str:
        """Read a line; return its outcome."""
        if not text:
            return CONTEXT
        line = _decode(text)
        if line.info is not None:
            return CONTEXT
        if line.mark is not None:
            self._mark(line, text, writer.total)
            return USED
        stream, pointer = line.stream, line.pointer
        if type(stream) is not int or not -_INT64 <= stream < _INT64:
            stream = self.streams.number(stream)
        if type(pointer) is not int or not -_INT32 <= pointer < _INT32:
            pointer = self.pointers.number(pointer)
        action, time = _action(line.action), _time(line)
        writer.add(stream, pointer, action, time, _px(line.x), _px(line.y))
        self._gaps.add(stream, pointer, action, time)
        return USED

    def _mark(self, line: _Line, text: str, before: int) -> None:
        fields = {key: value for key, value in decode_row(text).items() if key not in _OF_MARK}
        kind = line.mark or ""
        stream = line.stream if isinstance(line.stream, int) else 0
        self.mark(Mark(time_ns=_time(line), kind=kind, fields=fields, stream=stream, sample=before))


def write(log: Writable, file: IO[bytes], path: Path) -> None:  # noqa: ARG001 - the writers are called alike
    """Write a log as JSON lines, streamed."""
    encode = msgspec.json.encode
    file.write(plain_json(encode({"info": log.info})) + b"\n")
    before = 0
    for chunk in log.chunks():
        marks: dict[int, list[bytes]] = {}
        for mark in log.marks:
            marks.setdefault(mark.sample, []).append(_mark_line(mark))
        log.marks.clear()
        for index, (stream, pointer, action, time, x, y) in enumerate(chunk.rows(), before):
            file.writelines(marks.pop(index, ()))
            row = {"stream": stream, "pointer": pointer, "action": action, "time": time}
            file.write(encode(row | {"x": _number(x), "y": _number(y)}) + b"\n")
        for late in marks.values():
            file.writelines(late)
        before += len(chunk)
    file.writelines(map(_mark_line, log.marks))
    log.marks.clear()


def mark_row(mark: Mark) -> dict[str, Any]:
    """Return a mark as it is written: kind, time, stream and its fields side by side."""
    return {"mark": mark.kind, "time": mark.time_ns, "stream": mark.stream} | mark.fields


def _mark_line(mark: Mark) -> bytes:
    return plain_json(msgspec.json.encode(mark_row(mark))) + b"\n"


def _number(value: float) -> float | str:
    """Return a px value as JSON can hold it, with the digits that a float32 has."""
    return value if math.isfinite(value) else str(value)


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
    return math.nan if given is None else float(given)
