"""What several fingers do together, once more: slow and obvious. The oracle of the tests.

Written from the law of several fingers alone; it shares no code with the package. Places are float32, all
else float64, to dp and float32 once at the end.
"""

import dataclasses
import math

import numpy as np
from reference_dialects import (
    CANCEL,
    CANCELED,
    DOWN,
    F32,
    INCOMPLETE,
    MOVE,
    dp,
    limit,
    nearest,
    ns,
    release,
    remember,
    root,
    span,
    towards,
    wrapped,
)

NONE, TAP, PINCH, ROTATE, PAN, SWIPE = range(6)
BETWEEN_SLOP_AND_DRAG, NOT_A_TAP = 1, 6
FLAGS = {"pinch": 1, "rotate": 2, "pan": 4}


def angle(y, x):
    if x == 0 and y == 0:
        return 0.0
    ax, ay = abs(x), abs(y)
    t = min(ax, ay) / max(ax, ay)
    for _ in range(3):
        t = t / (1.0 + math.sqrt(1.0 + t * t))
    u = t * t
    s = 1.0 / 15.0
    for k in (13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0):
        s = 1.0 / k - u * s
    v = 8.0 * (t * s)
    if ay > ax:
        v = math.pi / 2 - v
    if x < 0:
        v = math.pi - v
    return -v if y < 0 else v


@dataclasses.dataclass
class Finger:
    pointer: int
    down: tuple  # x, y
    place: tuple  # x, y, as the last closed frame has it
    start: tuple = ()  # the place when the chord began
    far: bool = False  # ever beyond the slop from its own DOWN
    good: list = dataclasses.field(default_factory=list)  # as a stroke's, for its velocity
    history: list = dataclasses.field(default_factory=list)


class Chord:
    """The sums of a chord that is open."""

    def __init__(self, fingers, number, time):
        self.fingers = fingers  # in the order of their DOWNs
        self.first = tuple(fingers)
        self.downs = [finger.down for finger in fingers]
        self.number, self.time = number, time
        self.join, self.lift = time, None
        self.used = number, time
        self.most = 2
        self.canceled = self.replaced = False
        self.was_far = self.moved = self.motion = False
        self.frame, self.frame_time = {}, 0
        self.scale_before = 1.0
        self.spread_before = self.x_before = self.y_before = 0.0
        self.rotation = self.arc = 0.0
        self.most_spread = self.most_arc = self.most_shift = self.most_scale = self.most_rotation = 0.0
        self.velocity = 0.0, 0.0, 0.0
        for finger in fingers:
            finger.start = finger.place
        self.segment()
        self.begin = self.x, self.y, self.radius

    def shape(self):
        n = len(self.fingers)
        x = sum((float(finger.place[0]) for finger in self.fingers), 0.0) / n
        y = sum((float(finger.place[1]) for finger in self.fingers), 0.0) / n
        offsets = [(float(finger.place[0]) - x, float(finger.place[1]) - y) for finger in self.fingers]
        return x, y, sum((math.sqrt(u * u + v * v) for u, v in offsets), 0.0) / n, offsets

    def segment(self):
        """Start a segment from the shape that the fingers have."""
        self.x, self.y, self.radius, self.offsets = self.shape()
        self.x_start, self.y_start, self.radius_start = self.x, self.y, self.radius

    def change(self):
        """End the segment: its sums are kept."""
        self.scale_before = self.scale()
        self.spread_before = self.spread()
        self.x_before, self.y_before = self.shift()

    def scale(self):
        if self.radius_start == 0:
            return self.scale_before
        return self.scale_before * (self.radius / self.radius_start)

    def spread(self):
        return self.spread_before + (self.radius - self.radius_start)

    def shift(self):
        return self.x_before + (self.x - self.x_start), self.y_before + (self.y - self.y_start)


class ChordReference:
    def __init__(self, row, density=1.0):
        self.row = row
        self.density = density
        self.fingers = {}  # stream -> pointer -> Finger
        self.chords = {}  # stream -> Chord
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
            for stream, chord in sorted(self.chords.items(), key=lambda item: item[1].number):
                self.close(stream)
                chord.replaced = True
                self.end(stream, *chord.used)
        self.fingers.clear()
        return self

    def density_of(self, stream):
        return self.density.get(stream, 1.0) if isinstance(self.density, dict) else self.density

    def slop(self):
        """The touch slop, which is Euclidean and never whole px here."""
        return limit({**self.row, "slop_metric": "euclid"}, "touch_slop_dp")

    def sample(self, stream, pointer, action, time, x, y):
        if action > CANCEL:
            return
        good = bool(np.isfinite(x) and np.isfinite(y))
        fingers = self.fingers.setdefault(stream, {})
        finger = fingers.get(pointer)
        if action == DOWN:
            self.down(stream, pointer, time, x, y, good)
        elif finger is None or (action == MOVE and not good):
            return
        elif action == MOVE:
            self.move(stream, finger, time, x, y)
        else:
            self.leave(stream, finger, time, canceled=action == CANCEL, good=good)

    def down(self, stream, pointer, time, x, y, good):
        fingers = self.fingers[stream]
        if good:
            self.close(stream)
        if pointer in fingers:
            self.leave(stream, fingers[pointer], time, replaced=True)
        chord = self.chords.get(stream)
        if chord is not None:
            chord.used = self.number, time
        if not good:
            return
        finger = fingers[pointer] = Finger(pointer, (x, y), (x, y), (x, y))
        finger.good.append((self.number, time, x, y, DOWN))
        remember(self.row, finger.history, time, x, y)
        if chord is not None:
            chord.change()
            chord.fingers.append(finger)
            chord.downs.append(finger.down)
            chord.join = time
            chord.most = max(chord.most, len(chord.fingers))
            chord.segment()
        elif len(fingers) == 2:
            self.chords[stream] = Chord(list(fingers.values()), self.number, time)

    def move(self, stream, finger, time, x, y):
        finger.good.append((self.number, time, x, y, MOVE))
        remember(self.row, finger.history, time, x, y)
        way = dp(root(x - finger.down[0], y - finger.down[1]), self.density_of(stream))
        finger.far = finger.far or bool(way > self.slop())
        chord = self.chords.get(stream)
        if chord is None:
            finger.place = x, y
            return
        late = wrapped(time - chord.frame_time)
        if chord.frame and (finger.pointer in chord.frame or late < 0 or late > ns(self.row, "frame_ms")):
            self.close(stream)
        if not chord.frame:
            chord.frame_time = time
        chord.frame[finger.pointer] = finger, (x, y)
        chord.used = self.number, time

    def close(self, stream):
        """Close the frame: take its places as the fingers', and measure."""
        chord = self.chords.get(stream)
        if chord is None or not chord.frame:
            return
        density = self.density_of(stream)
        for finger, place in chord.frame.values():
            finger.place = place
            dx, dy = place[0] - finger.start[0], place[1] - finger.start[1]
            chord.motion = chord.motion or bool(dx != 0 or dy != 0)
            chord.moved = chord.moved or bool(dp(root(dx, dy), density) > self.slop())
        chord.frame = {}
        before = chord.offsets
        chord.x, chord.y, chord.radius, chord.offsets = chord.shape()
        cross = dot = 0.0
        for (ux, uy), (wx, wy) in zip(before, chord.offsets, strict=True):
            cross += ux * wy - uy * wx
            dot += ux * wx + uy * wy
        turn = angle(cross, dot)
        if cross == 0 and dot < 0:
            turn = -math.pi if chord.rotation > 0 else math.pi
        chord.rotation += turn
        chord.arc += turn * chord.radius
        chord.most_arc = max(chord.most_arc, abs(chord.arc))
        chord.most_rotation = max(chord.most_rotation, abs(chord.rotation))
        x, y = chord.shift()
        chord.most_shift = max(chord.most_shift, math.sqrt(x * x + y * y))
        spans = 2 * chord.radius / density, 2 * chord.radius_start / density
        if max(spans) >= self.row["min_span_dp"]:
            chord.most_spread = max(chord.most_spread, abs(chord.spread()))
            chord.most_scale = max(chord.most_scale, abs(chord.scale() - 1))

    def leave(self, stream, finger, time, *, canceled=False, replaced=False, good=True):
        self.close(stream)
        del self.fingers[stream][finger.pointer]
        chord = self.chords.get(stream)
        if chord is None:
            return
        if chord.lift is None:
            chord.lift = time
            chord.velocity = self.velocity(stream, chord, finger, time)
        chord.canceled |= canceled
        chord.replaced |= replaced
        chord.was_far |= finger.far
        if good:
            chord.used = self.number, time
        if len(chord.fingers) == 2:
            self.end(stream, self.number, time)
            return
        chord.change()
        chord.fingers.remove(finger)
        chord.segment()

    def velocity(self, stream, chord, leaving, time):
        """The velocity and its length at the first leave, dp/s."""
        density = self.density_of(stream)
        if self.row["velocity_strategy"] in {"mean", "early"}:
            rate = 1e9 / max(span(chord.time, time), 1_000_000)
            vx, vy = (shift / density * rate for shift in chord.shift())
        else:
            each = [(finger, *release(self.row, finger, density, time)[:2]) for finger in chord.fingers]
            [(lx, ly)] = [(vx, vy) for finger, vx, vy in each if finger is leaving]
            length = math.sqrt(lx * lx + ly * ly)
            for finger, vx, vy in each:
                other = math.sqrt(vx * vx + vy * vy)
                apart = lx * vx + ly * vy <= 0.001 * (length * other)
                if finger is not leaving and length >= 1 and other >= 1 and apart:
                    return 0.0, 0.0, 0.0
            vx = sum((x for _, x, _ in each), 0.0) / len(each)
            vy = sum((y for _, _, y in each), 0.0) / len(each)
        return vx, vy, math.sqrt(vx * vx + vy * vy)

    # ---- the record -------------------------------------------------------------------------

    def end(self, stream, number, time):
        chord, density = self.chords.pop(stream), self.density_of(stream)
        lift = time if chord.lift is None else chord.lift
        x, y = chord.shift()
        vx, vy, length = chord.velocity
        chord.was_far |= any(finger.far for finger in chord.fingers)
        first, second = chord.first
        record = {
            "stream": stream,
            "kind": NONE,
            "reason": 0,
            "direction": 0,
            "modes": 0,
            "fingers": chord.most,
            "pointer_a": first.pointer,
            "pointer_b": second.pointer,
            "time_down": chord.time,
            "time_join": chord.join,
            "time_lift": lift,
            "time_up": time,
            "x_down": F32(chord.begin[0]),
            "y_down": F32(chord.begin[1]),
            "x_up": F32(chord.x),
            "y_up": F32(chord.y),
            "duration": span(chord.time, time) / 1e6,
            "scale": F32(chord.scale()),
            "rotation": F32(chord.rotation * 180 / math.pi),
            "span_down": F32(2 * chord.begin[2] / density),
            "span_up": F32(2 * chord.radius / density),
            "shift_x": F32(x / density),
            "shift_y": F32(y / density),
            "spread": F32(chord.most_spread / density),
            "arc": F32(chord.most_arc / density),
            "shift": F32(chord.most_shift / density),
            "velocity": F32(length),
            "velocity_x": F32(vx),
            "velocity_y": F32(vy),
            "first_sample": chord.number,
            "last_sample": number,
        }
        self.decide(record, chord, density, span(chord.join, lift))
        self.records.append(record)

    def decide(self, record, chord, density, held):
        row, n = self.row, chord.most
        # Left out, it is the touch slop, open where that is.
        own = row["transform_slop_dp"] is not None
        transform = limit(row, "transform_slop_dp") if own else self.slop()
        free = n >= row["free_fingers"]
        whole_shift = F32(n * chord.most_shift / density)
        degrees = chord.most_rotation * 180 / math.pi
        flags = 0
        if record["spread"] > transform and self.beyond(chord.most_scale, "pinch_scale"):
            flags |= FLAGS["pinch"]
        if record["arc"] > transform and self.beyond(degrees, "rotate_deg"):
            flags |= FLAGS["rotate"]
        if whole_shift > self.slop() or (free and whole_shift > 0):
            flags |= FLAGS["pan"]
        flags &= sum(FLAGS[mode] for mode in row["modes"].split())
        record["modes"] = flags
        at_once = own and row["transform_slop_dp"] == 0 and flags != 0
        moved = chord.moved or (free and chord.motion) or at_once
        self.name(record, chord, moved=moved, is_tap=self.is_tap(chord, density, held))
        record["margin"] = self.margin(record, held)

    def name(self, record, chord, *, moved, is_tap):
        flags, ways = record["modes"], {}
        if flags & FLAGS["pinch"]:
            ways[PINCH] = record["spread"]
        if flags & FLAGS["rotate"]:
            ways[ROTATE] = record["arc"]
        greater = max(ways, key=ways.get) if ways else None  # the first of equals: PINCH
        if chord.canceled:
            record["reason"] = CANCELED
        elif chord.replaced:
            record["reason"] = INCOMPLETE
        elif moved and ways and 2 * float(ways[greater]) >= float(record["shift"]):
            record["kind"] = greater
        elif moved and flags & FLAGS["pan"]:
            self.pan(record, chord)
        elif moved and ways:
            record["kind"] = greater
        elif moved or chord.was_far:
            record["reason"] = BETWEEN_SLOP_AND_DRAG
        elif is_tap:
            record["kind"] = TAP
        else:
            record["reason"] = NOT_A_TAP

    def beyond(self, value, name):
        return value >= self.row[name] if name in self.row["open"] else value > self.row[name]

    def pan(self, record, chord):
        row = self.row
        sizes = [abs(v) if abs(v) >= row["swipe_velocity_dp_s"] else 0.0 for v in chord.velocity[:2]]
        flung = max(sizes) > 0 and max(sizes) >= row["swipe_ratio"] * min(sizes)
        record["kind"] = SWIPE if flung else PAN
        x, y = (
            (record["velocity_x"], record["velocity_y"]) if flung else (record["shift_x"], record["shift_y"])
        )
        sideways = abs(x) > abs(y)
        record["direction"] = towards(x if sideways else y, sideways=sideways)

    def is_tap(self, chord, density, held):
        row = self.row
        x0, y0 = chord.downs[0]
        apart = max(float(root(x - x0, y - y0)) / density for x, y in chord.downs[1:])
        timeout = math.inf if row["chord_timeout_ms"] == math.inf else round(row["chord_timeout_ms"] * 1e6)
        return chord.most <= row["chord_fingers"] and held <= timeout and apart < row["chord_separation_dp"]

    def margin(self, record, held):
        row = self.row
        own = row["transform_slop_dp"]
        transform = F32(row["touch_slop_dp"] if own is None else own)
        spread, arc = (record["spread"], transform), (record["arc"], transform)
        pan = record["fingers"] * float(record["shift"]), F32(row["touch_slop_dp"])
        fastest = max(abs(record["velocity_x"]), abs(record["velocity_y"]))
        swipe = fastest, row["swipe_velocity_dp_s"]
        tap = [(held / 1e6, row["chord_timeout_ms"])]
        between = {"pinch": spread, "rotate": arc, "pan": pan}
        pairs = {
            TAP: tap,
            PINCH: [spread],
            ROTATE: [arc],
            PAN: [pan, swipe],
            SWIPE: [pan, swipe],
        }.get(record["kind"])
        if pairs is None:
            match record["reason"]:
                case 1:
                    pairs = [between[mode] for mode in between if mode in row["modes"].split()]
                case 6:
                    pairs = tap
                case _:
                    pairs = []
        return nearest(pairs)
