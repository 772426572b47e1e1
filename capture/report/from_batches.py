"""Read a folder of batches as a `Recording`: events and their order, but no trails and no measures."""

from __future__ import annotations

import math
from functools import lru_cache
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import numpy as np

from capture.errors import TouchLogError
from capture.events.targets import Target
from capture.formats import native
from capture.gestures.kinds import KINDS, Direction, GestureKind, Kind
from capture.report.recording import Occurrence, Recording, Session, Stage, Visit
from capture.sinks.file import FILE_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Entry", "Reader", "entry_of", "find_batches", "read_batches"]

#: The event of a kind has its number (`ea`).
_KINDS: dict[object, Kind] = {int(row.kind): row for row in KINDS if row.event is not None}
#: Name of an event that says nothing else.
_MOMENTS: dict[type, str] = {
    native.AppStartWire: "app_start",
    native.AppShowWire: "app_show",
    native.AppHideWire: "app_hide",
}
#: Columns of gestures that an event has.
_COLUMNS: dict[str, type[np.generic]] = {
    "kind": np.uint8,
    "direction": np.uint8,
    "distance": np.float32,
    "velocity": np.float32,
    "end": np.float64,
    "stage": np.int32,
    "target": np.int32,
    "session": np.int32,
    "dead": np.bool_,
}
#: Columns that it lacks: the table shows them as unknown.
_UNKNOWN: dict[str, Any] = {
    "span_ns": np.int64(-1),
    "x": np.float32(np.nan),
    "y": np.float32(np.nan),
    "reason": np.uint8(0),
    "stream": np.int64(0),
    "pointer": np.int32(0),
    "rage": np.bool_(0),
    "tap_count": np.int32(0),
}


class Entry(msgspec.Struct, kw_only=True):
    """An event, of whatever wire format.

    Attributes
    ----------
    event_id : str
    time_ms, session : int
    stage : (str, bool)
        Title of the screen, and whether it is in landscape.
    target : Target
        Of a gesture.
    kind : GestureKind
        Of a gesture, else ``NONE``.
    direction, distance, velocity
        Of a movement.
    name, label : str
        Of any other event.
    """

    event_id: str
    time_ms: int
    session: int
    stage: tuple[str, bool]
    target: Target = Target()
    kind: GestureKind = GestureKind.NONE
    direction: int = Direction.NONE
    distance: float = math.nan
    velocity: float = math.nan
    name: str = ""
    label: str = ""

    def set_transaction(self, value: float, currency: int) -> None:
        """Name the event as a transaction."""
        self.name, self.label = "transaction", f"{value:g} (currency {currency})"

    def set_variable(self, key: str, value: object) -> None:
        """Name the event as a variable."""
        self.name, self.label = "variable", f"{key} = {value}"


def find_batches(path: str) -> Path | None:
    """Return the file of batches that a path is, or that is in its folder; None if missing."""
    place = Path(path)
    file = place / FILE_NAME if place.is_dir() else place
    return file if file.name == FILE_NAME and file.is_file() else None


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
        reader.add(map(entry_of, batch.events))
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
        self._entries: dict[str, Entry] = {}
        self.resolution = native.Resolution(360, 640, 1.0)

    def add(self, entries: Iterable[Entry]) -> None:
        """Append events; a repeated event counts once."""
        self._entries.update((entry.event_id, entry) for entry in entries)

    def recording(self, name: str) -> Recording:
        """Return all events as one recording, ordered by time."""
        ordered = sorted(self._entries.values(), key=lambda entry: entry.time_ms)
        origin = ordered[0].time_ms if ordered else 0
        recording = Recording(
            name=name,
            format="batches",
            density=self.resolution.density,
            start_ms=origin if ordered else None,
            length=float(ordered[-1].time_ms - origin) if ordered else 0.0,
            warnings=["batches carry events alone: no trails, no measures, no unrecognised strokes"],
        )
        stages: dict[tuple[str, bool], int] = {}
        targets = {Target(): 0}
        rows: list[tuple[float, ...]] = []
        for entry in ordered:
            time = float(entry.time_ms - origin)
            stage = stages.setdefault(entry.stage, len(stages))
            _extend(recording, time, entry.session, stage)
            if entry.kind is GestureKind.NONE:
                recording.events.append(Occurrence(time, entry.name, entry.label))
                continue
            target = targets.setdefault(entry.target, len(targets))
            measures = entry.kind, entry.direction, entry.distance, entry.velocity
            rows.append((*measures, time, stage, target, entry.session, entry.target.responsive is False))
        columns = recording.columns = {field: np.full(len(rows), value) for field, value in _UNKNOWN.items()}
        for number, (field, kind) in enumerate(_COLUMNS.items()):
            columns[field] = np.fromiter(map(itemgetter(number), rows), kind, len(rows))
        # An event knows when the finger was lifted and not when it came down.
        columns["start"] = columns["end"]
        recording.targets = list(targets)
        size = float(self.resolution.width or 360), float(self.resolution.height or 640)
        for title, landscape in stages or [("", False)]:
            width, height = size[::-1] if landscape else size
            recording.stages.append(Stage(title=title, landscape=landscape, width=width, height=height))
        return recording


def entry_of(event: Any) -> Entry:
    """Return an event of a batch."""
    title = event.title if isinstance(event, native.ScreenViewWire) else _title_in(event.url)
    entry = Entry(
        event_id=event.event_id,
        time_ms=event.time_ms,
        session=event.session_number,
        stage=(title, event.orientation == 1),
    )
    kind = _KINDS.get(event.__struct_config__.tag)
    if kind is None:
        match event:
            case native.ScreenViewWire():
                entry.name, entry.label = "screen", event.title
            case native.TransactionWire():
                entry.set_transaction(event.payment.value, event.payment.currency)
            case native.StringVariableWire() | native.NumberVariableWire():
                entry.set_variable(event.key, event.value)
            case _:
                entry.name = _MOMENTS[type(event)]
        return entry
    responsive = event.responsive if kind.runs else None
    entry.target = Target(path=event.target_path, id=event.target_id, responsive=responsive)
    entry.kind = kind.kind
    if kind.moves:
        entry.direction, entry.distance, entry.velocity = event.direction, event.distance, event.velocity
    return entry


@lru_cache
def _title_in(url: str) -> str:
    return parse_qs(urlsplit(url).query, keep_blank_values=True).get("title", [""])[0]


def _extend(recording: Recording, time: float, session: int, stage: int) -> None:
    """Continue the visit and the session that an event belongs to, or begin new ones."""
    visits, sessions = recording.visits, recording.sessions
    if visits:
        visits[-1].end = time
    if not visits or visits[-1].stage != stage:
        visits.append(Visit(start=time, end=time, stage=stage))
    if not sessions or sessions[-1].number != session:
        sessions.append(Session(start=time, end=time, number=session))
    sessions[-1].end = time
