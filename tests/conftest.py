"""For all tests: no run on a stale native build, an option to rewrite golden files, no limits of time."""

import contextlib
import re
from collections import Counter
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

with contextlib.suppress(ImportError):  # not everywhere: in emulation
    from hypothesis import HealthCheck, settings

    # How long an example takes says on a busy machine nothing about the test.
    settings.register_profile(
        "untimed", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("untimed")

ROOT = Path(__file__).parents[1]
NATIVE = ROOT / "capture" / "_native"
USED = re.compile(
    r"from capture\._native\.(?P<module>[\w.]+) cimport"
    r'|extern from "(?P<header>[^"]+)"|#include "(?P<included>[^"]+)"'
)


def pytest_addoption(parser):
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="rewrite golden files; look at the difference before committing",
    )


def pytest_configure(config):
    stale = stale_modules(NATIVE)
    if stale:
        pytest.exit(
            f"the native build is older than its sources ({', '.join(stale)}): "
            "python setup.py build_ext --inplace",
            returncode=2,
        )


def pytest_terminal_summary(terminalreporter):
    """List what was skipped and why: one line for each reason, with the number of tests."""
    reasons = Counter(reason_of(report) for report in terminalreporter.stats.get("skipped", []))
    if not reasons:
        return
    terminalreporter.section(f"skipped: {sum(reasons.values())} tests, by reason")
    for reason, count in sorted(reasons.items(), key=lambda each: (-each[1], each[0])):
        terminalreporter.write_line(f"{count:>5}  {reason}")


def reason_of(report):
    """Return why a test was skipped, in one line."""
    text = report.longrepr[2] if isinstance(report.longrepr, (tuple, list)) else str(report.longrepr)
    return " ".join(text.removeprefix("Skipped: ").split())


@pytest.fixture
def golden(request):
    """Compare text with a file under tests/data/golden, or write the file with --update-golden."""

    def compare(path, text):
        path = Path(path)
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

        assert text == path.read_text(encoding="utf-8")

    return compare


def stale_modules(folder):
    """Return the modules whose shared object is missing, or older than something that it is made from."""
    found = []
    for source in sorted(folder.rglob("*.pyx")):
        built = [
            file for suffix in EXTENSION_SUFFIXES if (file := source.with_name(source.stem + suffix)).exists()
        ]
        newest = max(file.stat().st_mtime for file in sources(source))
        if not built or built[0].stat().st_mtime < newest:
            found.append(source.stem)
    return found


def sources(file, seen=None):
    """Return a native source and everything of ours that it is compiled with."""
    seen = set() if seen is None else seen
    if file in seen or not file.exists():
        return seen
    seen.add(file)
    if file.suffix == ".pyx":
        sources(file.with_suffix(".pxd"), seen)
    for use in USED.finditer(file.read_text(encoding="utf-8")):
        if use["module"]:
            sources(ROOT.joinpath("capture", "_native", *use["module"].split(".")).with_suffix(".pxd"), seen)
        else:
            sources((file.parent / (use["header"] or use["included"])).resolve(), seen)
    return seen
