"""Run tests on every Python that is found: ``python scripts/run_pythons.py [--all] [VERSION...]``.

Pythons of the versions that the package names, on the path or of pyenv; and the next one, which is unpacked
from a later Debian where apt-get gives it. Each has an environment under build/pythons, and its own build of
the native core beside the others'. A version that is not found is named and left out; none at all is exit
status 77.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from unpacked import SKIPPED, UnavailableError, headers, launcher, run, unpack

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "build" / "pythons"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
VERSIONS = [
    each.rpartition(" ")[2]
    for each in PROJECT["project"]["classifiers"]
    if each.startswith("Programming Language :: Python :: 3.")
]
#: Packages of the core's tests; ``--all`` takes the whole of the group "test".
NEEDED = (
    "fastavro>=1.9",
    "hypothesis>=6.100",
    "iso4217>=1.12",
    "jsonschema>=4.21",
    "pyarrow>=15",
    "pytest>=8.2",
)
#: The next one, and the Debian that has it.
NEXT, RELEASE = "3.14", "sid"
CORE = ("tests/gestures", "tests/fuzz/test_fuzz_feed.py", "tests/formats", "tests/store")
TOOLS = ("setuptools>=77", "cython>=3.1,<4")


def find(version: str) -> Path:
    """Return a Python of a version, with its headers; the newest of several."""
    pyenv = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    on_path = shutil.which(f"python{version}")
    code = (
        "import pathlib, sysconfig; print(pathlib.Path(sysconfig.get_path('include'), 'Python.h').exists())"
    )
    for python in [*pyenv[::-1], *([Path(on_path)] if on_path else [])]:
        try:
            if run(python, "-c", code).strip() == "True":
                return python
        except UnavailableError:
            continue
    raise UnavailableError("not installed")


def unpacked(version: str) -> Path:
    """Return the environment of a Python that is unpacked from another Debian."""
    root = FOLDER / f"{version}-root"
    names = (f"python{version}-minimal", f"libpython{version}-stdlib", f"libpython{version}-dev")
    unpack(root, "amd64", (*names, "libc6", "libstdc++6"), release=RELEASE)
    home, libraries = root / "usr" / "bin", root / "usr/lib/x86_64-linux-gnu"
    loader = f"{root}/usr/lib64/ld-linux-x86-64.so.2"
    command = f'{loader} --argv0 "$0" --library-path {libraries} {home}/python{version}'
    return launcher(FOLDER / version, home, command)


def requirements(*, all_tests: bool) -> list[str]:
    """Return the packages of the tests, and the tools that build."""
    project = PROJECT["project"]
    wanted = list(PROJECT["dependency-groups"]["test"] if all_tests else NEEDED)
    for group in [each for each in wanted if each.startswith("touchcapture[")]:
        wanted.remove(group)
        for extra in group.removeprefix("touchcapture[").rstrip("]").split(","):
            wanted += project["optional-dependencies"][extra]
    return [*TOOLS, *project["dependencies"], *wanted]


def prepare(version: str, wanted: list[str]) -> Path:
    """Return the Python of an environment for a version, with all that is needed and the core built."""
    folder, options = FOLDER / version, {}
    python = folder / "bin" / "python"
    if version == NEXT:
        unpacked(version)
        options["CFLAGS"] = headers(
            FOLDER / f"{version}-root", FOLDER / f"{version}-include", version, "x86_64-linux-gnu"
        )
    elif not python.exists():
        run(find(version), "-m", "venv", "--without-pip", folder)
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", f"--python={python}")
    run(*pip, "install", *wanted)
    subprocess.run(
        [python, "setup.py", "--quiet", "build_ext", "--inplace", "--parallel=2"],
        cwd=ROOT,
        env={**os.environ, **options},
        check=True,
    )
    return python


def main() -> int:
    """Run the tests; return the first exit status that is not 0."""
    parser = argparse.ArgumentParser(description="Run tests on every Python that is found.")
    parser.add_argument("versions", nargs="*", metavar="VERSION", help=f"{', '.join(VERSIONS)}, {NEXT}")
    parser.add_argument("--all", action="store_true", help="the whole suite instead of the core's tests")
    parser.add_argument("--tests", nargs="+", metavar="PATH", help="these tests")
    given = parser.parse_args()
    paths = given.tests or (["tests"] if given.all else list(CORE))
    statuses = []
    for version in given.versions or [*VERSIONS, NEXT]:
        try:
            python = prepare(version, requirements(all_tests=given.all))
        except UnavailableError as error:
            print(f"{version}: skipped, {error}", flush=True)
            continue
        print(f"{version}:", flush=True)
        command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *paths]
        if given.all:
            command += ["--numprocesses=auto", "--dist=loadfile"]
        statuses.append(
            subprocess.run(
                command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False
            ).returncode
        )
    return max(statuses, default=SKIPPED)


if __name__ == "__main__":
    sys.exit(main())
