"""How the scripts of these tests are run: each in a process of its own, with its result as JSON."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parent / "scripts"
ROOT = Path(__file__).parents[2]
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


def result_of(process, timeout=60):
    """Wait for a script; return what it gave."""
    output, errors = process.communicate(timeout=timeout)
    lines = [line for line in output.splitlines() if line.startswith("RESULT ")]
    assert process.returncode == 0, errors[-4000:]
    assert lines, errors[-4000:]
    return json.loads(lines[-1].removeprefix("RESULT "))


def start(script, *arguments, **more):
    """Start a script headless, with a home of its own for Kivy's configuration."""
    return subprocess.Popen(
        [sys.executable, SCRIPTS / script, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(**{**HEADLESS, **more}),
    )


@pytest.fixture(scope="session")
def kivy_home(tmp_path_factory):
    return tmp_path_factory.mktemp("kivy-home")


@pytest.fixture(scope="session")
def run_script(kivy_home):
    """Run a script to its end; the tests of a module share what it gave."""

    def run(script, *arguments, **more):
        return result_of(start(script, *arguments, KIVY_HOME=str(kivy_home), **more))

    return run


@pytest.fixture(scope="session")
def run_both(kivy_home):
    """Run a script twice at once, its first argument ``with`` and ``without``."""

    def run(script, *arguments, **more):
        running = [
            start(script, mode, *arguments, KIVY_HOME=str(kivy_home), **more) for mode in ("with", "without")
        ]
        return [result_of(process) for process in running]

    return run


@pytest.fixture(scope="session")
def display(tmp_path_factory):
    """A virtual display with a window system, for a real mouse."""
    missing = [name for name in ("Xvfb", "xdotool") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not installed: no real mouse")
    reading, writing = os.pipe()
    server = subprocess.Popen(
        [shutil.which("Xvfb"), "-displayfd", str(writing), "-screen", "0", "900x700x24", "+extension", "GLX"],
        pass_fds=(writing,),
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    with os.fdopen(reading) as answers:
        number = answers.readline().strip()
    yield f":{number}"
    server.terminate()
    server.wait()
