"""Tap runs and rage taps (gestures.md, section 8)."""

import pytest
from strokes import CANCEL, samples, stroke

from capture import GestureConfig, classify


def tap(ms, x=0.0, y=0.0, **where):
    return stroke((ms, x, y), (ms + 50, x, y), **where)


def runs(*strokes, **settings):
    table = classify(samples(*strokes), gestures=GestureConfig(**settings))
    return table.tap_count.tolist(), table.rage.tolist()


@pytest.mark.parametrize(
    ("gap", "expected"),
    [(0, 2), (299.999999, 2), (300, 2), (300.000001, 1)],
    ids=["none", "under", "at", "over"],
)
def test_a_run_goes_on_within_the_timeout(gap, expected):
    counts, _ = runs(tap(0), tap(50 + gap))

    assert counts == [1, expected]


@pytest.mark.parametrize(
    ("apart", "expected"), [(99.9, 2), (100, 2), (100.1, 1)], ids=["under", "at", "over"]
)
def test_a_run_goes_on_within_the_slop(apart, expected):
    counts, _ = runs(tap(0), tap(100, x=apart))

    assert counts == [1, expected]


def test_distance_is_from_tap_to_tap_not_from_the_first():
    counts, _ = runs(tap(0), tap(100, x=90), tap(200, x=180))

    assert counts == [1, 2, 3]


def test_a_negative_gap_counts_as_none():
    counts, _ = runs(tap(1000), tap(100))

    assert counts == [1, 2]


@pytest.mark.parametrize(
    "between",
    [
        pytest.param(stroke((60, 0, 0), (90, 60, 0)), id="fling"),
        pytest.param(stroke((60, 0, 0), (90, 30, 0)), id="dead-band"),
        pytest.param(stroke((60, 0, 0), (90, 0, 0), end=CANCEL), id="canceled"),
        pytest.param(
            [(0, 0, 0, 60_000_000, float("nan"), 0.0), (0, 0, 1, 90_000_000, 0.0, 0.0)], id="malformed"
        ),
    ],
)
def test_any_other_stroke_breaks_the_run(between):
    counts, _ = runs(tap(0), between, tap(150))

    assert counts == [1, 0, 1]


def test_runs_are_per_stream():
    counts, _ = runs(tap(0), tap(60, stream=1), tap(120), tap(180, stream=1))

    assert counts == [1, 1, 2, 2]


def test_a_change_of_finger_does_not_break_a_run():
    counts, _ = runs(tap(0), tap(100, pointer=4))

    assert counts == [1, 2]


def test_rage_is_the_third_tap_and_no_other():
    _, rage = runs(*(tap(i * 200) for i in range(7)))

    assert rage == [False, False, True, False, False, False, False]


@pytest.mark.parametrize(("gap", "expected"), [(1000, True), (1000.000001, False)], ids=["at", "over"])
def test_a_rage_run_has_a_timeout_of_its_own(gap, expected):
    counts, rage = runs(tap(0), tap(50 + gap), tap(100 + 2 * gap))

    assert rage[2] is expected
    assert counts == [1, 1, 1]


@pytest.mark.parametrize(("apart", "expected"), [(30, True), (30.1, False)], ids=["at", "over"])
def test_a_rage_run_has_a_radius_of_its_own(apart, expected):
    _, rage = runs(tap(0), tap(100), tap(200, y=apart))

    assert rage[2] is expected


def test_a_rage_run_may_begin_anew():
    far = [tap(2000 + i * 200, x=500) for i in range(3)]
    _, rage = runs(tap(0), tap(200), *far)

    assert rage == [False, False, False, False, True]


def test_the_settings_decide():
    counts, rage = runs(
        *(tap(i * 150) for i in range(3)), rage_tap_count=2, multi_tap_timeout_ms=99, rage_tap_timeout_ms=100
    )

    assert counts == [1, 1, 1]
    assert rage == [False, True, False]
