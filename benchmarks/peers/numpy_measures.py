"""The same measures and classification in vectorised NumPy, for logs of plain strokes."""

import numpy as np


def classify(action, time, x, y):
    """Return kind, direction, duration, distance, velocity, path, width and height of each stroke."""
    down, up = np.flatnonzero(action == 0), np.flatnonzero(action == 1)
    length = up - down + 1
    from_x, from_y = x - np.repeat(x[down], length), y - np.repeat(y[down], length)
    distance = np.maximum.reduceat(np.hypot(from_x, from_y), down)
    step = np.hypot(np.diff(x, prepend=x[:1]), np.diff(y, prepend=y[:1]))
    step[down] = 0
    path = np.add.reduceat(step, down)
    width = np.maximum.reduceat(x, down) - np.minimum.reduceat(x, down)
    height = np.maximum.reduceat(y, down) - np.minimum.reduceat(y, down)
    span = time[up] - time[down]
    dx, dy = x[up] - x[down], y[up] - y[down]
    velocity = distance * (1e9 / np.maximum(span, 1_000_000))
    near, far = distance < 24, distance > 48
    kind = np.select(
        [near & (span <= 500_000_000), near, far & (velocity <= 100), far], [6, 8, 9, 10], 0
    ).astype(np.uint8)
    astray = (width - np.abs(dx) > 24) | (height - np.abs(dy) > 24)
    towards = np.where(np.abs(dx) > np.abs(dy), np.where(dx < 0, 3, 4), np.where(dy < 0, 1, 2))
    direction = np.where(far, np.where(astray, 5, towards), 0).astype(np.uint8)
    return kind, direction, span / 1e6, distance, velocity, path, width, height
