"""Explain a stroke in a dialect: the conditions of each kind, from the recorded verdict.

`capture.gestures.explain` does so for the default dialect, whose kinds are comparisons of measures. Here the
steps of the decision come first (held, dragged, flung, near), and the first kind of `ORDER` that has all that
it needs is the stroke's.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from capture.gestures.conditions import END_DISTANCE, FLING_DISTANCE, Condition, compared, float32
from capture.gestures.kinds import GestureKind, Reason

if TYPE_CHECKING:
    from capture.gestures.config import GestureConfig
    from capture.gestures.recognizer import Gesture

__all__ = ["JUDGED", "ORDER", "classes"]

#: The kinds in the order in which they are tried.
ORDER = (GestureKind.LONG_PRESS, GestureKind.FLING, GestureKind.DRAG, GestureKind.TAP, GestureKind.NONE)

#: Reasons that the measures of a stroke gave.
JUDGED = {Reason.RECOGNIZED, Reason.BETWEEN_SLOP_AND_DRAG, Reason.BETWEEN_TAP_AND_HOLD}


def classes(
    gesture: Gesture, config: GestureConfig, density: float
) -> dict[GestureKind, tuple[Condition, ...]]:
    """Return the conditions of each kind; only recorded values are read."""
    # Without the columns of the verdict ways are straight lines.
    way, gone = (
        (gesture.slop_distance, gesture.drag_distance)
        if gesture.has_verdict
        else (gesture.distance, gesture.distance)
    )
    dragged = _length("drag_distance", gone, ">", "drag_distance_dp", config, density)
    speed = _speed(gesture, config)
    fast = _length("velocity", speed, ">", "fling_velocity_dp_s", config, 1.0)
    flung = (fast, *_far(gesture, config, fast, density))
    undone = (_not(dragged),) if config.after_hold == "drag" else ()
    within = _length("slop_distance", way, "<", "touch_slop_dp", config, density)
    close = within if config.tap_at == "farthest" else _end(gesture, config, density)
    pressed = (*_held(gesture, config, within), *undone)
    if _continues_run(gesture, config) and all(each.holds for each in pressed):
        pressed = (compared("duration", gesture.duration, ">=", math.inf, "run_hold", False),)
    in_time = _time(gesture.duration, "<", "tap_timeout_ms", config)
    return {
        GestureKind.LONG_PRESS: pressed,
        GestureKind.FLING: (dragged, *flung),
        GestureKind.DRAG: (dragged,),
        GestureKind.TAP: (close, in_time) if in_time.threshold < math.inf else (close,),
        GestureKind.NONE: (_not(dragged), *_missed(gesture, close, in_time)),
    }


def _missed(gesture: Gesture, close: Condition, in_time: Condition) -> tuple[Condition, ...]:
    """Return the condition that keeps an unrecognised stroke from being a tap."""
    late = gesture.kind is GestureKind.NONE and close.holds and not in_time.holds
    return (_not(in_time),) if late else (_not(close),)


def _continues_run(gesture: Gesture, config: GestureConfig) -> bool:
    """Return whether a stroke that looks held continued a run of taps, in which there are no holds."""
    return not config.run_hold and gesture.kind is not GestureKind.LONG_PRESS and gesture.reason in JUDGED


def _held(gesture: Gesture, config: GestureConfig, within: Condition) -> tuple[Condition, ...]:
    """Return the conditions of a hold: long enough, and the slop not passed before."""
    reached = _time(gesture.duration, ">", "hold_ms", config)
    if not gesture.has_verdict:
        return (reached, within)
    if math.isnan(gesture.slop_time):
        return (reached,)
    slow = _time(gesture.slop_time, ">", "hold_ms", config, "slop_time")
    return (reached, within if config.after_hold == "whole" else slow)


def _far(gesture: Gesture, config: GestureConfig, fast: Condition, density: float) -> tuple[Condition, ...]:
    """Return the condition of a fling's distance; where the record lacks it, the kind of a movement tells."""
    if not config.fling_distance_dp or not fast.holds:
        return ()
    if config.fling_over == "stroke" and config.fling_on != "drag_axis":
        gone = _dp(gesture.x_up - gesture.x_down, gesture.y_up - gesture.y_down, density)
        return (_length("fling_distance", gone, ">", "fling_distance_dp", config, density),)
    if gesture.kind not in {GestureKind.DRAG, GestureKind.FLING}:
        return ()
    holds = gesture.kind is GestureKind.FLING
    return (compared(FLING_DISTANCE, math.nan, ">", config.fling_distance_dp, "fling_distance_dp", holds),)


def _not(condition: Condition) -> Condition:
    """Return the opposite condition."""
    relation = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}[condition.relation]
    margin = None if condition.margin is None else -condition.margin
    return msgspec.structs.replace(condition, relation=relation, holds=not condition.holds, margin=margin)


def _ns(config: GestureConfig, setting: str) -> float:
    """Return a time as it is compared: an open one is a nanosecond nearer."""
    limit: float = getattr(config, setting)
    if limit == math.inf:
        return math.inf
    step = 0 if setting not in config.open else 1 if setting == "hold_ms" else -1
    return round(limit * 1e6) + step


def _time(
    duration: float, side: str, setting: str, config: GestureConfig, measure: str = "duration"
) -> Condition:
    limit, ns = getattr(config, setting), _ns(config, setting)
    opened = setting in config.open
    exact = round(duration * 1e6)
    if side == ">":
        relation, holds = (">" if opened else ">="), exact >= ns
    else:
        relation, holds = ("<" if opened else "<="), exact <= ns
    return compared(measure, duration, relation, limit, setting, holds)


def _length(  # noqa: PLR0917 - one comparison and all that it depends on
    measure: str, value: float, side: str, setting: str, config: GestureConfig, density: float
) -> Condition:
    """Compare as float32, with whole px where places are."""
    limit, opened = float(getattr(config, setting)), setting in config.open
    whole = config.slop_metric == "trunc" and setting in {"touch_slop_dp", "drag_distance_dp"}
    if whole and limit < math.inf:
        limit = max(1, math.floor(limit * density + 0.5)) / density
    limit = float32(limit)
    beyond = value >= limit if opened else value > limit
    far = ">=" if opened else ">"
    relation, holds = (far, beyond) if side == ">" else ("<" if opened else "<=", not beyond)
    return compared(measure, value, relation, limit, setting, holds)


def _speed(gesture: Gesture, config: GestureConfig) -> float:
    if config.fling_on == "axis":
        return max(abs(gesture.velocity_x), abs(gesture.velocity_y))
    return gesture.velocity


def _end(gesture: Gesture, config: GestureConfig, density: float) -> Condition:
    """Return the condition that the stroke ends near its start; where no place tells, the reason does."""
    if not config.up_moves:
        near = gesture.reason is not Reason.BETWEEN_SLOP_AND_DRAG
        unknown = _length(END_DISTANCE, math.nan, "<", "touch_slop_dp", config, density)
        return msgspec.structs.replace(unknown, holds=near)
    way = _end_distance(gesture, config, density)
    return _length("slop_distance", way, "<", "touch_slop_dp", config, density)


def _end_distance(gesture: Gesture, config: GestureConfig, density: float) -> float:
    """Return the way from the first place to the last one, as the metric has it."""
    if gesture.reason is Reason.MALFORMED:
        return 0.0
    ways, whole = [], config.slop_metric == "trunc"
    for last, first in ((gesture.x_up, gesture.x_down), (gesture.y_up, gesture.y_down)):
        if config.slop_metric == "round":
            ways.append(float(math.floor(last + 0.5) - math.floor(first + 0.5)))
        else:
            way = float32(last - first)
            ways.append(float(math.trunc(way)) if whole and math.isfinite(way) else way)
    return _dp(ways[0], ways[1], density)


def _dp(dx: float, dy: float, density: float) -> float:
    """Return the length of a way (px) in dp, rounded as in the core."""
    dx, dy = float32(dx), float32(dy)
    squared = float32(float32(dx * dx) + float32(dy * dy))
    return float32(float32(math.sqrt(squared)) / density)
