"""Strokes of a finger at so many frames a second, as the capture and as plain on_motion see them."""

import sys

from kivy.core.window import Window
from kivy.uix.widget import Widget
from lab import Lab, collect, config, gesture, give

from capture import Recognizer
from capture.integrations.kivy import capture_app
from capture.integrations.kivy.touches import now_ns

SWIPE = [(150 + 20 * step, 300) for step in range(15)]
PLAN = {
    "flick": ([(240, 357), (300, 357), (360, 357), (420, 357)], 0.0),
    "swipe": (SWIPE, 0.07),
    "tap": ([(200, 200), (200, 200)], 0.08),
    "long_press": ([(200, 200), (200, 200)], 0.65),
    "drag": ([(200 + step * 4, 200) for step in range(16)], 0.9),
}
FPS = int(sys.argv[1])
plain = []


class Plain:
    """What an app that listens to on_motion makes of the same touches."""

    def __init__(self):
        self.recognizer = Recognizer()
        Window.bind(on_motion=self.on_motion)

    def on_motion(self, window, kind, event):
        place = event.sx * (window.width - 1), (1 - event.sy) * (window.height - 1)
        if kind == "begin":
            self.recognizer.down(0, *place, now_ns())
        elif kind == "update":
            self.recognizer.move(0, *place, now_ns())
        else:
            plain.append(gesture(self.recognizer.up(0, *place, now_ns())))


def plan(lab):
    lab.plain = Plain()  # Kivy keeps a weak reference
    yield 0.5
    frame = 1 / FPS
    for points, seconds in PLAN.values():
        # A finger comes down within a frame, not at its start.
        lab.finger.stroke(points, seconds, after=0.2 * frame)
        yield seconds + 0.25


app = Lab(Widget, plan, fps=FPS)
cap = capture_app(app, config())
captured = collect(cap)
app.run()
give(
    captured={name: found[0] for name, found in zip(PLAN, captured, strict=True)},
    plain=dict(zip(PLAN, plain, strict=True)),
    stops=app.calls.count("on_stop"),
)
