"""A recogniser of the same rules in plain Python, for the live calls: one finger, mean velocity."""

import math


class PurePython:
    """down, move and up of single strokes; up returns (kind, direction, distance, velocity)."""

    def __init__(self):
        self.strokes = {}

    def down(self, pointer, x, y, time):
        self.strokes[pointer] = [time, x, y, x, y, 0.0, 0.0, x, x, y, y]

    def move(self, pointer, x, y, _time):
        stroke = self.strokes.get(pointer)
        if stroke is None or not (math.isfinite(x) and math.isfinite(y)):
            return
        stroke[5] = max(stroke[5], math.hypot(x - stroke[1], y - stroke[2]))
        stroke[6] += math.hypot(x - stroke[3], y - stroke[4])
        stroke[3], stroke[4] = x, y
        stroke[7], stroke[8] = min(stroke[7], x), max(stroke[8], x)
        stroke[9], stroke[10] = min(stroke[9], y), max(stroke[10], y)

    def up(self, pointer, x, y, time):
        self.move(pointer, x, y, time)
        stroke = self.strokes.pop(pointer)
        span, distance = time - stroke[0], stroke[5]
        velocity = distance * 1e9 / max(span, 1_000_000)
        if distance < 24:
            return (8 if span > 500_000_000 else 6), 0, distance, velocity
        if distance <= 48:
            return 0, 0, distance, velocity
        dx, dy = x - stroke[1], y - stroke[2]
        astray = stroke[8] - stroke[7] - abs(dx) > 24 or stroke[10] - stroke[9] - abs(dy) > 24
        towards = (3 if dx < 0 else 4) if abs(dx) > abs(dy) else (1 if dy < 0 else 2)
        return (10 if velocity > 100 else 9), (5 if astray else towards), distance, velocity
