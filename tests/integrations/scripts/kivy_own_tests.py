"""Kivy's own tests of touches, with a capture installed or without: ``kivy_own_tests.py with|without``."""

import sys
from pathlib import Path

import kivy
import pytest
from lab import config, give

from capture import Capture
from capture.integrations import kivy as integration

MODULES = ["motion_event", "mouse_hover_event", "mouse_multitouchsim", "uix_carousel", "uix_dropdown"]
MODULES += ["uix_modal", "uix_scrollview", "uix_slider"]
outcomes = {}


class Watch:
    def pytest_runtest_logreport(self, report):
        if report.when == "call" or report.skipped:
            outcomes[report.nodeid] = report.outcome


result = {}
if sys.argv[1] == "with":
    cap = Capture(config())
    integration.install(cap)
tests = Path(kivy.__file__).parent / "tests"
files = [str(tests / f"test_{name}.py") for name in MODULES]
# Nothing of this project's settings, and no file written.
options = ["-q", "-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", "/", "--import-mode=importlib"]
code = pytest.main([*options, *files], plugins=[Watch()])
if sys.argv[1] == "with":
    result = {"strokes": sum(cap.stats.gestures.values()), "hook": cap.stats.hook}
    cap.close()
give(code=int(code), outcomes=outcomes, **result)
