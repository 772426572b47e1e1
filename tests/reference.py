"""The recogniser once more: slow, obvious, sample lists kept whole. The oracle of the tests.

Written from the specification alone; it shares no code with the package. Arithmetic is done in
numpy float32 scalars where the specification says float32, in Python floats (float64) elsewhere.
"""

import dataclasses
import math
import operator
from functools import reduce

import numpy as np

F32 = np.float32
DOWN, UP, MOVE, CANCEL = range(4)
FIELDS = [
    "stream",
    "pointer",
    "kind",
    "reason",
    "direction",
    "time_down",
    "time_up",
    "x_down",
    "y_down",
    "x_up",
    "y_up",
    "duration",
    "distance",
    "velocity",
    "velocity_x",
    "velocity_y",
    "path_length",
    "width",
    "height",
    "sample_count",
    "first_sample",
    "last_sample",
    "tap_count",
    "rage",
]
DEFAULTS = {
    "tap_timeout_ms": 500.0,
    "touch_slop_dp": 24.0,
    "drag_distance_dp": 48.0,
    "fling_velocity_dp_s": 100.0,
    "velocity_strategy": "mean",
    "max_fling_velocity_dp_s": 8000.0,
    "multi_tap_timeout_ms": 300.0,
    "multi_tap_slop_dp": 100.0,
    "rage_tap_count": 3,
    "rage_tap_timeout_ms": 1000.0,
    "rage_tap_radius_dp": 30.0,
}


def wrapped(difference):
    """A difference of two int64 times, as 64 bits hold it."""
    return (difference + 2**63) % 2**64 - 2**63


@dataclasses.dataclass
class Open:
    """A stroke under way, with all its good samples."""

    pointer: int
    first: tuple  # number, time, x, y of the DOWN, as given
    malformed: bool
    multi: bool
    good: list = dataclasses.field(default_factory=list)  # number, time, x, y
    history: list = dataclasses.field(default_factory=list)  # time, x, y


@dataclasses.dataclass
class Stream:
    open: dict = dataclasses.field(default_factory=dict)
    last_time: int | None = None
    run: list = dataclasses.field(default_factory=list)  # last tap: time_up, x, y, taps, rage taps


class Reference:
    def __init__(self, density=1.0, **settings):
        self.density = density
        self.settings = {**DEFAULTS, **settings}
        self.streams = {}
        self.number = 0
        self.records = []
        self.counters = dict.fromkeys(
            ["orphan_samples", "dropped_samples", "unknown_actions", "clock_regressions"], 0
        )

    def feed(self, rows):
        with np.errstate(all="ignore"):
            for stream, pointer, action, time, x, y in rows:
                self.sample(stream, pointer, action, time, F32(x), F32(y))
                self.number += 1
        return self

    def finish(self):
        with np.errstate(all="ignore"):
            left = [
                (s.first[0], stream, p) for stream, st in self.streams.items() for p, s in st.open.items()
            ]
            for _, stream, pointer in sorted(left):
                self.end(stream, pointer, "INCOMPLETE", None)
        return self

    def sample(self, stream_id, pointer, action, time, x, y):
        number = self.number
        if action not in {DOWN, UP, MOVE, CANCEL}:
            self.counters["unknown_actions"] += 1
            return
        stream = self.streams.setdefault(stream_id, Stream())
        good = bool(np.isfinite(x) and np.isfinite(y))
        stroke = stream.open.get(pointer)
        if action != DOWN and stroke is None:
            self.counters["orphan_samples"] += 1
            return
        if action != DOWN and not good:
            self.counters["dropped_samples"] += 1
            if action == MOVE:
                return
        if good and stream.last_time is not None and time < stream.last_time:
            self.counters["clock_regressions"] += 1
        stream.last_time = time
        if action == DOWN:
            if stroke is not None:
                self.end(stream_id, pointer, "INCOMPLETE", None)
            for other in stream.open.values():
                other.multi = True
            stroke = Open(pointer, (number, time, x, y), malformed=not good, multi=bool(stream.open))
            stream.open[pointer] = stroke
        if good:
            stroke.good.append((number, time, x, y))
            if action in {DOWN, MOVE}:
                self.remember(stroke, time, x, y)
        if action in {UP, CANCEL}:
            self.end(stream_id, pointer, "CANCELED" if action == CANCEL else "", (number, time))

    @staticmethod
    def remember(stroke, time, x, y):
        history = stroke.history
        if history:
            gap = wrapped(time - history[-1][0])
            if gap < 0 or gap > 40_000_000:
                history.clear()
            elif gap == 0:
                history.pop()
        history.append((time, x, y))
        del history[:-20]
        while wrapped(time - history[0][0]) > 100_000_000:
            del history[0]

    def end(self, stream_id, pointer, ending, last):
        stream = self.streams[stream_id]
        stroke = stream.open.pop(pointer)
        density = self.density.get(stream_id, 1.0) if isinstance(self.density, dict) else self.density
        number_down, time_down, x_down, y_down = stroke.first
        number_last, time_last, x_up, y_up = stroke.good[-1] if stroke.good else stroke.first
        number_up, time_up = last or (number_last, time_last)
        record = dict.fromkeys(FIELDS, 0)
        record |= {
            "stream": stream_id,
            "pointer": pointer,
            "time_down": time_down,
            "time_up": time_up,
            "x_down": x_down,
            "y_down": y_down,
            "x_up": x_up,
            "y_up": y_up,
            "sample_count": len(stroke.good) + stroke.malformed,
            "first_sample": number_down,
            "last_sample": number_up,
            "rage": False,
        }
        if stroke.malformed:
            record["reason"] = 5
        else:
            duration_ns = max(0, wrapped(time_up - time_down))
            dx, dy = self.measure(record, stroke, density, duration_ns)
            self.velocities(record, stroke, density, duration_ns, dx, dy, time_up if ending == "" else None)
            if ending:
                record["reason"] = {"CANCELED": 3, "INCOMPLETE": 4}[ending]
            elif stroke.multi:
                record["reason"] = 2
            else:
                self.classify(record, duration_ns, dx, dy)
        self.count_taps(stream, record, density)
        self.records.append(record)

    @staticmethod
    def measure(record, stroke, density, duration_ns):
        def dp(px):
            return F32(float(px) / density)

        xs = [x for _, _, x, _ in stroke.good]
        ys = [y for _, _, _, y in stroke.good]
        squared = [(x - xs[0]) * (x - xs[0]) + (y - ys[0]) * (y - ys[0]) for x, y in zip(xs, ys, strict=True)]
        sums = [F32(0)] * 8
        for k in range(len(xs) - 1):
            step_x, step_y = xs[k + 1] - xs[k], ys[k + 1] - ys[k]
            sums[k % 8] += root(step_x * step_x + step_y * step_y)
        path = ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]))
        record["duration"] = duration_ns / 1e6
        record["distance"] = dp(root(max(squared)))
        record["path_length"] = dp(path)
        record["width"] = dp(max(xs) - min(xs))
        record["height"] = dp(max(ys) - min(ys))
        return dp(xs[-1] - xs[0]), dp(ys[-1] - ys[0])

    def velocities(self, record, stroke, density, duration_ns, dx, dy, released_at):
        if self.settings["velocity_strategy"] == "mean":
            seconds = max(duration_ns, 1_000_000) / 1e9
            record["velocity"] = F32(float(record["distance"]) / seconds)
            record["velocity_x"] = F32(float(dx) / seconds)
            record["velocity_y"] = F32(float(dy) / seconds)
            return
        vx = vy = 0.0
        history = stroke.history
        if (
            released_at is not None
            and len(history) >= 2
            and wrapped(released_at - history[-1][0]) <= 40_000_000
        ):
            estimate = {"lsq2": lsq2, "impulse": impulse}[self.settings["velocity_strategy"]]
            s = [wrapped(time - history[-1][0]) * 1e-9 for time, _, _ in history]
            vx = estimate(s, [float(x) for _, x, _ in history]) / density
            vy = estimate(s, [float(y) for _, _, y in history]) / density
        length, limit = math.hypot(vx, vy), self.settings["max_fling_velocity_dp_s"]
        if length > limit:
            vx, vy, length = vx * limit / length, vy * limit / length, limit
        record["velocity"], record["velocity_x"], record["velocity_y"] = F32(length), F32(vx), F32(vy)

    def classify(self, record, duration_ns, dx, dy):
        s = self.settings
        distance, velocity = float(record["distance"]), float(record["velocity"])
        if distance < s["touch_slop_dp"]:
            record["kind"] = 8 if duration_ns > round(s["tap_timeout_ms"] * 1e6) else 6
        elif distance > s["drag_distance_dp"]:
            record["kind"] = 10 if velocity > s["fling_velocity_dp_s"] else 9
            record["direction"] = self.direction(record, dx, dy)
        else:
            record["reason"] = 1

    def direction(self, record, dx, dy):
        slop = self.settings["touch_slop_dp"]
        horizontal = abs(dx) > abs(dy)
        along, across = (record["width"], dx), (record["height"], dy)
        if not horizontal:
            along, across = across, along
        backtrack, wander = along[0] - abs(along[1]), across[0] - abs(across[1])
        if float(backtrack) > slop or float(wander) > slop:
            return 5
        if horizontal:
            return 4 if dx > 0 else 3
        return 2 if dy > 0 else 1

    def count_taps(self, stream, record, density):
        s = self.settings
        if record["kind"] != 6:
            stream.run = []
            return
        taps = rage = 1
        if stream.run:
            time_up, x, y, before, rage_before = stream.run
            gap = max(0, wrapped(record["time_down"] - time_up))
            dx, dy = record["x_down"] - x, record["y_down"] - y
            apart = float(F32(float(root(dx * dx + dy * dy)) / density))
            if gap <= s["multi_tap_timeout_ms"] * 1e6 and apart <= s["multi_tap_slop_dp"]:
                taps = before + 1
            if gap <= s["rage_tap_timeout_ms"] * 1e6 and apart <= s["rage_tap_radius_dp"]:
                rage = rage_before + 1
        stream.run = [record["time_up"], record["x_down"], record["y_down"], taps, rage]
        record["tap_count"] = taps
        record["rage"] = rage == s["rage_tap_count"]


def root(value):
    """Square root of a float32, rounded once: NumPy's own is inexact on some machines."""
    return F32(math.sqrt(float(value)))


def total(values):
    """Sum from left to right: Python's own sum() compensates its errors from 3.12 on."""
    return reduce(operator.add, values, 0)


def lsq2(s, x):
    """Slope at s = 0 of the least squares parabola."""
    n = len(s)
    if n == 2:
        return (x[1] - x[0]) / (s[1] - s[0])
    s1, s2 = total(s), total(t * t for t in s)
    sxx = s2 - s1 * s1 / n
    sxq = total(t**3 for t in s) - s1 * s2 / n
    sqq = total(t**4 for t in s) - s2 * s2 / n
    sxy = total(t * v for t, v in zip(s, x, strict=True)) - s1 * total(x) / n
    sqy = total(t * t * v for t, v in zip(s, x, strict=True)) - s2 * total(x) / n
    determinant = sxx * sqq - sxq * sxq
    return (sxy * sqq - sqy * sxq) / determinant if determinant > 1e-12 * sxx * sqq else 0.0


def impulse(s, x):
    """Velocity of a unit mass that the samples push."""
    work = 0.0
    for i in range(1, len(s)):
        v = (x[i] - x[i - 1]) / (s[i] - s[i - 1])
        u = math.copysign(math.sqrt(2 * abs(work)), work)
        work = v * abs(v) / 2 if i == 1 else work + (v - u) * abs(v)
    return math.copysign(math.sqrt(2 * abs(work)), work)
