"""Instructions per sample, counted by callgrind: ``python benchmarks/callgrind_recognizer.py``.

They do not depend on the machine's noise. Only the core's own calls are collected: not the
interpreter's loop around them, not the making of the samples.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
SAMPLES = 20_000
PATHS = {
    "batch": (
        "__pyx_pw_7capture_7_native_5batch_*feed*",
        "capture.classify(capture.TouchSamples(action=action, time=time, x=x, y=y), gestures=gestures)",
    ),
    "live": (
        "__pyx_pw_7capture_7_native_10recognizer_10Recognizer_*",
        """
recognizer = capture.Recognizer(gestures=gestures)
calls = [recognizer.down, recognizer.up, recognizer.move]
for a, t, px, py in zip(action.tolist(), time.tolist(), x.tolist(), y.tolist()):
    calls[a](0, px, py, t)
""",
    ),
}


def instructions(toggle, body, strategy):
    """Run a body under callgrind and return the instructions of the core's calls for one sample."""
    code = (
        f"import sys; sys.path[:0] = [{str(HERE)!r}, {str(HERE.parent)!r}]\n"
        "import capture\nfrom touches import single\n"
        f"action, time, x, y = single({SAMPLES})\n"
        f"gestures = capture.GestureConfig(velocity_strategy={strategy!r})\n{body}\n"
        "print(len(action))\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [
                shutil.which("valgrind") or "valgrind",
                "--tool=callgrind",
                "--collect-atstart=no",
                f"--toggle-collect={toggle}",
                f"--callgrind-out-file={folder}/out",
                sys.executable,
                "-c",
                code,
            ],
            capture_output=True,
            text=True,
            check=True,
        )
    return int(re.search(r"Collected : (\d+)", done.stderr).group(1)) / int(done.stdout)


def count():
    """Return path and strategy -> instructions per sample."""
    return {
        f"{path}, {strategy}": round(instructions(toggle, body, strategy), 1)
        for path, (toggle, body) in PATHS.items()
        for strategy in ("mean", "lsq2", "impulse")
    }


if __name__ == "__main__":
    print(json.dumps(count(), indent=1))
