"""Seeded, human-like touch samples for the benchmarks, made in columns.

`single` is one finger, stroke after stroke; `interleaved` is many streams at once with two-finger
strokes among them. The same seed gives the same samples on any machine.
"""

import numpy as np

PERIOD_NS = 8_333_333  # 120 Hz, with jitter


def single(samples, seed=7):
    """Return (action, time, x, y) of about `samples` samples; strokes of 3 to 60 samples each.

    A third of the strokes are taps, a tenth each long presses and in the dead band, the rest drags
    and flings, a tenth of those going back and forth.
    """
    rng = np.random.default_rng(seed)
    parts, total = [], 0
    while total < samples:
        parts.append(_strokes(rng, min(100_000, samples // 8 + 1)))
        total += len(parts[-1][0])
    action, gap, x, y = (np.concatenate(column)[:samples] for column in zip(*parts, strict=True))
    whole = int(np.flatnonzero(action == 1)[-1]) + 1  # the last stroke that fits ends the log
    return action[:whole], np.cumsum(gap[:whole]), x[:whole], y[:whole]


def _strokes(rng, count):
    """Return (action, time since the previous sample, x, y) of `count` strokes."""
    kind = rng.choice(5, size=count, p=[0.35, 0.1, 0.1, 0.25, 0.2])
    low = np.array([3, 30, 8, 25, 8])[kind]
    high = np.array([14, 60, 40, 60, 35])[kind]
    length = rng.integers(low, high, endpoint=True)
    speed = np.array([30.0, 4.0, 160.0, 75.0, 1500.0])[kind] * rng.lognormal(0.0, 0.4, count)
    angle = rng.uniform(0, 2 * np.pi, count)
    start = np.cumsum(length) - length
    stroke = np.repeat(np.arange(count), length)
    step = np.arange(len(stroke)) - start[stroke]
    share = step / np.maximum(length - 1, 1)[stroke]
    # Minimum-jerk progress, and a tenth of the moving strokes return to where they began.
    progress = share**3 * (10 - 15 * share + 6 * share**2)
    back = (rng.random(count) < 0.1) & (kind >= 3)
    progress = np.where(back[stroke], np.sin(np.pi * share), progress)
    # Presses and drags are sampled more slowly, as on panels that save power, and so last longer.
    slowness = np.array([1, 3, 1, 3, 1])[kind]
    reach = (speed * length * slowness * PERIOD_NS / 1e9)[stroke] * progress
    noise = rng.normal(0.0, 0.4, (2, len(stroke)))
    x = rng.uniform(50, 1000, count)[stroke] + reach * np.cos(angle)[stroke] + noise[0]
    y = rng.uniform(50, 2000, count)[stroke] + reach * np.sin(angle)[stroke] + noise[1]
    gap = rng.integers(PERIOD_NS - 500_000, PERIOD_NS + 500_000, len(stroke))
    gap[start] = rng.integers(100_000_000, 2_000_000_000, count)
    gap = np.where(step > 0, gap * slowness[stroke], gap)
    action = np.full(len(stroke), 2, np.uint8)
    action[start] = 0
    action[start + length - 1] = 1
    return action, gap, x.astype(np.float32), y.astype(np.float32)


def interleaved(samples, streams=1000, seed=11):
    """Return all six columns: `streams` streams at once, every fifth stroke with a second finger."""
    rng = np.random.default_rng(seed)
    action, gap, x, y = _strokes(rng, samples // 20)
    number = np.cumsum(action == 0) - 1
    stream = (number % streams).astype(np.int64)
    # Each stream's own clock: its samples in order, its gaps added up.
    order = np.argsort(stream, kind="stable")
    clock = np.cumsum(gap[order])
    begins = np.flatnonzero(np.r_[True, np.diff(stream[order]) != 0])
    clock -= np.repeat(clock[begins], np.diff(np.r_[begins, len(clock)]))
    time = np.empty_like(clock)
    time[order] = clock
    # The second finger is a copy of the stroke, a little aside and a moment later.
    twice = number % 5 == 0
    columns = [
        np.concatenate([column, column[twice]])
        for column in (stream, np.zeros(len(stream), np.int32), action, time, x, y)
    ]
    columns[1][len(stream) :] = 1
    columns[3][len(stream) :] += 1_000_000
    columns[4][len(stream) :] += 120
    order = np.argsort(columns[3], kind="stable")[:samples]
    return tuple(np.ascontiguousarray(column[order]) for column in columns)
