"""Explanations: they never disagree with the record, and give each measure, threshold and margin."""

import json
import math
from pathlib import Path

import msgspec
import pytest
from dialect_streams import Streams
from example_count import examples
from hypothesis import given, settings, strategies as st

from capture import GestureConfig, GestureKind, Reason, Recognizer, TouchSamples, classify
from capture.cli import run
from capture.explain import explain, render
from capture.gestures.dialects import ROWS
from capture.gestures.sources import SOURCES, source_of

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


@settings(max_examples=examples(150), deadline=None)
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


def test_a_bad_first_place_is_explained_where_the_last_place_decides():
    config = GestureConfig(dialect="hammer")
    found = explain(stroke((0, math.inf, 0), (100, 20, 0), config=config), config)

    assert found.reason == "malformed"
    assert "nothing can be measured" in found.verdict


def test_a_second_tap_that_is_too_long_for_a_hold_is_no_long_press_in_a_run():
    config = GestureConfig(dialect="chromium")
    recognizer = Recognizer(gestures=config)
    for at, last in ((0, 50), (100, 900)):
        recognizer.down(0, 0, 0, at * MS)
        tap = recognizer.up(0, 0, 0, last * MS)
    found = explain(tap, config)
    [hold] = [rival for rival in found.rivals if rival.kind == "long_press"]

    assert (found.by_measures, tap.tap_count) == ("tap", 2)
    assert [(each.setting, each.threshold, each.source) for each in hold.failed] == [
        ("run_hold", math.inf, "Chromium gesture_provider.cc")
    ]
    assert "duration >= inf ms" in render(found)


@pytest.mark.parametrize("options", [{"end": "cancel"}, {"second": True}], ids=["canceled", "multi-touch"])
def test_what_is_between_a_tap_and_a_hold_and_overruled_is_nothing(options):
    config = GestureConfig(dialect="kivy")
    found = explain(stroke((0, 0, 0), (300, 0, 0), config=config, **options), config)

    assert found.by_measures == "none"
    assert [(each.measure, each.relation) for each in found.conditions if each.holds] == [
        ("drag_distance", "<="),
        ("duration", ">="),
    ]
    assert all(each.holds for each in found.conditions)


def test_the_distance_of_a_fling_is_measured_from_the_record():
    config = GestureConfig(dialect="hammer")
    found = explain(stroke((0, 0, 0), (100, 40, 30), config=config), config)

    assert found.by_measures == "fling"
    assert conditions(found)["fling_distance"].value == 50


def test_a_hold_that_ends_with_any_movement_is_explained_by_the_movement():
    config = GestureConfig(dialect="flutter", after_hold="whole")
    found = explain(stroke((0, 0, 0), (600, 19, 0), (700, 0, 0), config=config), config)
    [hold] = [rival for rival in found.rivals if rival.kind == "long_press"]

    assert [(each.measure, each.value, each.relation) for each in hold.failed] == [
        ("slop_distance", 19, "<=")
    ]


def test_a_movement_at_the_instant_of_an_open_hold_is_before_it():
    config = GestureConfig(dialect="flutter", open=("hold_ms",))
    found = explain(stroke((0, 0, 0), (500, 19, 0), (700, 0, 0), config=config), config)
    [hold] = [rival for rival in found.rivals if rival.kind == "long_press"]

    assert [(each.measure, each.value, each.relation) for each in hold.failed] == [("slop_time", 500, ">")]


@pytest.mark.parametrize(
    ("points", "kind", "rival", "failed"),
    [
        (((0, 0, 0), (50, 12, 0), (60, 100, 0)), "tap", "none", "end distance > 18 dp"),
        (((0, 0, 0), (50, 22, 0), (60, 0, 0)), "none", "tap", "end distance <= 18 dp"),
    ],
    ids=["a tap", "no tap"],
)
def test_where_the_last_move_decides_its_place_is_said_to_be_not_recorded(points, kind, rival, failed):
    config = GestureConfig(dialect="flutter", tap_at="end", drag_distance_dp=25.0)
    found = explain(stroke(*points, config=config), config)
    [other] = [each for each in found.rivals if each.kind == rival]

    assert (found.kind, found.by_measures) == (kind, kind)
    assert all(each.holds for each in found.conditions)
    assert [f"{each.measure} {each.relation} {each.threshold:g} dp" for each in other.failed] == [failed]
    assert f"{failed:<32} it is not recorded: fails\n" in render(found)


def test_a_fling_distance_that_no_record_has_is_said_to_be_not_recorded():
    config = GestureConfig(dialect="flutter")
    found = explain(stroke((0, 0, 0), (10, 20, 0), (20, 40, 0), (30, 60, 0), config=config), config)

    assert found.by_measures == "fling"
    assert "fling distance > 18 dp           it is not recorded: holds\n" in render(found)


def test_an_overruled_fling_is_one_by_its_velocity():
    config = GestureConfig(dialect="flutter")
    points = (0, 0, 0), (10, 20, 0), (20, 40, 0), (30, 60, 0)
    recognizer = Recognizer(gestures=config)
    recognizer.down(1, 0, 500, 0)
    for at, x, y in points[:-1]:
        getattr(recognizer, "move" if at else "down")(0, x, y, at * MS)
    found = explain(recognizer.up(0, *points[-1][1:], points[-1][0] * MS), config)

    assert (found.reason, found.by_measures) == ("multi_touch", "fling")


def sources(found):
    return {each.setting: each.source for each in found.conditions}


def test_a_threshold_names_where_it_is_from():
    rest = stroke((0, 0, 0), (100, 0, 0))

    assert sources(explain(rest)) == dict.fromkeys(["tap_timeout_ms", "touch_slop_dp"], "the event format")
    slower = GestureConfig(tap_timeout_ms=600)
    assert sources(explain(rest, slower))["tap_timeout_ms"] == "set in [gestures]"
    android = GestureConfig(dialect="android")
    found = explain(stroke((0, 0, 0), (100, 0, 0), config=android), android)
    assert sources(found) == {"touch_slop_dp": "Android ViewConfiguration TOUCH_SLOP, whole px"}
    assert "hold_ms                     400 ms    Android ViewConfiguration" in render(found)
    mine = GestureConfig(dialect="mine", dialects={"mine": {"base": "flutter", "hold_ms": 300}})
    found = explain(stroke((0, 0, 0), (400, 0, 0), config=mine), mine)
    assert sources(found) == {"hold_ms": "set in [gestures.dialects.mine]"}
    assert source_of(mine, "touch_slop_dp") == "Flutter kTouchSlop"
    assert source_of(GestureConfig(hold_ms=700), "hold_ms") == "set in [gestures]"
    assert source_of(GestureConfig(tap_timeout_ms=700), "hold_ms") == "set in [gestures]"
    assert source_of(GestureConfig(), "multi_tap_slop_dp") == "touchcapture's choice"


def test_sources_are_of_keys_and_rows_that_exist():
    assert set(SOURCES) == set(ROWS)
    for name, keys in SOURCES.items():
        assert set(keys) <= set(GestureConfig.__struct_fields__), name


def test_the_command_explains_the_default_dialect_with_another_lens(capsys, tmp_path):
    config, log = tmp_path / "capture.toml", tmp_path / "held.csv"
    config.write_text('[gestures]\nafter_hold = "keep"\n')
    log.write_text("action,time,x,y\n0,0,0,0\n2,600000000,0,0\n2,700000000,60,0\n1,800000000,60,0\n")

    assert run(["explain", str(log), "--stroke", "0", "--config", str(config), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["by_measures"] == "long_press"
    assert all(each["holds"] for each in found["conditions"])


def test_the_command_says_what_other_dialects_call_the_stroke(capsys):
    log = str(Path(__file__).parents[1] / "data" / "session.touch.jsonl")

    assert run(["explain", log, "--stroke", "12", "--dialect", "android", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    others = {each["dialect"]: each for each in found["others"]}
    assert set(others) == set(ROWS) - {"android"}
    assert found["kind"] == others["flutter"]["kind"] == "drag"
    assert others["contentsquare"]["why"] == "distance 35.1992, drag needs > 48"
    assert others["flutter"]["why"] == ""
    assert run(["explain", log, "--stroke", "12"]) == 0
    printed = capsys.readouterr().out
    assert "in other dialects" in printed
    assert "android           drag down                margin " in printed
    # A second log begins after the strokes of the first.
    assert run(["explain", log, log, "--stroke", "35", "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert (again["kind"], len(again["others"])) == ("none", len(ROWS) - 1)
