"""A small app for the process tests: ``app.py FOLDER PART``; what it prints is what the tests look at."""

import os
import sys
from pathlib import Path

from capture.config import BufferConfig, DeviceConfig, PrivacyConfig, ProjectConfig, RunConfig, SinkConfig
from capture.engine import Capture

folder = Path(sys.argv[1])


def open_capture():
    config = RunConfig(
        project=ProjectConfig(id=8, app_id="app"),
        device=DeviceConfig(os_version="1", language="en_US", timezone="UTC", connectivity=1),
        buffer=BufferConfig(path=str(folder / "store"), flush_interval_s=86_400.0),
        privacy=PrivacyConfig(opted_in=True),
        sinks=(SinkConfig(type="file", options={"path": str(folder / "out")}),),
    )
    return Capture(config)


def say(word):
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def side_by_side():
    """Record 200 events when told to, beside another process that does the same."""
    capture = open_capture()
    capture.track_variable("process", sys.argv[3])
    say("ready")
    sys.stdin.readline()
    for number in range(200):
        capture.track_variable(sys.argv[3], number)
    say(capture.session_number)
    sys.stdin.readline()
    capture.close()


def left_open():
    """End without a close."""
    capture = open_capture()
    for number in range(70):
        capture.track_variable("n", number)


def forked():
    """Record in parent and child."""
    capture = open_capture()
    capture.track_variable("who", "before")
    capture.touch_down(0, 1, 1)
    child = os.fork()
    if child == 0:
        capture.touch_up(0, 1, 1)
        capture.track_variable("who", "child")
        capture.touch_down(0, 1, 1)
        capture.touch_up(0, 1, 1)
        capture.close()
        os._exit(0)
    os.waitpid(child, 0)
    capture.track_variable("who", "parent")
    capture.close()


{"side_by_side": side_by_side, "left_open": left_open, "forked": forked}[sys.argv[2]]()
