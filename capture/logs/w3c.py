"""W3C WebDriver actions, as Appium takes them: each pointer's actions, tick by tick."""

from __future__ import annotations

import math
import re
from itertools import islice, zip_longest
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import msgspec

from capture.gestures.kinds import Action
from capture.logs.base import TouchLog
from capture.logs.decoding import decode_row
from capture.logs.documents import records
from capture.logs.lines import CONTEXT, USED
from capture.logs.samples import SampleWriter
from capture.logs.scripts import BETWEEN_NS, MS, STEP_NS, even_times

if TYPE_CHECKING:
    from collections.abc import Iterator

    from capture.gestures.samples import TouchSamples

__all__ = ["Log"]

_MATCH = re.compile(rb'"type"\s*:\s*"pointer(?:Move|Down|Up)"')
#: A move or a pause is no longer than an hour, and a body has no more ticks than this.
_LONGEST_MS = 3_600_000
_MOST_TICKS = 1_000_000
_MOST_SAMPLES = 10_000
_MOVE = int(Action.MOVE)


class _Columns:
    """Samples of a body."""

    def __init__(self) -> None:
        self.pointers: list[int] = []
        self.actions: list[int] = []
        self.times: list[int] = []
        self.xs: list[float] = []
        self.ys: list[float] = []

    def add(self, pointer: int, action: int, times: list[int], xs: list[float], ys: list[float]) -> None:
        """Add samples of one pointer."""
        self.pointers += [pointer] * len(times)
        self.actions += [action] * len(times)
        self.times += times
        self.xs += xs
        self.ys += ys

    def write(self, writer: SampleWriter, *, merged: bool) -> None:
        """Write the samples, put in the order of their times where several pointers are merged."""
        columns = self.pointers, self.actions, self.times, self.xs, self.ys
        if merged and len(self.times) > 1:
            ordered = itemgetter(*sorted(range(len(self.times)), key=self.times.__getitem__))
            pointers, actions, times, xs, ys = (list(ordered(column)) for column in columns)
            writer.columns(pointers, actions, times, xs, ys)
        else:
            writer.columns(*columns)


class _Source(msgspec.Struct):
    type: Any = None
    id: Any = None
    parameters: Any = None
    actions: Any = None


class _Body(msgspec.Struct):
    actions: list[msgspec.Raw]


_decode_body = msgspec.json.Decoder(_Body).decode
_SOURCES = {"pointer", "key", "wheel", "none"}
_ACTIONS = {"pointerMove", "pointerDown", "pointerUp", "pointerCancel", "pause"}
_decode_source = msgspec.json.Decoder(_Source).decode


class Log(TouchLog):
    """Bodies of perform actions."""

    name = "w3c"
    description = "W3C WebDriver and Appium actions"
    example = '{"actions": [{"type": "pointer", "id": "f1", "actions": [{"type": "pointerDown"}]}]}'

    @classmethod
    def matches(cls, head: bytes) -> bool:
        """Return whether the head has actions of a pointer."""
        return bool(_MATCH.search(head)) and b'"actions"' in head

    def _read(self) -> Iterator[TouchSamples]:
        writer = SampleWriter(self.warnings)
        now = bodies = 0
        for body in self._bodies():
            bodies += 1
            self.untimed = int(bodies > 1)
            now = self._play(body, now, writer) + BETWEEN_NS
            if writer.is_full:
                yield writer.take()
        if not bodies:
            raise self.error("has no actions of a pointer")
        yield writer.finish()

    def _bodies(self) -> Iterator[list[_Source]]:
        """Yield the sources of each body; of a damaged one, the sources and actions that are left."""
        loose: list[Any] = []  # actions without a source, in a row
        before: list[_Source] = []  # of the last body
        found: Iterator[list[_Source] | _Source | dict[str, Any]] = records(self, _body)
        for record in found:
            if isinstance(record, dict):
                loose.append(record)
                continue
            if loose:
                yield [_Source(type="pointer", id="", actions=loose)]
                loose = []
            if isinstance(record, list):
                before = record.copy()
                yield record
            elif record in before:
                # A server logs the sources of a body once more where it calls its driver.
                before.remove(record)
                self.count("duplicate_events", len(record.actions))
            else:
                yield [record]
        if loose:
            yield [_Source(type="pointer", id="", actions=loose)]

    def _play(self, body: list[_Source], now: int, writer: SampleWriter) -> int:
        """Add the samples of a body in the order of their times; return when it ends."""
        players = []
        durations = [[_duration(action) for action in source.actions] for source in body]
        for source, lasts in zip(body, durations, strict=True):
            if source.type != "pointer":
                self.count(CONTEXT, len(source.actions))
            elif isinstance(source.parameters, dict) and source.parameters.get("pointerType") == "mouse":
                self.count("mouse_events", len(source.actions))
            else:
                players.append(_Pointer(self.pointers.number(str(source.id)), source.actions, lasts))
        samples = _Columns()
        for tick, together in enumerate(islice(zip_longest(*durations, fillvalue=0), _MOST_TICKS)):
            for player in players:
                self.count(player.play(tick, now, samples))
            now += max(together)
        samples.write(writer, merged=len(players) > 1)
        return now


class _Pointer:
    """One source: where it is, and whether it is down."""

    def __init__(self, number: int, actions: list[Any], durations: list[int]) -> None:
        self._number = number
        self._actions = actions
        self._durations = durations
        self._x = self._y = 0.0
        self._down = False

    def play(self, tick: int, now: int, samples: _Columns) -> str:
        """Add the samples of a tick; return the action's outcome ("" for no action)."""
        if tick >= len(self._actions):
            return ""
        action = self._actions[tick]
        kind = _word(action.get("type")) if isinstance(action, dict) else ""
        if kind == "pause":
            return CONTEXT
        if kind == "pointerMove":
            return self._move(action, self._durations[tick], now, samples)
        if kind == "pointerDown" and not self._down:
            self._down = True
            samples.add(self._number, Action.DOWN, [now], [self._x], [self._y])
        elif kind in {"pointerUp", "pointerCancel"} and self._down:
            self._down = False
            ends = Action.UP if kind == "pointerUp" else Action.CANCEL
            samples.add(self._number, ends, [now], [self._x], [self._y])
        else:
            return "skipped_rows"
        return USED

    def _move(self, action: dict[str, Any], lasts: int, now: int, samples: _Columns) -> str:
        x, y, origin = action.get("x", 0), action.get("y", 0), action.get("origin", "viewport")
        if origin not in ("viewport", "pointer"):
            # The place of an element is not in the log.
            self._x = self._y = math.nan
        if not (_is_number(x) and _is_number(y)) or origin not in ("viewport", "pointer"):
            return "skipped_rows"
        if origin == "pointer":
            x, y = self._x + x, self._y + y
        if self._down:
            steps = min(max(-(-lasts // STEP_NS), 1), _MOST_SAMPLES)
            x0, y0 = self._x, self._y
            dx, dy = (x - x0) / steps, (y - y0) / steps
            xs = [x0 + dx * step for step in range(1, steps)]
            ys = [y0 + dy * step for step in range(1, steps)]
            samples.add(self._number, _MOVE, even_times(now, lasts, steps)[1:], [*xs, x], [*ys, y])
        self._x, self._y = x, y
        return USED


def _duration(action: Any) -> int:
    """Return how long an action takes (ns)."""
    duration = action.get("duration", 0) if isinstance(action, dict) else 0
    return round(min(max(duration, 0), _LONGEST_MS) * MS) if _is_number(duration) else 0


def _word(value: Any) -> str:
    """Return a text of a document; empty for any other value, which may be a list that no set can hold."""
    return value if isinstance(value, str) else ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _body(raw: msgspec.Raw) -> list[_Source] | _Source | dict[str, Any] | None:
    """Return the sources of a body, a source or an action that is in none; None if it has bodies inside."""
    try:
        sources = [_decode_source(source) for source in _decode_body(raw).actions]
    except msgspec.ValidationError:
        action = _decode_source(raw)
        return decode_row(raw) if _word(action.type) in _ACTIONS and action.id is None else None
    if sources and all(isinstance(source.actions, list) for source in sources):
        return sources
    alone = _decode_source(raw)
    return alone if _word(alone.type) in _SOURCES and isinstance(alone.actions, list) else None
