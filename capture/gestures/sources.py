"""Where the numbers of the dialects come from, key by key: an explanation names them beside a limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture.gestures.dialects import DEFAULT, ROWS, row_of

if TYPE_CHECKING:
    from capture.gestures.config import GestureConfig

__all__ = ["SOURCES", "source_of"]

_OURS = "touchcapture's choice"
_FORMAT = "the event format"
_CHROMIUM_SLOP = "Chromium gesture_configuration.cc, + 0.05 (kSlopEpsilon)"
_FLUTTER = {
    "touch_slop_dp": "Flutter kTouchSlop",
    "drag_distance_dp": "Flutter kTouchSlop",
    "hold_ms": "Flutter kLongPressTimeout",
    "fling_velocity_dp_s": "Flutter kMinFlingVelocity",
    "fling_distance_dp": "Flutter monodrag.dart",
    "min_samples": "Flutter velocity_tracker.dart",
    "multi_tap_timeout_ms": "Flutter kDoubleTapTimeout",
    "multi_tap_min_ms": "Flutter kDoubleTapMinTime",
    "multi_tap_slop_dp": "Flutter kDoubleTapSlop",
    "swipe_velocity_dp_s": "Flutter scale.dart",
}

#: Dialect -> key -> where its value is from. Keys that are not named have the value of the default row.
SOURCES: dict[str, dict[str, str]] = {
    "contentsquare": {
        "tap_timeout_ms": _FORMAT,
        "hold_ms": _FORMAT,
        "touch_slop_dp": _FORMAT,
        "drag_distance_dp": _FORMAT,
        "fling_velocity_dp_s": _FORMAT,
    },
    "android": {
        "touch_slop_dp": "Android ViewConfiguration TOUCH_SLOP, whole px",
        "drag_distance_dp": "Android ViewConfiguration TOUCH_SLOP, whole px",
        "hold_ms": "Android ViewConfiguration DEFAULT_LONG_PRESS_TIMEOUT",
        "fling_velocity_dp_s": "Android ViewConfiguration MINIMUM_FLING_VELOCITY",
        "multi_tap_timeout_ms": "Android ViewConfiguration DOUBLE_TAP_TIMEOUT",
        "multi_tap_min_ms": "Android ViewConfiguration DOUBLE_TAP_MIN_TIME",
        "multi_tap_slop_dp": "Android ViewConfiguration DOUBLE_TAP_SLOP",
        "min_span_dp": "Android config_minScalingSpan",
    },
    "chromium": {
        "touch_slop_dp": _CHROMIUM_SLOP,
        "drag_distance_dp": _CHROMIUM_SLOP,
        "hold_ms": "Chromium gesture_detector.cc, show press + long press",
        "run_hold": "Chromium gesture_provider.cc",
        "fling_velocity_dp_s": "Chromium gesture_configuration.cc",
        "multi_tap_timeout_ms": "Chromium gesture_detector.cc",
        "multi_tap_min_ms": "Chromium gesture_detector.cc",
        "multi_tap_slop_dp": _CHROMIUM_SLOP,
        "up_stop_ms": "Chromium velocity_tracker.cc",
        "min_span_dp": "Chromium gesture_configuration.cc, + 0.05",
    },
    "chromium_desktop": {
        "touch_slop_dp": _CHROMIUM_SLOP,
        "drag_distance_dp": _CHROMIUM_SLOP,
        "hold_ms": "Chromium gesture_configuration_aura.cc, show press + long press",
        "fling_velocity_dp_s": "Chromium gesture_configuration_aura.cc",
        "multi_tap_timeout_ms": "Chromium gesture_configuration_aura.cc",
        "multi_tap_slop_dp": _CHROMIUM_SLOP,
        "up_stop_ms": "Chromium velocity_tracker.cc",
        "min_span_dp": "Chromium gesture_configuration.cc, + 0.05",
        "chord_timeout_ms": "Chromium gesture_configuration.cc",
        "chord_separation_dp": "Chromium gesture_configuration.cc",
        "swipe_velocity_dp_s": "Chromium gesture_detector.cc",
        "swipe_ratio": "Chromium gesture_detector.cc, 1 / tan 20 degrees",
    },
    "flutter": _FLUTTER,
    "flutter_scroll": _FLUTTER,
    "hammer": {
        "tap_timeout_ms": "Hammer.js tap.js",
        "touch_slop_dp": "Hammer.js tap.js, press.js",
        "hold_ms": "Hammer.js press.js",
        "drag_distance_dp": "Hammer.js pan.js",
        "fling_velocity_dp_s": "Hammer.js swipe.js",
        "fling_distance_dp": "Hammer.js swipe.js",
        "multi_tap_timeout_ms": "Hammer.js tap.js",
        "multi_tap_slop_dp": "Hammer.js tap.js",
        "transform_slop_dp": "Hammer.js pinch.js, rotate.js",
    },
    "ios": {
        "hold_ms": "UIKit minimumPressDuration",
        "touch_slop_dp": "UIKit allowableMovement; of a tap touchcapture's choice",
        "drag_distance_dp": _OURS,
        "fling_velocity_dp_s": "Flutter scroll_physics.dart, iOS",
        "multi_tap_timeout_ms": _OURS,
        "multi_tap_slop_dp": _OURS,
    },
    "kivy": {
        "tap_timeout_ms": "gestures4kivy _DOUBLE_TAP_TIME",
        "hold_ms": "gestures4kivy _LONG_PRESS",
        "touch_slop_dp": "gestures4kivy: any movement ends a tap",
        "drag_distance_dp": "gestures4kivy: any movement ends a tap",
        "fling_velocity_dp_s": "gestures4kivy _SWIPE_VELOCITY",
        "early_ms": "gestures4kivy _SWIPE_TIME",
        "multi_tap_timeout_ms": "Kivy doubletap.py",
        "multi_tap_slop_dp": "a part of Kivy's window, 16 dp without one",
    },
}


def source_of(config: GestureConfig, key: str) -> str:
    """Return where the value of a key is from: set by the user, or a place of the dialect's engine.

    Parameters
    ----------
    config : GestureConfig
    key : str
        One of its fields that has a number.
    """
    row = row_of(config.dialect, config.dialects)
    value = getattr(config, key)
    # `hold_ms` is missing where it follows `tap_timeout_ms`.
    if key == "hold_ms" and key not in row:
        followed = value == config.tap_timeout_ms
        return source_of(config, "tap_timeout_ms") if followed else "set in [gestures]"
    if row.get(key, value) != value:
        return "set in [gestures]"
    name = config.dialect
    while name not in ROWS:
        if key in config.dialects[name]:
            return f"set in [gestures.dialects.{name}]"
        name = config.dialects[name].get("base", DEFAULT)
    if key in SOURCES[name]:
        return SOURCES[name][key]
    return SOURCES[DEFAULT].get(key, _OURS) if key not in ROWS[name] else _OURS
