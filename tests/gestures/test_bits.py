"""The same bits on every machine: the SHA-256 of each column of records, of samples made from integers.

A contraction to fused multiply-add, a flush to zero, another NaN or another order of a sum shows here.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from integer_samples import INPUTS

from capture import GestureConfig, Recognizer
from capture._native import batch, output
from capture.gestures import FIELDS, KERNELS

DIGESTS = Path(__file__).parents[1] / "data" / "golden" / "bits.json"
STRATEGIES = ("mean", "lsq2", "impulse")
DENSITIES = (1.0, 2.75)


def table(log, strategy, density, kernel=0):
    """Return the columns of records of samples, by one kernel."""
    recognizer, columns = (
        Recognizer(density, GestureConfig(velocity_strategy=strategy)),
        output.GestureColumns(),
    )
    batch.feed(recognizer, columns, log, kernel=kernel)
    batch.finish(recognizer, columns)
    return columns


def digests(columns):
    """Return column -> SHA-256 of its little-endian bytes."""
    found = {name: np.asarray(columns.column(name)) for name in FIELDS}
    return {
        name: hashlib.sha256(column.astype(column.dtype.newbyteorder("<")).tobytes()).hexdigest()
        for name, column in found.items()
    }


@pytest.fixture(scope="module")
def found():
    """Every input, strategy and density, by the fastest kernel."""
    logs = {name: make() for name, make in INPUTS.items()}
    return {
        f"{name}, {strategy}, density {density}": digests(table(log, strategy, density))
        for name, log in logs.items()
        for strategy in STRATEGIES
        for density in DENSITIES
    }


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
