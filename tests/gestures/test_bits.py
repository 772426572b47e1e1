"""The same bits on every machine: the SHA-256 of each column of records, of samples made from integers.

A contraction to fused multiply-add, a flush to zero, another NaN or another order of a sum shows here.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from integer_samples import INPUTS, STRATEGIES, all_digests, digests, fingers, table

from capture import classify
from capture.gestures import KERNELS
from capture.gestures.kinds import MultiKind

DIGESTS = Path(__file__).parents[1] / "data" / "golden" / "bits.json"


@pytest.fixture(scope="module")
def found():
    return all_digests()


def test_every_column_has_the_bits_of_every_other_machine(found, golden):
    golden(DIGESTS, json.dumps(found, indent=1) + "\n")


@pytest.mark.parametrize("kernel", range(1, len(KERNELS)), ids=KERNELS[1:])
@pytest.mark.parametrize("name", INPUTS)
def test_every_kernel_gives_these_bits(found, name, kernel):
    log = INPUTS[name]()
    for strategy in STRATEGIES:
        columns = digests(table(log, strategy, 2.75, kernel))

        assert columns == found[f"{name}, {strategy}, density 2.75"]


@pytest.mark.parametrize("name", INPUTS)
def test_the_samples_are_worth_comparing(name):
    """Many strokes, of many kinds where positions are of a screen, and what the name promises."""
    log = INPUTS[name]()
    columns = table(log, "mean", 1.0)
    kinds = np.unique(np.asarray(columns.column("kind")))
    squares = np.abs(log.x[np.isfinite(log.x)].astype(np.float64)) ** 2

    assert len(columns) > 100
    assert len(kinds) >= {"plain": 5, "tiny": 2, "huge": 1, "adverse": 4}[name]
    assert name != "tiny" or ((squares > 0) & (squares < 2.0**-126)).any()
    assert name != "huge" or (squares > 2.0**128).any()
    assert name != "adverse" or not np.isfinite(log.x).all()


def test_the_chords_are_worth_comparing():
    """Every kind of several fingers, of two, of three and of four."""
    chords = classify(fingers(), density=2.75, multi=True).multi

    assert set(chords.counts()) == {kind.name.lower() for kind in MultiKind}
    assert set(chords.fingers) == {2, 3, 4}
