"""Measures of strokes that follow from others, as the core computes them: places and lengths in float32."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from capture.report.recording import Columns

__all__ = ["dp", "neighbours", "spans"]


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
