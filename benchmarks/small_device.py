"""Costs on a small device, counted by QEMU: ``python benchmarks/small_device.py [armhf|arm64]``.

Instructions of ``import capture``, of a tap by the recogniser alone and of one that is recorded in the store.
Also the resident memory of a live process (the machine's own pages, not QEMU's). Counts of instructions are
repeatable, independent of the computer's load. Requirements as for ``scripts/run_machine.py``.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from run_machine import MACHINES, ROOT, Build

HERE = Path(__file__).parent
#: Where QEMU puts the machine's memory, and its size.
BASE, SIZE = 0x10_0000_0000, 1 << 32
TAPS = (200, 1200)
RECOGNIZER = """
import sys
from capture import Recognizer
recognizer = Recognizer()
for number in range(int(sys.argv[1])):
    now = number * 1_000_000_000
    recognizer.down(0, 100.0, 200.0, now)
    recognizer.up(0, 101.0, 200.0, now + 80_000_000)
"""
CAPTURE = f"""
import sys
from capture import BufferConfig, Capture, ProjectConfig, RunConfig, SinkConfig, Target
folder = sys.argv[2]
cap = Capture(RunConfig(
    project=ProjectConfig(id=8, app_name="Kiosk", app_id="kiosk.example", app_version="1"),
    buffer=BufferConfig(path=folder + "/store"),
    sinks=(SinkConfig(type="file", options={{"path": folder + "/out"}}),),
))
cap.opt_in()
cap.app_show()
cap.screen_view("Menu")
target = Target(path="[root]>grid>button>", id="tea", responsive=True)
for number in range(int(sys.argv[1])):
    now = number * 1_000_000_000
    cap.touch_down(0, 100.0, 200.0, now, target=target)
    cap.touch_up(0, 101.0, 200.0, now + 80_000_000)
resident, counted = 0, False
try:
    lines = open("/proc/self/smaps").read().splitlines()
except OSError:
    lines = []
for line in lines:
    words = line.split()
    if "-" in words[0]:
        counted = {BASE} <= int(words[0].partition("-")[0], 16) < {BASE + SIZE}
    elif words[0] == "Rss:" and counted:
        resident += int(words[1])
print(resident, "numpy" in sys.modules)
cap.close()
"""
NOTHING = "import sys"


class Device:
    """A machine's Python in QEMU, with its instructions counted."""

    def __init__(self, name, folder):
        self.build, self.folder = Build(name), folder
        self.build.prepare()
        self.build.build(ROOT)
        self.plugin = Path(folder, "qemu_count.so")
        command = [shutil.which("cc"), "-shared", "-fPIC", "-O2", str(HERE / "qemu_count.c"), "-o"]
        subprocess.run([*command, str(self.plugin)], check=True)

    def run(self, code, *arguments):
        """Run a program; return its output and its number of instructions."""
        env = {
            **os.environ,
            **self.build.environment,
            "PYTHONPYCACHEPREFIX": str(Path(self.folder, "pycache")),
            "PYTHONHASHSEED": "0",
            "QEMU_GUEST_BASE": hex(BASE),
            "QEMU_PLUGIN": str(self.plugin),
        }
        del env["PYTHONDONTWRITEBYTECODE"]
        command = [self.build.python, "-c", code, *map(str, arguments)]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
        return done.stdout, int(done.stderr.split()[-1])

    def each(self, code):
        """Return the instructions of one tap: of a long run less those of a short one."""
        counted = []
        for taps in TAPS:
            with tempfile.TemporaryDirectory(dir=self.folder) as place:
                counted.append(self.run(code, taps, place)[1])
        return round((counted[1] - counted[0]) / (TAPS[1] - TAPS[0]))


def count(name="armhf"):
    """Return the counts of a machine."""
    with tempfile.TemporaryDirectory() as folder:
        device = Device(name, folder)
        device.run("import capture; capture.Capture")  # compiles to byte code, once
        bare = device.run(NOTHING)[1]
        with tempfile.TemporaryDirectory(dir=folder) as place:
            printed = device.run(CAPTURE, TAPS[1], place)[0]
        resident, has_numpy = printed.split()
        return {
            "machine": name,
            "instructions of a bare Python's start": bare,
            "instructions of import capture": device.run("import capture; capture.Recognizer")[1] - bare,
            "instructions of a tap, recogniser": device.each(RECOGNIZER),
            "instructions of a tap, recorded": device.each(CAPTURE),
            "resident kB after 1,200 taps": int(resident),
            "numpy imported": has_numpy == "True",
        }


if __name__ == "__main__":
    machine = sys.argv[1] if len(sys.argv) > 1 else "armhf"
    if machine not in MACHINES:
        sys.exit(f"Usage: small_device.py {{{','.join(MACHINES)}}}")
    print(json.dumps(count(machine), indent=1))
