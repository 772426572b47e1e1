"""Build wheels and the sdist into dist/, and try each in an empty environment: ``python scripts/wheels.py``.

manylinux2014 wheels of this Python for x86-64 and 64-bit ARM, and one of the stable ABI for Pythons from 3.12
on, by the compiler of ``ziglang`` (PyPI), which links with an old glibc's symbols, without a container.
The wheel for ARM is tried in emulation. One for musl is built and cannot be tried: no Python of musl can be
had. Exit status 77: something that is needed cannot be had here.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from run_machine import VERSION, Build
from run_pythons import find
from unpacked import SKIPPED, UnavailableError, headers, run

ROOT = Path(__file__).parents[1]
DIST, FOLDER = ROOT / "dist", ROOT / "build" / "wheels"
SOURCES = ("setup.py", "pyproject.toml", "README.md", "LICENSE", "capture", "scripts")
RECORDING = ROOT / "tests" / "data" / "session.touch.jsonl"
#: Test of an installed wheel: the bits of every other machine.
CHECK = f"""
import json, sys
sys.path.insert(0, {str(ROOT / "tests")!r})
import capture, integer_samples
expected = json.load(open({str(ROOT / "tests" / "data" / "golden" / "bits.json")!r}))
assert {str(ROOT)!r} + "/capture" not in capture.__file__, capture.__file__
assert integer_samples.all_digests() == expected
"""


def environment(folder: Path, python: Path | str, *packages: str) -> Path:
    """Return the Python of an environment with some packages and no others."""
    made = folder / "bin" / "python"
    if not made.exists():
        run(python, "-m", "venv", folder)
    if packages:
        run(made, "-m", "pip", "--quiet", "--disable-pip-version-check", "install", *packages)
    return made


def compiler(platform: str) -> Path:
    """Return a C compiler for the platform of a wheel, that links with symbols of its oldest C library."""
    zig = environment(FOLDER / "zig", sys.executable, "ziglang")
    library, _, machine = platform.partition("_")
    target = f"{machine}-linux-gnu.2.17" if library == "manylinux2014" else f"{machine[4:]}-linux-musl"
    script = FOLDER / f"cc-{platform}"
    script.write_text(f'#!/bin/sh\nexec {zig} -m ziglang cc -target {target} "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    return script


def wheel(python: Path | str, platform: str, settings: dict[str, str]) -> Path:
    """Build a wheel in a copy of the sources; return where it is in dist/."""
    cc = compiler(platform)
    with tempfile.TemporaryDirectory() as copy:
        for name in SOURCES:
            place = ROOT / name
            ignored = shutil.ignore_patterns("*.so", "__pycache__")
            if place.is_dir():
                shutil.copytree(place, Path(copy, name), ignore=ignored)
            else:
                shutil.copy(place, copy)
        env = {**os.environ, "CC": str(cc), "LDSHARED": f"{cc} -shared", **settings}
        subprocess.run(
            [python, "setup.py", "--quiet", "bdist_wheel", f"--plat-name={platform}"],
            cwd=copy,
            env=env,
            check=True,
        )
        [made] = Path(copy, "dist").glob("*.whl")
        DIST.mkdir(exist_ok=True)
        return Path(shutil.copy(made, DIST))


def try_out(python: Path, env: dict[str, str] | None = None) -> None:
    """Classify a recording and compare the bits, with the installed wheel."""
    with tempfile.TemporaryDirectory() as elsewhere:
        for arguments in (["-m", "capture", "classify", str(RECORDING)], ["-c", CHECK]):
            subprocess.run(
                [python, *arguments],
                cwd=elsewhere,
                env={**os.environ, "PYTHONPATH": "", **(env or {})},
                stdout=subprocess.DEVNULL,
                check=True,
            )


def tools(python: Path | str) -> Path:
    """Return the Python of an environment that can build for a Python."""
    version = run(python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])").strip()
    return environment(FOLDER / f"tools-{version}", python, "setuptools>=77", "cython>=3.1,<4", "wheel")


def here(python: Path | str, name: str, settings: dict[str, str]) -> Path:
    """Build and try a wheel for this machine."""
    made = wheel(tools(python), "manylinux2014_x86_64", settings)
    shutil.rmtree(FOLDER / name, ignore_errors=True)
    try_out(environment(FOLDER / name, python, str(made)))
    return made


def stable() -> Path:
    """Build a wheel of the stable ABI with its oldest Python, and try it on that and on a newer one."""
    made = here(find("3.12"), "abi3", {"CAPTURE_ABI3": "1"})
    newer = FOLDER / "abi3-3.13"
    shutil.rmtree(newer, ignore_errors=True)
    try_out(environment(newer, find("3.13"), str(made)))
    return made


def musl() -> Path:
    """Build a wheel for Linux with musl as the C library. It is not tried."""
    settings = FOLDER / "musl"
    settings.mkdir(parents=True, exist_ok=True)
    # setuptools takes the suffix of a module's file from this data.
    for found in Path(sysconfig.get_path("stdlib")).glob("_sysconfigdata_*.py"):
        known = found.read_text(encoding="utf-8")
        (settings / found.name).write_text(known.replace("linux-gnu", "linux-musl"), encoding="utf-8")
    return wheel(tools(sys.executable), "musllinux_1_2_x86_64", {"PYTHONPATH": str(settings)})


def arm() -> Path:
    """Build a wheel for 64-bit ARM, and try it in emulation."""
    machine = Build("arm64")
    machine.prepare()
    triplet = machine.machine.triplet
    found = machine.root / f"usr/lib/python{VERSION}" / f"_sysconfigdata__{triplet}.py"
    settings = FOLDER / "sysconfig"
    settings.mkdir(parents=True, exist_ok=True)
    shutil.copy(found, settings)
    made = wheel(
        tools(sys.executable),
        "manylinux2014_aarch64",
        {
            "_PYTHON_HOST_PLATFORM": "linux-aarch64",
            "_PYTHON_SYSCONFIGDATA_NAME": f"_sysconfigdata__{triplet}",
            "CFLAGS": headers(machine.root, machine.folder / "include", VERSION, triplet),
            "PYTHONPATH": str(settings),
        },
    )
    site = FOLDER / "arm64"
    shutil.rmtree(site, ignore_errors=True)
    tag = f"cp{VERSION.replace('.', '')}"
    platform = ("--platform=manylinux2014_aarch64", f"--abi={tag}", f"--python-version={VERSION}")
    run(
        sys.executable,
        "-m",
        "pip",
        "--quiet",
        "install",
        "--no-deps",
        "--only-binary=:all:",
        *platform,
        "--target",
        site,
        made,
    )
    try_out(machine.python, {"PYTHONPATH": str(site)})
    return made


def source() -> Path:
    """Build the sdist, and try its build on a machine with a compiler."""
    python = tools(sys.executable)
    run(python, "setup.py", "--quiet", "sdist", "--dist-dir", DIST)
    [made] = DIST.glob("*.tar.gz")
    shutil.rmtree(FOLDER / "sdist", ignore_errors=True)
    try_out(environment(FOLDER / "sdist", sys.executable, str(made)))
    return made


def main() -> int:
    """Build and try everything; return the exit status."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    if sysconfig.get_platform() != "linux-x86_64":
        print(f"wheels: skipped, they are built on linux-x86_64, not {sysconfig.get_platform()}")
        return SKIPPED
    status = 0
    for name, build in {
        "x86-64": lambda: here(sys.executable, "x86_64", {}),
        "64-bit ARM": arm,
        "stable ABI": stable,
        "sources": source,
        "musl": musl,
    }.items():
        try:
            made = build()
        except UnavailableError as error:
            print(f"{name}: skipped, {error}")
            status = SKIPPED
            continue
        tried = "not tried" if build is musl else "tried"
        print(f"{name}: {made.relative_to(ROOT)}, {made.stat().st_size // 1000} kB, {tried}", flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
