"""Screens that follow from taps, and a handler that raises."""

import sys

from kivy.lang import Builder
from lab import Lab, config, give

from capture.integrations.kivy import capture_app, hooks
from capture.testing import decode_batches

RAISING = "raise" in sys.argv
COUNT = 2 if RAISING else int(sys.argv[1])
if "merged" in sys.argv:
    hooks.sees_raw_samples = lambda: False

KV = """
#:import NoTransition kivy.uix.screenmanager.NoTransition
ScreenManager:
    transition: NoTransition()
    Screen:
        name: 'a'
        Button:
            on_release: app.go('b')
    Screen:
        name: 'b'
        Button:
            on_release: app.go('a')
"""


class Shop(Lab):
    def go(self, name):
        cap.track_variable("wants", name)
        if RAISING and self.root.current == "b":
            raise ZeroDivisionError("the app's own")
        self.root.current = name


def plan(lab):
    for _ in range(COUNT):
        lab.finger.tap_at(100, 100, 0.02)
        before = lab.root.current
        for _ in range(200):
            if lab.root.current != before:
                break
            yield 0.01


app = Shop(lambda: Builder.load_string(KV), plan)
cap = capture_app(app, config())
raised = None
try:
    app.run()
except ZeroDivisionError as error:
    raised = str(error)
cap.close()
rows = [
    [type(event).__name__.removesuffix("Wire"), getattr(event, "load_time_ms", None), event.time_ms]
    for batch in decode_batches(cap.sinks["memory"].batches)
    for event in batch.events
]
give(rows=rows, raised=raised, hook=sys.argv)
