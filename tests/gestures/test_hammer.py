"""The row ``hammer`` beside the real Hammer.js: seeded random strokes, the events of each compared."""

import json
import math
import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from capture import GestureConfig, TouchSamples, classify
from capture.gestures.kinds import Direction, GestureKind

DRIVER = Path(__file__).with_name("hammer_strokes.js")
DOWN, UP, MOVE = 0, 1, 2
MS = 1_000_000
STROKES = 2000
#: Ways that strokes end, px: at and beside the limits of tap, pan and double tap, and far away.
WAYS = (0, 1, 5, 8, 8.5, 9, 9.5, 10, 10.5, 11, 14, 30, 80, 200)
#: Durations, ms: at and beside the limits of tap and press, and of a pan's first interval.
TIMES = (1, 10, 20, 30, 60, 120, 200, 249, 250, 251, 252, 300, 500, 900)


def hammer():
    """Return the path of Hammer.js, or skip."""
    if shutil.which("node") is None:
        pytest.skip("no node")
    for folder in (os.environ.get("TEST_NODE_MODULES", ""), "node_modules"):
        path = Path(folder) / "hammerjs" / "hammer.js"
        if folder and path.exists():
            return path
    return pytest.skip("no hammerjs: npm install hammerjs, and TEST_NODE_MODULES for its folder")


def random_strokes(rng):
    """Return rows (action, ms, x, y) for each stroke; some follow the last one soon and near by."""
    now, x, y = 1_000_000, 200.0, 200.0
    for _ in range(STROKES):
        now += rng.choice((40, 120, 200, 299, 300, 301, 2000, 2000))
        if rng.random() < 0.5:
            x, y = rng.uniform(50, 350), rng.uniform(50, 600)
        else:
            x, y = x + rng.choice((0, 0, 4, 9, 10, 11)), y + rng.choice((0, 0, 1, -3))
        if rng.random() < 0.7:
            x, y = round(x), round(y)
        rows = [(DOWN, now, x, y)]
        duration, way = rng.choice(TIMES), rng.choice(WAYS)
        across = rng.choice(((1, 0), (0, 1), (-1, 0), (0, -1), (0.6, 0.8), (-0.8, 0.6), (0.3, -0.95)))
        rests = rng.choice((0, 0, 0, duration * 0.6))
        step = rng.choice((8, 16, 16, 33))
        for at in range(step, duration, step):
            part = max(0, at - rests) / (duration - rests)
            bend = rng.uniform(-1, 1) if rng.random() < 0.3 else 0
            place = x + way * part * across[0] + bend, y + way * part * across[1] + bend
            rows.append((MOVE, now + at, *place))
        end = x + way * across[0], y + way * across[1]
        if rng.random() < 0.2:
            end = rows[-1][2:]
        rows += [(MOVE, now + duration, *end)] if rng.random() < 0.5 else []
        rows.append((UP, now + duration, *end))
        now += duration
        yield rows


def reported_by(library, strokes):
    """Return the names of Hammer's events for each stroke."""
    rows = json.dumps([row for stroke in strokes for row in stroke])
    run = subprocess.run(
        [shutil.which("node"), str(DRIVER), str(library)],
        input=rows,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return [set(names) for names in json.loads(run.stdout)]


def called(gesture):
    """Return the names that Hammer would give the record's events."""
    names = set()
    if gesture.kind == GestureKind.TAP:
        names |= {"tap"} | ({"doubletap"} if gesture.tap_count == 2 else set())
    if gesture.begun & 1:
        names.add("press")
    if gesture.begun & 2:
        names.add("pan")
    if gesture.kind == GestureKind.FLING:
        names |= {"swipe", f"swipe{Direction(gesture.direction).name.lower()}"}
    return names


def whole(place):
    """Return a coordinate as Hammer rounds it."""
    return math.floor(place + 0.5)


def fault_of_hammer(stroke):
    """Return whether one of Hammer's two own faults touches a stroke.

    It has no direction where dx equals dy, so no swipe; and until an interval of 25 ms has a direction, a pan
    starts by dx alone.
    """
    _, start, *origin = stroke[0]
    x0, y0 = map(whole, origin)
    last, direction, reached = (start, 0, 0), False, False
    for _, ms, *place in stroke[1:]:
        dx, dy = whole(place[0]) - x0, whole(place[1]) - y0
        if ms - last[0] > 25:
            direction = dx - last[1] != dy - last[2]
            last = ms, dx, dy
        if math.hypot(dx, dy) > 10:
            if direction:
                return dx == dy
            reached = True
    return reached


def rounding_of_hammer(stroke, before):
    """Return whether whole px put a speed or a double tap's distance on the other side of its limit."""
    (_, down, *start), (_, up, *end) = stroke[0], stroke[-1]
    speeds = (
        max(abs(b - a) for a, b in zip(start, end, strict=True)),
        max(abs(whole(b) - whole(a)) for a, b in zip(start, end, strict=True)),
    )
    ways = math.dist(before[-1][2:], end), math.dist(map(whole, before[-1][2:]), map(whole, end))
    return any(
        (a > limit) != (b > limit) or limit in {a, b}
        for (a, b), limit in ((speeds, 0.3 * (up - down)), (ways, 10))
    )


def test_random_strokes_are_called_what_hammer_calls_them():
    library = hammer()
    strokes = list(random_strokes(random.Random(19)))
    rows = [(0, 0, action, ms * MS, x, y) for stroke in strokes for action, ms, x, y in stroke]
    table = classify(TouchSamples.from_rows(rows), gestures=GestureConfig(dialect="hammer"))

    theirs, ours = reported_by(library, strokes), [called(gesture) for gesture in table]

    assert len(theirs) == len(ours) == STROKES
    parted = [number for number in range(STROKES) if theirs[number] != ours[number]]
    others = [number for number in parted if not fault_of_hammer(strokes[number])]
    unknown = {
        number: (theirs[number], ours[number])
        for number in others
        if not rounding_of_hammer(strokes[number], strokes[number - 1])
        # A double tap over another stroke in between: any other stroke breaks a run here.
        and not (theirs[number] ^ ours[number] == {"doubletap"} and table[number - 1].kind != GestureKind.TAP)
    }
    assert unknown == {}
    assert len(others) <= 0.02 * STROKES
    # Most of the strokes are outside Hammer's faults.
    assert len(parted) <= 0.1 * STROKES
