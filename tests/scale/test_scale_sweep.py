"""Measured once, classified many: exactly what classify gives with those thresholds."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from capture import ConfigError, GestureConfig, GestureKind, TouchSamples, classify
from capture._native import sweep as native
from capture.scale.sweep import KINDS, SWEPT, Strokes, parse_range, sweep

CLASSES = ("kind", "reason", "direction", "tap_count", "rage")


def configurations(strategy):
    milliseconds = st.sampled_from([1.0, 48.0, 49.0, 96.0, 160.0, 300.0, 500.0, 2000.0]) | st.floats(1, 3000)
    lengths = st.floats(0.5, 300) | st.sampled_from([10.0, 24.0, 48.0])
    return st.fixed_dictionaries(
        {
            "tap_timeout_ms": milliseconds,
            "touch_slop_dp": lengths,
            "drag_distance_dp": lengths,
            "fling_velocity_dp_s": st.floats(0, 3000),
            "multi_tap_timeout_ms": milliseconds,
            "multi_tap_slop_dp": lengths,
            "rage_tap_count": st.integers(2, 5),
            "rage_tap_timeout_ms": milliseconds,
            "rage_tap_radius_dp": lengths,
            "velocity_strategy": st.just(strategy),
        }
    ).map(
        lambda values: GestureConfig(
            **{**values, "drag_distance_dp": max(values["drag_distance_dp"], values["touch_slop_dp"])}
        )
    )


@pytest.mark.parametrize("strategy", ["mean", "lsq2", "impulse"])
@settings(max_examples=40, deadline=None)
@given(data=st.data(), density=st.sampled_from([1.0, 2.75]))
def test_classes_are_those_of_classify(samples, strategy, data, density):
    strokes = Strokes([(classify(samples, density, GestureConfig(velocity_strategy=strategy)), density)])
    gestures = data.draw(configurations(strategy))
    found, expected = strokes.classify(gestures), classify(samples, density, gestures)

    for name in CLASSES:
        assert getattr(found, name).tolist() == getattr(expected, name).tolist(), name


HOSTILE = st.tuples(
    st.integers(0, 2),
    st.integers(0, 1),
    st.sampled_from([0, 0, 1, 1, 2, 2, 3, 9]),
    st.sampled_from([-(2**63), -1, 0, 10**8, 3 * 10**8, 10**9, 2**63 - 1]),
    *[st.sampled_from([0.0, -0.0, 24.0, 48.5, 3e38, -3e38, float("nan"), float("inf")])] * 2,
)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(HOSTILE, max_size=40))
def test_hostile_strokes_are_classified_alike(rows):
    samples = TouchSamples.from_rows(rows)
    strokes = Strokes([(classify(samples, gestures=GestureConfig(touch_slop_dp=1)), 1.0)])
    found, expected = strokes.classify(GestureConfig()), classify(samples)

    for name in CLASSES:
        assert getattr(found, name).tolist() == getattr(expected, name).tolist(), name


def test_exact_thresholds_fall_as_in_classify():
    """A stroke of 24 dp and 500 ms; the thresholds just under, at and just over them."""
    samples = TouchSamples(action=[0, 2, 1], time=[0, 1, 500_000_000], x=[0, 24, 24], y=[0, 0, 0])
    strokes = Strokes([(classify(samples), 1.0)])
    result = sweep(strokes, {"touch_slop_dp": [23.9, 24, 24.1], "tap_timeout_ms": [499, 500, 501]})
    kinds = [next(kind.name for kind in KINDS if row[kind.name.lower()]) for row in result.rows]

    assert kinds == ["NONE"] * 6 + ["LONG_PRESS", "TAP", "TAP"]


def test_several_logs_with_densities_of_their_own(columns):
    logs = [TouchSamples(**{**columns, "stream": columns["stream"] + first}) for first in (0, 10)]
    gestures = GestureConfig(touch_slop_dp=5)
    strokes = Strokes(
        [(classify(log), 1.0) if n == 0 else (classify(log, 3.0), 3.0) for n, log in enumerate(logs)]
    )
    expected = [*classify(logs[0], 1.0, gestures).kind, *classify(logs[1], 3.0, gestures).kind]

    assert strokes.classify(gestures).kind.tolist() == expected


def test_rows_count_kinds_and_changes(samples):
    base = GestureConfig()
    result = sweep(
        Strokes([(classify(samples), 1.0)]), {"touch_slop_dp": [8, 24], "tap_timeout_ms": [100, 500]}
    )
    now = classify(samples).kind

    assert [(row["touch_slop_dp"], row["tap_timeout_ms"]) for row in result.rows] == [
        (8, 100), (8, 500), (24, 100), (24, 500),
    ]  # fmt: skip
    for row in result.rows:
        changed = {name: row[name] for name in ("touch_slop_dp", "tap_timeout_ms")}
        kinds = classify(samples, gestures=msgspec.structs.replace(base, **changed)).kind
        assert row["changed"] == np.count_nonzero(kinds != now)
        assert [row[kind.name.lower()] for kind in KINDS] == [
            np.count_nonzero(kinds == kind) for kind in KINDS
        ]
    assert result.base == result.rows[3] | {"touch_slop_dp": 24.0, "tap_timeout_ms": 500.0}
    assert result.base["changed"] == 0
    assert result.rows[0]["changed"] > 0


def test_settings_that_no_configuration_may_have_are_left_out(samples):
    result = sweep(Strokes([(classify(samples), 1.0)]), {"touch_slop_dp": [24, 47, 48, 49]})

    assert (len(result.rows), result.left_out) == (3, 1)


def test_nothing_is_swept_to_nothing():
    result = sweep(Strokes([]), {"touch_slop_dp": [8]})

    assert result.strokes == 0
    assert result.rows == [
        {"touch_slop_dp": 8, "rage": 0, "changed": 0, **dict.fromkeys((k.name.lower() for k in KINDS), 0)}
    ]


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({"velocity_strategy": ["mean"]}, "velocity_strategy: cannot be swept"),
        ({"touch_slop_dp": []}, "expected at least one value"),
        ({"touch_slop_dp": [-1]}, "gestures.touch_slop_dp = -1: expected"),
        ({"rage_tap_count": [2.5]}, "gestures.rage_tap_count = 2.5: expected a whole number"),
        ({name: [1] * 20 for name in SWEPT}, "4096000000000000 settings: expected at most 100000"),
    ],
)
def test_wrong_axes_are_refused(samples, axes, message):
    with pytest.raises(ConfigError, match=message):
        sweep(Strokes([(classify(samples), 1.0)]), axes)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("8:32:8", (8, 16, 24, 32)),
        ("8:33:8", (8, 16, 24, 32)),
        ("0.1:0.5:0.1", (0.1, 0.2, 0.3, 0.4, 0.5)),
        ("24", (24,)),
        ("8,12.5", (8, 12.5)),
        ("5:5:1", (5,)),
    ],
)
def test_ranges(text, values):
    assert parse_range(text) == values


@pytest.mark.parametrize(
    "text", ["", "a", "8:32", "8:32:0", "32:8:2", "nan", "0:inf:1", "1:2:3:4", "0:1:1e-9"]
)
def test_wrong_ranges_are_refused(text):
    with pytest.raises(ValueError, match=r"expected"):
        parse_range(text)


def test_the_core_refuses_columns_that_do_not_fit(samples):
    table = classify(samples)
    slots, density = np.zeros(len(table), np.int32), np.ones(len(table))
    with pytest.raises(ValueError, match="differ in length"):
        native.Measures([table.columns], slots[1:], density)
    with pytest.raises(ValueError, match="slot -1"):
        native.Measures([table.columns], slots - 1, density)
    measures = native.Measures([table.columns], slots, density)
    wrong = [np.empty(1, np.uint8)] * 3 + [np.empty(1, np.int32), np.empty(1, np.uint8)]
    with pytest.raises(ValueError, match="differ in length"):
        measures.classify(GestureConfig(), *wrong)
    with pytest.raises(BufferError):
        table.columns.clear()


def test_the_kinds_are_all_of_them():
    assert set(KINDS) == set(GestureKind)
