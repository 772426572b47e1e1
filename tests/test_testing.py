"""The public helpers for tests of host apps."""

import pytest

from capture.gestures.kinds import GestureKind
from capture.testing import START_NS, FakeClock, TouchScript, decode_batches, memory_capture


def test_a_fake_clock_moves_only_when_told():
    clock = FakeClock()
    before = (clock.wall_ns(), clock.monotonic_ns(), clock.boot_ns())
    assert before == (clock.wall_ns(), clock.monotonic_ns(), clock.boot_ns())
    clock.advance(s=1, ms=2, ns=3)

    assert clock.wall_ns() == START_NS + 1_002_000_003
    assert clock.monotonic_ns() - before[1] == clock.boot_ns() - before[2] == 1_002_000_003


def test_setting_the_wall_clock_leaves_the_others():
    clock = FakeClock()
    monotonic = clock.monotonic_ns()
    clock.set_wall(5)

    assert (clock.wall_ns(), clock.monotonic_ns()) == (5, monotonic)


@pytest.mark.parametrize("density", [1.0, 2.75])
@pytest.mark.parametrize(
    ("name", "kind", "duration"),
    [
        ("tap", GestureKind.TAP, 50),
        ("long_press", GestureKind.LONG_PRESS, 800),
        ("drag", GestureKind.DRAG, 1000),
        ("fling", GestureKind.FLING, 100),
    ],
)
def test_a_touch_script_makes_what_it_says(tmp_path, density, name, kind, duration):
    clock = FakeClock()
    cap, _ = memory_capture(tmp_path, clock=clock)
    cap.set_screen(1080, 2400, density)
    with cap:
        gesture = getattr(TouchScript(cap, clock, density), name)()

    assert (gesture.kind, gesture.duration) == (kind, duration)


def test_a_stroke_takes_the_time_of_its_points(tmp_path):
    clock = FakeClock()
    cap, _ = memory_capture(tmp_path, clock=clock)
    started = clock.monotonic_ns()
    with cap:
        gesture = TouchScript(cap, clock).stroke([(0, 0, 0), (10, 5, 5), (30, 9, 9)], pointer=4)

    assert (gesture.pointer, gesture.sample_count) == (4, 3)
    assert clock.monotonic_ns() - started == 30_000_000


def test_batches_in_memory_are_read_with_full_names(tmp_path):
    cap, sink = memory_capture(tmp_path)
    with cap:
        cap.screen_view("A")
    [batch] = decode_batches(sink.batches)

    assert (batch.project_id, batch.origin.app_name) == (1, "1")
    assert batch.events[1].title == "A"
