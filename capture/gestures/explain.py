"""Explain how a stroke was classified: its measures against their thresholds, and where other kinds fail.

Kinds and their conditions come from `capture.gestures.kinds.KINDS`. Only recorded values are read, as in
classification itself, so that an explanation never disagrees with its record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from capture.gestures import explain_dialect
from capture.gestures.conditions import UNRECORDED, Condition, compared, float32
from capture.gestures.config import GestureConfig
from capture.gestures.kinds import KINDS, Direction, GestureKind, Kind, Reason, kind_of, plain_value
from capture.gestures.sources import source_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from capture.gestures.recognizer import Gesture

__all__ = ["Explanation", "Rival", "Verdict", "explain", "render"]

#: Reasons that overrule the measures.
_OVERRULED = {
    Reason.MALFORMED: "the DOWN's position is not a number: nothing can be measured from it",
    Reason.CANCELED: "the system took the stroke away (CANCEL) before the finger was lifted",
    Reason.INCOMPLETE: "the finger was never seen to lift: the pointer came down again, or the log ended",
    Reason.MULTI_TOUCH: "another finger of the same stream was down at the same time",
}


class Rival(msgspec.Struct, frozen=True):
    """Another class, and its conditions that failed."""

    kind: str
    failed: tuple[Condition, ...]


class Verdict(msgspec.Struct, frozen=True):
    """The class of the same stroke in another dialect.

    Attributes
    ----------
    dialect, kind, reason, direction : str
    tap_count : int
        Position in a run of taps.
    margin : float or None
        Smallest relative distance of a measure from a limit that would change the kind.
    why : str
        The comparison that parts it from this dialect's verdict; empty where both are the same.
    """

    dialect: str
    kind: str
    reason: str
    direction: str
    tap_count: int
    margin: float | None
    why: str


class Explanation(msgspec.Struct, frozen=True):
    """How a stroke was classified.

    Attributes
    ----------
    kind, reason, direction : str
        As in the record, lower case.
    verdict : str
        The explanation in one sentence.
    by_measures : str
        The class by time, distance and velocity alone, before a reason overrules them.
    conditions : tuple of Condition
        Those of that class.
    rivals : tuple of Rival
        The other classes.
    direction_conditions : tuple of Condition
        Those of a straight movement; empty without a direction.
    gesture : dict
        The record.
    dialect : str
        Dialect of the rules.
    others : tuple of Verdict
        Its class in other dialects; empty if the samples were not at hand.
    """

    kind: str
    reason: str
    direction: str
    verdict: str
    by_measures: str
    conditions: tuple[Condition, ...]
    rivals: tuple[Rival, ...]
    direction_conditions: tuple[Condition, ...]
    gesture: dict[str, Any]
    dialect: str = ""
    others: tuple[Verdict, ...] = ()

    def decisive(self, other: str) -> Condition:
        """Return the condition that parts the class from another one that holds too but is tried later."""
        # A fling is a drag that has one condition more.
        return self.conditions[1 if (self.by_measures, other) == ("fling", "drag") else 0]


def explain(gesture: Gesture, gestures: GestureConfig | None = None, *, density: float = 1.0) -> Explanation:
    """Explain a stroke.

    Parameters
    ----------
    gesture : Gesture
        The record. In the default dialect with keys of others it needs the columns of
        ``GestureConfig(verdict_columns=True)``.
    gestures : GestureConfig, optional
        The thresholds that it was classified with.
    density : float, default 1.0
        px per dp of its stream.

    Returns
    -------
    Explanation
    """
    config = GestureConfig() if gestures is None else gestures
    if config.has_default_rule:
        classes, order = _classes(gesture, config), tuple(row.kind for row in KINDS)
    else:
        classes, order = explain_dialect.classes(gesture, config, density), explain_dialect.ORDER
    measured = kind_of(
        next((kind for kind in order if all(each.holds for each in classes[kind])), GestureKind.NONE)
    )
    if not config.has_default_rule and gesture.reason in explain_dialect.JUDGED:
        measured = kind_of(gesture.kind)
    rivals = tuple(
        Rival(plain_value(kind), _sourced((each for each in conditions if not each.holds), config))
        for kind, conditions in classes.items()
        if kind != measured.kind
    )
    by_box = measured.moves and config.direction == "box"
    straight = _straightness(gesture, config, density) if by_box else ()
    return Explanation(
        dialect=config.dialect,
        kind=plain_value(gesture.kind),
        reason=plain_value(gesture.reason),
        direction=plain_value(gesture.direction),
        verdict=_verdict(gesture, measured, straight),
        by_measures=measured.name,
        conditions=_sourced(classes[measured.kind], config),
        rivals=rivals,
        direction_conditions=_sourced(straight, config),
        gesture=gesture.to_dict(),
    )


def _sourced(conditions: Iterable[Condition], config: GestureConfig) -> tuple[Condition, ...]:
    """Return conditions with the sources of their thresholds."""
    return tuple(msgspec.structs.replace(each, source=source_of(config, each.setting)) for each in conditions)


def _classes(gesture: Gesture, config: GestureConfig) -> dict[GestureKind, tuple[Condition, ...]]:
    """Return the conditions of each kind, in the order in which kinds are tried."""
    return {
        row.kind: tuple(
            _compare(each.measure, getattr(gesture, each.measure), each.relation, config, each.setting)
            for each in row.when
        )
        for row in KINDS
    }


_HOLDS: dict[str, Callable[[float, float], bool]] = {
    "<": lambda value, threshold: value < threshold,
    # NaN (an overflowed estimate) exceeds nothing.
    "<=": lambda value, threshold: not value > threshold,
    ">": lambda value, threshold: value > threshold,
    ">=": lambda value, threshold: value >= threshold,
}


def _compare(measure: str, value: float, relation: str, config: GestureConfig, setting: str) -> Condition:
    threshold = float(getattr(config, setting))
    holds = _HOLDS[relation](*_exact(measure, float(value), threshold))
    return compared(measure, value, relation, threshold, setting, holds)


def _exact(measure: str, value: float, threshold: float) -> tuple[float, float]:
    """Return the compared values: durations in whole nanoseconds, limits in float32, as in the core."""
    if measure == "duration":
        return round(value * 1e6), round(threshold * 1e6)
    return value, float32(threshold)


def _straightness(gesture: Gesture, config: GestureConfig, density: float) -> tuple[Condition, ...]:
    """Return the conditions under which a movement is straight (float32, as the core computes them)."""
    dx, dy = abs(_dp(gesture.x_up, gesture.x_down, density)), abs(_dp(gesture.y_up, gesture.y_down, density))
    extents = (gesture.width, dx), (gesture.height, dy)
    along, across = extents if dx > dy else extents[::-1]
    return (
        _compare("backtrack", float32(along[0] - along[1]), "<=", config, "touch_slop_dp"),
        _compare("wander", float32(across[0] - across[1]), "<=", config, "touch_slop_dp"),
    )


def _dp(end_px: float, start_px: float, density: float) -> float:
    return float32(float32(end_px - start_px) / density)


def _verdict(gesture: Gesture, measured: Kind, straight: tuple[Condition, ...]) -> str:
    overruled = _OVERRULED.get(gesture.reason)
    if overruled is not None:
        if gesture.reason is Reason.MALFORMED:
            return f"not recognised: {overruled}"
        return f"not recognised: {overruled}; by its measures alone it would be {_called(measured)}"
    if measured.kind is GestureKind.NONE:
        return _BETWEEN[gesture.reason is Reason.BETWEEN_TAP_AND_HOLD]
    bent = [each.measure for each in straight if not each.holds]
    if bent:
        return f"{_called(measured)} in a complex pattern: {' and '.join(bent)} above the touch slop"
    return f"{_called(measured)} {_WAYS.get(gesture.direction, '')}".rstrip()


#: Why a stroke is nothing: by its way, and by its duration.
_BETWEEN = (
    "not recognised: farther than a tap may go and not far enough for a drag",
    "not recognised: longer than a tap may last and not long enough for a long press",
)
_WAYS = {
    Direction.UP: "upwards",
    Direction.DOWN: "downwards",
    Direction.LEFT: "to the left",
    Direction.RIGHT: "to the right",
}


def _called(row: Kind) -> str:
    return "nothing" if row.kind is GestureKind.NONE else f"a {row.label}"


def render(explanation: Explanation) -> str:
    """Return an explanation as plain text, a line for each comparison, threshold and other dialect."""
    lines = [explanation.verdict, "", f"{explanation.by_measures} by its measures, because"]
    lines += [f"  {_line(condition)}" for condition in explanation.conditions]
    if explanation.direction_conditions:
        lines += ["", "straight, if"]
        lines += [f"  {_line(condition)}" for condition in explanation.direction_conditions]
    lines += ["", "and not"]
    for rival in explanation.rivals:
        first = f" nothing else: {explanation.by_measures} is tried first"
        lines += [f"  {rival.kind}, which needs{'' if rival.failed else first}"]
        lines += [f"    {_line(condition)}" for condition in rival.failed]
    lines += ["", f"the thresholds of {explanation.dialect}"]
    lines += [f"  {line}" for line in _thresholds(explanation)]
    if explanation.others:
        lines += ["", "in other dialects"]
        lines += [f"  {_other(each)}" for each in explanation.others]
    return "\n".join(lines)


def _thresholds(explanation: Explanation) -> list[str]:
    """Return a line for each threshold that was compared: its value, and where it is from."""
    rivals = (each for rival in explanation.rivals for each in rival.failed)
    compared = (*explanation.conditions, *explanation.direction_conditions, *rivals)
    return list(
        dict.fromkeys(
            f"{each.setting:<22} {_number(each.threshold):>8} {each.unit:<5} {each.source}"
            for each in compared
        )
    )


def _other(verdict: Verdict) -> str:
    """Return the stroke's class in another dialect, its margin, and the parting condition."""
    called = verdict.reason if verdict.kind == "none" else verdict.kind
    words = [called.replace("_", " ")]
    if verdict.direction != "none":
        words.append(verdict.direction.replace("_", " "))
    if verdict.tap_count > 1:
        words.append(f"({verdict.tap_count} in a run)")
    margin = "" if verdict.margin is None else f"margin {verdict.margin:.0%}"
    return f"{verdict.dialect:<17} {' '.join(words):<24} {margin:<13} {verdict.why}".rstrip()


def _line(condition: Condition) -> str:
    text = f"{condition.measure} {condition.relation} {_number(condition.threshold)} {condition.unit}"
    if condition.margin is not None:
        margin = f", by {_number(abs(condition.margin))}" if condition.margin else ", exactly at it"
    elif condition.measure in UNRECORDED:
        margin = ""
    else:
        margin = ", by any margin" if condition.holds else ", and can never be"
    return f"{text:<32} it is {condition.value_text():>10}: {'holds' if condition.holds else 'fails'}{margin}"


def _number(value: float) -> str:
    """Return a measure with the digits that matter beside a threshold."""
    return f"{value:.6g}"
