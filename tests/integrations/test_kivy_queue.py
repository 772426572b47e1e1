"""Raw samples to strokes without Kivy: order, times, pointers, twins."""

from types import SimpleNamespace

import pytest

from capture import Target
from capture.engine.dispatch import UpDispatch
from capture.integrations.kivy.strokes import OpenTouches
from capture.integrations.kivy.touches import Sample
from capture.testing import memory_capture

MS = 1_000_000


class Calls:
    """Stands in for a capture and writes down what it is told."""

    is_recording = True

    def __init__(self):
        self.made = []

    def touch_down(self, pointer, x, y, time, target):
        self.made.append(("down", pointer, x, time))

    def touch_move(self, pointer, x, y, time):
        self.made.append(("move", pointer, x, time))

    def touch_up(self, pointer, x, y, time, responsive):
        self.made.append(("up", pointer, x, time))

    def touch_dispatch(self, pointer, x, y, time, responsive):
        def up():
            responsive()
            self.touch_up(pointer, x, y, time, None)

        return UpDispatch(up, [])

    def touch_cancel(self, pointer, time):
        self.made.append(("cancel", pointer, None, None))


@pytest.fixture
def calls():
    return Calls()


@pytest.fixture
def due():
    return []


def around(due, frame_ms=16):
    """An app with frames of so many ms, where nothing is known of targets."""
    return SimpleNamespace(
        place=lambda sx, sy: (sx, sy),
        find_target=lambda sx, sy: Target(),
        judge=lambda stroke: None,
        is_due=lambda kind, event: (kind, event) in due,
        frame_ns=lambda: frame_ms * MS,
    )


@pytest.fixture
def strokes(calls, due):
    return OpenTouches(calls, around(due))


def touch(uid, device="finger", **more):
    return SimpleNamespace(uid=uid, device=device, sx=0.0, sy=0.0, **more)


def play(strokes, due, *samples):
    """Poll samples of one frame and dispatch their events, merged as Kivy merges them."""
    due.clear()
    for kind, event, x, time in samples:
        strokes.poll(Sample(kind, event, x, 0.0, time))
        if (kind, event) in due:
            due.remove((kind, event))
        due.append((kind, event))
    while due:
        kind, event = due.pop(0)
        strokes.before(kind, event)
        if kind == "end":
            strokes.end(event)


def test_a_flick_within_a_frame_keeps_its_samples_spread_over_it(strokes, calls, due):
    flick = touch(1)
    now = 1000 * MS
    play(
        strokes,
        due,
        *(
            (kind, flick, x, now)
            for kind, x in zip(["begin", "update", "update", "end"], range(4), strict=True)
        ),
    )

    assert calls.made == [
        ("down", 0, 0, now - 12 * MS),
        ("move", 0, 1, now - 8 * MS),
        ("move", 0, 2, now - 4 * MS),
        ("up", 0, 3, now),
    ]


def test_a_hanging_frame_makes_no_press_of_a_tap(calls, due):
    slow = OpenTouches(calls, around(due, frame_ms=3000))
    tap = touch(1)
    play(slow, due, ("begin", tap, 0, 9000 * MS), ("end", tap, 0, 9000 * MS))

    assert calls.made[1][3] - calls.made[0][3] == 50 * MS


def test_two_fingers_keep_the_order_of_their_samples(strokes, calls, due):
    one, two = touch(1), touch(2)
    play(strokes, due, ("begin", one, 0, 0), ("begin", two, 500, 0))
    play(
        strokes,
        due,
        ("update", one, 1, 20 * MS),
        ("update", two, 501, 20 * MS),
        ("update", one, 2, 20 * MS),
        ("end", two, 502, 20 * MS),
        ("update", one, 3, 20 * MS),
    )

    assert [(name, pointer, x) for name, pointer, x, _ in calls.made[2:]] == [
        ("move", 0, 1),
        ("move", 1, 501),
        ("move", 0, 2),
        ("up", 1, 502),
        ("move", 0, 3),
    ]
    times = [time for *_, time in calls.made]
    assert times == sorted(times)


def test_pointers_are_the_smallest_that_are_free(strokes, calls, due):
    one, two, three = touch(1), touch(2), touch(3)
    play(strokes, due, ("begin", one, 0, 0), ("begin", two, 500, 0))
    play(strokes, due, ("end", one, 0, 20 * MS))
    play(strokes, due, ("begin", three, 900, 40 * MS))

    assert [(name, pointer) for name, pointer, *_ in calls.made] == [
        ("down", 0),
        ("down", 1),
        ("up", 0),
        ("down", 0),
    ]


def test_a_stroke_that_begins_while_an_up_is_reported_has_a_pointer_of_its_own(strokes, calls, due):
    seen = []
    strokes.listeners.append(
        SimpleNamespace(
            down=lambda stroke: seen.append(("down", stroke.pointer)),
            up=lambda stroke, *_: seen.append(("up", stroke.pointer)),
        )
    )
    calls.touch_up = lambda *_: play(strokes, due, ("begin", touch(2), 500, 40 * MS))
    tap = touch(1)
    play(strokes, due, ("begin", tap, 0, 0), ("end", tap, 0, 20 * MS))
    play(strokes, due, ("begin", touch(3), 900, 400 * MS))

    assert seen == [("down", 0), ("down", 1), ("up", 0), ("down", 0)]


@pytest.mark.parametrize(
    ("device", "x", "time", "is_twin"),
    [
        pytest.param("mouse", 12, 100 * MS, True, id="as-far-and-late-as-may-be"),
        pytest.param("mouse", 12.5, 100 * MS, False, id="farther"),
        pytest.param("mouse", 12, 101 * MS, False, id="later"),
        pytest.param("finger", 0, 0, False, id="same-device"),
    ],
)
def test_twins(strokes, calls, due, device, x, time, is_twin):
    play(strokes, due, ("begin", touch(1), 0, 0))
    play(strokes, due, ("begin", touch(2, device), x, time))

    assert strokes.twins == is_twin
    assert len(calls.made) == 1 + (not is_twin)


def test_a_touch_that_kivy_leaves_out_is_left_out(strokes, calls, due):
    ignored, seen = touch(1), touch(2)
    strokes.poll(Sample("begin", ignored, 0, 0, 0))
    strokes.poll(Sample("update", ignored, 1, 0, 0))
    play(strokes, due, ("begin", seen, 500, 0))

    assert [(name, x) for name, _, x, _ in calls.made] == [("down", 500)]


def test_an_end_that_kivy_keeps_back_counts_when_it_comes(strokes, calls, due):
    held, other = touch(1), touch(2)
    play(strokes, due, ("begin", held, 0, 0))
    strokes.poll(Sample("end", held, 7, 0, 20 * MS))
    play(strokes, due, ("begin", other, 500, 40 * MS))
    strokes.before("end", held)
    strokes.end(held)

    assert [(name, x) for name, _, x, _ in calls.made] == [("down", 0), ("down", 500), ("up", 7)]


def test_without_consent_nothing_is_kept(strokes, calls, due):
    calls.is_recording = False
    play(strokes, due, ("begin", touch(1), 0, 0))

    assert strokes.open == {}
    assert calls.made == []


def test_cancel_all(strokes, calls, due):
    play(strokes, due, ("begin", touch(1), 0, 0))
    strokes.cancel_all()

    assert calls.made[-1][0] == "cancel"
    assert strokes.open == {}


def test_a_finger_that_comes_down_again_was_lifted_unseen(strokes, calls, due):
    lost, again, other = touch(1, id=7), touch(2, id=7), touch(3, "mouse", id=7)
    play(strokes, due, ("begin", lost, 0, 0))
    play(strokes, due, ("begin", again, 500, 40 * MS))
    play(strokes, due, ("begin", other, 900, 400 * MS), ("end", other, 900, 440 * MS))
    play(strokes, due, ("end", again, 500, 480 * MS))

    assert [(name, pointer) for name, pointer, *_ in calls.made] == [
        ("down", 0),
        ("cancel", 0),
        ("down", 0),
        ("down", 1),
        ("up", 1),
        ("up", 0),
    ]


@pytest.mark.parametrize("button", ["right", "middle", "scrollup"])
def test_other_buttons_touch_nothing(strokes, calls, due, button):
    click = touch(1, "mouse", button=button)
    play(strokes, due, ("begin", click, 0, 0), ("end", click, 0, 40 * MS))

    assert calls.made == []


def test_two_fingers_are_a_chord(tmp_path, due):
    cap, _ = memory_capture(tmp_path)
    strokes = OpenTouches(cap, around(due))
    one, two = touch(1), touch(2)
    frames = [("begin", 100, 200), ("update", 80, 220), ("update", 50, 250), ("end", 50, 250)]
    for number, (kind, left, right) in enumerate(frames):
        time = (1000 + 16 * number) * MS
        play(strokes, due, (kind, one, left, time), (kind, two, right, time + MS))
    with cap:
        assert cap.stats.chords == {"pinch": 1}
