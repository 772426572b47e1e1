"""Takes a real mouse: shows a window, says where it is, gives the strokes when there are enough."""

import sys

from kivy.core.window import Window
from kivy.uix.widget import Widget
from lab import Lab, collect, config, gesture, give

from capture import Recognizer
from capture.integrations.kivy import capture_app
from capture.integrations.kivy.touches import now_ns

fps, wanted = int(sys.argv[1]), int(sys.argv[2])
plain = Recognizer()
merged = []


def on_motion(window, kind, event):
    if not event.is_touch:
        return
    place = event.sx * (window.width - 1), (1 - event.sy) * (window.height - 1)
    if kind == "begin":
        plain.down(0, *place, now_ns())
    elif kind == "update":
        plain.move(0, *place, now_ns())
    else:
        merged.append(gesture(plain.up(0, *place, now_ns())))


def plan(lab):
    Window.bind(on_motion=on_motion)
    yield 0.3
    sys.stdout.write(f"READY {Window.left} {Window.top}\n")
    sys.stdout.flush()
    for _ in range(400):
        if len(strokes) >= wanted:
            break
        yield 0.05
    yield 0.1


app = Lab(Widget, plan, fps=fps)
cap = capture_app(app, config())
strokes = collect(cap)
app.run()
give(captured=[stroke for stroke, *_ in strokes], plain=merged, stats=cap.stats.gestures)
