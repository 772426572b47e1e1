"""The dialects, once: the numbers and words with which an engine tells gestures apart, as rows of data.

`ROWS` is the one table; its first row is the event format's, and the default. The other rows say only where
they differ from it. A row of a user's own (``[gestures.dialects.myapp]``) is a dialect too; it names the row
that it starts from as ``base``. The keys are fields of `capture.GestureConfig`, which describes them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from capture.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DEFAULT", "OPENABLE", "ROWS", "names", "row_of"]

#: The dialect of the event format.
DEFAULT = "contentsquare"

_FLUTTER: dict[str, Any] = {
    "up_moves": False,
    "velocity_strategy": "lsq2",
    "min_samples": 3,
    "tap_timeout_ms": math.inf,
    "touch_slop_dp": 18.0,
    "drag_distance_dp": 18.0,
    "fling_velocity_dp_s": 50.0,
    "fling_distance_dp": 18.0,
    "after_hold": "keep",
    "direction": "velocity",
    "second_finger": "ignore",
    "multi_tap_min_ms": 40.0,
    "multi_tap_min_from": "down",
    "multi_tap_count": 2,
    "open": ("multi_tap_timeout_ms",),
    "chord_fingers": 0,
    "swipe_velocity_dp_s": 50.0,
}

#: Dialect -> its keys.
ROWS: dict[str, dict[str, Any]] = {
    "contentsquare": {
        "slop_metric": "euclid",
        "drag_metric": "euclid",
        "tap_at": "farthest",
        "up_moves": True,
        "velocity_strategy": "mean",
        "min_samples": 2,
        "stop_ms": 40.0,
        "up_stop_ms": 40.0,
        "clamp": "length",
        "max_fling_velocity_dp_s": 8000.0,
        "early_ms": 300.0,
        "tap_timeout_ms": 500.0,
        "hold_ms": 500.0,
        "touch_slop_dp": 24.0,
        "drag_distance_dp": 48.0,
        "fling_velocity_dp_s": 100.0,
        "fling_on": "speed",
        "fling_distance_dp": 0.0,
        "fling_over": "window",
        "after_hold": "whole",
        "direction": "box",
        "tie": "vertical",
        "second_finger": "void",
        "multi_tap_timeout_ms": 300.0,
        "multi_tap_min_ms": 0.0,
        "multi_tap_slop_dp": 100.0,
        "multi_tap_from": "up",
        "multi_tap_min_from": "up",
        "multi_tap_count": 0,
        "run_drag": False,
        "run_hold": True,
        "rage_tap_count": 3,
        "rage_tap_timeout_ms": 1000.0,
        "rage_tap_radius_dp": 30.0,
        "open": ("touch_slop_dp", "hold_ms"),
        "modes": "pinch rotate pan",
        "transform_slop_dp": None,
        "pinch_scale": 0.0,
        "rotate_deg": 0.0,
        "min_span_dp": 0.0,
        "chord_fingers": 5,
        "chord_timeout_ms": 500.0,
        "chord_separation_dp": math.inf,
        "swipe_velocity_dp_s": 100.0,
        "swipe_ratio": 1.0,
        "free_fingers": math.inf,
        "frame_ms": 4.0,
    },
    "android": {
        "slop_metric": "trunc",
        "up_moves": False,
        "velocity_strategy": "lsq2",
        "clamp": "axis",
        "tap_timeout_ms": math.inf,
        "hold_ms": 400.0,
        "touch_slop_dp": 8.0,
        "drag_distance_dp": 8.0,
        "fling_velocity_dp_s": 50.0,
        "fling_on": "axis",
        "after_hold": "keep",
        "direction": "velocity",
        "multi_tap_min_ms": 40.0,
        "multi_tap_from": "down",
        "multi_tap_count": 2,
        "run_drag": True,
        "open": ("multi_tap_timeout_ms", "multi_tap_slop_dp"),
        "modes": "pinch pan",
        "min_span_dp": 170.0,
        "chord_fingers": 0,
        "swipe_velocity_dp_s": math.inf,
    },
    "chromium": {
        "up_moves": False,
        "velocity_strategy": "lsq2",
        "up_stop_ms": 80.0,
        "clamp": "axis",
        "tap_timeout_ms": math.inf,
        "hold_ms": 680.0,
        "touch_slop_dp": 8.05,
        "drag_distance_dp": 8.05,
        "fling_velocity_dp_s": 50.0,
        "fling_on": "axis",
        "after_hold": "drag",
        "direction": "velocity",
        "multi_tap_min_ms": 40.0,
        "multi_tap_slop_dp": 100.05,
        "multi_tap_from": "down",
        "multi_tap_count": 2,
        "run_drag": True,
        "run_hold": False,
        "open": ("multi_tap_timeout_ms", "multi_tap_slop_dp", "stop_ms", "up_stop_ms"),
        "modes": "pinch pan",
        "min_span_dp": 200.05,
        "chord_fingers": 0,
        "swipe_velocity_dp_s": math.inf,
        "free_fingers": 3.0,
    },
    "chromium_desktop": {
        "up_moves": False,
        "velocity_strategy": "lsq2_restricted",
        "up_stop_ms": 80.0,
        "clamp": "axis",
        "max_fling_velocity_dp_s": 17000.0,
        "tap_timeout_ms": math.inf,
        "hold_ms": 650.0,
        "touch_slop_dp": 15.05,
        "drag_distance_dp": 15.05,
        "fling_velocity_dp_s": 30.0,
        "fling_on": "axis",
        "after_hold": "drag",
        "direction": "velocity",
        "multi_tap_timeout_ms": 400.0,
        "multi_tap_slop_dp": 20.05,
        "multi_tap_count": 3,
        "open": ("multi_tap_slop_dp", "stop_ms", "up_stop_ms"),
        "modes": "pinch pan",
        "min_span_dp": 125.05,
        "chord_fingers": 2,
        "chord_timeout_ms": 800.0,
        "chord_separation_dp": 300.0,
        "swipe_velocity_dp_s": 20.0,
        "swipe_ratio": 2.7474773,
        "free_fingers": 3.0,
    },
    "flutter": _FLUTTER,
    "flutter_scroll": {
        **_FLUTTER,
        "drag_metric": "axis",
        "clamp": "axis",
        "fling_on": "drag_axis",
        "direction": "axis",
    },
    "hammer": {
        "slop_metric": "round",
        "tap_at": "end",
        "tap_timeout_ms": 250.0,
        "hold_ms": 251.0,
        "touch_slop_dp": 9.0,
        "drag_distance_dp": 10.0,
        "fling_velocity_dp_s": 300.0,
        "fling_on": "axis",
        "fling_distance_dp": 10.0,
        "fling_over": "stroke",
        "after_hold": "drag",
        "direction": "travel",
        "tie": "horizontal",
        "multi_tap_slop_dp": 10.0,
        "multi_tap_from": "up_up",
        "multi_tap_count": 2,
        "open": ("touch_slop_dp", "tap_timeout_ms", "multi_tap_timeout_ms", "multi_tap_slop_dp"),
        "modes": "pinch rotate",
        "transform_slop_dp": 0.0,
        "chord_fingers": 0,
        "swipe_velocity_dp_s": math.inf,
    },
    "ios": {
        "up_moves": False,
        "velocity_strategy": "ios",
        "tap_timeout_ms": math.inf,
        "touch_slop_dp": 10.0,
        "drag_distance_dp": 10.0,
        "after_hold": "keep",
        "direction": "velocity",
        "multi_tap_count": 2,
        "open": (),
    },
    "kivy": {
        "up_moves": False,
        "velocity_strategy": "early",
        "clamp": "none",
        "tap_timeout_ms": 250.0,
        "hold_ms": 400.0,
        "touch_slop_dp": 0.0,
        "drag_distance_dp": 0.0,
        "fling_velocity_dp_s": 800.0,
        "after_hold": "keep",
        "direction": "velocity",
        "multi_tap_timeout_ms": 250.0,
        "multi_tap_slop_dp": 16.0,
        "multi_tap_from": "down",
        "multi_tap_count": 2,
        "open": ("tap_timeout_ms", "multi_tap_timeout_ms"),
        "modes": "pinch",
        "transform_slop_dp": 0.0,
        "chord_fingers": 0,
        "swipe_velocity_dp_s": math.inf,
    },
}

#: Keys that a row may name in ``open``: a measure that equals such a limit is beyond it.
OPENABLE = (
    "touch_slop_dp",
    "drag_distance_dp",
    "fling_velocity_dp_s",
    "fling_distance_dp",
    "tap_timeout_ms",
    "hold_ms",
    "stop_ms",
    "up_stop_ms",
    "multi_tap_timeout_ms",
    "multi_tap_min_ms",
    "multi_tap_slop_dp",
    "transform_slop_dp",
    "pinch_scale",
    "rotate_deg",
)


def names(own: Mapping[str, Any] = {}) -> tuple[str, ...]:
    """Return the names of the dialects, those of a user's own rows last."""
    return (*ROWS, *own)


def row_of(dialect: str, own: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return every key of a dialect; ``hold_ms`` is left out where it follows ``tap_timeout_ms``.

    Parameters
    ----------
    dialect : str
    own : mapping of str to mapping
        The rows of the user's file.

    Raises
    ------
    ConfigError
        When the dialect, or the base of a row, is not known.
    """
    changes: list[Mapping[str, Any]] = []
    name, path = dialect, "gestures.dialect"
    while name not in ROWS:
        if name not in own or len(changes) > len(own):
            known = ", ".join(each for each in names(own) if each != name)
            raise ConfigError(f"{path} = {name!r}: expected one of {known}")
        changes.append(own[name])
        name, path = own[name].get("base", DEFAULT), f"gestures.dialects.{name}.base"
    row = {**ROWS[DEFAULT], **ROWS[name]}
    if name == DEFAULT:
        del row["hold_ms"]
    for change in reversed(changes):
        row |= {key: value for key, value in change.items() if key != "base"}
    return row
