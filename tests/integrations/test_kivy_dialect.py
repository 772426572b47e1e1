"""The dialect ``kivy`` in a Kivy app: the distance of a double tap is a part of the window."""

import json
import subprocess
import sys

import pytest
from host_processes import HEADLESS, environment

pytest.importorskip("kivy", reason="kivy is not installed")

SCRIPT = """
import json, sys
from kivy.app import App
from kivy.config import Config
from capture import GestureConfig, RunConfig
from capture.config import BufferConfig, DeviceConfig, PrivacyConfig, ProjectConfig
from capture.integrations.kivy import capture_app, uninstall

Config.set("graphics", "width", "800")
Config.set("graphics", "height", "500")
found = []
kivy = {"dialect": "kivy"}
for gestures in (kivy, {**kivy, "multi_tap_slop_dp": 9.0}, {"dialect": "android"}, {}):
    config = RunConfig(
        project=ProjectConfig(id=8),
        device=DeviceConfig(density=2.0),
        buffer=BufferConfig(path=sys.argv[1]),
        privacy=PrivacyConfig(opted_in=True),
        gestures=GestureConfig(**gestures),
    )
    cap = capture_app(App(), config)
    found.append(cap.config.gestures.multi_tap_slop_dp)
    uninstall()
    cap.close()
sys.stdout.write("RESULT " + json.dumps(found) + "\\n")
"""


def test_the_distance_of_a_double_tap_is_a_part_of_the_window(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, tmp_path / "store"],
        env=environment(**HEADLESS, KIVY_HOME=str(tmp_path / "kivy")),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    [line] = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]

    # 20 of 1000 parts of 500 px at density 2; set by a key; of another row.
    assert json.loads(line.removeprefix("RESULT ")) == [5.0, 9.0, 100.0, 100.0]
