"""The page of the benchmarks: aims beside what was measured."""

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def bench():
    return runpy.run_path(str(ROOT / "scripts" / "bench.py"))


@pytest.mark.parametrize(
    ("value", "held"),
    [(19.9, "yes"), (20, "yes"), (20.1, "no"), (None, "not measured")],
    ids=["under", "at", "over", "left out"],
)
def test_an_aim_stands_beside_its_figure(bench, value, held):
    extra = {} if value is None else {"times_an_empty_call": value}
    shown = bench["_aims"]([{"name": "test_touch_move", "extra_info": extra}])

    (row,) = (line for line in shown.splitlines() if "touch_move" in line)
    assert row.split(" | ")[1] == "at most 20"
    assert row.endswith(f" | {held} |")


def test_every_aim_names_a_figure_of_a_benchmark(bench):
    bench["_aims"]([])
    from aims import AIMS

    sources = "".join(path.read_text() for path in (ROOT / "benchmarks").glob("bench_*.py"))
    for aim in AIMS:
        assert f"def {aim.benchmark.partition('[')[0]}(" in sources
        assert (aim.least is None) != (aim.most is None)
