"""Stages, visits, targets, sessions and events of a log, from its marks."""

from __future__ import annotations

import base64
import binascii
import math
from bisect import bisect_right
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from capture.events.targets import Target
from capture.gestures.kinds import GestureKind
from capture.report.recording import Columns, Occurrence, Recording, Session, Stage, Visit

if TYPE_CHECKING:
    from capture.logs import LogInfo, Mark, TouchLog

__all__ = ["Marks", "Origin", "screenshot_uri"]

#: Left, top, width and height of a target (px).
Bounds = tuple[float, float, float, float]
#: A stage: title of its screen, and whether it is in landscape.
StageKey = tuple[str, bool]

#: First bytes of the accepted image formats.
_PICTURES = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpeg", b"RIFF": "webp"}
#: A screenshot larger than this (bytes of base64) is left out: the page stays small enough to send.
_MAX_PICTURE = 4 << 20
#: All of them together, at most.
_MAX_PICTURES = 32 << 20
#: Streams whose clocks are farther apart than this (ns) are shown from one start.
_ALIGN_NS = 86_400_000_000_000
#: A screen whose size is not known has at most so many px.
_LARGEST_SCREEN = 100_000.0
#: Marks that are no events of the timeline.
_NOT_SHOWN = frozenset({"target", "verdict", "screenshot"})
#: Fields that name an event best, in this order.
_LABELS = ("name", "title", "key", "id", "kind")
#: The sample of an entry of `Marks._shown`.
_sample_of = itemgetter(0)


class Origin:
    """The origin of time: the first time of all streams, or of each stream if their clocks are far apart."""

    def __init__(self, samples: Columns, marks: list[Mark]) -> None:
        times: dict[int, int] = {}
        for stream in np.unique(samples["stream"]).tolist():
            times[stream] = int(samples["time"][samples["stream"] == stream].min())
        for mark in marks:
            times[mark.stream] = min(times.get(mark.stream, mark.time_ns), mark.time_ns)
        if times and max(times.values()) - min(times.values()) <= _ALIGN_NS:
            times = dict.fromkeys(times, min(times.values()))
        self._times = times

    def ms(self, stream: int, time_ns: int) -> float:
        """Return a time of a stream in ms since the origin."""
        return (time_ns - self._times.get(stream, time_ns)) / 1e6

    def column(self, stream: np.ndarray[Any, Any], time: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Return a column of times in ms since the origin."""
        result = np.empty(len(time), np.float64)
        for each, origin in self._times.items():
            mine = stream == each
            # Unsigned: the difference of two int64 may not fit an int64.
            span = time[mine].view(np.uint64) - np.int64(origin).view(np.uint64)
            result[mine] = span.astype(np.float64) / 1e6
        return result


class Marks:
    """Puts the content of marks into a recording: stages, visits, targets, sessions and events.

    Parameters
    ----------
    recording : Recording
        With the columns of its strokes.
    log : TouchLog
        Read whole. Files of pictures are looked for in its folder, and nowhere else.
    samples : dict of str to array
        All samples; they give the size of a screen that the log does not know.
    origin : Origin
    """

    def __init__(self, recording: Recording, log: TouchLog, samples: Columns, origin: Origin) -> None:
        self._recording = recording
        self._folder = None if log.path == "-" else Path(log.path).parent
        self._room = _MAX_PICTURES
        self._left_out = 0
        self._size = _screen_size(log.info, samples)
        self._origin = origin
        #: Each stage and its screenshot.
        self._stages: dict[StageKey, str | None] = {}
        #: Of each stream: the samples at which a stage came up, when, and which.
        self._shown: dict[int, list[tuple[int, float, StageKey]]] = {}
        #: Of each finger: the samples before which a target was named, and which.
        self._named: dict[tuple[int, int], list[tuple[int, Target, Bounds | None]]] = {}
        #: Of each finger: the samples before which it was learnt whether the target reacts.
        self._verdicts: dict[tuple[int, int], list[tuple[int, bool]]] = {}
        self._landscape = self._size[0] > self._size[1]
        for mark in log.marks:
            self._add(mark)

    def _add(self, mark: Mark) -> None:
        time, fields = self._origin.ms(mark.stream, mark.time_ns), mark.fields
        pointer = fields.get("pointer")
        finger = mark.stream, pointer if isinstance(pointer, int) else 0
        if mark.kind == "target":
            naming = mark.sample, _target(fields), _bounds(fields.get("bounds"))
            self._named.setdefault(finger, []).append(naming)
        elif mark.kind == "verdict":
            if isinstance(responsive := fields.get("responsive"), bool):
                self._verdicts.setdefault(finger, []).append((mark.sample, responsive))
        elif mark.kind == "screen":
            self._show(mark, time, str(fields.get("name", "")))
        elif mark.kind == "orientation":
            self._show(mark, time, self._current(mark.stream)[0])
        elif mark.kind == "screenshot":
            self._add_picture(self._current(mark.stream), fields)
        if mark.kind not in _NOT_SHOWN:
            label = "" if mark.kind == "orientation" else _label(fields)
            self._recording.events.append(Occurrence(time, mark.kind, label, mark.stream))

    def _add_picture(self, stage: StageKey, fields: dict[str, Any]) -> None:
        image, earlier = fields.get("image"), self._stages.setdefault(stage, None)
        if image is None and self._folder is not None:
            image = _picture_beside(self._folder, fields.get("file"))
        found = screenshot_uri(image)
        room = self._room + len(earlier or "")
        if found is not None and len(found) <= room:
            self._room = room - len(found)
            self._stages[stage] = found
        else:
            self._left_out += 1

    def _show(self, mark: Mark, time: float, title: str) -> None:
        turned = mark.fields.get("orientation")
        if turned is not None:
            self._landscape = turned in {1, "landscape"}
        stage = title, self._landscape
        self._stages.setdefault(stage, None)
        self._shown.setdefault(mark.stream, []).append((mark.sample, time, stage))

    def _current(self, stream: int) -> StageKey:
        shown = self._shown.get(stream)
        return shown[-1][2] if shown else ("", self._landscape)

    # With the gestures

    def finish(self, timeout_ms: int) -> None:
        """Add the columns ``stage``, ``target``, ``dead`` and ``session``, and make visits and sessions."""
        recording, columns = self._recording, self._recording.columns
        facts = (columns[name].tolist() for name in ("stream", "pointer", "first_sample", "last_sample"))
        strokes = list(zip(*facts, strict=True))
        self._show_unnamed(strokes)
        stages = {stage: number for number, stage in enumerate(self._stages)}
        targets = {Target(): 0}
        stage_column, target_column = np.zeros((2, len(strokes)), np.int32)
        dead = np.zeros(len(strokes), np.bool_)
        for row in np.argsort(columns["first_sample"], kind="stable").tolist():
            stream, pointer, first, last = strokes[row]
            target, bounds = self._target_at((stream, pointer), first, last)
            shown = self._shown[stream]
            stage = stages[shown[bisect_right(shown, first, key=_sample_of) - 1][2]]
            number = targets.setdefault(target, len(targets))
            stage_column[row], target_column[row], dead[row] = stage, number, target.responsive is False
            if bounds is not None:
                recording.bounds[stage, number] = bounds
        columns["stage"], columns["target"] = stage_column, target_column
        columns["dead"] = dead & (columns["kind"] == GestureKind.TAP)
        short, long = sorted(self._size)
        for (title, landscape), image in self._stages.items():
            width, height = (long, short) if landscape else (short, long)
            recording.stages.append(
                Stage(title=title, landscape=landscape, width=width, height=height, image=image)
            )
        recording.targets = list(targets)
        recording.length = max([0.0, *columns["end"].tolist(), *(event.time for event in recording.events)])
        for shown in self._shown.values():
            # A visit ends when the next one begins, the last one with the recording.
            ends = [start for _, start, _ in shown[1:]] + [recording.length]
            for (_, start, key), end in zip(shown, ends, strict=True):
                recording.visits.append(Visit(start=start, end=end, stage=stages[key]))
        _add_sessions(recording, timeout_ms)
        if self._left_out:
            recording.warnings.append(
                f"{self._left_out} screenshots were left out: missing, no picture, or too large"
            )

    def _show_unnamed(self, strokes: list[tuple[int, int, int, int]]) -> None:
        """Show a screen without a name where a stream has strokes before its first screen."""
        for stream, _, sample, _ in strokes:
            shown = self._shown.setdefault(stream, [])
            if not shown or sample < shown[0][0]:
                stage = "", shown[0][2][1] if shown else self._landscape
                self._stages.setdefault(stage, None)
                shown.insert(0, (-1, 0.0, stage))
        if not self._stages:
            self._stages["", self._landscape] = None

    def _target_at(self, finger: tuple[int, int], first: int, last: int) -> tuple[Target, Bounds | None]:
        """Return the target of a stroke with the last verdict between DOWN and UP, as events have it.

        Each naming serves one stroke, the next that comes down.
        """
        target, bounds, learnt = Target(), None, None
        named, verdicts = self._named.get(finger, []), self._verdicts.get(finger, [])
        while named and named[0][0] <= first:
            _, target, bounds = named.pop(0)
        while verdicts and verdicts[0][0] <= last:
            sample, responsive = verdicts.pop(0)
            learnt = responsive if sample > first else learnt
        return target if learnt is None else msgspec.structs.replace(target, responsive=learnt), bounds


def _add_sessions(recording: Recording, timeout_ms: int) -> None:
    """Add sessions by the rule of `SessionState`: recognised gestures and events are their events."""
    columns = recording.columns
    ends, streams = columns["end"].tolist(), columns["stream"].tolist()
    recognized = np.flatnonzero(columns["kind"] != GestureKind.NONE).tolist()
    moments = [(ends[row], streams[row], row) for row in recognized]
    moments += [(event.time, event.stream, -1) for event in recording.events]
    numbers = columns["session"] = np.zeros(len(recording), np.int32)
    current: dict[int, Session] = {}
    for time, stream, row in sorted(moments):
        session = current.get(stream)
        if session is None or int(time) - int(session.end) >= timeout_ms:
            session = Session(start=time, end=time, number=len(recording.sessions) + 1)
            current[stream] = session
            recording.sessions.append(session)
        session.end = time
        if row >= 0:
            numbers[row] = session.number


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
    farthest = (float(samples[axis][good].max()) * 1.02 for axis in "xy")
    width, height = (min(max(px, 1.0), _LARGEST_SCREEN) for px in farthest)
    return width, height


def _target(fields: dict[str, Any]) -> Target:
    responsive = fields.get("responsive")
    return Target(
        path=str(fields.get("path", Target().path)),
        id=str(fields.get("id", "") or ""),
        responsive=responsive if isinstance(responsive, bool) else None,
    )


def _label(fields: dict[str, Any]) -> str:
    if "value" in fields and "currency" in fields:
        return f"{fields['value']} {fields['currency']}"
    if "key" in fields and "value" in fields:
        return f"{fields['key']} = {fields['value']}"
    return next((str(fields[name]) for name in _LABELS if name in fields), "")


def _bounds(value: Any) -> Bounds | None:
    """Return left, top, width and height (px), where they are four finite numbers."""
    try:
        bounds = msgspec.convert(value, Bounds)
    except msgspec.ValidationError:
        return None
    return bounds if all(map(math.isfinite, bounds)) else None
