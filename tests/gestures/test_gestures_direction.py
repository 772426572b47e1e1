"""Directions (gestures.md, section 4); y grows downwards."""

import math

import pytest
from strokes import nearest_float32, samples, stroke

from capture import Direction, GestureConfig, GestureKind, classify


def direction(*places, **settings):
    points = [(50 * i, x, y) for i, (x, y) in enumerate(places)]
    return classify(samples(stroke(*points)), **settings)[0].direction


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        pytest.param((0, -100), Direction.UP, id="up"),
        pytest.param((0, 100), Direction.DOWN, id="down"),
        pytest.param((-100, 0), Direction.LEFT, id="left"),
        pytest.param((100, 0), Direction.RIGHT, id="right"),
        pytest.param((100, 99), Direction.RIGHT, id="nearly-diagonal"),
        pytest.param((100, 100), Direction.DOWN, id="tie-is-vertical"),
        pytest.param((100, -100), Direction.UP, id="tie-is-vertical-up"),
        pytest.param((-100, -99), Direction.LEFT, id="nearly-diagonal-left"),
    ],
)
def test_a_straight_stroke_goes_where_it_ends(end, expected):
    assert direction((0, 0), end) == expected


@pytest.mark.parametrize("density", [0.75, 1.0, 10.0])
@pytest.mark.parametrize(
    ("places", "expected"),
    [
        pytest.param([(0, 0), (100, 0), (76, 0)], Direction.RIGHT, id="backtrack-24"),
        pytest.param([(0, 0), (100, 0), (75.9, 0)], Direction.COMPLEX_PATTERN, id="backtrack-over"),
        pytest.param([(0, 0), (50, 24), (100, 0)], Direction.RIGHT, id="wander-24"),
        pytest.param([(0, 0), (50, 24.1), (100, 0)], Direction.COMPLEX_PATTERN, id="wander-over"),
        pytest.param([(0, 0), (0, -20), (0, 60)], Direction.DOWN, id="first-the-other-way"),
        pytest.param([(0, 0), (0, -25), (0, 60)], Direction.COMPLEX_PATTERN, id="too-far-the-other-way"),
        pytest.param([(0, 0), (80, 0), (0, 0)], Direction.COMPLEX_PATTERN, id="there-and-back"),
        pytest.param(
            [(0, 0), (40, 40), (0, 80), (40, 120), (0, 160)], Direction.COMPLEX_PATTERN, id="zigzag"
        ),
    ],
)
def test_going_back_or_astray_is_complex(places, expected, density):
    scaled = [(x * density, y * density) for x, y in places]

    assert direction(*scaled, density=density) == expected


def test_a_circle_is_complex():
    circle = [(60 * math.cos(a / 10), 60 * math.sin(a / 10)) for a in range(63)]

    assert direction(*circle) == Direction.COMPLEX_PATTERN


def test_the_limit_is_the_touch_slop_to_the_last_bit():
    assert direction((0, 0), (50, 24.0), (100, 0)) == Direction.RIGHT
    assert direction((0, 0), (50, nearest_float32(24, 99)), (100, 0)) == Direction.COMPLEX_PATTERN


@pytest.mark.parametrize("place", [(0, 0), (30, 0)], ids=["tap", "dead-band"])
def test_what_did_not_drag_has_no_direction(place):
    assert direction((0, 0), place) == Direction.NONE


def test_a_drag_that_ends_where_it_began_goes_up():
    slow = [(0, 0, 0), (500, 40, 40), (1000, 0, 0)]
    gestures = GestureConfig(touch_slop_dp=40.5)

    table = classify(samples(stroke(*slow)), gestures=gestures)

    assert (table[0].kind, table[0].direction) == (GestureKind.DRAG, Direction.UP)
