"""The scripted day of an app, in a process of its own: ``day.py FOLDER morning|evening``.

The morning ends as a killed process does. Every wait is for something that must happen.
"""

import os
import signal
import sys
import threading
from pathlib import Path

from capture.config import BufferConfig, DeviceConfig, PrivacyConfig, ProjectConfig, RunConfig, SinkConfig
from capture.engine import Capture
from capture.targets import Target
from capture.testing import START_NS, FakeClock, TouchScript

folder = Path(sys.argv[1])
#: When the evening begins: 29 minutes after the last event of the morning (ms since its start).
EVENING_MS = 5_520_399


def open_capture(clock):
    config = RunConfig(
        project=ProjectConfig(id=8, app_name="day", app_id="day"),
        device=DeviceConfig(os_version="1", language="en_US", timezone="UTC", connectivity=1, orientation=0),
        # No batch is due by its age: what is left over is sent for the reasons that the day gives.
        buffer=BufferConfig(path=str(folder / "store"), flush_interval_s=86_400.0),
        privacy=PrivacyConfig(opted_in=True),
        sinks=(SinkConfig(type="file", options={"path": str(folder / "out")}),),
    )
    return Capture(config, clock=clock)


def gestures(clock, capture, kind, target):
    script = TouchScript(capture, clock)
    for _ in range(30):
        clock.advance(s=1)
        getattr(script, kind)(target=target)


def morning():
    clock = FakeClock()
    capture = open_capture(clock)
    capture.app_start()
    capture.app_show()
    clock.advance(ms=1000)
    capture.screen_view("Home")
    gestures(clock, capture, "tap", Target(path="[root]>btn#ok>", id="ok", responsive=True))
    clock.advance(ms=200)
    capture.screen_view("List", ("shop",))
    gestures(clock, capture, "long_press", None)
    clock.advance(ms=300)
    capture.screen_view("Detail", ("shop", "item"))
    gestures(clock, capture, "drag", Target(path="[root]>list>", id=""))
    clock.advance(ms=400)
    capture.screen_view("Checkout")
    gestures(clock, capture, "fling", Target(path="[root]>list>", id=""))
    capture.track_transaction(20.0, "EUR", id="32a")
    capture.track_transaction(1, 840)
    capture.track_variable("tier", "gold")
    capture.track_variable("level", 7)
    capture.app_hide()
    capture.flush(60)
    clock.advance(s=1799, ms=999)
    capture.app_show()
    clock.advance(s=1800)
    capture.app_show()
    while capture.stats.delivered < 132:
        threading.Event().wait(0.005)
    os.kill(os.getpid(), signal.SIGKILL)


def evening():
    clock = FakeClock(wall_ns=START_NS + EVENING_MS * 1_000_000)
    with open_capture(clock) as capture:
        # What the killed process left behind is sent at the start.
        capture.flush(60)
        capture.screen_view("Home")
        clock.advance(s=1800)
        capture.track_variable("tier", "none")


{"morning": morning, "evening": evening}[sys.argv[2]]()
