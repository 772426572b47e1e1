"""Dialects: the table, the configuration, the cases of other engines, and the core beside its reference."""

import json
import math
import os
import pickle
from pathlib import Path

import msgspec
import pytest
from dialect_cases import check, rows_of
from dialect_streams import Streams
from reference_chords import ChordReference
from reference_dialects import DialectReference
from strokes import MS, bits, stroke

from capture import ConfigError, GestureConfig, Recognizer, RunConfig, TouchSamples, classify
from capture.gestures.dialects import OPENABLE, ROWS

SHARED = Path(__file__).parents[3] / "shared"
OWN = json.loads((Path(__file__).parents[1] / "data" / "dialect_cases.json").read_text(encoding="utf-8"))
#: Strokes of the comparison with the reference, over all rows; make soak compares 20,000 and more.
STROKES = 20 * max(100, int(os.environ.get("CAPTURE_EXAMPLES", "100")) // 20)
#: Variants of rows, so that every word of every key is used.
VARIANTS = [
    {"dialect": "android", "slop_metric": "round", "drag_metric": "axis", "direction": "axis"},
    {"dialect": "android", "drag_metric": "axis", "direction": "travel", "fling_on": "drag_axis"},
    {"dialect": "flutter", "velocity_strategy": "mean", "drag_metric": "y", "up_moves": True},
    {"dialect": "flutter_scroll", "drag_metric": "x", "direction": "velocity", "velocity_strategy": "early"},
    {"dialect": "chromium", "second_finger": "ignore", "drag_distance_dp": 6.3, "tap_timeout_ms": 300.0},
    {"dialect": "hammer", "multi_tap_from": "down", "run_drag": True, "after_hold": "whole"},
    {"dialect": "hammer", "slop_metric": "trunc", "drag_distance_dp": 5.0, "open": ("drag_distance_dp",)},
    {"dialect": "ios", "velocity_strategy": "impulse", "open": OPENABLE, "fling_distance_dp": 20.0},
    {
        "dialect": "kivy",
        "multi_tap_from": "up_up",
        "run_drag": True,
        "run_hold": False,
        "touch_slop_dp": 20.05,
    },
    {"hold_ms": 700.0, "multi_tap_count": 3, "touch_slop_dp": 20.05, "run_drag": True},
    {"up_moves": False, "multi_tap_min_from": "down", "multi_tap_min_ms": 40.0, "clamp": "none"},
]


def corpus():
    path = SHARED / "corpus" / "dialects.json"
    return json.loads(path.read_text(encoding="utf-8"))["cases"] if path.exists() else []


def row_of(config):
    return msgspec.structs.asdict(config)


def columns(rows):
    return TouchSamples.from_rows(rows)


def records_of(rows, config, density):
    table = classify(columns(rows), density=density, gestures=config)
    return [{name: getattr(gesture, name) for name in gesture.fields} for gesture in table]


# ---- the table ------------------------------------------------------------------------------------


def test_the_table_is_that_of_the_law():
    path = SHARED / "spec" / "profiles.json"
    if not path.exists():
        pytest.skip(f"no {path}")
    law = json.loads(path.read_text(encoding="utf-8"))

    assert list(ROWS) == list(law)
    for name, row in law.items():
        config = GestureConfig(dialect=name)
        for key, value in {**law["contentsquare"], **row}.items():
            expected = math.inf if value == "inf" else tuple(value) if isinstance(value, list) else value
            assert getattr(config, key) == expected, (name, key)


@pytest.mark.parametrize("name", ROWS)
def test_a_row_passes_the_checks_of_the_configuration(name):
    GestureConfig(dialects={"own": {"base": name, **ROWS[name]}}, dialect="own")


def test_a_row_only_says_where_it_differs():
    for name, row in list(ROWS.items())[1:]:
        assert {key: value for key, value in row.items() if ROWS["contentsquare"][key] == value} == {}, name


# ---- the configuration ----------------------------------------------------------------------------


def test_a_key_that_is_set_overrides_the_row():
    config = GestureConfig(dialect="android", touch_slop_dp=24)

    assert (config.touch_slop_dp, config.drag_distance_dp, config.hold_ms) == (24.0, 8.0, 400.0)


def test_a_hold_follows_the_tap_timeout_in_the_default_row_only():
    assert GestureConfig(tap_timeout_ms=300).hold_ms == 300
    assert GestureConfig(tap_timeout_ms=300, hold_ms=700).hold_ms == 700
    assert GestureConfig(dialect="flutter", tap_timeout_ms=300).hold_ms == 500


def test_changes_keep_what_was_set_and_follow_the_dialect():
    config = GestureConfig(dialect="android", touch_slop_dp=12).changed(dialect="flutter")

    assert (config.touch_slop_dp, config.drag_distance_dp, config.min_samples) == (12.0, 18.0, 3)
    assert GestureConfig().changed(tap_timeout_ms=200).hold_ms == 200
    assert GestureConfig(hold_ms=900).changed(tap_timeout_ms=200).hold_ms == 900
    assert GestureConfig(hold_ms=500).changed(tap_timeout_ms=200).hold_ms == 500


def test_a_hold_of_ones_own_row_follows_that_row():
    config = GestureConfig(dialect="own", dialects={"own": {"hold_ms": 300}})

    assert config.changed(dialects={"own": {"hold_ms": 400}}).hold_ms == 400


@pytest.mark.parametrize(("keys", "hold_ms"), [({}, 200), ({"hold_ms": 500}, 500)], ids=["follows", "set"])
def test_a_hold_does_in_another_process_what_it_does_in_this_one(keys, hold_ms):
    config = pickle.loads(pickle.dumps(GestureConfig(**keys)))  # noqa: S301 - its own

    assert config == GestureConfig(**keys)
    assert config.changed(tap_timeout_ms=200).hold_ms == hold_ms


def test_a_row_of_a_users_file_is_a_dialect(tmp_path):
    path = tmp_path / "capture.toml"
    path.write_text(
        "[project]\nid = 8\n[gestures]\ndialect = 'myapp'\nfling_velocity_dp_s = inf\n"
        "[gestures.dialects.myapp]\nbase = 'wide'\nhold_ms = inf\n"
        "[gestures.dialects.wide]\nbase = 'flutter'\ntouch_slop_dp = 30\n"
    )
    config = RunConfig.load(path, environ={}).gestures

    assert (config.touch_slop_dp, config.hold_ms, config.min_samples) == (30.0, math.inf, 3)
    assert config.fling_velocity_dp_s == math.inf
    assert config.has_verdicts


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"dialect": "androd"}, "dialect = 'androd': expected one of contentsquare, android, chromium"),
        ({"clamp": "both"}, "clamp = 'both': expected one of length, axis, none"),
        ({"open": ["early_ms"]}, "open: 'early_ms': expected words of touch_slop_dp, "),
        ({"modes": "pinch twist"}, "modes: 'twist': expected words of pinch, rotate, pan"),
        ({"dialects": {"a": {"base": "b"}}, "dialect": "a"}, "dialects.a.base = 'b': expected one of"),
        ({"dialects": {"a": {"base": "b"}}}, "dialects.a.base = 'b': expected one of"),
        (
            {"dialects": {"a": {"drag_distance_dp": 3}}},
            "dialects.a.drag_distance_dp = 3.0: expected at least gestures.dialects.a.touch_slop_dp",
        ),
        ({"dialects": {"a": {"base": "a"}}, "dialect": "a"}, "dialects.a.base = 'a': expected one of"),
        ({"dialects": {"a": {"touch_slop": 1}}}, "dialects.a.touch_slop: no such key; did you mean"),
        ({"dialects": {"a": {"hold_ms": -1}}}, "dialects.a.hold_ms = -1: expected a number at least 0"),
        ({"dialects": {"ios": {}}}, "dialects.ios: a built-in dialect has this name"),
        ({"touch_slop_dp": 60}, "drag_distance_dp = 48.0: expected at least gestures.touch_slop_dp"),
        ({"hold_ms": math.nan}, "hold_ms = nan: expected a number at least 0"),
    ],
)
def test_a_mistake_is_named_with_what_is_allowed(keys, message):
    with pytest.raises(ConfigError) as error:
        GestureConfig(**keys)

    assert f"gestures.{message}" in str(error.value)


def test_other_lenses_may_have_a_drag_distance_below_the_slop():
    assert GestureConfig(dialect="hammer", drag_distance_dp=5).drag_distance_dp == 5


# ---- the columns ----------------------------------------------------------------------------------


def test_the_default_row_has_no_verdict_unless_asked_for():
    log = columns(stroke((0, 0, 0), (100, 60, 0)))
    plain, asked = classify(log), classify(log, gestures=GestureConfig(verdict_columns=True))

    assert "begun" not in plain[0].to_dict()
    assert not hasattr(plain, "slop_time")
    assert list(asked[0].to_dict())[-5:] == ["slop_distance", "drag_distance", "slop_time", "begun", "margin"]
    assert (asked.slop_distance[0], asked.drag_distance[0], asked.slop_time[0]) == (60.0, 60.0, 100.0)
    assert (asked.begun[0], asked.margin[0]) == (2, 0.25)
    assert bits(plain[0], plain.fields) == bits(asked[0], plain.fields)


def test_verdicts_are_in_arrow():
    pytest.importorskip("pyarrow")
    table = classify(columns(stroke((0, 0, 0), (100, 0, 0))), gestures=GestureConfig(dialect="ios"))

    assert table.to_arrow().schema.names[-5:] == [*table.fields[-5:]]
    assert table.to_arrow().column("margin").to_pylist() == [pytest.approx(0.8)]


def test_equal_gestures_are_equal_where_a_margin_is_no_number():
    rows = stroke((0, 0, 0), (100, 60, 0), end=3)
    first, second = (classify(columns(rows), gestures=GestureConfig(dialect="ios"))[0] for _ in range(2))

    assert math.isnan(first.margin)
    assert first == second
    assert hash(first) == hash(second)


# ---- cases ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", OWN["cases"], ids=lambda case: case["id"])
def test_a_case_comes_out_as_its_engine_has_it(case):
    assert wrong_in(case) == []


def test_the_cases_of_the_engines_own_tests_come_out():
    cases = corpus()
    if not cases:
        pytest.skip("no ../shared/corpus/dialects.json")
    wrong = {case["id"]: problems for case in cases if (problems := wrong_in(case))}

    assert wrong == {}


def wrong_in(case):
    config = GestureConfig(dialect=case["dialect"], verdict_columns=True, **case["set"])
    rows, density = rows_of(case), case.get("density", 1.0)
    chords = ChordReference(row_of(config), density).feed(rows).finish().records
    return check(case, records_of(rows, config, density), chords, config.touch_slop_dp)


# ---- the core beside its reference ----------------------------------------------------------------


CONFIGURATIONS = [
    *(GestureConfig(dialect=name, verdict_columns=True) for name in ROWS),
    *(GestureConfig(verdict_columns=True, **variant) for variant in VARIANTS),
]


@pytest.mark.parametrize("config", CONFIGURATIONS, ids=lambda config: config.dialect)
def test_the_core_equals_its_reference_at_every_limit(config):
    count = STROKES // len(CONFIGURATIONS) // 2 + 1
    for seed, density in enumerate((1.0, 2.625)):
        rows = Streams(row_of(config), f"{config.dialect} {seed}", density).rows(count)
        expected = DialectReference(row_of(config), density).feed(rows).finish().records
        found = records_of(rows, config, density)

        assert len(found) == len(expected)
        for record, reference in zip(found, expected, strict=True):
            assert {name: plain(value) for name, value in record.items()} == {
                name: plain(reference[name]) for name in record
            }


def plain(value):
    """A value whose NaN equals itself."""
    return "nan" if value != value else float(value)  # noqa: PLR0124


@pytest.mark.parametrize("config", CONFIGURATIONS, ids=lambda config: config.dialect)
def test_a_log_gives_the_same_records_however_it_is_driven(config):
    rows = Streams(row_of(config), "driven").rows(60)
    rows += [(1, *row[1:]) for row in Streams(row_of(config), "other").rows(30)]
    table = classify(columns(rows), gestures=config)
    whole = [bits(gesture, table.fields) for gesture in table]
    live, chunked = Recognizer(gestures=config), Recognizer(gestures=config)
    calls = [live.down, live.up, live.move, live.cancel]
    one = [calls[action](pointer, x, y, time, stream=stream) for stream, pointer, action, time, x, y in rows]
    parts = []
    for at in range(0, len(rows), 37):
        parts += chunked.feed(columns(rows[at : at + 37]))
    one = [gesture for gesture in one if gesture] + list(live.finish())
    assert [bits(gesture, table.fields) for gesture in one] == whole
    assert [bits(gesture, table.fields) for gesture in [*parts, *chunked.finish()]] == whole
    threaded = classify(columns(rows), gestures=config, threads=3)
    assert [bits(gesture, table.fields) for gesture in threaded] == whole


def test_streams_that_interleave_give_what_each_gives_alone():
    config = GestureConfig(dialect="chromium")
    streams = [Streams(row_of(config), seed).rows(40) for seed in range(4)]
    rows = [(number, *row[1:]) for number, each in enumerate(streams) for row in each]
    together = classify(columns(sorted(rows, key=lambda row: row[3])), gestures=config)
    names = [name for name in together.fields if name not in {"stream", "first_sample", "last_sample"}]
    for number, each in enumerate(streams):
        alone = classify(columns(sorted(each, key=lambda row: row[3])), gestures=config)
        mine = [gesture for gesture in together if gesture.stream == number]

        assert [bits(gesture, names) for gesture in mine] == [bits(gesture, names) for gesture in alone]


def test_the_default_row_is_decided_alike_with_and_without_verdicts():
    rows = Streams(row_of(GestureConfig()), "default").rows(400)
    fast, judged = (
        classify(columns(rows), gestures=GestureConfig(verdict_columns=asked)) for asked in (False, True)
    )

    assert [bits(gesture, fast.fields) for gesture in fast] == [
        bits(gesture, fast.fields) for gesture in judged
    ]


def test_a_limit_is_compared_as_float32():
    """20.05 is 20.049999 as float32, and a way of just that is at the limit: open, it is beyond."""
    way = 20.049999237060547
    log = columns([(0, 0, 0, 0, 0.0, 0.0), (0, 0, 1, 100 * MS, way, 0.0)])

    assert classify(log, gestures=GestureConfig(touch_slop_dp=20.05)).kind[0] == 0
    closed = GestureConfig(touch_slop_dp=20.05, open=("hold_ms",))
    assert classify(log, gestures=closed).kind[0] == 6
