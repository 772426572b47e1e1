"""A real mouse on a real (virtual) display, at 60 and at 20 frames a second, beside plain on_motion."""

import pytest
from host_processes import result_of, start

pytest.importorskip("kivy", reason="kivy is not installed")

TOLERANCE_PX = 1.0

#: Name -> (kind, direction, the DOWN in the window, what xdotool does from there).
STROKES = {
    "flick": ("FLING", "RIGHT", (190, 193), [("move", 250, 193), ("move", 310, 193), ("move", 370, 193)]),
    "swipe": (
        "FLING",
        "RIGHT",
        (100, 250),
        [each for step in range(1, 15) for each in (("wait", 0.005), ("move", 100 + 20 * step, 250))],
    ),
    "tap": ("TAP", "NONE", (150, 150), [("wait", 0.08)]),
    "long press": ("LONG_PRESS", "NONE", (150, 150), [("wait", 0.65)]),
    "drag": (
        "DRAG",
        "RIGHT",
        (150, 150),
        [each for step in range(1, 16) for each in (("wait", 0.06), ("move", 150 + 4 * step, 150))],
    ),
    "fling": (
        "FLING",
        "UP",
        (150, 450),
        [each for step in range(1, 11) for each in (("wait", 0.015), ("move", 150, 450 - 30 * step))],
    ),
}


def words(left, top, down, steps):
    yield from ("mousemove", left + down[0], top + down[1], "mousedown", 1)
    for name, *values in steps:
        if name == "wait":
            yield from ("sleep", values[0])
        else:
            yield from ("mousemove", left + values[0], top + values[1])
    yield from ("mouseup", 1)


@pytest.fixture(scope="module")
def both(displays, kivy_home):
    running = []
    for display, fps in zip(displays, (60, 20), strict=True):
        process = start("kivy_mouse.py", fps, len(STROKES), KIVY_HOME=kivy_home(), **display.environment)
        running.append((display, fps, process))
    for display, _, process in running:
        _, left, top = process.stdout.readline().split()
        for _, _, down, steps in STROKES.values():
            display.mouse(*words(int(left), int(top), down, steps), "sleep", 0.15)
    return {fps: result_of(process) for _, fps, process in running}


@pytest.fixture(params=[60, 20], ids=["60-fps", "20-fps"])
def result(request, both):
    return both[request.param]


def test_every_stroke_with_its_true_origin_and_direction(result):
    for (name, (kind, direction, down, _)), stroke in zip(STROKES.items(), result["captured"], strict=True):
        assert (stroke["kind"], stroke["direction"]) == (kind, direction), name
        assert stroke["x_down"] == pytest.approx(down[0], abs=TOLERANCE_PX), name
        assert stroke["y_down"] == pytest.approx(down[1], abs=TOLERANCE_PX), name


def test_no_sample_is_lost(result):
    for (name, (*_, steps)), stroke in zip(STROKES.items(), result["captured"], strict=True):
        # The DOWN, each step, the UP.
        assert stroke["sample_count"] == 2 + sum(step[0] == "move" for step in steps), name


def test_plain_on_motion_sees_a_tap_where_the_flick_ended(result):
    flick = result["plain"][0]
    if flick["distance"]:
        pytest.skip("the flick did not fall into one frame")

    assert flick["kind"] == "TAP"
    assert (flick["x_down"], flick["y_down"]) == pytest.approx((370, 193), abs=TOLERANCE_PX)
