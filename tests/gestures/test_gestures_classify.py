"""Kinds at, just under and just over every threshold (gestures.md, sections 2 and 3)."""

import pytest
from strokes import MS, nearest_float32, samples, stroke

from capture import GestureConfig, GestureKind, Reason, Recognizer, classify
from capture.errors import ConfigError

TAP, LONG_PRESS, DRAG, FLING, NONE = (
    GestureKind.TAP,
    GestureKind.LONG_PRESS,
    GestureKind.DRAG,
    GestureKind.FLING,
    GestureKind.NONE,
)
UNDER_24, OVER_48 = nearest_float32(24, 0), nearest_float32(48, 100)


def one(*points, density=1.0, **settings):
    table = classify(samples(stroke(*points)), density=density, gestures=GestureConfig(**settings))
    assert len(table) == 1
    return table[0]


@pytest.mark.parametrize(
    ("nanoseconds", "expected"),
    [
        pytest.param(0, TAP, id="no-time"),
        pytest.param(499_999_999, TAP, id="just-under"),
        pytest.param(500_000_000, TAP, id="500-ms"),
        pytest.param(500_000_001, LONG_PRESS, id="just-over"),
        pytest.param(3_600_000_000_000, LONG_PRESS, id="an-hour"),
    ],
)
def test_duration_parts_taps_from_long_presses(nanoseconds, expected):
    gesture = one((0, 5, 5), (nanoseconds / MS, 5, 5))

    assert (gesture.kind, gesture.reason) == (expected, Reason.RECOGNIZED)
    assert gesture.duration == nanoseconds / 1e6


@pytest.mark.parametrize(
    ("distance", "kind", "reason"),
    [
        pytest.param(0.0, TAP, Reason.RECOGNIZED, id="none"),
        pytest.param(UNDER_24, TAP, Reason.RECOGNIZED, id="just-under-24"),
        pytest.param(24.0, NONE, Reason.BETWEEN_SLOP_AND_DRAG, id="24"),
        pytest.param(36.0, NONE, Reason.BETWEEN_SLOP_AND_DRAG, id="between"),
        pytest.param(48.0, NONE, Reason.BETWEEN_SLOP_AND_DRAG, id="48"),
        pytest.param(OVER_48, FLING, Reason.RECOGNIZED, id="just-over-48"),
    ],
)
@pytest.mark.parametrize("axis", ["x", "y"])
def test_distance_parts_taps_from_drags(distance, kind, reason, axis):
    end = (100, distance, 0) if axis == "x" else (100, 0, distance)
    gesture = one((0, 0, 0), end)

    assert (gesture.kind, gesture.reason) == (kind, reason)
    assert gesture.distance == distance


@pytest.mark.parametrize(
    ("ms", "expected"),
    [
        pytest.param(800, DRAG, id="100-dp-s"),
        pytest.param(801, DRAG, id="just-under"),
        pytest.param(799.9999, FLING, id="just-over"),
        pytest.param(80, FLING, id="1000-dp-s"),
    ],
)
def test_velocity_parts_drags_from_flings(ms, expected):
    assert one((0, 0, 0), (ms, 80, 0)).kind == expected


@pytest.mark.parametrize("density", [0.75, 1.0, 2.75, 10.0])
@pytest.mark.parametrize(
    ("dp", "expected"), [(23.75, TAP), (24.0, NONE), (48.0, NONE), (48.25, FLING)], ids=str
)
def test_thresholds_are_in_dp_at_every_density(density, dp, expected):
    gesture = one((0, 0, 0), (100, dp * density, 0), density=density)

    assert gesture.kind == expected
    assert gesture.distance == pytest.approx(dp, rel=1e-7)


def test_distance_is_the_farthest_not_the_end():
    gesture = one((0, 0, 0), (100, 60, 0), (200, 1, 0))

    assert (gesture.distance, gesture.kind) == (60.0, FLING)
    assert gesture.path_length == 119.0


def test_measures_of_a_stroke():
    gesture = one((0, 10, 20), (50, 13, 24), (100, 13, 14), density=2.0)

    assert (gesture.path_length, gesture.width, gesture.height) == (7.5, 1.5, 5.0)
    assert gesture.distance == pytest.approx((3**2 + 6**2) ** 0.5 / 2)
    assert (gesture.velocity_x, gesture.velocity_y) == (15.0, -30.0)
    assert (gesture.sample_count, gesture.first_sample, gesture.last_sample) == (3, 0, 2)
    assert (gesture.x_down, gesture.y_down, gesture.x_up, gesture.y_up) == (10.0, 20.0, 13.0, 14.0)


def test_a_stroke_without_duration_counts_as_one_ms_for_its_velocity():
    gesture = one((0, 0, 0), (0, 60, 0))

    assert (gesture.duration, gesture.velocity, gesture.kind) == (0.0, 60_000.0, FLING)


def test_time_running_backwards_gives_no_duration():
    gesture = one((10, 0, 0), (5, 1, 0))

    assert (gesture.duration, gesture.kind) == (0.0, TAP)


@pytest.mark.parametrize(
    ("settings", "points", "expected"),
    [
        pytest.param({"tap_timeout_ms": 100}, [(0, 0, 0), (101, 0, 0)], LONG_PRESS, id="tap-timeout"),
        pytest.param({"touch_slop_dp": 8}, [(0, 0, 0), (50, 9, 0)], NONE, id="touch-slop"),
        pytest.param({"drag_distance_dp": 30}, [(0, 0, 0), (50, 31, 0)], FLING, id="drag-distance"),
        pytest.param({"fling_velocity_dp_s": 2000}, [(0, 0, 0), (50, 60, 0)], DRAG, id="fling-velocity"),
    ],
)
def test_thresholds_come_from_the_configuration(settings, points, expected):
    assert one(*points, **settings).kind == expected


def test_a_sum_that_overflows_is_infinite():
    gesture = one((0, -3e38, 0), (100, 3e38, 0))

    assert gesture.distance == float("inf")
    assert gesture.kind == FLING


@pytest.mark.parametrize("density", [0.0, 0.74, 10.01, float("nan"), "2", True, None])
def test_a_density_out_of_range_is_refused(density):
    with pytest.raises(ConfigError, match=r"density = .*0\.75 to 10"):
        Recognizer(density)


@pytest.mark.parametrize("call", [Recognizer, lambda gestures: classify(None, gestures=gestures)])
def test_a_name_is_no_configuration(call):
    with pytest.raises(TypeError, match=r"gestures = 'ios': expected a GestureConfig"):
        call(gestures="ios")


def test_density_may_differ_between_streams():
    log = samples(stroke((0, 0, 0), (50, 60, 0), stream=7), stroke((100, 0, 0), (150, 60, 0), stream=8))

    table = classify(log, density={7: 3.0})

    assert [gesture.distance for gesture in table] == [20.0, 60.0]
    assert [gesture.kind for gesture in table] == [TAP, FLING]
