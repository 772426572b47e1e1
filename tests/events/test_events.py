"""Domain events: the gesture's event, whole numbers, URLs, versions."""

import math
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given, strategies as st
from strokes import samples, stroke

import capture
from capture.config import ProjectConfig
from capture.events import domain as events
from capture.gestures.kinds import KINDS, Direction, GestureKind
from capture.targets import Target

ROOT = Path(__file__).parents[2]
COMMON = events.CommonSection(1, "id", "url", 0, 0, None, 0, None, 1, 2)


#: Kind -> the rows (ms, x, y) of a stroke of that kind, at a density of 1.
STROKES = {
    GestureKind.TAP: [(0, 0, 0), (100, 1, 1)],
    GestureKind.LONG_PRESS: [(0, 0, 0), (900, 1, 1)],
    GestureKind.DRAG: [(0, 0, 0), (1000, -50.5, 0)],
    GestureKind.FLING: [(0, 200, 0), (100, 79.5, 0)],
    GestureKind.NONE: [(0, 0, 0), (100, 30, 0)],
}


def gesture(kind):
    return capture.classify(samples(stroke(*STROKES[kind])))[0]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(0.0, 0, id="zero"),
        pytest.param(48.49, 48, id="below-half"),
        pytest.param(48.5, 49, id="half-goes-up"),
        pytest.param(49.5, 50, id="half-of-an-odd-number-goes-up-too"),
        pytest.param(2**31 - 1.5, 2**31 - 1, id="just-under-the-cap"),
        pytest.param(2.0**31, 2**31 - 1, id="capped"),
        pytest.param(math.inf, 2**31 - 1, id="overflowed-sum"),
        pytest.param(math.nan, 0, id="no-number"),
    ],
)
def test_measures_become_whole_numbers(value, expected):
    assert events.event_int(value) == expected


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        pytest.param(GestureKind.TAP, events.Tap, id="tap"),
        pytest.param(GestureKind.LONG_PRESS, events.LongPress, id="long-press"),
        pytest.param(GestureKind.DRAG, events.Drag, id="drag"),
        pytest.param(GestureKind.FLING, events.Fling, id="fling"),
        pytest.param(GestureKind.NONE, type(None), id="unrecognised"),
    ],
)
def test_only_recognised_strokes_become_events(kind, expected):
    event = events.gesture_event(gesture(kind), COMMON, Target(), unknown_responsive=True)

    assert type(event) is expected


def test_every_kind_with_an_event_has_one_of_its_own():
    assert set(events.GESTURE_EVENTS) == {row.kind for row in KINDS if row.event}
    assert len(set(events.GESTURE_EVENTS.values())) == len(events.GESTURE_EVENTS)


def test_a_kind_that_the_table_does_not_have_is_an_error(monkeypatch):
    monkeypatch.setattr(events, "kind_number", lambda _: 11)

    with pytest.raises(ValueError, match="kind = 11: not in the table of kinds"):
        events.gesture_event(gesture(GestureKind.FLING), COMMON, Target(), unknown_responsive=True)


@pytest.mark.parametrize(
    ("known", "unknown_responsive", "expected"),
    [
        pytest.param(True, False, True, id="known-alive"),
        pytest.param(False, True, False, id="known-dead"),
        pytest.param(None, True, True, id="unknown-is-alive"),
        pytest.param(None, False, False, id="unknown-is-dead-where-configured"),
    ],
)
def test_responsiveness_of_a_tap(known, unknown_responsive, expected):
    tap = events.gesture_event(gesture(GestureKind.TAP), COMMON, Target(responsive=known), unknown_responsive)

    assert tap.responsive is expected
    assert tap.target.responsive is known


def test_a_fling_has_direction_distance_and_velocity():
    moved = gesture(GestureKind.FLING)
    fling = events.gesture_event(moved, COMMON, Target(id="list"), unknown_responsive=True)

    assert (fling.direction, fling.distance, fling.velocity) == (3, 121, 1205)
    assert fling.direction == Direction.LEFT


@pytest.mark.parametrize(
    ("title", "path", "expected"),
    [
        pytest.param("Checkout", (), "app-and://shop/?title=Checkout", id="no-segments"),
        pytest.param("Checkout", ("cart",), "app-and://shop/cart?title=Checkout", id="main-path"),
        pytest.param("C", ("cart", "pay"), "app-and://shop/cart/pay?title=C", id="both-paths"),
        pytest.param("", (), "app-and://shop/?title=", id="before-the-first-screen"),
        pytest.param(
            "a/b?c=d&e", ("x y",), "app-and://shop/x%20y?title=a%2Fb%3Fc%3Dd%26e", id="nothing-is-safe"
        ),
        pytest.param("Käse 🧀", (), "app-and://shop/?title=K%C3%A4se%20%F0%9F%A7%80", id="utf-8"),
    ],
)
def test_screen_url(title, path, expected):
    assert events.screen_url(ProjectConfig(id=1, app_id="shop"), title, path) == expected


@given(st.text(max_size=30), st.lists(st.text(min_size=1, max_size=10), max_size=2))
def test_a_url_gives_back_its_parts(title, path):
    parts = urlsplit(events.screen_url(ProjectConfig(id=1, app_id="shop"), title, path))

    assert unquote(parts.query.removeprefix("title=")) == title
    assert [unquote(part) for part in parts.path[1:].split("/") if part] == path


def test_the_sdk_version_is_that_of_the_package():
    assert capture.__version__ == events.SDK_VERSION


def test_version_origin_counts_the_build(monkeypatch):
    monkeypatch.setattr(events, "SDK_VERSION", "2.13.4")
    origin = events.version_origin(ProjectConfig(id=1, app_version="9.1", app_flavor="debug", app_build=77))

    assert (origin.sdk_version, origin.sdk_build) == ("2.13.4", 21304)
    assert (origin.app_version, origin.app_flavor, origin.app_build) == ("9.1", "debug", 77)
