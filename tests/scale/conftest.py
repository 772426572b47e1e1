"""Samples of several streams, for the tests of `capture.scale`."""

import numpy as np
import pyarrow as pa
import pytest

from capture import TouchSamples

COLUMNS = ("stream", "pointer", "action", "time", "x", "y")


def crowd(strokes=60, streams=4, seed=3):
    """Return the six columns of strokes of several streams, interleaved, some with two fingers."""
    rng = np.random.default_rng(seed)
    rows = []
    clocks = dict.fromkeys(range(streams), 0)
    for _ in range(strokes):
        stream = int(rng.integers(streams))
        begin = clocks[stream] + int(rng.integers(50, 900)) * 1_000_000
        count = int(rng.integers(2, 12))
        x, y = rng.uniform(50, 900, 2)
        step = rng.uniform(-30, 30, 2) * rng.choice([0.0, 0.1, 1.0])
        for i in range(count):
            action = 0 if i == 0 else 1 if i == count - 1 else 2
            time = begin + i * 16_000_000
            rows.append((time, stream, 0, action, x + i * step[0], y + i * step[1]))
        if rng.random() < 0.1:
            rows.append((begin + 1, stream, 1, 0, 5.0, 5.0))
            rows.append((begin + 9_000_000, stream, 1, int(rng.choice([1, 3])), 6.0, 5.0))
        clocks[stream] = begin + count * 16_000_000
    rows.sort()
    time, stream, pointer, action, x, y = zip(*rows, strict=True)
    return {
        "stream": np.array(stream, np.int64),
        "pointer": np.array(pointer, np.int32),
        "action": np.array(action, np.uint8),
        "time": np.array(time, np.int64),
        "x": np.array(x, np.float32),
        "y": np.array(y, np.float32),
    }


@pytest.fixture(scope="session")
def columns():
    return crowd()


@pytest.fixture(scope="session")
def samples(columns):
    return TouchSamples(**columns)


@pytest.fixture(scope="session")
def table(columns):
    return pa.table(columns)
