"""Read a folder of batches as a `Recording`: events and their order, but no trails and no measures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import numpy as np

from capture.errors import TouchLogError
from capture.events.targets import Target
from capture.formats import native
from capture.gestures.kinds import KINDS, Direction, Kind
from capture.report.recording import Columns, Occurrence, Recording, Session, Stage, Visit
from capture.sinks.file import FILE_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Reader", "find_batches", "find_file", "read_batches"]

#: The event of a kind has its number (`ea`).
_KINDS: dict[object, Kind] = {int(row.kind): row for row in KINDS if row.event is not None}
#: Name of every other event in the timeline.
_NAMES: dict[type, str] = {
    native.AppStartWire: "app_start",
    native.AppShowWire: "app_show",
    native.AppHideWire: "app_hide",
    native.ScreenViewWire: "screen",
    native.TransactionWire: "transaction",
    native.StringVariableWire: "variable",
    native.NumberVariableWire: "variable",
}
#: Fields of a gesture's event, in columns.
_TYPES = {
    "kind": "u1",
    "direction": "u1",
    "end": "f8",
    "distance": "f4",
    "velocity": "f4",
    "stage": "i4",
    "target": "i4",
    "session": "i4",
    "dead": "?",
}
#: Fields that it lacks, and the table shows as unknown.
_UNKNOWN = {
    "span_ns": ("i8", -1),
    "x": ("f4", np.nan),
    "y": ("f4", np.nan),
    "reason": ("u1", 0),
    "stream": ("i8", 0),
    "pointer": ("i4", 0),
    "rage": ("?", 0),
    "tap_count": ("i4", 0),
}


def find_file(path: str, name: str) -> Path | None:
    """Return the file of this name that a path is, or that is in its folder; None if missing."""
    place = Path(path)
    file = place / name if place.is_dir() else place
    return file if file.name == name and file.is_file() else None


def find_batches(path: str) -> Path | None:
    """Return the file of batches that a path is, or that is in its folder."""
    return find_file(path, FILE_NAME)


def read_batches(file: Path) -> Recording:
    """Read batches, one a line.

    Raises
    ------
    TouchLogError
        When a line is no batch.
    """
    reader = Reader()
    for number, line in _lines(file):
        try:
            batch = native.decode(line)
        except msgspec.DecodeError as error:
            raise TouchLogError(f"is not a batch: {error}", path=str(file), line=number) from None
        reader.resolution = batch.resolution
        reader.add(batch.events)
    return reader.recording(file.parent.name or file.name)


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with file.open("rb") as lines:
            yield from ((number, line) for number, line in enumerate(lines, 1) if line.strip())
    except OSError as error:
        raise TouchLogError(f"cannot be read: {error.strerror}", path=str(file)) from None


class Reader:
    """Collects the events of batches, in any order.

    Attributes
    ----------
    resolution : native.Resolution
        The screen, as the latest batch has it.
    """

    def __init__(self) -> None:
        self._events: dict[str, native.WireEvent] = {}
        self.resolution = native.Resolution(360, 640, 1.0)
        self._stages: dict[tuple[str, bool], int] = {}
        self._targets: dict[Target, int] = {Target(): 0}

    def add(self, events: Iterable[native.WireEvent]) -> None:
        """Append events; a repeated event counts once."""
        self._events.update((event.event_id, event) for event in events)

    def recording(self, name: str) -> Recording:
        """Return all events as one recording, ordered by time."""
        ordered = sorted(self._events.values(), key=lambda event: event.time_ms)
        origin = ordered[0].time_ms if ordered else 0
        length = float(ordered[-1].time_ms - origin) if ordered else 0.0
        recording = Recording(
            name=name,
            format="batches",
            density=self.resolution.density,
            start_ms=origin if ordered else None,
            length=length,
        )
        rows: list[tuple[Any, ...]] = []
        for event in ordered:
            time = float(event.time_ms - origin)
            stage = self._stage(event)
            _extend(recording, time, event, stage)
            kind = _KINDS.get(event.__struct_config__.tag)
            if kind is not None:
                rows.append(self._row(kind, event, time, stage))
            else:
                recording.events.append(Occurrence(time=time, kind=_NAMES[type(event)], label=_label(event)))
        recording.columns = _columns(rows)
        recording.targets = list(self._targets)
        recording.stages = [self._shape(title, turned) for title, turned in self._stages or [("", False)]]
        recording.warnings = ["batches carry events alone: no trails, no measures, no unrecognised strokes"]
        return recording

    def _stage(self, event: native.WireEvent) -> int:
        query = parse_qs(urlsplit(event.url).query, keep_blank_values=True)
        title = event.title if isinstance(event, native.ScreenViewWire) else query.get("title", [""])[0]
        return self._stages.setdefault((title, event.orientation == 1), len(self._stages))

    def _shape(self, title: str, turned: bool) -> Stage:
        width, height = self.resolution.width or 360, self.resolution.height or 640
        if turned:
            width, height = height, width
        return Stage(title=title, landscape=turned, width=float(width), height=float(height))

    def _row(self, kind: Kind, event: Any, time: float, stage: int) -> tuple[Any, ...]:
        responsive = event.responsive if kind.runs else None
        target = Target(path=event.target_path, id=event.target_id, responsive=responsive)
        return (
            kind.kind,
            event.direction if kind.moves else Direction.NONE,
            time,
            event.distance if kind.moves else np.nan,
            event.velocity if kind.moves else np.nan,
            stage,
            self._targets.setdefault(target, len(self._targets)),
            event.session_number,
            responsive is False,
        )


def _extend(recording: Recording, time: float, event: native.WireEvent, stage: int) -> None:
    """Continue the visit and the session that an event belongs to, or begin new ones."""
    visits, sessions = recording.visits, recording.sessions
    if visits:
        visits[-1].end = time
    if not visits or visits[-1].stage != stage:
        visits.append(Visit(start=time, end=time, stage=stage))
    if not sessions or sessions[-1].number != event.session_number:
        sessions.append(Session(start=time, end=time, number=event.session_number))
    sessions[-1].end = time


def _columns(rows: list[tuple[Any, ...]]) -> Columns:
    table = np.array(rows, dtype=list(_TYPES.items()))
    columns: Columns = {name: np.ascontiguousarray(table[name]) for name in _TYPES}
    for name, (kind, value) in _UNKNOWN.items():
        columns[name] = np.full(len(rows), value, dtype=kind)
    # An event knows when the finger was lifted and not when it came down.
    columns["start"] = columns["end"]
    return columns


def _label(event: native.WireEvent) -> str:
    match event:
        case native.ScreenViewWire():
            return event.title
        case native.TransactionWire():
            return f"{event.payment.value:g} (currency {event.payment.currency})"
        case native.StringVariableWire() | native.NumberVariableWire():
            return f"{event.key} = {event.value}"
    return ""
