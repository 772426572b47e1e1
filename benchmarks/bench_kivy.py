"""Costs of capture in a Kivy app's thread: per touch event, and per frame of a busy app.

``pytest benchmarks/bench_kivy.py -o python_files='bench_*.py' -s``; the app runs in a process of its own.
"""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

if importlib.util.find_spec("kivy") is None:
    pytest.skip("kivy is not installed", allow_module_level=True)

ROOT = Path(__file__).parents[1]

#: By Kivy's own dispatch in the same run: medians of a DOWN at 30 and at 2,000 widgets, of an update, of
#: an UP; and the slowest of 99 % of the frames.
LIMITS = {
    "begin_30_of_kivy": 60,
    "begin_2000_of_kivy": 250,
    "update_30_of_kivy": 1.5,
    "end_30_of_kivy": 25,
    "frame_p99_of_kivy": 15,
}

SCRIPT = '''
import gc, json, statistics, sys, tempfile, time
sys.path.insert(0, "tests/integrations/scripts")
from lab import Touch, config
from capture import Capture
from capture.integrations import kivy as integration
from kivy.base import EventLoop
from kivy.core.window import Window
from kivy.uix.button import Button
from kivy.uix.gridlayout import GridLayout
from kivy.uix.boxlayout import BoxLayout
from kivy.uix.label import Label

EventLoop.status = "started"
clock = time.thread_time_ns  # without the machine's other work
cap = Capture(config())


class Still(Label):
    def on_touch_down(self, touch): return False
    def on_touch_move(self, touch): return False
    def on_touch_up(self, touch): return False


def board(count):
    for child in Window.children[:]:
        Window.remove_widget(child)
    columns = 40 if count > 100 else 5
    grid = GridLayout(cols=columns, size=Window.size)
    for _ in range(count):
        grid.add_widget(Still())
    box = BoxLayout(size=Window.size)
    box.add_widget(grid)
    Window.add_widget(box)
    box.do_layout(); grid.do_layout()


class Provider:
    def update(self, dispatch_fn):
        for kind, touch, place in self.batch:
            if kind != "begin":
                touch.move(place)
            dispatch_fn(kind, touch)


# The app itself does nothing here: the rest is Kivy's dispatch, with the hooks and without.
provider = Provider()
EventLoop.input_providers[:] = [provider]
EventLoop.event_listeners[:] = []


def frame(*batch):
    provider.batch = batch
    start = clock()
    EventLoop.dispatch_input()
    return clock() - start


def costs(strokes, updates):
    found = {"begin": [], "update": [], "end": []}
    # The last cell that a scan from the front comes upon: the first that was added.
    place = (0.01, 0.99)
    for _ in range(strokes):
        touch = Touch("finger", 1, place, is_touch=True, type_id="touch")
        found["begin"].append(frame(("begin", touch, place)))
        for step in range(updates):
            found["update"].append(frame(("update", touch, (0.01 + step / 1000, 0.99))))
        found["end"].append(frame(("end", touch, place)))
    return {kind: statistics.median(times) / 1000 for kind, times in found.items()}


def busy(frames):
    """Ten fingers, each with four samples a frame, now and then one comes or goes: the time of each frame."""
    touches, times = [], []
    for number in range(frames):
        batch = []
        if number % 30 == 0:
            batch += [("end", touch, (0.5, 0.5)) for touch in touches[:1]]
            touches = touches[1:]
            while len(touches) < 2:
                touch = Touch("finger", 1, (0.3, 0.4), is_touch=True, type_id="touch")
                touches.append(touch)
                batch.append(("begin", touch, (0.3, 0.4)))
        for touch in touches:
            batch += [("update", touch, (0.3 + step / 100, 0.4)) for step in range(4)]
        times.append(frame(*batch))
    return times


def p99(times):
    return sorted(times)[int(len(times) * 0.99)] / 1e6


gc.disable()
result = {}
for count in (30, 2000):
    board(count)
    frame()
    costs(50, 10)
    without = costs(150, 20)
    installation = integration.install(cap)
    costs(50, 10)
    with_capture = costs(150, 20)
    integration.uninstall()
    for kind in without:
        result[f"{kind}_{count}_us"] = with_capture[kind] - without[kind]
        result[f"{kind}_{count}_of_kivy"] = (with_capture[kind] - without[kind]) / without[kind]
board(30)
frame()
without = busy(1500)
integration.install(cap)
with_capture = busy(1500)
integration.uninstall()
result["frame_p99_ms"] = p99(with_capture) - statistics.median(without) / 1e6
result["frame_p99_of_kivy"] = p99(with_capture) / p99(without)
result["frame_median_ms"] = (statistics.median(with_capture) - statistics.median(without)) / 1e6
cap.close()
print("RESULT " + json.dumps(result))
'''


def measure():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=ROOT,
        env={
            **{name: value for name, value in os.environ.items() if name != "DISPLAY"},
            "PYTHONPATH": str(ROOT),
            "KIVY_NO_ARGS": "1",
            "KIVY_NO_FILELOG": "1",
            "KIVY_LOG_MODE": "PYTHON",
            "SDL_VIDEODRIVER": "offscreen",
            "KIVY_GL_BACKEND": "mock",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    line = next(line for line in done.stdout.splitlines() if line.startswith("RESULT "))
    return json.loads(line.removeprefix("RESULT "))


def test_cost_in_the_apps_thread(benchmark):
    found = benchmark.pedantic(measure, rounds=1)
    benchmark.extra_info["in_the_apps_thread"] = found
    for name, value in sorted(found.items()):
        print(f"{name:>18} {value:9.3f}")

    assert {name: found[name] for name, most in LIMITS.items() if found[name] > most} == {}
