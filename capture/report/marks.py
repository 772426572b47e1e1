"""Stages, visits, targets, sessions and events of a log, from its marks."""

from __future__ import annotations

import base64
import binascii
import math
from bisect import bisect_right
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from capture.events.session import SessionState
from capture.events.targets import Target
from capture.gestures.kinds import GestureKind
from capture.report.recording import Columns, Occurrence, Session, Stage, Visit

if TYPE_CHECKING:
    from typing import Protocol

    from capture.gestures.recognizer import GestureTable
    from capture.logs import LogInfo, Mark

    class Origin(Protocol):
        """Where the time of a stream begins."""

        def ms(self, stream: int, time_ns: int) -> float:
            """Return a time in ms since then."""


__all__ = ["Marks", "screenshot_uri"]

#: Left, top, width and height of a target (px).
Bounds = tuple[float, float, float, float]

#: First bytes of the accepted image formats.
_PICTURES = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpeg", b"RIFF": "webp"}
#: A screenshot larger than this (bytes of base64) is left out: the page stays small enough to send.
_MAX_PICTURE = 4 << 20
#: All of them together, at most.
_MAX_PICTURES = 32 << 20
#: Marks that are no events of the timeline.
_NOT_SHOWN = frozenset({"target", "verdict", "screenshot"})
#: Fields that name an event best, in this order.
_LABELS = ("name", "title", "key", "id", "kind")


class Marks:
    """Stages, visits, targets, sessions and events of a log.

    Parameters
    ----------
    marks : list of Mark
    info : LogInfo
    samples : dict of str to array
        All samples; they give the size of a screen that the log does not know.
    origin : object with ``ms``
        Where time begins.
    folder : path, optional
        Of the log: files of pictures are looked for there, and nowhere else.

    Attributes
    ----------
    bounds : dict
        Of targets where the log has them, by stage and target; the last ones count.
    left_out : int
        Pictures that could not be used: missing, no PNG, JPEG or WebP, or too large.
    """

    def __init__(
        self, marks: list[Mark], info: LogInfo, samples: Columns, origin: Origin, folder: Path | None = None
    ) -> None:
        self.stages: list[Stage] = []
        self.targets: list[Target] = [Target()]
        self.visits: list[Visit] = []
        self.sessions: list[Session] = []
        self.events: list[Occurrence] = []
        self.bounds: dict[tuple[int, int], Bounds] = {}
        self.left_out = 0
        self._folder = folder
        self._room = _MAX_PICTURES
        self._size = _screen_size(info, samples)
        self._origin = origin
        self._stage_numbers: dict[tuple[str, bool], int] = {}
        self._target_numbers: dict[Target, int] = {Target(): 0}
        # Of each stream: the samples at which a stage came up, and which.
        self._shown: dict[int, list[tuple[int, float, int]]] = {}
        # Of each finger: the samples before which a target was named, and which.
        self._named: dict[tuple[int, int], list[tuple[int, int, Bounds | None]]] = {}
        # Of each finger: the samples before which it was learnt whether the target reacts.
        self._verdicts: dict[tuple[int, int], list[tuple[int, bool]]] = {}
        self._landscape = self._size[0] > self._size[1]
        for mark in marks:
            self._add(mark)

    def _add(self, mark: Mark) -> None:
        time = self._origin.ms(mark.stream, mark.time_ns)
        if mark.kind == "target":
            finger = (mark.stream, _int(mark.fields.get("pointer")))
            naming = (mark.sample, self._target(mark.fields), _bounds(mark.fields.get("bounds")))
            self._named.setdefault(finger, []).append(naming)
        elif mark.kind == "verdict":
            responsive = mark.fields.get("responsive")
            if isinstance(responsive, bool):
                finger = (mark.stream, _int(mark.fields.get("pointer")))
                self._verdicts.setdefault(finger, []).append((mark.sample, responsive))
        elif mark.kind == "screen":
            self._show(mark, time, str(mark.fields.get("name", "")))
        elif mark.kind == "orientation":
            current = self._shown.get(mark.stream)
            self._show(mark, time, self.stages[current[-1][2]].title if current else "")
        elif mark.kind == "screenshot":
            self._add_picture(self.stages[self._current(mark.stream)], mark.fields)
        if mark.kind not in _NOT_SHOWN:
            label = "" if mark.kind == "orientation" else _label(mark.fields)
            self.events.append(Occurrence(time=time, kind=mark.kind, label=label, stream=mark.stream))

    def _add_picture(self, stage: Stage, fields: dict[str, Any]) -> None:
        image = fields.get("image")
        if image is None and self._folder is not None:
            image = _picture_beside(self._folder, fields.get("file"))
        found = screenshot_uri(image)
        if found is not None and len(found) <= self._room + len(stage.image or ""):
            self._room += len(stage.image or "") - len(found)
            stage.image = found
        else:
            self.left_out += 1

    def _show(self, mark: Mark, time: float, title: str) -> None:
        turned = mark.fields.get("orientation")
        landscape = self._landscape if turned is None else turned in {1, "landscape"}
        self._landscape = landscape
        stage = self._stage(title, landscape=landscape)
        self._shown.setdefault(mark.stream, []).append((mark.sample, time, stage))

    def _stage(self, title: str, *, landscape: bool) -> int:
        number = self._stage_numbers.get((title, landscape))
        if number is None:
            short, long = sorted(self._size)
            width, height = (long, short) if landscape else (short, long)
            number = self._stage_numbers[title, landscape] = len(self.stages)
            self.stages.append(Stage(title=title, landscape=landscape, width=width, height=height))
        return number

    def _current(self, stream: int) -> int:
        shown = self._shown.get(stream)
        return shown[-1][2] if shown else self._stage("", landscape=self._landscape)

    def _target(self, fields: dict[str, Any]) -> int:
        responsive = fields.get("responsive")
        return self._number(
            Target(
                path=str(fields.get("path", Target().path)),
                id=str(fields.get("id", "") or ""),
                responsive=responsive if isinstance(responsive, bool) else None,
            )
        )

    def _number(self, target: Target) -> int:
        number = self._target_numbers.get(target)
        if number is None:
            number = self._target_numbers[target] = len(self.targets)
            self.targets.append(target)
        return number

    # With the gestures

    def finish(self, table: GestureTable, columns: Columns, length: float, timeout_ms: int) -> None:
        """Add the columns ``stage``, ``target``, ``dead`` and ``session``, and make visits and sessions."""
        count = len(table)
        streams, pointers = columns["stream"].tolist(), columns["pointer"].tolist()
        first, last = columns["first_sample"].tolist(), columns["last_sample"].tolist()
        self._show_unnamed(streams, first)
        stage, target = np.zeros(count, np.int32), np.zeros(count, np.int32)
        for row in sorted(range(count), key=first.__getitem__):
            stage[row] = self._stage_at(streams[row], first[row])
            finger = (streams[row], pointers[row])
            number, bounds = self._target_at(finger, first[row])
            target[row] = self._judged(finger, number, first[row], last[row])
            if bounds is not None:
                self.bounds[int(stage[row]), int(target[row])] = bounds
        columns["stage"], columns["target"] = stage, target
        columns["dead"] = (columns["kind"] == GestureKind.TAP) & np.isin(
            target, [number for number, each in enumerate(self.targets) if each.responsive is False]
        )
        self._make_visits(length)
        self._make_sessions(columns, timeout_ms)
        if not self.stages:
            self._stage("", landscape=self._landscape)

    def _show_unnamed(self, streams: list[int], first: list[int]) -> None:
        """Show a screen without a name where a stream has strokes before its first screen."""
        for stream, sample in zip(streams, first, strict=True):
            shown = self._shown.setdefault(stream, [])
            if not shown or sample < shown[0][0]:
                landscape = self.stages[shown[0][2]].landscape if shown else self._landscape
                shown.insert(0, (-1, 0.0, self._stage("", landscape=landscape)))

    def _stage_at(self, stream: int, sample: int) -> int:
        shown = self._shown[stream]
        return shown[bisect_right(shown, sample, key=lambda each: each[0]) - 1][2]

    def _target_at(self, finger: tuple[int, int], sample: int) -> tuple[int, Bounds | None]:
        """Each naming serves one stroke, the next that comes down."""
        named = self._named.get(finger, [])
        found: tuple[int, Bounds | None] = (0, None)
        while named and named[0][0] <= sample:
            found = named.pop(0)[1:]
        return found

    def _judged(self, finger: tuple[int, int], number: int, first: int, last: int) -> int:
        """Return the target with the last verdict between DOWN and UP, as events have it."""
        verdicts = self._verdicts.get(finger, [])
        learnt = None
        while verdicts and verdicts[0][0] <= last:
            sample, responsive = verdicts.pop(0)
            learnt = responsive if sample > first else learnt
        if learnt is None:
            return number
        return self._number(msgspec.structs.replace(self.targets[number], responsive=learnt))

    def _make_visits(self, length: float) -> None:
        for stream, shown in self._shown.items():
            ends = [time for _, time, _ in shown[1:]] + [length]
            for (_, start, stage), end in zip(shown, ends, strict=True):
                self.visits.append(Visit(start=start, end=end, stage=stage, stream=stream))

    def _make_sessions(self, columns: Columns, timeout_ms: int) -> None:
        """Sessions by the rule of `SessionState`: recognised gestures and events are their events."""
        recognized = columns["kind"] != GestureKind.NONE
        moments = [
            (end, stream, row)
            for end, stream, row, event in zip(
                columns["end"].tolist(),
                columns["stream"].tolist(),
                range(len(recognized)),
                recognized.tolist(),
                strict=True,
            )
            if event
        ]
        moments += [(event.time, event.stream, -1) for event in self.events]
        numbers = np.zeros(len(recognized), np.int32)
        open_sessions: dict[int, tuple[SessionState, Session]] = {}
        for time, stream, row in sorted(moments):
            state, session = open_sessions.get(stream, (SessionState(), None))
            if session is None or state.is_over(int(time), timeout_ms):
                number = len(self.sessions) + 1
                state = SessionState.opened(number, int(time))
                session = Session(start=time, end=time, number=number, stream=stream)
                self.sessions.append(session)
            session.end = time
            open_sessions[stream] = (state.recorded(int(time)), session)
            if row >= 0:
                numbers[row] = session.number
        columns["session"] = numbers


def _picture_beside(folder: Path, name: Any) -> str | None:
    """Return the picture in a file beside the log as base64; a name with a folder in it is none."""
    if not isinstance(name, str) or not name or Path(name).name != name or "\\" in name:
        return None
    file = folder / name
    try:
        if not file.is_file() or file.stat().st_size > _MAX_PICTURE * 3 // 4:
            return None
        return base64.b64encode(file.read_bytes()).decode()
    except OSError:
        return None


def screenshot_uri(image: Any) -> str | None:
    """Return a screenshot, base64 or a data URI of it, as a data URI; None if it is no picture.

    Only PNG, JPEG and WebP are accepted, by their first bytes: an SVG could carry a script.
    """
    if not isinstance(image, str) or len(image) > _MAX_PICTURE:
        return None
    try:
        data = base64.b64decode(image.rpartition(",")[2], validate=True)
    except (binascii.Error, ValueError):
        return None
    kind = next((kind for magic, kind in _PICTURES.items() if data.startswith(magic)), None)
    return None if kind is None else f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def _screen_size(info: LogInfo, samples: Columns) -> tuple[float, float]:
    """Return the size of the screen, or a size that contains every touch."""
    if info.width and info.height:
        return float(info.width), float(info.height)
    good = np.isfinite(samples["x"]) & np.isfinite(samples["y"])
    if not good.any():
        return 360.0, 640.0
    limit = 100_000.0
    width = min(max(float(samples["x"][good].max()) * 1.02, 1.0), limit)
    height = min(max(float(samples["y"][good].max()) * 1.02, 1.0), limit)
    return width, height


def _label(fields: dict[str, Any]) -> str:
    if "value" in fields and "currency" in fields:
        return f"{fields['value']} {fields['currency']}"
    if "key" in fields and "value" in fields:
        return f"{fields['key']} = {fields['value']}"
    return next((str(fields[name]) for name in _LABELS if name in fields), "")


def _bounds(value: Any) -> Bounds | None:
    """Return left, top, width and height (px), where they are four finite numbers."""
    if not isinstance(value, list) or len(value) != 4:
        return None
    if not all(type(each) in {int, float} and math.isfinite(each) for each in value):
        return None
    left, top, width, height = map(float, value)
    return (left, top, width, height)


def _int(value: Any) -> int:
    return value if isinstance(value, int) else 0
