"""Compare the kinds of strokes of two recordings, or of one under two configurations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from capture.gestures.explain import Explanation, explain

if TYPE_CHECKING:
    from capture.gestures.conditions import Condition
    from capture.report.recording import Recording

__all__ = ["Change", "Comparison", "compare"]

#: Strokes of two logs are the same one when their DOWNs are no farther apart than this; of several the
#: nearest by time and place (up to so many dp: another scale of px is no other stroke).
_NEAR_MS = 250.0
_FAR_DP = 250.0


class Change(msgspec.Struct, frozen=True):
    """A stroke whose kind or direction changed.

    Attributes
    ----------
    before, after : int
        Its rows in the two recordings.
    start : float
        ms since the first sample of the first recording.
    was, now : str
        Kind and direction, or the reason why it was not recognised.
    why : str
        The comparisons with a different result.
    """

    before: int
    after: int
    start: float
    was: str
    now: str
    why: str


class Comparison(msgspec.Struct, frozen=True):
    """Two recordings, stroke by stroke.

    Attributes
    ----------
    strokes : (int, int)
        How many each has.
    matched : int
        How many are in both.
    changes : tuple of Change
    only_before, only_after : tuple of int
        Rows that the other recording has no counterpart of.
    pairs : tuple of (int, int)
        The strokes that are in both: row in the first, row in the second.
    """

    strokes: tuple[int, int]
    matched: int
    changes: tuple[Change, ...]
    only_before: tuple[int, ...]
    only_after: tuple[int, ...]
    pairs: tuple[tuple[int, int], ...] = ()


def compare(before: Recording, after: Recording) -> Comparison:
    """Compare two recordings of touch logs.

    Parameters
    ----------
    before, after : Recording
        Two logs, or the same one read with two configurations. Strokes are matched by the time and the
        place of their DOWNs, time counted from each recording's first stroke.
    """
    pairs = _matched(before, after)
    changes = [_change(before, after, one, other) for one, other in pairs]
    ones, others = {one for one, _ in pairs}, {other for _, other in pairs}
    return Comparison(
        strokes=(len(before), len(after)),
        matched=len(pairs),
        changes=tuple(change for change in changes if change is not None),
        only_before=tuple(row for row in range(len(before)) if row not in ones),
        only_after=tuple(row for row in range(len(after)) if row not in others),
        pairs=tuple(pairs),
    )


def _matched(before: Recording, after: Recording) -> list[tuple[int, int]]:
    """Pair strokes in the order of their DOWNs, each with the nearest free one within reach."""
    if not len(before) or not len(after):
        return []
    one, other = before.columns, after.columns
    if before.table is not None and np.array_equal(one["first_sample"], other["first_sample"]):
        return [(row, row) for row in range(len(before))]
    start_one, start_other = one["start"] - one["start"].min(), other["start"] - other["start"].min()
    order = np.argsort(start_other, kind="stable")
    sorted_starts = start_other[order]
    used: set[int] = set()
    pairs = []
    for row in np.argsort(start_one, kind="stable").tolist():
        low = int(np.searchsorted(sorted_starts, start_one[row] - _NEAR_MS, side="left"))
        high = int(np.searchsorted(sorted_starts, start_one[row] + _NEAR_MS, side="right"))
        best = None
        for candidate in order[low:high].tolist():
            away = _apart(before, after, row, candidate)
            late = abs(float(start_other[candidate] - start_one[row]))
            key = (one["pointer"][row] != other["pointer"][candidate], late + away, candidate)
            if candidate not in used and (best is None or key < best):
                best = key
        if best is not None:
            used.add(best[2])
            pairs.append((row, best[2]))
    return sorted(pairs)


def _apart(before: Recording, after: Recording, row: int, candidate: int) -> float:
    """Distance (dp) of two DOWNs, as far as it counts; 0 if one has no place."""
    dx = before.columns["x"][row] / before.density - after.columns["x"][candidate] / after.density
    dy = before.columns["y"][row] / before.density - after.columns["y"][candidate] / after.density
    away = float(np.hypot(dx, dy))
    return min(away, _FAR_DP) if np.isfinite(away) else 0.0


def _change(before: Recording, after: Recording, one: int, other: int) -> Change | None:
    if before.table is None or after.table is None:
        raise ValueError("batches carry no measures to compare")
    a, b = before.table[one], after.table[other]
    if (a.kind, a.reason, a.direction) == (b.kind, b.reason, b.direction):
        return None
    was = explain(a, before.gestures, density=before.density)
    now = explain(b, after.gestures, density=after.density)
    names = before.called(one, "none ({})"), after.called(other, "none ({})")
    return Change(one, other, float(before.columns["start"][one]), *names, _why(was, now))


def _why(was: Explanation, now: Explanation) -> str:
    """Return the comparisons of the first that fail in the second, or the overruling reason."""
    settled = {"recognized", "between_slop_and_drag", "between_tap_and_hold"}
    if was.reason != now.reason and not {was.reason, now.reason} <= settled:
        return f"{was.reason.replace('_', ' ')} became {now.reason.replace('_', ' ')}"
    failed = next((rival.failed for rival in now.rivals if rival.kind == was.by_measures), ())
    if not failed and was.by_measures != now.by_measures:
        failed = (now.decisive(was.by_measures),)
    if not failed:
        before = {each.measure: each.holds for each in was.direction_conditions}
        failed = tuple(
            each for each in now.direction_conditions if before.get(each.measure, each.holds) != each.holds
        )
    if not failed:
        return f"{was.direction.replace('_', ' ')} became {now.direction.replace('_', ' ')}"
    return ", ".join(_side(condition) for condition in failed)


def _side(condition: Condition) -> str:
    """Return on which side of its threshold a measure is now."""
    opposite = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}
    relation = condition.relation if condition.holds else opposite[condition.relation]
    return (
        f"{condition.measure} {condition.value_text()} {relation} {condition.threshold:.6g} {condition.unit}"
    )
