"""Measures of strokes beside those of a record, classes of other dialects, and the strokes of chords.

Measures that follow from others are as the core computes them: places and lengths in float32.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from capture.gestures.kinds import GestureKind
from capture.gestures.lineup import Lineup, configurations
from capture.gestures.recognizer import classify
from capture.gestures.samples import COLUMNS, TouchSamples

if TYPE_CHECKING:
    from capture.gestures.chords import MultiTable
    from capture.gestures.config import GestureConfig
    from capture.gestures.recognizer import GestureTable
    from capture.report.recording import Columns

__all__ = ["add_measures", "dp", "members_of", "neighbours", "others_of", "spans"]


def dp(px: np.ndarray[Any, Any], density: float) -> np.ndarray[Any, Any]:
    """Return lengths in dp: a float64 quotient, rounded once."""
    return (px.astype(np.float64) / density).astype(np.float32)


def spans(earlier: np.ndarray[Any, Any], later: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return max(0, later - earlier); the difference wraps at 64 bits."""
    with np.errstate(over="ignore"):
        found: np.ndarray[Any, Any] = np.maximum(later - earlier, 0)
    return found


def neighbours(columns: Columns, density: float) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the gap (ns) and the distance (dp) from the previous stroke of the stream; -1 and NaN if none.

    A run of taps is broken by any other stroke, so that these two and the kinds decide every run.
    """
    count = len(columns["stream"])
    order = np.argsort(columns["stream"], kind="stable")
    before, after = order[:-1], order[1:]
    same = columns["stream"][before] == columns["stream"][after]
    before, after = before[same], after[same]
    gap = np.full(count, -1, np.int64)
    gap[after] = spans(columns["time_up"][before], columns["time_down"][after])
    apart = np.full(count, np.nan, np.float32)
    with np.errstate(invalid="ignore", over="ignore"):
        dx = columns["x_down"][after] - columns["x_down"][before]
        dy = columns["y_down"][after] - columns["y_down"][before]
        apart[after] = dp(np.sqrt(dx * dx + dy * dy), density)
    return gap, apart


def others_of(samples: TouchSamples, config: GestureConfig, density: float) -> dict[str, Columns]:
    """Return the classes of the strokes in each other dialect: dialect -> columns of its records."""
    configs = {name: each for name, each in configurations(config).items() if name != config.dialect}
    lineup = Lineup(configs, density)
    lineup.feed(samples)
    lineup.finish()
    fields = ("kind", "reason", "direction", "tap_count", "rage", "margin")
    return {name: {field: lineup.column(name, field) for field in fields} for name in configs}


def add_measures(columns: Columns, samples: TouchSamples, config: GestureConfig, density: float) -> None:
    """Add the inputs of a dialect's rule that no record has: ``end_distance`` (dp) and ``far``.

    ``far`` is whether the way of a stroke is beyond ``fling_distance_dp``: whether it would be a fling
    if any speed were enough. The default rule reads neither.
    """
    if config.has_default_rule:
        return
    ends = columns
    if config.tap_at == "end" and not config.up_moves:
        # An UP without a place ends a stroke where the last sample that counts was.
        lifted = {name: getattr(samples, name) for name in COLUMNS}
        lifted["x"] = np.where(np.asarray(samples.action) & 1, np.float32(np.nan), samples.x)
        table = classify(TouchSamples(**lifted), density=density, gestures=config)
        ends = columns | {name: getattr(table, name) for name in ("x_up", "y_up")}
    columns["end_distance"] = _end_distance(ends, config, density)
    if not config.fling_distance_dp:
        columns["far"] = np.ones(len(columns["kind"]), np.uint8)
        return
    # A touch slop of 0 as well: some lenses allow no shorter drag.
    nearest = config.changed(fling_velocity_dp_s=0.0, touch_slop_dp=0.0, drag_distance_dp=0.0)
    any_speed = [config.changed(fling_velocity_dp_s=0.0, hold_ms=math.inf), nearest.changed(hold_ms=math.inf)]
    as_it_is, from_0 = (classify(samples, density=density, gestures=each).kind for each in any_speed)
    moved = (as_it_is == GestureKind.DRAG) | (as_it_is == GestureKind.FLING)
    columns["far"] = np.where(moved, as_it_is, from_0) == GestureKind.FLING


def _end_distance(columns: Columns, config: GestureConfig, density: float) -> np.ndarray[Any, Any]:
    """Return the way from the first place to the last one, by the metric of the slop."""
    ways = []
    with np.errstate(invalid="ignore", over="ignore"):
        for axis in "xy":
            first, last = columns[f"{axis}_down"], columns[f"{axis}_up"]
            if config.slop_metric == "round":
                first, last = (np.floor(each.astype(np.float64) + 0.5) for each in (first, last))
            way = (last - first).astype(np.float32)
            ways.append(np.trunc(way) if config.slop_metric == "trunc" else way)
        length = np.sqrt(ways[0] * ways[0] + ways[1] * ways[1])
        return dp(length, density)


def members_of(chords: MultiTable, table: GestureTable) -> list[list[int]]:
    """Return the strokes of each chord's fingers: those of its stream that were down during it."""
    first, last, stream = table.first_sample, table.last_sample, table.stream
    return [
        np.flatnonzero((stream == chord.stream) & (first <= chord.last_sample) & (last > chord.first_sample))
        .astype(int)
        .tolist()
        for chord in chords
    ]
