"""Trails with fewer samples: those without which a trail would be drawn elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from capture.report.recording import Trail

__all__ = ["needed"]

#: How much farther (times the tolerance) a finger may be from its place at a moment than from its line.
_LATE = 8.0


def needed(trail: Trail, tolerance: float) -> np.ndarray[Any, Any]:
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
    samples: np.ndarray[Any, Any],
    inner: np.ndarray[Any, Any],
    low: np.ndarray[Any, Any],
    high: np.ndarray[Any, Any],
) -> np.ndarray[Any, Any]:
    """Return how far samples are from the line between two others, or from the place on it at their time."""
    wide, tall, long = samples[:, high] - samples[:, low]
    dx, dy, dt = samples[:, inner] - samples[:, low]
    square = wide * wide + tall * tall
    part = np.clip((dx * wide + dy * tall) / np.where(square > 0, square, 1), 0, 1)
    then = np.clip(dt / np.where(long > 0, long, 1), 0, 1)
    line = np.hypot(dx - part * wide, dy - part * tall)
    moment = np.hypot(dx - then * wide, dy - then * tall)
    found: np.ndarray[Any, Any] = np.maximum(line, moment / _LATE)
    return found
