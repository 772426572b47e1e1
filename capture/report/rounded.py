"""Recordings of very many strokes, small enough for a page: rounded places, times and measures.

Places are rounded to a px and times to a ms, trails keep the samples that shape them, and measures are sent
as the difference from those of the trail. A stroke that rounding would put on another side of a threshold
keeps all its digits, so that the page classifies every stroke as the engine did.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from capture.gestures.kinds import KINDS, Reason
from capture.report.measures import dp, neighbours

if TYPE_CHECKING:
    from capture.gestures.config import GestureConfig
    from capture.report.packed import Packed
    from capture.report.recording import Columns, Recording, Trail

__all__ = ["EXACT_STROKES", "needed", "rounded_data", "trail_to_round"]

#: Recordings of more strokes are rounded.
EXACT_STROKES = 1_000

#: A trail is drawn within half a pixel of its samples where the longer side of a screen has so many.
_STAGE_PX = 640
#: How much farther (times the tolerance) a finger may be from its place at a moment than from its line.
_LATE = 8.0
_FAR = 1e6  # px; a stroke that goes farther keeps all its digits
#: Fields of a stroke with all its digits.
_EXACT = {
    "<f8": "span_ns gap_ns",
    "<f4": "x y x_up y_up dx dy distance velocity width height path_length apart",
}
#: Measure of the record -> the part of a px that it is rounded to; the trail has the most.
_PARTS = {"distance": 4, "path_length": 2, "width": 1, "height": 1}

Array = np.ndarray[Any, Any]


class _Rounded(msgspec.Struct):
    """The samples that are kept, and measures as whole numbers.

    Attributes
    ----------
    start : array
        Where the samples of a stroke begin, one more than there are strokes.
    samples : dict
        Columns of the samples: ``time`` (ms since the DOWN), ``x`` and ``y`` (px).
    down, span : array
        Of the strokes: start and duration, ms.
    measures : dict
        Of the strokes, by name: in parts of a px.
    """

    start: Array
    samples: dict[str, Array]
    down: Array
    span: Array
    measures: dict[str, Array]

    @property
    def full(self) -> Array:
        """Numbers of the strokes that have samples."""
        return np.flatnonzero(self.start[:-1] < self.start[1:])

    def first(self, values: Array) -> Array:
        """Return the values of the first sample of each stroke that has any."""
        found: Array = values[self.start[self.full]]
        return found

    def last(self, values: Array) -> Array:
        """Return the values of the last sample of each stroke that has any."""
        found: Array = values[self.start[self.full + 1] - 1]
        return found

    def spread(self, values: Array) -> Array:
        """Return values of strokes that have samples as a column of all strokes, 0 for the others."""
        column = np.zeros(len(self.down), values.dtype)
        column[self.full] = values
        return column


def trail_to_round(recording: Recording) -> Trail | None:
    """Return the trail if the page has rounded measures: of more than 1,000 strokes, by the default rule."""
    can_round = recording.table is not None and recording.gestures.has_default_rule
    return recording.trail if can_round and len(recording) > EXACT_STROKES else None


def rounded_data(recording: Recording, trail: Trail, packed: Packed) -> dict[str, Any]:
    """Return trail and measures of a recording, rounded, ready for JSON; columns are in `packed`."""
    found = _round(recording, trail)
    rows, by_trail = _exact_rows(recording, found), _of_trail(found)
    later = np.ones(found.start[-1], bool)
    later[found.start[found.full]] = False
    ends = found.down + found.span
    return {
        "counts": packed.whole(np.diff(found.start)),
        "samples": {
            name: [packed.whole(found.first(values)), packed.whole(np.diff(values, prepend=0)[later])]
            for name, values in found.samples.items()
        },
        "gaps": packed.whole(found.down - np.concatenate([[0], ends[:-1]])),
        "rests": {
            name: [packed.whole(each - found.spread(by_trail[name])), _PARTS.get(name, 1)]
            for name, each in {"span": found.span, **found.measures}.items()
        },
        "rows": packed.steps(rows),
        "exact": packed.columns({name: each[rows] for name, each in recording.columns.items()}, _EXACT),
    }


def _round(recording: Recording, trail: Trail) -> _Rounded:
    columns = recording.columns
    side = max([max(stage.width, stage.height) for stage in recording.stages], default=0)
    kept = needed(trail, max(0.5, min(side, _FAR) / (2 * _STAGE_PX)))
    start = np.searchsorted(kept, trail.start)
    since = np.repeat(columns["start"], np.diff(start))
    samples = {"time": trail.time[kept] - since, "x": trail.x[kept], "y": trail.y[kept]}
    return _Rounded(
        start=start,
        samples={name: _whole(values) for name, values in samples.items()},
        down=_whole(columns["start"]),
        span=_whole(columns["span_ns"] / 1e6),
        measures={
            name: _whole(columns[name].astype(np.float64) * recording.density * part)
            for name, part in _PARTS.items()
        },
    )


def _whole(values: Array) -> Array:
    """Return values rounded and limited, NaN as 0."""
    return np.rint(np.clip(np.nan_to_num(values.astype(np.float64)), -1e12, 1e12)).astype(np.int64)


def _of_trail(found: _Rounded) -> dict[str, Array]:
    """Return the measures by the kept samples of strokes that have any, as the page computes them."""
    begin = found.start[found.full]
    size = np.diff(found.start)[found.full]
    away, step = [], []
    for values in (found.samples["x"], found.samples["y"]):
        away.append((values - np.repeat(found.first(values), size)).astype(np.float64))
        step.append(np.diff(values, prepend=0).astype(np.float64))
        step[-1][begin] = 0
    parts = {
        "distance": np.maximum.reduceat(_parts(away, _PARTS["distance"]), begin),
        "path_length": np.add.reduceat(_parts(step, _PARTS["path_length"]), begin),
    }
    for name, values in (("width", found.samples["x"]), ("height", found.samples["y"])):
        parts[name] = np.maximum.reduceat(values, begin) - np.minimum.reduceat(values, begin)
    return {"span": found.last(found.samples["time"]), **parts}


def _parts(ways: list[Array], part: int) -> Array:
    """Return lengths in whole parts of a px."""
    lengths: Array = np.floor(np.sqrt(ways[0] * ways[0] + ways[1] * ways[1]) * part).astype(np.int64)
    return lengths


def _exact_rows(recording: Recording, found: _Rounded) -> Array:
    """Return the strokes that keep all digits: rounding would change a comparison, or cannot be done."""
    exact, columns = recording.columns, _columns(recording, found)
    moved = np.isin(exact["kind"], [row.kind for row in KINDS if row.moves])
    with np.errstate(invalid="ignore", over="ignore"):
        pairs = zip(_sides(exact, recording.gestures), _sides(columns, recording.gestures), strict=True)
        # NaN is equal to nothing, and so is exact.
        differ = [(one != other) & (moved | always) for (one, always), (other, _) in pairs]
    far = np.zeros(len(moved), bool)
    for name in ("x", "y", "x_up", "y_up"):
        far |= ~(np.abs(exact[name]) < _FAR)
    return np.flatnonzero(np.any(differ, axis=0) | far | (exact["reason"] == Reason.MALFORMED))


def _columns(recording: Recording, found: _Rounded) -> Columns:
    """Return the columns as the page has them after rounding."""
    density = recording.density
    columns: Columns = {name: dp(found.measures[name] / part, density) for name, part in _PARTS.items()}
    for axis in "xy":
        values = found.samples[axis]
        columns[f"{axis}_down"] = found.spread(found.first(values)).astype(np.float32)
        columns[f"{axis}_up"] = found.spread(found.last(values)).astype(np.float32)
        columns[f"d{axis}"] = dp(columns[f"{axis}_up"] - columns[f"{axis}_down"], density)
    columns["stream"] = recording.columns["stream"]
    columns["span_ns"] = found.span * 1_000_000
    columns["time_down"] = found.down * 1_000_000
    columns["time_up"] = columns["time_down"] + columns["span_ns"]
    columns["gap_ns"], columns["apart"] = neighbours(columns, density)
    # Any other velocity than the mean is sent as it is.
    columns["velocity"] = recording.columns["velocity"]
    if recording.gestures.velocity_strategy == "mean":
        speed = columns["distance"].astype(np.float64) * (1e9 / np.maximum(columns["span_ns"], 1e6))
        columns["velocity"] = speed.astype(np.float32)
    return columns


def _sides(columns: Columns, gestures: GestureConfig) -> list[tuple[Array, bool]]:
    """Return on which side of each threshold strokes are, and whether that counts for every kind.

    The direction counts only for the kinds that have one.
    """
    sides = []
    names = {"duration": "span_ns"}
    pairs = {(names.get(each.measure, each.measure), each.setting) for row in KINDS for each in row.when}
    pairs |= {("gap_ns", f"{run}_timeout_ms") for run in ("multi_tap", "rage_tap")}
    pairs |= {("apart", "multi_tap_slop_dp"), ("apart", "rage_tap_radius_dp")}
    for measure, setting in sorted(pairs):
        limit = getattr(gestures, setting)
        limit = limit * 1e6 if measure.endswith("_ns") else np.float32(limit)
        sides.append((np.sign(columns[measure].astype(np.float64) - limit), True))
    wide, tall = np.abs(columns["dx"]), np.abs(columns["dy"])
    slop = np.float32(gestures.touch_slop_dp)
    ways = [columns["width"] - wide - slop, columns["height"] - tall - slop, wide - tall]
    sides += [(np.sign(each), False) for each in (*ways, columns["dx"], columns["dy"])]
    return sides


def needed(trail: Trail, tolerance: float) -> Array:
    """Return the numbers of the samples to keep: the first and last of each stroke, and those that shape it.

    Straight lines between them stay within the tolerance of every sample that is left out
    (Douglas-Peucker, all strokes at once). In playback a finger is within eight tolerances of its place.

    Parameters
    ----------
    trail : Trail
    tolerance : float
        px.
    """
    samples = np.stack([trail.x, trail.y, trail.time]).astype(np.float64)
    first, last = trail.start[:-1], trail.start[1:] - 1
    keep = np.zeros(len(trail.x), bool)
    keep[first[first <= last]] = True
    keep[last[first <= last]] = True
    inner = np.flatnonzero(~keep)
    stroke = np.searchsorted(trail.start, inner, side="right") - 1
    low, high = first[stroke], last[stroke]
    while len(inner):
        away = _away(samples, inner, low, high)
        segment = np.flatnonzero(np.diff(low, prepend=-1))
        size = np.diff(segment, append=len(low))
        most = np.maximum.reduceat(away, segment)
        number = np.repeat(np.arange(len(segment)), size)
        _, farthest = np.unique(np.where(away == most[number], number, -1), return_index=True)
        farthest = farthest[-len(segment) :]
        split = most > tolerance
        keep[inner[farthest[split]]] = True
        middle = inner[farthest][number]
        left = inner < middle
        low, high = np.where(left, low, middle), np.where(left, middle, high)
        rest = split[number] & (inner != middle)
        inner, low, high = inner[rest], low[rest], high[rest]
    return np.flatnonzero(keep)


def _away(
    samples: Array,
    inner: Array,
    low: Array,
    high: Array,
) -> Array:
    """Return how far samples are from the line between two others, or from the place on it at their time."""
    wide, tall, long = samples[:, high] - samples[:, low]
    dx, dy, dt = samples[:, inner] - samples[:, low]
    square = wide * wide + tall * tall
    part = np.clip((dx * wide + dy * tall) / np.where(square > 0, square, 1), 0, 1)
    then = np.clip(dt / np.where(long > 0, long, 1), 0, 1)
    line = np.hypot(dx - part * wide, dy - part * tall)
    moment = np.hypot(dx - then * wide, dy - then * tall)
    found: Array = np.maximum(line, moment / _LATE)
    return found
