"""Logs with everything that may cross a cut: runs of taps, several streams, chords, time that goes back."""

import random

from chord_streams import ChordStreams
from dialect_streams import DOWN, MOVE, MS, UP, Streams


def taps(rng, stream, count, start=0):
    """Return quick taps near to each other, which make runs, and now and then something else."""
    rows, now = [], start
    for _ in range(count):
        now += rng.choice((20, 39, 40, 90, 250, 300, 301, 700, 1000, 1001)) * MS
        x, held = rng.choice((100.0, 105.0, 128.0, 140.0)), rng.choice((20, 50, 90, 260, 420, 510, 700))
        rows.append((stream, 0, DOWN, now, x, 50.0))
        rows += [(stream, 0, MOVE, now + held * MS // 2, x + rng.choice((0.0, 0.0, 1.0, 70.0)), 50.0)]
        now += held * MS
        rows.append((stream, 0, UP, now, x, 50.0))
    return rows


def adverse(row, seed):
    """Rows of everything: strokes at limits, chords, quick taps, other streams, orphans, time going back."""
    rng = random.Random(seed)
    rows = taps(rng, 0, 6)
    strokes = Streams(row, seed)
    for pointer in (0, 1, 0):
        rows += strokes.stroke(pointer)
    rows += taps(rng, 1, 3)
    one, other = taps(rng, 0, 3, rows[-1][3]), taps(rng, 2, 3)
    rows += [each for pair in zip(one, other, strict=True) for each in pair]
    rows += ChordStreams(row, seed).chord()
    rows += taps(rng, 0, 4) + taps(rng, 1, 3) + [(3, 0, MOVE, 5, 0.0, 0.0), (0, 0, 9, 5, 0.0, 0.0)]
    rows += taps(rng, 2, 2) + taps(rng, 0, 2, 10**12)
    nothing = float("nan")
    rows += [(1, 0, DOWN, 10**13, nothing, 1.0), (1, 0, UP, 10**13, 1.0, 1.0), (0, 0, DOWN, 10**13, 1.0, 1.0)]
    return rows + taps(rng, 2, 1)[:-1]
