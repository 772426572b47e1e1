"""Recordings for the tests of reports: the project's own, and drawn ones."""

from pathlib import Path

import numpy as np

from capture import RunConfig
from capture.gestures.samples import TouchSamples
from capture.logs import ReadOptions, open_log
from capture.report import read

DATA = Path(__file__).parent / "data"
PANEL = ReadOptions(screen=(1080, 2340), density=2.75)
DOWN, UP, MOVE, CANCEL = range(4)
MS = 1_000_000
TYPES = {"stream": "<i8", "pointer": "<i4", "action": "u1", "time": "<i8", "x": "<f4", "y": "<f4"}


def load(path, options=None, **config):
    """Read a recording, whatever the environment says."""
    run = RunConfig.load(environ={}, default_project_id=0)
    return read([str(path)], config=run, options=options, **config)[0]


def samples_of(path, options=None):
    """All samples of a log, for the engine alone."""
    parts = list(open_log(str(path), options=options).chunks())
    return TouchSamples(**{name: np.concatenate([_column(part, name) for part in parts]) for name in TYPES})


def _column(part, name):
    given = getattr(part, name)
    return np.zeros(len(part), TYPES[name]) if given is None else np.asarray(given, TYPES[name])


def worst(file):
    """Strokes at every boundary, and everything that keeps a stroke from being one."""
    rows = []
    at = 0

    def stroke(x, y, dx, dy, ms, *, end=UP, pointer=0, pause=400):
        nonlocal at
        at += pause * MS
        rows.append((0, pointer, DOWN, at, x, y))
        for part in (0.25, 0.5, 0.75):
            rows.append((0, pointer, MOVE, at + round(part * ms * MS), x + part * dx, y + part * dy))
        rows.append((0, pointer, end, at + round(ms * MS), x + dx, y + dy))
        at += round(ms * MS)

    for far in (0.0, 23.99, 24.0, 24.01, 47.99, 48.0, 48.01, 100.0):
        for ms in (0, 0.5, 499.999999, 500.0, 500.000001, 1000.0):
            stroke(300, 300, far, 0.0, ms)
            stroke(300, 300, -far / 2**0.5, far / 2**0.5, ms)
    for slow in (999, 1000, 1001):
        stroke(300, 300, 0, 100.0, slow)
    # Runs of taps, each gap at or just over a limit; then DOWNs at and just over the radius of rage.
    for pause in (10, 300, 301, 1000, 1001, 10, 10, 1000, 10):
        stroke(100, 100, 0, 0, 50, pause=pause)
    for way in (30.0, 30.001):
        stroke(100, 100, 80, 0, 100)
        for number in range(3):
            stroke(100, 100 + number * way, 0, 0, 50, pause=200)
    stroke(100, 100, 80, 0, 100, end=CANCEL)
    stroke(float("nan"), 100, 80, 0, 100)
    stroke(float("inf"), float("-inf"), 0, 0, 100)
    stroke(1e38, -1e38, 3e38, 3e38, 100)
    # There and back, and a zigzag: complex patterns.
    for points in (((0, 0), (120, 0), (60, 0)), ((0, 0), (60, 40), (120, 0)), ((0, 0), (60, 24), (120, 0))):
        at += 400 * MS
        for number, (x, y) in enumerate(points):
            rows.append((0, 0, (DOWN, MOVE, UP)[number], at, 200 + x, 200 + y))
            at += 80 * MS
    at += 400 * MS
    rows += [(0, 0, DOWN, at, 10, 10), (0, 1, DOWN, at + MS, 50, 50), (0, 0, UP, at + 2 * MS, 10, 10)]
    rows += [
        (0, 1, UP, at + 3 * MS, 50, 50),
        (0, 0, DOWN, at + 9 * MS, 10, 10),
        (0, 0, DOWN, at + 99 * MS, 10, 10),
    ]
    return _write(file, rows)


def many(file, strokes, streams, seed=5):
    """Drawn strokes of every kind, in several streams at once."""
    rng = np.random.default_rng(seed)
    rows = []
    clock = dict.fromkeys(range(streams), 0)
    for number in range(strokes):
        stream = number % streams
        length = int(rng.integers(2, 14))
        reach = float(rng.choice([2, 20, 30, 60, 300])) * float(rng.lognormal(0, 0.4))
        period = float(rng.choice([8, 16, 60]))
        angle = float(rng.uniform(0, 2 * np.pi))
        place = [300.0, 500.0] if rng.random() < 0.3 else rng.uniform(50, 900, 2)
        clock[stream] += int(rng.integers(20, 1500)) * MS
        for step in range(length):
            share = step / (length - 1)
            bend = float(rng.normal(0, 0.02)) * reach
            x = place[0] + reach * share * np.cos(angle) + bend
            y = place[1] + reach * share * np.sin(angle) - bend
            action = DOWN if step == 0 else UP if step == length - 1 else MOVE
            rows.append((stream, 0, action, clock[stream] + round(step * period * MS), float(x), float(y)))
        clock[stream] = rows[-1][3]
    return _write(file, sorted(rows, key=lambda row: row[3]))


def _write(file, rows):
    lines = ["stream,pointer,action,time,x,y", *(",".join(map(str, row)) for row in rows)]
    file.write_text("\n".join(lines) + "\n")
    return file
