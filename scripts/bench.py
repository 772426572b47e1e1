"""Run the benchmarks and write ``benchmarks/RESULTS.md``: ``python scripts/bench.py [pytest options]``."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "RESULTS.md"
CALLGRIND = ROOT / "benchmarks" / "callgrind_recognizer.py"

_INTRO = """\
# Measured

Written by `make bench`. Times depend on the machine and on what else it does; ratios of contenders that were
timed in turns, in one run, hold. Medians unless it says otherwise.
"""


def main() -> int:
    """Run the benchmarks, then write their results."""
    runs = [_run(file) for file in sorted((ROOT / "benchmarks").glob("bench_*.py"))]
    measured = [results for _, results in runs if results is not None]
    if measured:
        results = {**measured[0], "benchmarks": [each for one in measured for each in one["benchmarks"]]}
        RESULTS.write_text(_page(results, _instructions()), encoding="utf-8")
        sys.stdout.write(f"{RESULTS.relative_to(ROOT)} written\n")
    # 5: nothing to run, where a file's peers are not installed.
    return max(0 if status == 5 else status for status, _ in runs)


def _run(file: Path) -> tuple[int, dict[str, Any] | None]:
    """Run one file in a process of its own: imports of others, a toolkit with its logging, cost too."""
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "record.json"
        status = subprocess.call(
            [
                *(sys.executable, "-m", "pytest", file, "-o", "python_files=bench_*.py"),
                *("-q", f"--benchmark-json={record}", *sys.argv[1:]),
            ],
            cwd=ROOT,
        )
        if not record.exists() or not record.stat().st_size:
            return status, None
        return status, json.loads(record.read_text(encoding="utf-8"))


def _page(results: dict[str, Any], instructions: str) -> str:
    machine = results["machine_info"]
    cpu = machine.get("cpu", {})
    place = (
        f"{results['datetime'][:10]}, {cpu.get('brand_raw', platform.processor())}, "
        f"{cpu.get('count', '?')} CPUs, CPython {machine['python_version']}, {machine['system']} "
        f"{machine['release']}."
    )
    parts = [_INTRO, place, "## aims", _aims(results["benchmarks"])]
    for bench in results["benchmarks"]:
        parts += [f"## {bench['name'].removeprefix('test_').replace('_', ' ')}", *_tables(bench)]
    if instructions:
        parts += ["## instructions per sample (callgrind)", instructions]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _aims(benchmarks: list[dict[str, Any]]) -> str:
    """Return each aim beside its measurement."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    from aims import AIMS

    found = {bench["name"]: bench["extra_info"] for bench in benchmarks}
    rows = []
    for aim in AIMS:
        value = aim.measured(found)
        bound = f"at least {aim.least:,}" if aim.most is None else f"at most {aim.most:,}"
        held = "not measured" if value is None else "yes" if aim.holds(value) else "no"
        rows.append([aim.what, bound, "" if value is None else _number(value), held])
    return _table(["", "aim", "measured", "holds"], rows)


def _tables(bench: dict[str, Any]) -> list[str]:
    """Return the notes of a benchmark: mappings as tables, the rest as a list; else its own times."""
    extra = dict(bench["extra_info"])
    parts = []
    if "medians" in extra:
        unit, medians, ratios = extra.pop("unit", ""), extra.pop("medians"), extra.pop("times_ours", {})
        rows = [[name, _number(value), _number(ratios.get(name, ""))] for name, value in medians.items()]
        parts.append(_table(["", unit, "times ours"], rows))
    for name, value in extra.items():
        if isinstance(value, dict) and value and all(isinstance(each, dict) for each in value.values()):
            heads = list(next(iter(value.values())))
            rows = [[row, *(_number(each.get(head, "")) for head in heads)] for row, each in value.items()]
            parts.append(f"{name.replace('_', ' ')}:\n\n{_table(['', *heads], rows)}")
        elif isinstance(value, dict):
            shown = ", ".join(f"{key} {_number(each)}" for key, each in value.items())
            parts.append(f"{name.replace('_', ' ')}: {shown}")
        else:
            parts.append(f"{name.replace('_', ' ')}: {_number(value)}")
    if not bench["extra_info"]:
        stats = bench["stats"]
        row = [_number(stats[key] * 1e3) for key in ("min", "median", "max")] + [str(stats["rounds"])]
        parts.append(_table(["min (ms)", "median (ms)", "max (ms)", "rounds"], [row]))
    return parts


def _table(heads: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def _number(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _instructions() -> str:
    """Return callgrind's counts, where valgrind is installed."""
    if not CALLGRIND.exists() or shutil.which("valgrind") is None:
        return ""
    done = subprocess.run(
        [sys.executable, str(CALLGRIND)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return f"```\n{done.stdout.strip()}\n```" if done.returncode == 0 else ""


if __name__ == "__main__":
    sys.exit(main())
