"""A touch panel by recorded events: what the log's reader gives, the host gives."""

import os
import re
import threading
from pathlib import Path

import pytest

from capture import CaptureError, Target, classify
from capture.logs import open_log
from capture.testing import decode_batches, memory_capture

evdev = pytest.importorskip("evdev", reason="evdev is not installed")

from capture.integrations.evdev import EvdevHost, find_touchscreen  # noqa: E402 - only where evdev is

RECORDING = Path(__file__).parents[1] / "data" / "phone.getevent.txt"
LINE = re.compile(r"\[ *(\d+)\.(\d+)\] (\w+) +(\w+) +([0-9a-f]{8})")
SCREEN = (1080, 2340)
#: Events of the recording until its first finger is lifted.
FIRST_STROKE = 23


def recorded_events():
    codes = evdev.ecodes.ecodes
    for line in RECORDING.read_text().splitlines():
        found = LINE.match(line)
        if found:
            second, micro, kind, code, value = found.groups()
            number = int(value, 16)
            number -= (number >> 31) << 32
            number = number if value.isalnum() else 0
            yield evdev.InputEvent(int(second), int(micro), codes[kind], codes[code], number)


class Panel:
    """Stands in for an evdev.InputDevice: a pipe tells that there is something to read."""

    path = "/dev/input/event3"

    def __init__(self, axes, keys=()):
        self.fd, self.bell = os.pipe()
        self.waiting = []
        self._axes, self._keys = axes, list(keys)

    def capabilities(self, *, absinfo=True):
        found = {1: self._keys}
        if self._axes:
            found[3] = list(self._axes.items()) if absinfo else list(self._axes)
        return found

    def read(self):
        waiting, self.waiting = self.waiting, []
        os.read(self.fd, 1)
        return iter(waiting)

    def close(self):
        os.close(self.fd)
        os.close(self.bell)


def axis(largest):
    return evdev.AbsInfo(value=0, min=0, max=largest, fuzz=0, flat=0, resolution=0)


TYPE_B = {0x2F: axis(9), 0x35: axis(4319), 0x36: axis(9359), 0x39: axis(65535)}
SINGLE = {0x00: axis(799), 0x01: axis(479)}


@pytest.fixture
def panel():
    found = Panel(TYPE_B)
    yield found
    found.close()


@pytest.fixture
def cap(tmp_path):
    capture, sink = memory_capture(tmp_path)
    capture.memory = sink
    with capture:
        yield capture


def test_the_recording_gives_the_strokes_that_its_log_gives(cap, panel):
    host = EvdevHost(cap, panel, screen=SCREEN)
    strokes = []
    cap.on_gesture = lambda gesture, _: strokes.append(gesture)
    host.feed(recorded_events())
    (chunk,) = open_log(RECORDING).chunks()
    width = open_log(RECORDING).info.width
    table = classify(chunk)

    assert len(strokes) == len(table) > 10
    for stroke, row in zip(strokes, table, strict=True):
        # The log's reader has panel units for px; both are a quarter of them off.
        assert stroke.x_down == pytest.approx(row.x_down * SCREEN[0] / width, abs=0.01)
        assert stroke.duration == row.duration
        assert stroke.sample_count == row.sample_count


def test_what_a_device_sends_is_read_when_it_is_there(cap, panel):
    host = EvdevHost(cap, panel, screen=SCREEN, find_target=lambda x, y: Target(path=f"[root]>at{x:.0f}>"))
    seen = []
    cap.on_gesture = lambda gesture, target: seen.append((gesture.kind.name, target.path))
    host.step(0)
    assert seen == []

    panel.waiting = list(recorded_events())[:FIRST_STROKE]
    os.write(panel.bell, b".")
    host.step(1)

    assert seen == [("TAP", "[root]>at540>")]


@pytest.mark.parametrize(
    ("rotation", "place"),
    [(0, (200, 120)), (90, (120, 599)), (180, (599, 359)), (270, (359, 200))],
    ids=["0", "90", "180", "270"],
)
def test_a_turned_single_touch_panel(cap, rotation, place):
    panel = Panel(SINGLE, keys=[0x14A])
    host = EvdevHost(cap, panel, screen=(800, 480), rotation=rotation)
    strokes = []
    cap.on_gesture = lambda gesture, _: strokes.append(gesture)

    def make(*values):
        return evdev.InputEvent(5, 0, *values)

    host.feed([make(3, 0, 200), make(3, 1, 120), make(1, 0x14A, 1), make(0, 0, 0)])
    host.feed([make(1, 0x14A, 0), make(0, 0, 0)])
    panel.close()

    assert [(stroke.x_down, stroke.y_down) for stroke in strokes] == [place]
    assert (cap.device.width, cap.device.height) == ((800, 480) if rotation in {0, 180} else (480, 800))


def test_run_ends_when_it_is_stopped(cap, panel):
    host = EvdevHost(cap, panel, screen=SCREEN)
    panel.waiting = list(recorded_events())[:FIRST_STROKE]
    os.write(panel.bell, b".")
    cap.on_gesture = lambda *_: host.stop()
    in_any_case = threading.Timer(5, host.stop)
    in_any_case.start()
    host.run()
    in_any_case.cancel()

    assert cap.stats.gestures == {"tap": 1}


def test_a_device_without_fingers_is_refused(cap):
    mouse = Panel({}, keys=[0x110])

    with pytest.raises(CaptureError, match="event3 reports no positions"):
        EvdevHost(cap, mouse, screen=SCREEN)
    mouse.close()


def test_a_wrong_rotation_is_refused(cap, panel):
    with pytest.raises(ValueError, match="rotation = 45"):
        EvdevHost(cap, panel, screen=SCREEN, rotation=45)


def test_no_panel_at_all(monkeypatch):
    monkeypatch.setattr(evdev, "list_devices", list)

    with pytest.raises(CaptureError, match="group 'input'"):
        find_touchscreen()


def test_what_a_gesture_causes_comes_after_it(cap, panel):
    host = EvdevHost(cap, panel, screen=SCREEN)
    cap.screen_view("A")
    cap.on_gesture = lambda *_: cap.screen_view("B")
    host.feed(list(recorded_events())[:FIRST_STROKE])
    assert cap.flush(30.0)
    events = [event for batch in decode_batches(cap.memory.batches) for event in batch.events]

    assert [type(event).__name__.removesuffix("Wire") for event in events] == [
        "AppStart",
        "ScreenView",
        "Tap",
        "ScreenView",
    ]
