"""A recording as lines of text, for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from capture.gestures.kinds import KINDS, Reason
from capture.report.text import shorten, shown, words

if TYPE_CHECKING:
    from capture.report.recording import Recording

__all__ = ["Row", "facts", "head", "reasons", "rows", "sparkline"]

_BARS = "▁▂▃▄▅▆▇█"


class Row(NamedTuple):
    """A stroke as a line of a table; all texts, safe to print."""

    number: str
    at: str
    gesture: str
    flags: str
    screen: str
    ms: str
    dp: str
    speed: str
    target: str


def head(recording: Recording) -> str:
    """Return one line: name, length, strokes, screens, sessions, dead taps and rage runs."""
    parts = [
        shown(recording.name),
        _seconds(recording.length),
        _plural(len(recording), "stroke"),
        _screens(recording),
        _plural(len(recording.sessions), "session"),
        _plural(recording.dead_taps, "dead tap"),
    ]
    if recording.table is not None:
        parts.append(_plural(recording.rage_runs, "rage run"))
    if recording.screenshots:
        parts.append(_plural(recording.screenshots, "screenshot"))
    return " · ".join(parts)


def _screens(recording: Recording) -> str:
    """Return how many screens there are; events before the first screen have an empty title."""
    return _plural(len({stage.title for stage in recording.stages} - {""}) or 1, "screen")


def facts(recording: Recording) -> str:
    """Return the kinds of a recording's strokes and how many there are of each."""
    counts = [(row.label, recording.count(row.kind)) for row in KINDS if row.kind]
    return ", ".join(f"{count} {label}" for label, count in counts if count) or "no gesture"


def reasons(recording: Recording) -> list[tuple[str, int]]:
    """Return why strokes were not recognised, with how many each, most frequent first."""
    column = recording.columns["reason"]
    counts = [(reason, int((column == int(reason)).sum())) for reason in Reason]
    named = [(words(reason), count) for reason, count in counts if count and reason is not Reason.RECOGNIZED]
    return sorted(named, key=lambda each: -each[1])


def sparkline(recording: Recording, width: int) -> str:
    """Return `width` bars, one for each part of the time: the share in which fingers were down."""
    if width < 1 or recording.length <= 0:
        return ""
    edges = np.linspace(0.0, recording.length, width + 1)
    start, end = recording.columns["start"], np.maximum(recording.columns["end"], recording.columns["start"])
    # Strokes that lie in several parts count in each with their share.
    down = _before(start, edges) - _before(end, edges)
    share = np.diff(down) / np.diff(edges)
    if recording.table is None:
        share = np.histogram(end, edges)[0].astype(float)  # batches know when a finger was lifted, no more
    most = float(share.max())
    if most <= 0:
        return " " * width
    levels = np.ceil(share / most * len(_BARS)).astype(int)
    return "".join(_BARS[level - 1] if level else " " for level in levels.tolist())


def _before(moments: np.ndarray[Any, Any], edges: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return for each edge the sum over all moments of how long before the edge they were."""
    ordered = np.sort(moments)
    sums = np.concatenate([[0.0], np.cumsum(ordered)])
    earlier = np.searchsorted(ordered, edges, side="right")
    waited: np.ndarray[Any, Any] = edges * earlier - sums[earlier]
    return waited


def rows(recording: Recording, first: int = 0) -> list[Row]:
    """Return the strokes from a row on as lines of a table."""
    return [_row(recording, number) for number in range(first, len(recording))]


def _row(recording: Recording, number: int) -> Row:
    columns = recording.columns
    target = recording.targets[int(columns["target"][number])]
    span = int(columns["span_ns"][number])
    return Row(
        number=str(number),
        at=f"{float(columns['start'][number]) / 1e3:.3f}",
        gesture=recording.called(number, "- {}"),
        flags=" ".join(name for name in ("dead", "rage") if columns[name][number]),
        screen=shorten(shown(recording.stages[int(columns["stage"][number])].title), 24),
        ms="-" if span < 0 else f"{span / 1e6:.0f}",
        dp=_measure(float(columns["distance"][number]), 1),
        speed=_measure(float(columns["velocity"][number]), 0),
        target=shorten(shown(target.id or target.path), 60),
    )


def _measure(value: float, places: int) -> str:
    return "-" if np.isnan(value) else f"{value:.{places}f}"


def _seconds(milliseconds: float) -> str:
    seconds = milliseconds / 1e3
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds // 60)} min {seconds % 60:.0f} s"


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
