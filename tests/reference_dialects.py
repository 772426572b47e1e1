"""A stroke as other engines call it, once more: slow, obvious, whole sample lists. The oracle of the tests.

Written from the law of dialects alone; it shares no code with the package. A row is a plain dict with every
key (`math.inf` where nothing limits). Lengths and places are numpy float32 scalars where the law says
float32, Python floats elsewhere; times are whole nanoseconds.
"""

import dataclasses
import math

import numpy as np

F32 = np.float32
DOWN, UP, MOVE, CANCEL = range(4)
NONE, TAP, LONG_PRESS, DRAG, FLING = 0, 6, 8, 9, 10
BETWEEN_SLOP_AND_DRAG, MULTI_TOUCH, CANCELED, INCOMPLETE, MALFORMED, BETWEEN_TAP_AND_HOLD = 1, 2, 3, 4, 5, 6
UPWARDS, DOWNWARDS, LEFT, RIGHT, COMPLEX = 1, 2, 3, 4, 5
VERDICT = ["slop_distance", "drag_distance", "slop_time", "begun", "margin"]
FROM_BELOW = {"hold_ms", "multi_tap_min_ms"}


def wrapped(difference):
    """A difference of two int64 times, as 64 bits hold it."""
    return (difference + 2**63) % 2**64 - 2**63


def span(earlier, later):
    return max(0, wrapped(later - earlier))


def root(dx, dy):
    # Not numpy's: on 32-bit ARM it takes float32 roots by an estimate.
    return F32(math.sqrt(dx * dx + dy * dy))


def dp(px, density):
    return F32(float(px) / density)


def ns(row, name):
    """A time as it is compared, closed: an open one is a nanosecond nearer."""
    value = row[name]
    if value == math.inf:
        return math.inf
    time = round(value * 1e6)
    if name in row["open"]:
        time += 1 if name in FROM_BELOW else -1
    return time


def given(row, name, density):
    """A limit in dp or dp/s as float32; whole px where places are whole px."""
    value = row[name]
    if row["slop_metric"] == "trunc" and name in {"touch_slop_dp", "drag_distance_dp"} and value != math.inf:
        return F32(max(1, math.floor(value * density + 0.5)) / density)
    return F32(value)


def limit(row, name, density=1.0):
    """The float32 up to which a measure is inside."""
    value = given(row, name, density)
    if name in row["open"] and value != math.inf:
        return np.nextafter(value, F32(-math.inf))
    return value


def remember(row, history, time, x, y):
    """Add a sample to the recent ones of a finger."""
    if history:
        gap = wrapped(time - history[-1][0])
        if gap < 0 or gap > ns(row, "stop_ms"):
            history.clear()
        elif gap == 0:
            history.pop()
    history.append((time, x, y))
    del history[:-20]
    while wrapped(time - history[0][0]) > 100_000_000:
        del history[0]


@dataclasses.dataclass
class Open:
    pointer: int
    first: tuple  # number, time, x, y of the DOWN as given
    malformed: bool
    found_other: bool  # another finger was down at the DOWN
    continues: int  # the count that a tap would have, judged at the DOWN; 0 if it continues no run
    met: int | None = None  # when the first other finger's DOWN came
    met_after: int = 0  # good samples before that
    good: list = dataclasses.field(default_factory=list)  # number, time, x, y, action
    history: list = dataclasses.field(default_factory=list)  # time, x, y


@dataclasses.dataclass
class Stream:
    open: dict = dataclasses.field(default_factory=dict)
    last_time: int | None = None
    run: dict | None = None  # the last tap, if the last stroke was one


class DialectReference:
    def __init__(self, row, density=1.0):
        self.row = row
        self.density = density
        self.streams = {}
        self.number = 0
        self.records = []

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
                self.end(stream, pointer, INCOMPLETE, None)
        return self

    def density_of(self, stream):
        return self.density.get(stream, 1.0) if isinstance(self.density, dict) else self.density

    def sample(self, stream_id, pointer, action, time, x, y):
        if action not in {DOWN, UP, MOVE, CANCEL}:
            return
        stream = self.streams.setdefault(stream_id, Stream())
        good = bool(np.isfinite(x) and np.isfinite(y))
        stroke = stream.open.get(pointer)
        if action == DOWN:
            if stroke is not None:
                self.end(stream_id, pointer, INCOMPLETE, None)
            for other in stream.open.values():
                if other.met is None:
                    other.met, other.met_after = time, len(other.good)
            continues = self.count_at_down(stream, time, x, y, self.density_of(stream_id))
            stroke = Open(pointer, (self.number, time, x, y), not good, bool(stream.open), continues)
            stream.open[pointer] = stroke
        elif stroke is None or (not good and action == MOVE):
            return
        if good:
            stroke.good.append((self.number, time, x, y, action))
            if action in {DOWN, MOVE}:
                remember(self.row, stroke.history, time, x, y)
        if action in {UP, CANCEL}:
            self.end(stream_id, pointer, CANCELED if action == CANCEL else 0, (self.number, time))

    def end(self, stream_id, pointer, ending, last):
        row, stream = self.row, self.streams[stream_id]
        stroke = stream.open.pop(pointer)
        density = self.density_of(stream_id)
        number_down, time_down, x_down, y_down = stroke.first
        number_last, time_last, x_up, y_up = stroke.good[-1][:4] if stroke.good else stroke.first
        number_up, time_up = last or (number_last, time_last)
        judged_alone = not stroke.found_other and (row["second_finger"] == "ignore" or stroke.met is None)
        record = {
            "stream": stream_id,
            "pointer": pointer,
            "kind": NONE,
            "reason": 0,
            "direction": 0,
            "time_down": time_down,
            "time_up": time_up,
            "x_down": x_down,
            "y_down": y_down,
            "x_up": x_up,
            "y_up": y_up,
            "sample_count": len(stroke.good) + stroke.malformed,
            "first_sample": number_down,
            "last_sample": number_up,
            "tap_count": 0,
            "rage": False,
            "begun": 0,
            "margin": F32(math.nan),
        }
        if stroke.malformed:
            names = ["duration", "distance", "velocity", "velocity_x", "velocity_y", "path_length"]
            names += ["width", "height", "slop_distance", "drag_distance"]
            record |= dict.fromkeys(names, 0.0)
            record |= {"slop_time": math.nan, "reason": MALFORMED}
        else:
            dx, dy = self.measure(record, stroke, density)
            lens = self.look(stroke.good, density)
            record |= {
                "slop_distance": lens["slop"],
                "drag_distance": lens["drag"],
                "slop_time": math.nan if lens["slop_ns"] is None else lens["slop_ns"] / 1e6,
            }
            offset = self.velocities(record, stroke, density, dx, dy, lens, released=ending == 0, at=time_up)
            hold = ns(row, "hold_ms")
            if stroke.continues and not row["run_hold"]:
                hold = math.inf
            duration = span(time_down, time_up)
            if judged_alone:
                record["begun"] = self.begun(lens, duration, hold, density)[2]
            elif not stroke.found_other:
                before = self.look(stroke.good[: stroke.met_after], density)
                record["begun"] = self.begun(before, span(time_down, stroke.met), hold, density)[2]
            if ending:
                record["reason"] = ending
            elif not judged_alone:
                record["reason"] = MULTI_TOUCH
            else:
                self.decide(record, lens, duration, hold, density, offset, dx, dy)
        self.count(
            stream,
            stroke,
            record,
            density,
            takes_part=row["second_finger"] == "void" or not stroke.found_other,
        )
        self.records.append(record)

    @staticmethod
    def measure(record, stroke, density):
        xs = [good[2] for good in stroke.good]
        ys = [good[3] for good in stroke.good]
        sums = [F32(0)] * 8
        for k in range(len(xs) - 1):
            sums[k % 8] += root(xs[k + 1] - xs[k], ys[k + 1] - ys[k])
        path = ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]))
        record["duration"] = span(record["time_down"], record["time_up"]) / 1e6
        record["distance"] = dp(max(root(x - xs[0], y - ys[0]) for x, y in zip(xs, ys, strict=True)), density)
        record["path_length"] = dp(path, density)
        record["width"] = dp(max(xs) - min(xs), density)
        record["height"] = dp(max(ys) - min(ys), density)
        return dp(xs[-1] - xs[0], density), dp(ys[-1] - ys[0], density)

    # ---- the lens ---------------------------------------------------------------------------

    def counted(self, good):
        """The counted samples of a stroke's good ones, the DOWN left out."""
        return [each for each in good[1:] if each[4] == MOVE or self.row["up_moves"]]

    def offsets(self, x, y, x0, y0):
        """The way from sample 0 as the metric has it, px."""
        metric = self.row["slop_metric"]
        if metric == "round":
            x, y, x0, y0 = (math.floor(float(v) + 0.5) for v in (x, y, x0, y0))
            return F32(float(x) - float(x0)), F32(float(y) - float(y0))
        dx, dy = x - x0, y - y0
        return (np.trunc(dx), np.trunc(dy)) if metric == "trunc" else (dx, dy)

    def look(self, good, density):
        row = self.row
        _, t0, x0, y0, _ = good[0]
        lens = {"slop": F32(0), "drag": F32(0), "end": F32(0), "slop_ns": None, "axis": None, "sign": F32(0)}
        slop, drag = limit(row, "touch_slop_dp", density), limit(row, "drag_distance_dp", density)
        for _, time, x, y, _ in self.counted(good):
            dx, dy = self.offsets(x, y, x0, y0)
            way = dp(root(dx, dy), density)
            lens["end"] = way
            lens["slop"] = max(lens["slop"], way)
            if way > slop and lens["slop_ns"] is None:
                lens["slop_ns"] = span(t0, time)
            along, across = dp(abs(dx), density), dp(abs(dy), density)
            match row["drag_metric"]:
                case "euclid":
                    gone, axis = way, "x" if abs(dx) > abs(dy) else "y"
                case "axis":
                    gone, axis = max(along, across), "y" if across > drag else "x"
                case "x":
                    gone, axis = along, "x"
                case "y":
                    gone, axis = across, "y"
            lens["drag"] = max(lens["drag"], gone)
            if gone > drag and lens["axis"] is None:
                lens["axis"], lens["sign"] = axis, dx if axis == "x" else dy
        return lens

    def begun(self, lens, duration, hold, density):
        held = duration >= hold
        if lens["slop_ns"] is not None:
            held = held and self.row["after_hold"] != "whole" and lens["slop_ns"] >= hold
        dragged = lens["drag"] > limit(self.row, "drag_distance_dp", density)
        pressed = held and not (self.row["after_hold"] == "drag" and dragged)
        return pressed, dragged, held * 1 + (dragged and not pressed) * 2

    # ---- velocity ---------------------------------------------------------------------------

    def velocities(self, record, stroke, density, dx, dy, lens, *, released, at):
        """Fill the velocities; return the offset of the fling distance by axis, px."""
        row = self.row
        if row["velocity_strategy"] == "mean":
            rate = 1e9 / max(span(record["time_down"], record["time_up"]), 1_000_000)
            record["velocity"] = F32(float(record["distance"]) * rate)
            record["velocity_x"], record["velocity_y"] = F32(float(dx) * rate), F32(float(dy) * rate)
        else:
            vx, vy, length = release(row, stroke, density, at) if released else (0.0, 0.0, 0.0)
            record["velocity"], record["velocity_x"], record["velocity_y"] = F32(length), F32(vx), F32(vy)
        if row["fling_on"] == "drag_axis" and lens["axis"]:
            other = "velocity_y" if lens["axis"] == "x" else "velocity_x"
            record[other] = F32(0)
            record["velocity"] = abs(record[f"velocity_{lens['axis']}"])
        if row["fling_over"] == "stroke":
            return record["x_up"] - record["x_down"], record["y_up"] - record["y_down"]
        newest, oldest = stroke.history[-1], stroke.history[0]
        return newest[1] - oldest[1], newest[2] - oldest[2]

    # ---- the decision -----------------------------------------------------------------------

    def decide(self, record, lens, duration, hold, density, offset, dx, dy):
        row = self.row
        pressed, dragged, _ = self.begun(lens, duration, hold, density)
        near = lens["end"] if row["tap_at"] == "end" else lens["slop"]
        speed = self.speed(record, lens)
        if pressed:
            record["kind"] = LONG_PRESS
        elif dragged and self.flies(speed, offset, lens, density):
            record["kind"] = FLING
        elif dragged:
            record["kind"] = DRAG
        elif not near > limit(row, "touch_slop_dp", density):
            if duration <= ns(row, "tap_timeout_ms"):
                record["kind"] = TAP
            else:
                record["reason"] = BETWEEN_TAP_AND_HOLD
        else:
            record["reason"] = BETWEEN_SLOP_AND_DRAG
        if record["kind"] in {DRAG, FLING}:
            record["direction"] = self.direction(record, lens, dx, dy)
        self.margin(record, lens, near, speed, hold, density)

    def speed(self, record, lens):
        match self.row["fling_on"]:
            case "drag_axis" if lens["axis"]:
                return abs(record[f"velocity_{lens['axis']}"])
            case "axis":
                return max(abs(record["velocity_x"]), abs(record["velocity_y"]))
        return record["velocity"]

    def flies(self, speed, offset, lens, density):
        row = self.row
        if not speed > limit(row, "fling_velocity_dp_s"):
            return False
        if row["fling_distance_dp"] == 0:
            return True
        if row["fling_on"] == "drag_axis":
            gone = abs(offset[0] if lens["axis"] == "x" else offset[1])
        else:
            gone = root(*offset)
        return dp(gone, density) > limit(row, "fling_distance_dp")

    def direction(self, record, lens, dx, dy):
        row, flung = self.row, record["kind"] == FLING
        along, across = (record["velocity_x"], record["velocity_y"]) if flung else (dx, dy)
        match row["direction"]:
            case "box":
                return self.box(record, dx, dy)
            case "axis":
                sign = (along if lens["axis"] == "x" else across) if flung else lens["sign"]
                return towards(sign, sideways=lens["axis"] == "x")
            case "travel":
                along, across = dx, dy
        sideways = abs(along) > abs(across)
        if abs(along) == abs(across):
            sideways = row["tie"] == "horizontal"
        return towards(along if sideways else across, sideways=sideways)

    def box(self, record, dx, dy):
        sideways = abs(dx) > abs(dy)
        slop = F32(self.row["touch_slop_dp"])
        if record["width"] - abs(dx) > slop or record["height"] - abs(dy) > slop:
            return COMPLEX
        return towards(dx if sideways else dy, sideways=sideways)

    def margin(self, record, lens, near, speed, hold, density):
        row = self.row
        slop = near, given(row, "touch_slop_dp", density)
        drag = lens["drag"], given(row, "drag_distance_dp", density)
        timeout = record["duration"], row["tap_timeout_ms"]
        held = record["duration"], math.inf if hold == math.inf else row["hold_ms"]
        fling = speed, F32(row["fling_velocity_dp_s"])
        pairs = {
            TAP: [slop, timeout, held],
            LONG_PRESS: [held],
            DRAG: [drag, fling],
            FLING: [drag, fling],
            NONE: [slop, drag] if record["reason"] == BETWEEN_SLOP_AND_DRAG else [timeout, held],
        }[record["kind"]]
        record["margin"] = nearest(pairs)

    # ---- runs of taps -----------------------------------------------------------------------

    def counted_on(self, run, time, x, y, density, place, since):
        """The count of a tap after the last one; 0 if it continues no run."""
        row = self.row
        apart = dp(root(x - run[place][0], y - run[place][1]), density)
        count = run["taps"] + 1
        if (
            span(since, time) > ns(row, "multi_tap_timeout_ms")
            or apart > limit(row, "multi_tap_slop_dp")
            or (row["multi_tap_count"] and count > row["multi_tap_count"])
        ):
            return 0
        return count

    def late_enough(self, run, time_down):
        return span(run[self.row["multi_tap_min_from"]], time_down) >= ns(self.row, "multi_tap_min_ms")

    def count_at_down(self, stream, time, x, y, density):
        run, begins = stream.run, self.row["multi_tap_from"]
        if run is None or begins == "up_up" or not self.late_enough(run, time):
            return 0
        return self.counted_on(run, time, x, y, density, "place", run[begins])

    def count(self, stream, stroke, record, density, *, takes_part):
        row = self.row
        if not takes_part:
            return
        if record["kind"] != TAP:
            if row["run_drag"] and stroke.continues and (record["kind"] or record["begun"]):
                record["tap_count"] = stroke.continues
            stream.run = None
            return
        run, taps, rage = stream.run, stroke.continues or 1, 1
        if run is not None:
            if row["multi_tap_from"] == "up_up" and self.late_enough(run, record["time_down"]):
                taps = self.counted_on(
                    run, record["time_up"], record["x_up"], record["y_up"], density, "place_up", run["up"]
                )
            apart = dp(root(record["x_down"] - run["place"][0], record["y_down"] - run["place"][1]), density)
            gap = span(run["up"], record["time_down"])
            if gap <= round(row["rage_tap_timeout_ms"] * 1e6) and apart <= F32(row["rage_tap_radius_dp"]):
                rage = run["rage"] + 1
        record["tap_count"] = taps or 1
        record["rage"] = rage == row["rage_tap_count"]
        stream.run = {
            "down": record["time_down"],
            "up": record["time_up"],
            "place": (record["x_down"], record["y_down"]),
            "place_up": (record["x_up"], record["y_up"]),
            "taps": taps or 1,
            "rage": rage,
        }


def towards(component, *, sideways):
    if sideways:
        return RIGHT if component > 0 else LEFT
    return DOWNWARDS if component > 0 else UPWARDS


def nearest(pairs):
    """The margin: the smallest relative distance of a measure from its limit."""
    found = [
        abs(float(measure) - float(edge)) / float(edge)
        for measure, edge in pairs
        if 0 < float(edge) < math.inf
    ]
    return F32(min(found)) if found else F32(math.nan)


# ---- estimators ---------------------------------------------------------------------------------


def release(row, stroke, density, at):
    """The velocity of a finger that lifts at a time, and its length; dp/s, clamped."""
    if row["velocity_strategy"] == "early":
        vx, vy = early(row, stroke, density)
    else:
        vx, vy = (v / density for v in estimated(row, stroke.history, at))
    most = row["max_fling_velocity_dp_s"]
    length = math.sqrt(vx * vx + vy * vy)
    if row["clamp"] == "axis":
        vx, vy = max(-most, min(most, vx)), max(-most, min(most, vy))
        length = math.sqrt(vx * vx + vy * vy)
    elif row["clamp"] == "length" and length > most:
        vx, vy, length = vx * (most / length), vy * (most / length), most
    return vx, vy, length


def estimated(row, history, at):
    """The estimate from the recent samples of a finger, px/s."""
    if len(history) < row["min_samples"] or len(history) < 2:
        return 0.0, 0.0
    newest = history[-1]
    if wrapped(at - newest[0]) > ns(row, "up_stop_ms"):
        return 0.0, 0.0
    s = [float(wrapped(time - newest[0])) * 1e-9 for time, _, _ in history]
    xs, ys = [float(x) for _, x, _ in history], [float(y) for _, _, y in history]
    estimate = {"lsq2": lsq2, "lsq2_restricted": lsq2, "impulse": impulse, "ios": ios}[
        row["velocity_strategy"]
    ]
    vx, vy = estimate(s, xs), estimate(s, ys)
    if row["velocity_strategy"] == "lsq2_restricted" and vx * (xs[-1] - xs[0]) + vy * (ys[-1] - ys[0]) < 0:
        return 0.0, 0.0
    return vx, vy


def early(row, stroke, density):
    """The first of the fastest ways from the DOWN at an early MOVE, dp/s."""
    _, t0, x0, y0, _ = stroke.good[0]
    best, vx, vy = 0.0, 0.0, 0.0
    until = math.inf if row["early_ms"] == math.inf else round(row["early_ms"] * 1e6)
    for _, time, x, y, action in stroke.good:
        past = wrapped(time - t0)
        if action == MOVE and 0 < past < until:
            wx, wy = float(x - x0) / density * 1e9 / past, float(y - y0) / density * 1e9 / past
            if wx * wx + wy * wy > best:
                best, vx, vy = wx * wx + wy * wy, wx, wy
    return vx, vy


def lsq2(s, x):
    n = len(s)
    if n == 2:
        return (x[1] - x[0]) / (s[1] - s[0])
    s1 = s2 = s3 = s4 = x1 = sx = qx = 0.0
    for t, v in zip(s, x, strict=True):
        q = t * t
        s1 += t
        s2 += q
        s3 += q * t
        s4 += q * q
        x1 += v
        sx += t * v
        qx += q * v
    sxx = s2 - s1 * s1 / n
    sxy = sx - s1 * x1 / n
    sxq = s3 - s1 * s2 / n
    sqq = s4 - s2 * s2 / n
    sqy = qx - s2 * x1 / n
    d = sxx * sqq - sxq * sxq
    return (sxy * sqq - sqy * sxq) / d if d > 1e-12 * sxx * sqq else 0.0


def impulse(s, x):
    def speed(work):
        return -math.sqrt(2 * abs(work)) if work < 0 else math.sqrt(2 * abs(work))

    work = 0.0
    for i in range(1, len(s)):
        v = (x[i] - x[i - 1]) / (s[i] - s[i - 1])
        work = v * abs(v) / 2 if i == 1 else work + (v - speed(work)) * abs(v)
    return speed(work)


def ios(s, x):
    """The last three segments, oldest first."""
    v = [(x[i] - x[i - 1]) / (s[i] - s[i - 1]) for i in range(1, len(s))]
    before, middle, last = ([0.0, 0.0, *v])[-3:]
    return 0.6 * before + 0.35 * middle + 0.05 * last
