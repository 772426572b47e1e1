"""Feed the recogniser columns of random bytes: ``python tests/fuzz/fuzz_feed.py --seconds 600``.

Nothing may crash, every DOWN gives one record, and the same bytes give the same records in any
chunks, by threads and by the baseline kernel. Run it on the checked build as well.
"""

import argparse
import random
import sys
import time

import numpy as np

from capture import GestureConfig, Recognizer, TouchSamples, classify
from capture._native import batch, output
from capture.gestures import FIELDS

TYPES = {"stream": "<i8", "pointer": "<i4", "action": "u1", "time": "<i8", "x": "<f4", "y": "<f4"}
STRATEGIES = ("mean", "lsq2", "impulse")


def random_columns(rng, count):
    """Columns of random bytes; some are tamed so that strokes come about."""
    given = {name: np.frombuffer(rng.randbytes(count * np.dtype(t).itemsize), t) for name, t in TYPES.items()}
    if rng.random() < 0.9:
        given["action"] = given["action"] % rng.choice([2, 3, 4, 5])
    if rng.random() < 0.3:
        given["action"] = np.resize(np.array([0, *[2] * rng.randrange(80), 1], np.uint8), count)
    if rng.random() < 0.8:
        given["stream"] = given["stream"] % rng.choice([1, 2, 30])
    if rng.random() < 0.8:
        given["pointer"] = given["pointer"] % rng.choice([1, 2, 70])
    if rng.random() < 0.7:
        given["time"] = np.cumsum(given["time"] % rng.choice([3, 10**7, 10**9]))
    if rng.random() < 0.7:
        given["x"], given["y"] = (
            np.frombuffer(rng.randbytes(count * 2), "<u2").astype("f4") / 64 for _ in range(2)
        )
    for name in ("stream", "pointer"):
        if rng.random() < 0.3:
            given[name] = None
    return given


def same(one, other):
    """Bit for bit the same records."""
    return len(one) == len(other) and all(
        getattr(one, name).tobytes() == getattr(other, name).tobytes() for name in FIELDS
    )


def chunked(samples, gestures, rng):
    recognizer, table, at = Recognizer(gestures=gestures), output.GestureColumns(), 0
    while at < len(samples):
        size = rng.randrange(1, 400)
        part = samples[at : at + size]
        batch.feed(recognizer, table, part, kernel=rng.randrange(len(batch.KERNELS)))
        at += size
    batch.finish(recognizer, table)
    return table


def once(rng):
    """One trial."""
    samples = TouchSamples(**random_columns(rng, rng.choice([0, 1, 2, 71, 72, 73, 200, 1000, 9000])))
    gestures = GestureConfig(velocity_strategy=rng.choice(STRATEGIES))
    whole = classify(samples, gestures=gestures)
    downs = int((np.asarray(samples.action) == 0).sum())
    parts = chunked(samples, gestures, rng)
    assert len(whole) == downs, (len(whole), downs)
    assert all(np.asarray(parts.column(name)).tobytes() == getattr(whole, name).tobytes() for name in FIELDS)
    assert same(whole, classify(samples, gestures=gestures, threads=rng.randrange(1, 5)))


def run(seconds, seed=0):
    """Try for some seconds; return how many trials there were."""
    end, trials = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        once(random.Random(seed + trials))
        trials += 1
    return trials


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    sys.stdout.write(f"{run(options.seconds, options.seed)} executions, nothing found\n")
