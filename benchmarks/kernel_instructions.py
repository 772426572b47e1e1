"""Instructions a sample of the kernels, counted by QEMU: ``python benchmarks/kernel_instructions.py``.

Needs ``qemu-user`` (7 or newer) and a compiler for each machine that is counted; a machine without them is
left out. Counts are repeatable: they depend on the compiler only, not on the machine's load.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
LENGTHS = (2, 8, 32, 142)
#: As kernels.c makes them.
SAMPLES = 20_000
#: As setup.py has them.
FLAGS = ("-O3", "-g0", "-fno-math-errno", "-ffp-contract=off", "-fno-tree-slp-vectorize", "-Wall")
#: Machine -> compilers, the first that is found is taken; QEMU and its options.
MACHINES = {
    "x86_64": (("x86_64-linux-gnu-gcc",), ("qemu-x86_64", "-cpu", "max")),
    "aarch64": (("aarch64-linux-gnu-gcc",), ("qemu-aarch64",)),
    "armv7": (("arm-linux-gnueabihf-gcc",), ("qemu-arm",)),
    "s390x": (("s390x-linux-gnu-gcc",), ("qemu-s390x",)),
}


def can_run(machine):
    """Return whether the compiler and the QEMU of a machine are installed."""
    compilers, qemu = MACHINES[machine]
    return bool(any(map(shutil.which, compilers)) and shutil.which(qemu[0]) and shutil.which("cc"))


def build(compiler, folder, flags=()):
    """Build the program with every kernel that its machine has, with flags after ours; return where it is."""
    program = Path(folder) / f"kernels-{Path(compiler).name}"
    source = str(HERE / "kernels.c")
    command = [compiler, *FLAGS, *flags, "-DCAPTURE_CHECKED", "-static", source, "-o", str(program), "-lm"]
    subprocess.run(command, check=True)
    return program


def run(*command):
    """Run a program; return its lines and QEMU's on standard error."""
    done = subprocess.run([str(each) for each in command], capture_output=True, text=True, check=True)
    return done.stdout.split(), done.stderr


class Emulated:
    """The program of one machine, run by QEMU."""

    def __init__(self, machine, folder, flags=()):
        compilers, qemu = MACHINES[machine]
        self.program = build(next(filter(shutil.which, compilers)), folder, flags)
        self.qemu = [shutil.which(qemu[0]), *qemu[1:]]
        self.plugin = Path(folder) / "qemu_count.so"
        command = [shutil.which("cc"), "-shared", "-fPIC", "-O2", str(HERE / "qemu_count.c"), "-o"]
        subprocess.run([*command, str(self.plugin)], check=True)
        self.kernels = run(*self.qemu, self.program)[0]

    def checksum(self, kernel, length):
        """Return the checksum of all measures."""
        return run(*self.qemu, self.program, kernel, length, 1)[0][0]

    def instructions(self, kernel, length):
        """Return the instructions of one sample: of three rounds less one, so that nothing else counts."""
        counted = [self._all(kernel, length, rounds) for rounds in (1, 3)]
        return round((counted[1] - counted[0]) / (2 * (SAMPLES // length * length)), 1)

    def _all(self, kernel, length, rounds):
        errors = run(*self.qemu, "-plugin", self.plugin, self.program, kernel, length, rounds)[1]
        return int(errors.split()[-1])


def count(machines=tuple(MACHINES)):
    """Return machine -> kernel -> samples a stroke -> instructions a sample."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for machine in filter(can_run, machines):
            emulated = Emulated(machine, folder)
            found[machine] = {
                kernel: {length: emulated.instructions(kernel, length) for length in LENGTHS}
                for kernel in emulated.kernels
            }
    return found


if __name__ == "__main__":
    print(json.dumps(count(tuple(sys.argv[1:]) or tuple(MACHINES)), indent=1))
