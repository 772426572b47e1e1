"""Build and test for another machine, in emulation: ``python scripts/run_machine.py arm64 [TESTS...]``.

Needs Debian's apt-get and the Python that this Debian has (3.11 in bookworm). All else it gets: a cross
compiler, QEMU's user emulation, and the machine's Python, unpacked under build/machines. Exit status 77:
a part cannot be had here.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent))

from unpacked import SKIPPED, UnavailableError, headers, launcher, need, run, unpack

ROOT = Path(__file__).parents[1]
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
#: The tests that are run where none are named: core, encoders, store.
TESTS = (
    "tests/gestures",
    "tests/fuzz/test_fuzz_feed.py",
    "tests/engine/test_engine_templates.py",
    "tests/formats",
    "tests/store",
)
#: Tests that fail in emulation, or ten times slower; and tests that emulate others themselves.
NOT_EMULATED = (
    "not fork and not kill and not instructions and not emulated and not every_machine and not fused"
    " and not memory_of"
)
#: Each of its hundreds of tests starts processes.
LEFT_OUT = {ROOT / "tests/store/test_store_points.py"}
#: pytest's exit status where no test of a share was asked for.
NOTHING_SELECTED = 5
#: Packages that the index has for every machine, and others: there numpy is Debian's, msgspec
#: is built, and tests that need another are skipped.
PACKAGES = (
    "pytest>=8.2",
    "hypothesis>=6.100,<6.130",
    "urllib3>=2.2",
    "typer>=0.15",
    "rich>=13.7",
    "iso4217>=1.12",
    "jsonschema>=4.21",
)
WHEELS = ("numpy>=1.26", "msgspec>=0.19", "pyarrow>=15", "fastavro>=1.9")


class Machine(NamedTuple):
    """How to build for a machine and be it."""

    triplet: str
    qemu: str
    platform: str
    packages: tuple[str, ...]
    has_wheels: bool = False


MACHINES = {
    "arm64": Machine(
        "aarch64-linux-gnu",
        "qemu-aarch64",
        "aarch64",
        ("gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross"),
        has_wheels=True,
    ),
    "armhf": Machine(
        "arm-linux-gnueabihf", "qemu-arm", "armv7l", ("gcc-arm-linux-gnueabihf", "libc6-dev-armhf-cross")
    ),
    "s390x": Machine(
        "s390x-linux-gnu", "qemu-s390x", "s390x", ("gcc-s390x-linux-gnu", "libc6-dev-s390x-cross")
    ),
}


class Build:
    """One machine's folder under build/machines, and the files in it.

    Parameters
    ----------
    name : str
        Debian's name of the machine.
    """

    def __init__(self, name: str) -> None:
        self.name, self.machine = name, MACHINES[name]
        self.folder = ROOT / "build" / "machines" / name
        self.root, venv = self.folder / "root", self.folder / "venv"
        self.python, self.site = venv / "bin" / "python", venv / "lib" / f"python{VERSION}" / "site-packages"

        libraries = [self.root / "usr/lib" / self.machine.triplet / each for each in ("", "blas", "lapack")]
        #: Environment of the machine's Python.
        self.environment = {
            "LD_LIBRARY_PATH": ":".join(map(str, libraries)) if not self.machine.has_wheels else "",
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            # Hypothesis's number; the emulation is ten times slower.
            "CAPTURE_EXAMPLES": os.environ.get("CAPTURE_EXAMPLES", "5"),
        }

    def prepare(self) -> None:
        """Get the compiler, the emulator, the machine's Python and the packages that the tests need."""
        triplet, qemu = self.machine.triplet, self.machine.qemu
        need(f"{triplet}-gcc", qemu, packages=(*self.machine.packages, "qemu-user"))
        own = () if self.machine.has_wheels else ("python3-numpy",)
        unpack(self.root, self.name, (f"python{VERSION}", f"python{VERSION}-dev", "libstdc++6", *own))
        home = self.root / "usr" / "bin"
        if not (home / f"python{VERSION}").exists():
            raise UnavailableError(f"Debian's Python is not {VERSION}, which this script runs on")
        launcher(
            self.folder / "venv", home, f'{shutil.which(qemu)} -L {self.root} -0 "$0" {home}/python{VERSION}'
        )
        if not (self.site / ".ready").exists():
            self._install()
            (self.site / ".ready").touch()
        # An emulator that does not work here is no fault of the tested code.
        run(self.python, "-c", "import msgspec, numpy, pytest", env=self.environment)

    def _install(self) -> None:
        pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
        self.site.mkdir(parents=True, exist_ok=True)
        tags = [f"manylinux_2_{each}" for each in range(17, 37)] + ["manylinux2014"]
        options = (
            f"--python-version={VERSION}",
            "--only-binary=:all:",
            f"--target={self.site}",
            *[f"--platform={tag}_{self.machine.platform}" for tag in tags],
            *[f"--abi={each}" for each in (f"cp{VERSION.replace('.', '')}", "abi3", "none")],
        )
        run(*pip, "install", *options, *PACKAGES, *(WHEELS if self.machine.has_wheels else ()))
        if self.machine.has_wheels:
            return
        numpy = self.site / "numpy"
        if not numpy.is_symlink():
            numpy.symlink_to(self.root / "usr/lib/python3/dist-packages/numpy")
        source = self.folder / "msgspec"
        run(
            *pip,
            "download",
            "--no-deps",
            "--no-binary=:all:",
            "--no-build-isolation",
            f"--dest={source}",
            "msgspec>=0.19",
        )
        run("tar", "-xzf", *source.glob("*.tar.gz"), "-C", source, "--strip-components=1")
        self.build(source)
        package = next(each for each in (source / "src" / "msgspec", source / "msgspec") if each.is_dir())
        shutil.copytree(package, self.site / "msgspec", dirs_exist_ok=True)

    def build(self, folder: Path) -> None:
        """Cross-build the extension modules of a package, in its folder."""
        triplet = self.machine.triplet
        settings = self.folder / "sysconfig" / f"_sysconfigdata__{triplet}.py"
        settings.parent.mkdir(parents=True, exist_ok=True)
        if not settings.is_symlink():
            settings.symlink_to(self.root / f"usr/lib/python{VERSION}" / settings.name)
        env = {
            "_PYTHON_HOST_PLATFORM": f"linux-{self.machine.platform}",
            "_PYTHON_SYSCONFIGDATA_NAME": f"_sysconfigdata__{triplet}",
            "CC": f"{triplet}-gcc",
            "CFLAGS": headers(self.root, self.folder / "include", VERSION, triplet),
            "LDSHARED": f"{triplet}-gcc -shared",
            "PYTHONPATH": str(settings.parent),
        }
        subprocess.run(
            [
                sys.executable,
                "setup.py",
                "--quiet",
                "build_ext",
                "--parallel=2",
                "--inplace",
            ],
            cwd=folder,
            env={**os.environ, **env},
            check=True,
        )

    def test(self, paths: tuple[str, ...]) -> int:
        """Run tests in emulation, a share of the files on each processor; return pytest's exit status."""
        env = {**os.environ, **self.environment}
        command = [self.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", NOT_EMULATED]
        runs = [
            subprocess.Popen([*command, *share], cwd=ROOT, env=env, stdout=subprocess.PIPE)
            for share in shares(paths, os.cpu_count() or 1)
        ]
        # All to their ends; a share's output is printed as a whole.
        with ThreadPoolExecutor() as readers:
            for printed in readers.map(lambda each: each.communicate()[0], runs):
                sys.stdout.buffer.write(printed)
                sys.stdout.flush()
        return max(0 if each.returncode == NOTHING_SELECTED else abs(each.returncode) for each in runs)


def shares(paths: tuple[str, ...], count: int) -> list[list[str]]:
    """Return the test files of paths in as many lists of about the same size; none is empty."""
    files = [ROOT / each for each in paths if not (ROOT / each).is_dir()]
    for folder in (ROOT / each for each in paths if (ROOT / each).is_dir()):
        files += [file for file in sorted(folder.rglob("test_*.py")) if file not in LEFT_OUT]
    sizes = {file: file.stat().st_size if file.exists() else 0 for file in files}
    found: list[list[Path]] = [[] for _ in range(count)]
    for file in sorted(files, key=sizes.__getitem__, reverse=True):
        min(found, key=lambda share: sum(map(sizes.__getitem__, share))).append(file)
    return [[str(file.relative_to(ROOT)) for file in share] for share in found if share]


def main(arguments: list[str]) -> int:
    """Build and test for a machine; return the exit status."""
    if not arguments or arguments[0] not in MACHINES:
        sys.exit(f"Usage: run_machine.py {{{','.join(MACHINES)}}} [TESTS...]")
    build, paths, start = Build(arguments[0]), tuple(arguments[1:]), time.monotonic()
    try:
        build.prepare()
    except UnavailableError as error:
        print(f"{build.name}: skipped, {error}")
        return SKIPPED
    ready = time.monotonic()
    build.build(ROOT)
    built = time.monotonic()
    status = build.test(paths or TESTS)
    now = time.monotonic()
    spent = f"preparing {ready - start:.0f} s, building {built - ready:.0f} s, testing {now - built:.0f} s"
    print(f"{build.name}: {spent}")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
