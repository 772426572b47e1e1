"""Explanations: they never disagree with the record, and give each measure, threshold and margin."""

import math

import msgspec
import pytest
from dialect_streams import Streams
from hypothesis import given, settings, strategies as st

from capture import GestureConfig, GestureKind, Reason, Recognizer, TouchSamples, classify
from capture.explain import explain, render
from capture.gestures.dialects import ROWS

MS = 1_000_000
KINDS = {"tap", "long_press", "drag", "fling", "none"}


def stroke(*points, density=1.0, config=None, end="up", second=False):
    """Record of (ms, x, y) points; lifted, canceled, or left open."""
    recognizer = Recognizer(density, config)
    (at, x, y), *rest = points
    recognizer.down(0, x, y, round(at * MS))
    if second:
        recognizer.down(1, x, y, round(at * MS))
    for at, x, y in rest[:-1]:
        recognizer.move(0, x, y, round(at * MS))
    at, x, y = rest[-1]
    if end == "open":
        recognizer.move(0, x, y, round(at * MS))
        return recognizer.finish()[0]
    return getattr(recognizer, end)(0, x, y, round(at * MS))


def conditions(explanation):
    return {each.measure: each for each in explanation.conditions}


@pytest.mark.parametrize(
    ("duration_ms", "kind", "margin"),
    [
        pytest.param(500, "tap", 0.0, id="exactly-at-the-timeout"),
        pytest.param(500.000001, "long_press", 1e-6, id="a-nanosecond-more"),
        pytest.param(20, "tap", 480.0, id="short"),
    ],
)
def test_duration_against_the_tap_timeout(duration_ms, kind, margin):
    found = explain(stroke((0, 0, 0), (duration_ms, 0, 0)))
    condition = conditions(found)["duration"]

    assert found.kind == found.by_measures == kind
    assert (condition.threshold, condition.setting, condition.unit) == (500.0, "tap_timeout_ms", "ms")
    assert condition.holds
    assert condition.margin == pytest.approx(margin, abs=1e-9)


@pytest.mark.parametrize(
    ("travel", "kind", "expected"),
    [
        pytest.param(23.99, "tap", ("distance", "<", 24.0), id="under-the-slop"),
        pytest.param(24.0, "none", ("distance", ">=", 24.0), id="at-the-slop"),
        pytest.param(48.0, "none", ("distance", "<=", 48.0), id="at-the-drag-distance"),
        pytest.param(48.01, "fling", ("distance", ">", 48.0), id="over-the-drag-distance"),
    ],
)
def test_distance_against_its_thresholds(travel, kind, expected):
    found = explain(stroke((0, 0, 0), (100, travel, 0)))

    assert found.kind == kind
    assert expected in {(each.measure, each.relation, each.threshold) for each in found.conditions}
    assert {rival.kind for rival in found.rivals} == KINDS - {kind}
    assert all(rival.failed for rival in found.rivals)


def test_what_a_rival_lacked_and_by_how_much():
    found = explain(stroke((0, 0, 0), (1000, 60, 0)))
    [fling] = [rival for rival in found.rivals if rival.kind == "fling"]

    assert found.kind == "drag"
    assert [(each.measure, each.relation, each.margin) for each in fling.failed] == [("velocity", ">", -40.0)]


@pytest.mark.parametrize(
    ("points", "direction", "verdict"),
    [
        pytest.param([(0, 0, 0), (100, 0, -200)], "up", "a fling upwards", id="up"),
        pytest.param([(0, 0, 0), (100, 200, 0)], "right", "a fling to the right", id="right"),
        pytest.param(
            [(0, 0, 0), (50, 200, 0), (100, 100, 0)],
            "complex_pattern",
            "a fling in a complex pattern: backtrack above the touch slop",
            id="there-and-half-back",
        ),
        pytest.param(
            [(0, 0, 0), (50, 100, 60), (100, 200, 0)],
            "complex_pattern",
            "a fling in a complex pattern: wander above the touch slop",
            id="bow",
        ),
    ],
)
def test_direction_is_explained(points, direction, verdict):
    found = explain(stroke(*points))

    assert (found.direction, found.verdict) == (direction, verdict)
    assert all(each.holds for each in found.direction_conditions) == (direction != "complex_pattern")


@pytest.mark.parametrize(
    ("options", "reason", "by_measures"),
    [
        pytest.param({"end": "cancel"}, "canceled", "fling", id="canceled"),
        pytest.param({"end": "open"}, "incomplete", "fling", id="incomplete"),
        pytest.param({"second": True}, "multi_touch", "fling", id="multi-touch"),
    ],
)
def test_what_overrules_the_measures_is_said(options, reason, by_measures):
    found = explain(stroke((0, 0, 0), (100, 200, 0), **options))

    assert (found.kind, found.reason, found.by_measures) == ("none", reason, by_measures)
    assert found.verdict.startswith("not recognised: ")
    assert found.verdict.endswith("by its measures alone it would be a fling")


def test_a_malformed_stroke_has_nothing_to_measure():
    found = explain(stroke((0, math.nan, 0), (100, 200, 0)))

    assert found.reason == "malformed"
    assert "nothing can be measured" in found.verdict


def test_an_infinite_measure_has_no_value_and_no_margin():
    found = explain(stroke((0, -3e38, 0), (100, 3e38, 0)))

    assert found.kind == "fling"
    assert conditions(found)["distance"].value is None
    assert "not finite" in render(found)


def test_thresholds_of_the_configuration_and_density_are_used():
    config = GestureConfig(touch_slop_dp=5, drag_distance_dp=10)
    found = explain(stroke((0, 0, 0), (100, 24, 0), density=2.0, config=config), config, density=2.0)

    assert found.kind == "fling"
    assert conditions(found)["distance"].margin == pytest.approx(2.0)


def test_text_has_a_line_for_each_comparison():
    found = explain(stroke((0, 0, 0), (100, 36, 0)))
    text = render(found)

    assert text.startswith("not recognised: farther than a tap may go")
    assert text.count(" it is ") == len(found.conditions) + sum(len(rival.failed) for rival in found.rivals)
    assert "distance >= 24 dp" in text
    assert "holds, by 12" in text


COORDINATES = st.floats(-400, 400, width=32) | st.sampled_from([0.0, 24.0, 48.0, -24.0, 3e38, -3e38])
CONFIGS = st.builds(
    lambda slop, more, timeout, velocity, strategy: GestureConfig(
        touch_slop_dp=slop,
        drag_distance_dp=slop + more,
        tap_timeout_ms=timeout,
        fling_velocity_dp_s=velocity,
        velocity_strategy=strategy,
    ),
    st.sampled_from([0.0, 10.5, 24.0]),
    st.sampled_from([0.0, 24.0]),
    st.sampled_from([0.0, 99.9999996, 100.0, 500.0]),
    st.sampled_from([0.0, 100.0, 2000.0]),
    st.sampled_from(["mean", "lsq2", "impulse"]),
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([0, 5, 50, 100]), COORDINATES, COORDINATES), min_size=2, max_size=8),
    st.sampled_from([0.75, 1.0, 2.75, 10.0]),
    CONFIGS,
)
def test_an_explanation_never_disagrees_with_the_record(steps, density, config):
    at, points = 0, []
    for step, x, y in steps:
        at += step
        points.append((at, x, y))
    gesture = stroke(*points, density=density, config=config)
    found = explain(gesture, config, density=density)

    assert found.by_measures == gesture.kind.name.lower()
    assert all(each.holds for each in found.conditions)
    assert all(rival.failed for rival in found.rivals)
    if gesture.kind in {GestureKind.DRAG, GestureKind.FLING}:
        straight = all(each.holds for each in found.direction_conditions)
        assert straight == (gesture.direction.name != "COMPLEX_PATTERN")
    assert gesture.reason in {Reason.RECOGNIZED, Reason.BETWEEN_SLOP_AND_DRAG}


@pytest.mark.parametrize("name", ROWS)
def test_explanations_in_a_dialect_never_disagree_with_their_records(name):
    config = GestureConfig(dialect=name, verdict_columns=True)
    rows = Streams(msgspec.structs.asdict(config), f"explain {name}", 2.625).rows(60)
    for gesture in classify(TouchSamples.from_rows(rows), density=2.625, gestures=config):
        found = explain(gesture, config, density=2.625)

        assert found.kind == gesture.kind.name.lower()
        if gesture.reason in {Reason.RECOGNIZED, Reason.BETWEEN_SLOP_AND_DRAG, Reason.BETWEEN_TAP_AND_HOLD}:
            assert found.by_measures == found.kind
            assert all(each.holds for each in found.conditions)
        assert found.kind in render(found) or found.kind == "none"


def test_a_dialect_is_explained_by_its_own_limits():
    config = GestureConfig(dialect="hammer")
    found = explain(stroke((0, 0, 0), (250, 0, 0), config=config), config)

    assert found.verdict == (
        "not recognised: longer than a tap may last and not long enough for a long press"
    )
    [hold] = [rival for rival in found.rivals if rival.kind == "long_press"]
    assert [(each.relation, each.threshold, each.margin) for each in hold.failed] == [(">=", 251.0, -1.0)]
