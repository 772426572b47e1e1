"""Touches of several fingers at the limits of a row: spreads, turns, shifts, frames, joins."""

import math
import random

from dialect_streams import CANCEL, DOWN, MOVE, MS, UP, beside


class ChordStreams:
    """Rows of chords of a row of limits; seeded."""

    def __init__(self, row, seed, density=1.0):
        self.row, self.density = row, density
        self.rng = random.Random(seed)
        names = ("touch_slop_dp", "transform_slop_dp")
        slops = [row[name] for name in names if row[name] is not None and row[name] < math.inf]
        self.ways = [way * density * part for way in slops for part in (1, 0.5, 1 / 3)] + [0.0, 1.0, 60.0]
        names = ("min_span_dp", "chord_separation_dp")
        self.spans = [row[name] * density for name in names if 0 < row[name] < math.inf] + [80.0, 200.0, 0.0]
        names = ("chord_timeout_ms", "frame_ms", "stop_ms", "up_stop_ms")
        self.steps = [row[name] for name in names if row[name] < math.inf] + [0.0, 8.0, 8.0, 8.0, 16.0]
        self.now = 10**12

    def tick(self):
        step = self.rng.choice(self.steps) if self.rng.random() < 0.4 else self.rng.choice((0, 1, 2, 4, 8, 8))
        self.now += max(-MS, round(step * MS) + self.rng.choice((-1, 0, 0, 1)))
        return self.now

    def places(self, count):
        """The places of fingers around a centre, at the limit of a span."""
        rng, span = self.rng, beside(self.rng, self.rng.choice(self.spans))
        turn, x, y = rng.choice((0.0, 0.0, 0.5, 2.0)), rng.choice((300.0, 317.5)), 400.0
        step = 2 * math.pi / count
        return [
            (x + span / 2 * math.cos(turn + step * i), y + span / 2 * math.sin(turn + step * i))
            for i in range(count)
        ]

    def moved(self, places):
        """The places after a pinch, a turn, a shift or a bit of all."""
        rng, way = self.rng, beside(self.rng, self.rng.choice(self.ways))
        x, y = (sum(place[axis] for place in places) / len(places) for axis in (0, 1))
        what = rng.choice(("pinch", "turn", "shift", "one", "half", "any", "still"))
        found = []
        for index, (px, py) in enumerate(places):
            u, v = px - x, py - y
            radius = math.hypot(u, v) or 1.0
            match what:
                case "pinch":
                    u, v = u * (1 + way / radius), v * (1 + way / radius)
                case "turn":
                    turn = way / radius
                    u, v = u * math.cos(turn) - v * math.sin(turn), u * math.sin(turn) + v * math.cos(turn)
                case "half":
                    u, v = -u, -v
                case "shift":
                    u += way
                case "one":
                    v += way if index == 0 else 0
                case "any":
                    u, v = u + rng.uniform(-20, 20), v + rng.uniform(-20, 20)
            found.append((x + u, y + v))
        return found

    def chord(self, stream=0):
        """Rows of a chord: fingers come down, move by frames, may join and leave, and are lifted."""
        rng = self.rng
        count = rng.choice((2, 2, 2, 3, 4, 6))
        places, pointers = self.places(count), rng.sample(range(8), count)
        self.now += rng.choice((50, 400, 2000)) * MS
        rows = []
        for pointer, place in zip(pointers, places, strict=True):
            bad = rng.random() < 0.02
            rows.append((stream, pointer, DOWN, self.tick(), math.nan if bad else place[0], place[1]))
            if rng.random() < 0.2:
                rows.append((stream, pointer, MOVE, self.tick(), *self.moved(places)[0]))
        for _ in range(rng.choice((0, 0, 1, 1, 2, 5, 12))):
            places = self.moved(places)
            order = list(zip(pointers, places, strict=True))
            rng.shuffle(order)
            self.tick()
            for pointer, place in order[: rng.choice((count, count, 1))]:
                self.now += rng.choice((0, 0, 0, 1, 1_000_000, 4_000_000, 4_000_001))
                bad = rng.random() < 0.01
                rows.append((stream, pointer, MOVE, self.now, math.inf if bad else place[0], place[1]))
            if rng.random() < 0.1:
                index = rng.randrange(count)
                action = rng.choice((UP, CANCEL, DOWN))
                rows.append((stream, pointers[index], action, self.tick(), *places[index]))
                if action == UP and rng.random() < 0.5:
                    rows.append((stream, pointers[index], DOWN, self.tick(), *places[index]))
        order = list(zip(pointers, places, strict=True))
        rng.shuffle(order)
        for pointer, place in order:
            if rng.random() < 0.97:
                action = CANCEL if rng.random() < 0.02 else UP
                bad = rng.random() < 0.02
                rows.append((stream, pointer, action, self.tick(), math.nan if bad else place[0], place[1]))
        return rows

    def rows(self, chords):
        """Rows of chords, one after the other."""
        return [row for _ in range(chords) for row in self.chord()]
