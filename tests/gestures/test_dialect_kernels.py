"""Each kernel judges whole blocks of strokes as the recogniser judges one sample after the other."""

import numpy as np
import pytest

from capture import GestureConfig, Recognizer, TouchSamples
from capture._native import batch, output
from capture.gestures.dialects import names

MS = 1_000_000
FIELDS = [name for name, _ in output.LAYOUT if name not in {"stream", "pointer"}]
VERDICT = [name for name, _ in output.VERDICT]
CONFIGURATIONS = {name: {"dialect": name} for name in names()} | {
    "verdicts": {"verdict_columns": True},
    "lsq2": {"velocity_strategy": "lsq2"},
    "impulse": {"velocity_strategy": "impulse"},
    "across": {
        "dialect": "android",
        "drag_metric": "x",
        "fling_on": "drag_axis",
        "direction": "axis",
        "fling_distance_dp": 5,
    },
    "along": {
        "dialect": "hammer",
        "drag_metric": "y",
        "velocity_strategy": "ios",
        "fling_over": "window",
    },
    "whole history": {"dialect": "ios", "fling_distance_dp": 5, "min_samples": 6},
    "clamped": {"dialect": "kivy", "clamp": "length", "max_fling_velocity_dp_s": 900},
    "travel": {
        "direction": "travel",
        "tie": "horizontal",
        "velocity_strategy": "lsq2_restricted",
        "stop_ms": 8.0,
        "min_samples": 4,
    },
}


def strokes(lengths):
    """Return the actions of strokes of these many samples each."""
    action = np.full(sum(lengths), 2, np.uint8)
    ends = np.cumsum(lengths)
    action[ends - lengths] = 0
    action[ends - 1] = 1
    return action


def choice(rng, values, count):
    """Return random values of a list as int64, also on 32-bit machines."""
    return rng.choice(np.array(values, np.int64), count)


def wandering(seed, lengths, step):
    """Walks whose gaps are at the stop, at nothing or usual, on whole and half px."""
    rng = np.random.default_rng(seed)
    action = strokes(np.asarray(lengths))
    count = len(action)
    gap = choice(rng, [8] * 12 + [0, 40, 41, 80, 81], count) * MS + choice(rng, [0, 0, 0, 0, 1, -1], count)
    gap = np.where(action == 0, choice(rng, [39, 40, 41, 250, 299, 300, 301, 400], count) * MS, gap)
    x, y = (np.round(np.cumsum(rng.normal(0, step, count)) * 2) / 2 - 100 for _ in range(2))
    time = np.cumsum(np.maximum(gap, 0))
    return TouchSamples(action=action, time=time, x=x.astype(np.float32), y=y.astype(np.float32))


def taps(seed, count):
    """Taps near each other in place and time."""
    rng = np.random.default_rng(seed)
    action = np.tile(np.array([0, 2, 1], np.uint8), count)
    time = np.cumsum(choice(rng, [20, 39, 40, 41, 100, 249, 250, 251, 300, 301, 400], len(action))) * MS
    x, y = (rng.choice([0, 0, 0, 5, 8, 9, 10, 16, 17, 100, 101], len(action)) for _ in range(2))
    return TouchSamples(action=action, time=time, x=x.astype(np.float32), y=y.astype(np.float32))


LOGS = {
    "short": wandering(1, np.random.default_rng(1).integers(2, 40, 60), 6),
    "long": wandering(2, [64, 65, 66, 67, 80, 129, 300, 30], 1),
    "taps": taps(3, 150),
    "huge": TouchSamples(
        action=strokes([20] * 12),
        time=np.arange(240, dtype=np.int64) * 8 * MS,
        x=(np.arange(240) * 1e36).astype(np.float32),
        y=np.zeros(240, np.float32),
    ),
    # Every MOVE of a stroke is as fast as the others, there and back.
    "even": TouchSamples(
        action=strokes([20] * 12),
        time=np.arange(240, dtype=np.int64) * 8 * MS,
        x=(np.arange(240) % 20 * np.repeat([3, -3], 20).repeat(6)).astype(np.float32),
        y=np.zeros(240, np.float32),
    ),
    "years": TouchSamples(
        action=strokes([12] * 10),
        time=np.arange(-60, 60, dtype=np.int64) << 57,
        x=np.arange(120, dtype=np.float32),
        y=np.zeros(120, np.float32),
    ),
}


def plain(value):
    return "nan" if value != value else value  # noqa: PLR0124


@pytest.mark.parametrize("density", [1.0, 2.625])
@pytest.mark.parametrize("log", LOGS.values(), ids=LOGS)
@pytest.mark.parametrize("keys", CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_every_kernel_judges_as_single_samples_are_judged(keys, log, density):
    gestures = GestureConfig(**keys)
    live = Recognizer(density=density, gestures=gestures)
    calls = [live.down, live.up, live.move]
    samples = zip(*(column.tolist() for column in (log.action, log.time, log.x, log.y)), strict=True)
    expected = [g for g in (calls[action](0, x, y, time) for action, time, x, y in samples) if g]
    for kernel in range(len(batch.KERNELS)):
        columns = output.GestureColumns(verdicts=gestures.has_verdicts)
        batch.feed(Recognizer(density=density, gestures=gestures), columns, log, kernel=kernel)

        assert len(columns) == len(expected)
        for name in FIELDS + VERDICT * gestures.has_verdicts:
            found = np.asarray(columns.column(name)).tolist()
            assert list(map(plain, found)) == [plain(getattr(each, name)) for each in expected], name
