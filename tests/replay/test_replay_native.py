"""Events that a replay makes in blocks, against the same events made one at a time."""

import math
from types import SimpleNamespace

import pytest
from hypothesis import given, settings, strategies as st

from capture import ProjectConfig
from capture.events import Scene, gesture_event, version_origin
from capture.formats.native import FORMAT
from capture.gestures.kinds import Direction, GestureKind
from capture.replay.native import Recognized, encode_events, wire_events
from capture.replay.strokes import Stroke
from capture.targets import Target

# Distances and speeds: magnitudes, which an overflowed estimate may leave without a number.
floats = st.floats(min_value=0, width=32) | st.just(math.nan)
kinds = st.sampled_from([kind for kind in GestureKind if kind])
strokes = st.tuples(kinds, st.sampled_from(list(Direction)), st.integers(-(2**63), 2**63 - 1), floats, floats)
targets = st.builds(Target, path=st.text(), id=st.text(), responsive=st.none() | st.booleans())
gestures = st.lists(
    st.tuples(strokes, st.text(), st.integers(-(2**53), 2**53), targets).map(
        lambda drawn: Recognized(Stroke(0, None, 0, 0, *drawn[0], 0, 0), *drawn[1:])
    ),
    max_size=5,
)
scenes = st.tuples(
    st.text(),
    st.integers(0, 9),
    st.integers(-1, 4),
    st.none() | st.text(),
    st.integers(0, 1),
    st.just(version_origin(ProjectConfig(id=1))),
    st.integers(1, 9),
).map(lambda drawn: Scene(*drawn))


def one_by_one(scene, gesture, unknown_responsive):
    """Return the bytes of the domain event."""
    stroke = gesture.stroke
    record = SimpleNamespace(
        kind=stroke.kind, direction=stroke.direction, distance=stroke.distance, velocity=stroke.velocity
    )
    common = scene.common(stroke.time_up // 1_000_000, gesture.event_id, gesture.time_ms)
    return FORMAT.encode(gesture_event(record, common, gesture.target, unknown_responsive))


@settings(max_examples=100, deadline=None)
@given(scenes, gestures, st.booleans())
def test_a_block_has_the_bytes_of_its_events(scene, made, unknown_responsive):
    block = encode_events(wire_events(scene, made, unknown_responsive))

    assert block == [one_by_one(scene, gesture, unknown_responsive) for gesture in made]


@pytest.mark.parametrize("text", ["\n", "\r\n", "\u2028", '"\\n"', ""])
def test_line_breaks_in_a_text_end_no_event(text):
    scene = Scene(text, 0, 0, None, 0, version_origin(ProjectConfig(id=1)), 1)
    stroke = Stroke(0, None, 0, 0, GestureKind.TAP, 0, 0, 0.0, 0.0, 0, 0)
    made = [Recognized(stroke, text, 0, Target(path=text, id=text))] * 2

    assert encode_events(wire_events(scene, made, True)) == [one_by_one(scene, made[0], True)] * 2
