"""Touches at the limits of a row: places next to a limit by one float32, times by one nanosecond."""

import math
import random

import numpy as np

DOWN, UP, MOVE, CANCEL = range(4)
MS = 1_000_000
ALIKE = ("kind", "reason", "direction", "tap_count", "rage", "begun")


def beside(rng, value):
    """A float32 at a limit or next to it."""
    value = np.float32(value)
    return float(
        rng.choice([value, np.nextafter(value, np.float32(-1e9)), np.nextafter(value, np.float32(1e9))])
    )


class Streams:
    """Rows of strokes of a row of limits; seeded."""

    def __init__(self, row, seed, density=1.0):
        self.row, self.density = row, density
        self.rng = random.Random(seed)
        names = (
            "touch_slop_dp",
            "drag_distance_dp",
            "fling_distance_dp",
            "multi_tap_slop_dp",
            "rage_tap_radius_dp",
        )
        self.ways = [row[name] * density for name in names if row[name] < math.inf] + [1.0, 40.0, 400.0]
        names = ("hold_ms", "tap_timeout_ms", "early_ms", "rage_tap_timeout_ms", "chord_timeout_ms")
        self.holds = [row[name] for name in names if row[name] < math.inf] + [10.0, 90.0]
        names = ("multi_tap_timeout_ms", "multi_tap_min_ms", "rage_tap_timeout_ms")
        self.gaps = [row[name] for name in names if row[name] < math.inf] + [60.0, 2000.0]
        names = ("stop_ms", "up_stop_ms", "frame_ms")
        self.steps = [row[name] for name in names if row[name] < math.inf] + [0.0, 8.0, 8.0, 16.0, 100.0]
        self.now = 10**12
        self.last = 100.0, 100.0

    def time(self, choices):
        return round(self.rng.choice(choices) * MS) + self.rng.choice((-1, 0, 0, 1))

    def way(self, x, y):
        """A place at a limit's way from another."""
        rng, far = self.rng, beside(self.rng, self.rng.choice(self.ways))
        along, across = rng.choice(
            [(1, 0), (0, 1), (-1, 0), (0, -1), (1, 1), (-1, 1), (0.6, 0.8), (0.5, 0.25)]
        )
        return x + far * along + rng.choice((0.0, 0.0, 0.5)), y + far * across

    def stroke(self, pointer=0, stream=0):
        """Rows of one stroke with few or many samples, and where it ends."""
        rng = self.rng
        self.now += self.time(self.gaps)
        x, y = self.last if rng.random() < 0.5 else self.way(*self.last)
        start = self.now
        rows = [(stream, pointer, DOWN, start, x, y)]
        still = rng.random() < 0.4
        times = sorted(self.moments(start))
        for at in times:
            place = (
                (x, y)
                if still
                else self.way(x, y)
                if rng.random() < 0.6
                else (rows[-1][4] + rng.uniform(-9, 9), rows[-1][5] + rng.uniform(-9, 9))
            )
            if rng.random() < 0.01:
                place = math.nan, y
            rows.append((stream, pointer, MOVE, at, *place))
        end = max(times, default=start)
        end = start + self.time(self.holds) if rng.random() < 0.5 else end + self.time(self.steps)
        last = rows[-1][4:] if rng.random() < 0.7 else self.way(x, y)
        rows.append((stream, pointer, CANCEL if rng.random() < 0.05 else UP, end, *last))
        self.now, self.last = max(end, start), (x, y)
        return rows

    def moments(self, start):
        rng, at = self.rng, start
        for _ in range(rng.choice((0, 0, 1, 2, 3, 6, 25))):
            at += max(0, self.time(self.steps)) if rng.random() < 0.9 else self.time(self.holds)
            yield at

    def rows(self, strokes):
        """Rows of strokes, some of them with a second finger in between, some left open or begun again."""
        rng, found = self.rng, []
        for _ in range(strokes):
            rows = self.stroke()
            if rng.random() < 0.15:
                other = self.stroke(pointer=1)
                cut = rng.randrange(1, len(rows))
                begin = rows[0][3] + self.time(self.holds)
                shift = begin - other[0][3]
                other = [(s, p, a, t + shift, x, y) for s, p, a, t, x, y in other]
                rows = rows[:cut] + other[:-1] + rows[cut:] + other[-1:]
                self.now = max(row[3] for row in rows)
            if rng.random() < 0.03:
                rows = rows[:-1]
            found += rows
        return found
