"""The same bits on every machine: the SHA-256 of each column of records, of samples made from integers.

A contraction to fused multiply-add, a flush to zero, another NaN or another order of a sum shows here.
"""

import ctypes
import json
import platform
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from integer_samples import INPUTS, STRATEGIES, all_digests, digests, fingers, table, tiny

from capture import classify
from capture.gestures import KERNELS
from capture.gestures.kinds import MultiKind

COMPILER = shutil.which("cc")
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


#: Sets the bits of a thread's control register that flush subnormal results, and operands, to zero.
FLUSH = "#include <xmmintrin.h>\nvoid flush(void) { _mm_setcsr(_mm_getcsr() | 0x8040); }\n"


@pytest.mark.skipif(platform.machine() != "x86_64", reason="sets a control register of x86-64")
@pytest.mark.skipif(not COMPILER, reason="no C compiler")
def test_a_flush_to_zero_shows(found, tmp_path):
    source, library = tmp_path / "flush.c", tmp_path / "flush.so"
    source.write_text(FLUSH)
    subprocess.run([COMPILER, "-shared", "-fPIC", source, "-o", library], check=True)

    def flushed():
        ctypes.CDLL(str(library)).flush()
        return digests(table(tiny(), "mean", 1.0))

    with ThreadPoolExecutor(1) as thread:  # the register is the thread's own
        assert thread.submit(flushed).result() != found["tiny, mean, density 1.0"]
