"""Data of the page and the terminal: a touch log, or a folder of batches, read whole.

A `Recording` is the gesture table of a log with its content besides touches: which screen
and which target each stroke had, sessions, events. Times in it are ms since its first sample.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from capture.gestures.config import GestureConfig
from capture.gestures.kinds import Direction, GestureKind, Reason
from capture.report.text import moved, words

if TYPE_CHECKING:
    import numpy as np

    from capture.events.targets import Target
    from capture.gestures.chords import MultiTable
    from capture.gestures.recognizer import GestureTable

__all__ = ["Occurrence", "Recording", "Session", "Stage", "Trail", "Visit"]

Columns = dict[str, "np.ndarray[Any, Any]"]


class Stage(msgspec.Struct, kw_only=True):
    """A screen in one orientation, on which trails are drawn.

    Attributes
    ----------
    title : str
        Of the screen; empty if the log names none.
    landscape : bool
    width, height : float
        px.
    image : str or None
        Screenshot as a data URI.
    """

    title: str
    landscape: bool
    width: float
    height: float
    image: str | None = None


class Visit(msgspec.Struct, kw_only=True):
    """A stage was shown, from a time on."""

    start: float
    end: float
    stage: int


class Session(msgspec.Struct, kw_only=True):
    """A session and when it was."""

    start: float
    end: float
    number: int


class Occurrence(msgspec.Struct):
    """An event that is no gesture: a screen view, a transaction, ..."""

    time: float
    kind: str
    label: str
    stream: int = 0


class Trail(msgspec.Struct, kw_only=True):
    """The good samples of all strokes, stroke after stroke.

    Attributes
    ----------
    start : array of int
        Where the samples of a stroke begin, one element more than there are strokes.
    time, x, y : array of float
        ms since the recording's first sample, and px.
    thinned : int
        One of so many samples was kept.
    """

    start: np.ndarray[Any, Any]
    time: np.ndarray[Any, Any]
    x: np.ndarray[Any, Any]
    y: np.ndarray[Any, Any]
    thinned: int = 1

    def of(self, stroke: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Return time, x and y of a stroke's samples."""
        part = slice(int(self.start[stroke]), int(self.start[stroke + 1]))
        return self.time[part], self.x[part], self.y[part]


class Recording(msgspec.Struct, kw_only=True):
    """A log or a folder of batches, ready to be shown.

    Attributes
    ----------
    name, format, device : str
    density : float
        px per dp.
    gestures : GestureConfig
        The thresholds.
    start_ms : int or None
        Epoch ms of the first sample, if known.
    length : float
        ms.
    table : GestureTable or None
        None for batches, which carry events and no measures.
    columns : dict of str to array
        One element per stroke: ``kind``, ``reason``, ``direction``, ``start``, ``end`` (ms), ``x``,
        ``y`` (px), ``stage``, ``target``, ``session``, ``dead``, ``rage``, ``distance``, ``velocity``, ...
    stages, targets, visits, sessions, events
        Lists that columns refer to and the timeline shows.
    bounds : dict of (int, int) to (float, float, float, float)
        Stage and target -> left, top, width and height (px) of the target, where the log says it.
    trail : Trail or None
    others : dict of str to dict
        Other dialect -> columns of its classes of the strokes.
    chords : MultiTable or None
        Gestures of several fingers.
    members : list of list of int
        The strokes of each chord's fingers.
    warnings : list of str
        Doubts about the recording, a sentence each.
    """

    name: str
    format: str
    device: str = ""
    density: float = 1.0
    gestures: GestureConfig = GestureConfig()
    start_ms: int | None = None
    length: float = 0.0
    table: GestureTable | None = None
    columns: Columns = {}
    stages: list[Stage] = []
    targets: list[Target] = []
    visits: list[Visit] = []
    sessions: list[Session] = []
    events: list[Occurrence] = []
    bounds: dict[tuple[int, int], tuple[float, float, float, float]] = {}
    trail: Trail | None = None
    others: dict[str, Columns] = {}
    chords: MultiTable | None = None
    members: list[list[int]] = []
    warnings: list[str] = []

    def __len__(self) -> int:
        return len(self.columns["kind"])

    @property
    def dead_taps(self) -> int:
        """Taps on targets that are known not to react."""
        return int(self.columns["dead"].sum())

    @property
    def rage_runs(self) -> int:
        """Taps that completed a rage run."""
        return int(self.columns["rage"].sum())

    @property
    def screenshots(self) -> int:
        """Stages with a screenshot."""
        return sum(1 for stage in self.stages if stage.image)

    def leave_out_screenshots(self) -> None:
        """Forget the screenshots: a page without them is smaller, and shows less of the app."""
        for stage in self.stages:
            stage.image = None

    def called(self, stroke: int, unrecognized: str) -> str:
        """Return the kind of a stroke with its direction, or `unrecognized` with the reason in it."""
        kind = GestureKind(int(self.columns["kind"][stroke]))
        if kind is GestureKind.NONE:
            return unrecognized.format(words(Reason(int(self.columns["reason"][stroke]))))
        return moved(kind, Direction(int(self.columns["direction"][stroke])))

    def count(self, kind: GestureKind) -> int:
        """Return how many strokes are of a kind."""
        return int((self.columns["kind"] == int(kind)).sum())
