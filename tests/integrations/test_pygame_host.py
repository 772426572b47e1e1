"""pygame-ce without a display: fingers, the mouse and its twin, the tee."""

import json
import subprocess
import sys

import pytest
from host_processes import environment

pytest.importorskip("pygame", reason="pygame-ce is not installed")

SCRIPT = """
import json, sys
import pygame
from capture import Target
from capture.integrations.pygame import PygameHost
from capture.testing import memory_capture

pygame.init()
pygame.display.set_mode((800, 480))
cap, sink = memory_capture(sys.argv[1])
host = PygameHost(cap, find_target=lambda x, y: Target(path="[root]>board>", id=f"{x:.0f},{y:.0f}"))
found = []
cap.on_gesture = lambda gesture, target: found.append(
    [gesture.kind.name, gesture.direction.name, gesture.reason.name, target.id, gesture.pointer]
)
pygame.event.clear()
host.tee()

def post(kind, **fields):
    pygame.event.post(pygame.event.Event(kind, **fields))

def finger(kind, x, y, finger_id=2**40):
    post(kind, touch_id=1, finger_id=finger_id, x=x, y=y, dx=0, dy=0, pressure=1.0)

def mouse(kind, x, y, button=1, touch=False):
    post(kind, pos=(x, y), button=button, touch=touch)

finger(pygame.FINGERDOWN, 0.25, 0.5)
mouse(pygame.MOUSEBUTTONDOWN, 200, 240, touch=True)
for step in range(1, 10):
    finger(pygame.FINGERMOTION, 0.25 + step / 20, 0.5)
finger(pygame.FINGERUP, 0.7, 0.5)
mouse(pygame.MOUSEBUTTONUP, 560, 240, touch=True)
handed = [len(pygame.event.get())]
mouse(pygame.MOUSEBUTTONDOWN, 10, 20)
handed.append(pygame.event.poll().type == pygame.MOUSEBUTTONDOWN)
post(pygame.MOUSEMOTION, pos=(12, 20), rel=(2, 0), buttons=(1, 0, 0), touch=False)
mouse(pygame.MOUSEBUTTONUP, 12, 20)
mouse(pygame.MOUSEBUTTONDOWN, 12, 20, button=4)
mouse(pygame.MOUSEBUTTONUP, 12, 20, button=4)
post(pygame.KEYDOWN, key=1, mod=0, unicode="", scancode=1)
handed.append(len(pygame.event.get()))
finger(pygame.FINGERDOWN, 0.1, 0.1, 7)
finger(pygame.FINGERDOWN, 0.9, 0.9, 8)
finger(pygame.FINGERUP, 0.1, 0.1, 7)
finger(pygame.FINGERUP, 0.9, 0.9, 8)
finger(pygame.FINGERMOTION, 0.9, 0.9, 99)
pygame.event.get()
host.untee()
mouse(pygame.MOUSEBUTTONDOWN, 1, 1)
pygame.event.get()
device = cap.device
print(json.dumps({"found": found, "handed": handed, "screen": [device.width, device.height],
    "ignored": cap.stats.ignored, "chords": cap.stats.chords}))
cap.close()
"""


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, tmp_path_factory.mktemp("pygame")],
        env=environment(SDL_VIDEODRIVER="dummy", SDL_AUDIODRIVER="dummy", PYGAME_HIDE_SUPPORT_PROMPT="1"),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_strokes(result):
    assert result["found"] == [
        ["FLING", "RIGHT", "RECOGNIZED", "200,240", 16],  # the mouse made of it is not another one
        ["TAP", "NONE", "RECOGNIZED", "10,20", 1],
        ["NONE", "NONE", "MULTI_TOUCH", "80,48", 16],
        ["NONE", "NONE", "MULTI_TOUCH", "720,432", 17],
    ]


def test_two_fingers_are_a_chord(result):
    assert result["chords"] == {"tap": 1}


def test_the_app_gets_every_event(result):
    assert result["handed"] == [13, True, 5]


def test_the_window_is_told(result):
    assert result["screen"] == [800, 480]


def test_what_is_no_touch_is_not_fed(result):
    assert result["ignored"] == {}


ODD = """
import json, sys
import pygame
from capture import Target
from capture.integrations.pygame import PygameHost
from capture.testing import decode_batches, memory_capture

pygame.init()
pygame.display.set_mode((800, 480))
cap, sink = memory_capture(sys.argv[1])
found = []
cap.on_gesture = lambda gesture, target: found.append([gesture.reason.name, target.responsive])
places = [None]

def find(x, y):
    if isinstance(places[0], Exception):
        raise places[0]
    return places[0]

host = PygameHost(cap, find_target=find)

def feed(kind, **fields):
    host.feed(pygame.event.Event(kind, **fields))

def finger(kind, finger_id, x=0.5, touch_id=1):
    feed(kind, touch_id=touch_id, finger_id=finger_id, x=x, y=0.5, dx=0, dy=0, pressure=1.0)

def mouse(kind, button=1):
    feed(kind, pos=(5, 5), button=button, touch=False)

def tap(finger_id):
    finger(pygame.FINGERDOWN, finger_id)
    finger(pygame.FINGERUP, finger_id)

def strokes(name):
    result[name] = found.copy()
    found.clear()

result = {}
tap(1)
strokes("nothing")
places[0] = Target(id="a")
tap(1)
strokes("unknown")
places[0] = ValueError("boom")
tap(1)
places[0] = "no target"
tap(1)
strokes("raising")
places[0] = Target(id="a")
# SDL tells of a finger that is down a second time.
D, U = pygame.FINGERDOWN, pygame.FINGERUP
for kind, number in ((D, 164), (D, 165), (U, 164), (D, 166), (D, 165), (U, 165), (U, 166)):
    finger(kind, number)
found.clear()
tap(200)
strokes("repeated")
# An UP is lost: the focus goes, or another finger comes down alone.
finger(D, 300)
feed(pygame.WINDOWFOCUSLOST)
strokes("unfocused")
tap(301)
strokes("after_focus")
import pygame._sdl2.touch
pygame._sdl2.touch.get_num_fingers = lambda device: 1
finger(D, 302)
finger(D, 303)
finger(U, 303)
strokes("counted")
# The fingers that SDL makes of a mouse, and its other buttons.
for touch_id in (-1, 2**32 - 1, 2**64 - 1):
    finger(D, 0, touch_id=touch_id)
    finger(U, 0, touch_id=touch_id)
for button in (2, 3, 6):
    mouse(pygame.MOUSEBUTTONDOWN, button)
    mouse(pygame.MOUSEBUTTONUP, button)
strokes("none")
mouse(pygame.MOUSEBUTTONDOWN)
feed(pygame.MOUSEMOTION, pos=(300, 5), rel=(2, 0), buttons=(0, 0, 0), touch=False)
mouse(pygame.MOUSEBUTTONUP)
mouse(pygame.MOUSEBUTTONDOWN)
mouse(pygame.MOUSEBUTTONUP)
strokes("mouse")
# Events that an app posts, without what SDL's have.
for kind in (pygame.MOUSEBUTTONDOWN, pygame.MOUSEBUTTONUP, pygame.FINGERDOWN, pygame.FINGERUP):
    feed(kind)
feed(pygame.MOUSEBUTTONDOWN, pos=None, button=1)
host.feed(object())
strokes("posted")
logged = []
host._log_once = lambda *values, **_: logged.append(str(values[-1]))
feed(pygame.MOUSEMOTION, pos=(5, 5))
result["hover"] = logged
mouse(pygame.MOUSEBUTTONDOWN)
mouse(pygame.MOUSEBUTTONUP)
strokes("after_posted")
cap.close()
print(json.dumps(result))
"""


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    done = subprocess.run(
        [sys.executable, "-c", ODD, tmp_path_factory.mktemp("pygame")],
        env=environment(SDL_VIDEODRIVER="dummy", SDL_AUDIODRIVER="dummy", PYGAME_HIDE_SUPPORT_PROMPT="1"),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_a_mouse_that_is_not_pressed_may_lack_its_buttons(odd):
    assert odd["hover"] == []


@pytest.mark.parametrize(
    ("name", "strokes"),
    [
        ("nothing", [["RECOGNIZED", False]]),
        ("unknown", [["RECOGNIZED", None]]),
        # What the app's own function raises costs the target, not the touch.
        ("raising", [["RECOGNIZED", None]] * 2),
        ("repeated", [["RECOGNIZED", None]]),
        ("unfocused", [["CANCELED", None]]),
        ("after_focus", [["RECOGNIZED", None]]),
        ("counted", [["CANCELED", None], ["RECOGNIZED", None]]),
        ("none", []),
        ("mouse", [["CANCELED", None], ["RECOGNIZED", None]]),
        ("posted", []),
        ("after_posted", [["RECOGNIZED", None]]),
    ],
)
def test_odd_events(odd, name, strokes):
    assert odd[name] == strokes


ORDER = """
import json, sys
import pygame
from capture.integrations.pygame import PygameHost
from capture.testing import decode_batches, memory_capture

pygame.init()
pygame.display.set_mode((800, 480))
cap, sink = memory_capture(sys.argv[1])
host = PygameHost(cap)
cap.screen_view("start")
pygame.event.clear()
host.tee()
for number in range(10):
    for kind in (pygame.MOUSEBUTTONDOWN, pygame.MOUSEBUTTONUP):
        pygame.event.post(pygame.event.Event(kind, pos=(50 * number, 20), button=1, touch=False))
    for event in pygame.event.get():
        if event.type == pygame.MOUSEBUTTONUP:
            try:
                cap.screen_view(f"page {number}")
                1 / (number % 2)
            except ZeroDivisionError:
                cap.track_variable("failed", number)
cap.flush(30.0)
events = [event for batch in decode_batches(sink.batches) for event in batch.events]
print(json.dumps([type(event).__name__.removesuffix("Wire") for event in events]))
cap.close()
"""


def test_what_a_tap_causes_comes_after_it(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", ORDER, tmp_path],
        env=environment(SDL_VIDEODRIVER="dummy", SDL_AUDIODRIVER="dummy", PYGAME_HIDE_SUPPORT_PROMPT="1"),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr

    assert json.loads(done.stdout.splitlines()[-1]) == [
        "AppStart",
        "ScreenView",
        *["Tap", "ScreenView", "NumberVariable", "Tap", "ScreenView"] * 5,
    ]
