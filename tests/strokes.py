"""Short ways to write touch samples in tests: rows of (ms, x, y)."""

import math
import struct

from capture import TouchSamples

DOWN, UP, MOVE, CANCEL = range(4)
MS = 1_000_000


def stroke(*points, stream=0, pointer=0, end=UP):
    """Rows of one stroke through (ms, x, y) points: DOWN, MOVEs, then `end`."""
    actions = [DOWN, *[MOVE] * (len(points) - 2), end]
    return [
        (stream, pointer, action, round(ms * MS), x, y)
        for action, (ms, x, y) in zip(actions, points, strict=True)
    ]


def samples(*strokes):
    """Columns of the strokes, one after the other."""
    return TouchSamples.from_rows([row for rows in strokes for row in rows])


def bits(gesture, fields):
    """The fields of a gesture with floats as their bits, so that NaN equals itself and -0 differs from 0."""
    values = (getattr(gesture, name) for name in fields)
    return tuple(struct.pack("d", value) if isinstance(value, float) else int(value) for value in values)


def nearest_float32(value, towards):
    """The float32 next to `value` on the way to `towards`."""
    import numpy as np

    return float(np.nextafter(np.float32(value), np.float32(towards)))


NAN, INF = math.nan, math.inf
