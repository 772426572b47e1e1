"""How the tests of the integrations run their scripts: each in a process of its own, its result as JSON."""

import ctypes.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parent / "integrations" / "scripts"
ROOT = Path(__file__).parents[1]
HEADLESS = {"SDL_VIDEODRIVER": "offscreen", "KIVY_GL_BACKEND": "mock"}


def environment(**more):
    kept = {name: value for name, value in os.environ.items() if name not in {"DISPLAY", "WAYLAND_DISPLAY"}}
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "KIVY_NO_ARGS": "1",
        "KIVY_NO_FILELOG": "1",
        "KIVY_LOG_MODE": "PYTHON",  # leaves standard error alone
        "LIBGL_ALWAYS_SOFTWARE": "1",
        "CAPTURE_DISABLED": "0",
        **more,
    }


def result_of(process, timeout=300):
    """Wait for a script; return what it gave."""
    output, errors = process.communicate(timeout=timeout)
    lines = [line for line in output.splitlines() if line.startswith("RESULT ")]
    assert process.returncode == 0, errors[-4000:]
    assert lines, errors[-4000:]
    return json.loads(lines[-1].removeprefix("RESULT "))


def need_gl():
    """Skip where there is no GL to draw with, in software or otherwise."""
    missing = [name for name in ("EGL", "GL") if ctypes.util.find_library(name) is None]
    if missing:
        pytest.skip(f"lib{' and lib'.join(missing)} not installed: Kivy cannot draw")


def start(script, *arguments, **more):
    """Start a script headless, with a home of its own for Kivy's configuration."""
    if script == "kivy_own_tests.py":
        # These want a true window: they collect nothing with the mock.
        more = {"KIVY_GL_BACKEND": "sdl2", **more}
    if more.get("KIVY_GL_BACKEND") == "sdl2":
        need_gl()
    return subprocess.Popen(
        [sys.executable, SCRIPTS / script, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(**{**HEADLESS, **more}),
    )


class Display:
    """A virtual display with a mouse."""

    def __init__(self):
        need_gl()
        reading, writing = os.pipe()
        size = ["-screen", "0", "900x700x24", "+extension", "GLX"]
        self._server = subprocess.Popen(
            [shutil.which("Xvfb"), "-displayfd", str(writing), *size],
            pass_fds=(writing,),
            stderr=subprocess.DEVNULL,
        )
        os.close(writing)
        with os.fdopen(reading) as answers:
            self.environment = {
                "DISPLAY": f":{answers.readline().strip()}",
                "SDL_VIDEODRIVER": "x11",
                # A click that a busy machine handles in one go with the focus is a click all the same.
                "SDL_MOUSE_FOCUS_CLICKTHROUGH": "1",
                "KIVY_GL_BACKEND": "sdl2",
            }

    def mouse(self, *words):
        """Do what xdotool is told in one call, so that no time passes between."""
        command = [shutil.which("xdotool"), *map(str, words)]
        subprocess.run(command, check=True, env={**os.environ, **self.environment}, timeout=120)

    def close(self):
        self._server.terminate()
        self._server.wait()
