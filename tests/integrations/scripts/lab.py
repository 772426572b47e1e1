"""What the Kivy scripts share: a finger that touches by plan, an app that runs a plan, a result as JSON."""

import json
import sys
import tempfile
import time

from kivy.app import App
from kivy.base import EventLoop
from kivy.clock import Clock
from kivy.config import Config
from kivy.input.motionevent import MotionEvent

from capture import BufferConfig, PrivacyConfig, ProjectConfig, RunConfig, SinkConfig


class Touch(MotionEvent):
    def depack(self, args):
        self.sx, self.sy = args
        self.profile = ["pos"]
        super().depack(args)


class Finger:
    """An input provider: gives what is due by time, as SDL's queue does, or a frame at a time."""

    def __init__(self, device="finger"):
        self.device = device
        self.plan = []
        self.frames = []
        EventLoop.add_input_provider(self)

    def start(self):
        pass

    def stop(self):
        pass

    def update(self, dispatch_fn):
        due = self.frames.pop(0) if self.frames else []
        while self.plan and self.plan[0][0] <= time.perf_counter():
            due.append(self.plan.pop(0)[1:])
        for kind, touch, place in due:
            if kind != "begin":
                touch.move(place)
            dispatch_fn(kind, touch)

    def stroke(self, points, seconds=0.0, *, button=None, after=0.0):
        """Plan a stroke of window points (px, y up) over some seconds; 0 is within one frame."""
        width, height = EventLoop.window.size
        places = [(x / (width - 1), y / (height - 1)) for x, y in points]
        touch = Touch(self.device, 1, places[0], is_touch=True, type_id="touch")
        if button:
            touch.profile, touch.button = ["pos", "button"], button
        start, last = time.perf_counter() + after, len(points) - 1
        kinds = ["begin", *["update"] * (last - 1), "end"]
        for step, (kind, place) in enumerate(zip(kinds, places, strict=True)):
            self.plan.append((start + seconds * step / last, kind, touch, place))
        self.plan.sort(key=lambda event: event[0])
        return touch

    def tap(self, widget, seconds=0.06):
        return self.tap_at(*widget.to_window(*widget.center), seconds)

    def tap_at(self, x, y, seconds=0.06):
        return self.stroke([(x, y), (x, y)], seconds)


def config(**sections):
    known = {
        "project": ProjectConfig(id=1, app_id="lab"),
        "privacy": PrivacyConfig(opted_in=True),
        "buffer": BufferConfig(path=tempfile.mkdtemp()),
        "sinks": (SinkConfig(type="memory"),),
    }
    return RunConfig(**{**known, **sections})


class Lab(App):
    """Shows a widget and runs a plan: a generator that yields the seconds to wait."""

    title = "Lab"

    def __init__(self, make_root, plan, fps=60):
        Config.set("graphics", "maxfps", fps)
        Clock._max_fps = fps
        super().__init__()
        self._make_root = make_root
        self._plan = plan
        self.finger = Finger()
        self.calls = []

    def build(self):
        return self._make_root()

    def on_start(self):
        self._steps = self._plan(self)
        Clock.schedule_once(self._step, 0.3)

    def _step(self, _):
        wait = next(self._steps, None)
        if wait is None:
            self.stop()
        else:
            Clock.schedule_once(self._step, wait)

    def on_stop(self):
        self.calls.append("on_stop")


def gesture(found):
    names = ("duration", "distance", "velocity", "x_down", "y_down", "x_up", "y_up", "sample_count")
    return {
        "kind": found.kind.name,
        "reason": found.reason.name,
        "direction": found.direction.name,
        **{name: getattr(found, name) for name in names},
    }


def collect(cap):
    """Gather every stroke as (gesture, path, id, responsive)."""
    found = []
    cap.on_gesture = lambda stroke, target: found.append(
        [gesture(stroke), target.path, target.id, target.responsive]
    )
    return found


def give(**result):
    sys.stdout.write("RESULT " + json.dumps(result) + "\n")
    sys.stdout.flush()
