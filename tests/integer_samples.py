"""Touch samples made from integers alone, the same on every machine: for comparing results bit by bit."""

import hashlib

import numpy as np

from capture import GestureConfig, Recognizer, TouchSamples, classify
from capture._native import batch, output
from capture.gestures import FIELDS
from capture.gestures.dialects import ROWS

COUNT = 12_000
#: NaNs of both signs and with a payload, infinities, -0, subnormals, the largest number.
NAMED = np.array(
    [0x7FC00000, 0xFFC12345, 0x7F800001, 0x7F800000, 0xFF800000, 0x80000000, 1, 0x007FFFFF, 0x7F7FFFFF],
    np.uint32,
)
_MIX = [(np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)), (np.uint64(27), np.uint64(0x94D049BB133111EB))]


def mixed(salt, count=COUNT):
    """Return uint64 numbers that look random: the mixing function of SplitMix64 over 0, 1, 2, ..."""
    numbers = np.arange(count, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(salt)
    for shift, factor in _MIX:
        numbers = (numbers ^ (numbers >> shift)) * factor
    return numbers ^ (numbers >> np.uint64(31))


def strokes(salt):
    """Return plain actions, and times: strokes of 2 to about 150 samples, one after the other."""
    action = np.full(COUNT, 2, np.uint8)
    ends = np.cumsum(2 + mixed(salt, 2000) % (1 + mixed(salt + 1, 2000) % np.uint64(150)))
    ends = ends[ends < COUNT].astype(np.int64)
    action[ends - 1] = 1
    action[0] = 0
    action[ends] = 0
    action[-1] = 1 if action[-1] == 2 else action[-1]
    # Most steps are of milliseconds; some end a run of taps, some make a long press.
    steps = (mixed(salt + 2) % np.uint64(16_000_000)).astype(np.int64)
    steps[mixed(salt + 3) % np.uint64(40) == 0] += 300_000_000
    return action, np.cumsum(steps)


def positions(salt, scale, action):
    """Return float32 positions, whole numbers times a power of two: each stroke goes its way, trembling."""
    stroke = np.cumsum(action == 0) - 1
    first = np.flatnonzero(action == 0)
    start, way = (mixed(salt, len(first)) % np.uint64(40_000)).astype(np.int64), mixed(salt + 1, len(first))
    step = np.array([0, 0, 2, 6, 30, -30, 400, -400, 2500, -2500])[(way % np.uint64(10)).astype(np.int64)]
    since = np.arange(COUNT) - first[stroke]
    tremble = (mixed(salt + 2) % np.uint64(33)).astype(np.int64) - 16
    return np.ldexp((start[stroke] + step[stroke] * since + tremble).astype(np.float32), scale)


def plain():
    """Return what a phone sends: positions in 64ths of a px."""
    action, time = strokes(10)
    return TouchSamples(action=action, time=time, x=positions(20, -6, action), y=positions(30, -6, action))


def tiny():
    """Return positions whose squares, or which themselves, are subnormal or vanish."""
    action, time = strokes(40)
    x, y = positions(50, -85, action), positions(60, -85, action)
    half = COUNT // 2
    x[:half], y[:half] = (positions(each, -149, action)[:half] for each in (70, 80))
    return TouchSamples(action=action, time=time, x=x, y=y)


def huge():
    """Return positions whose squares, or whose differences, overflow."""
    action, time = strokes(90)
    x, y = positions(100, 50, action), positions(110, 50, action)
    half = COUNT // 2
    x[:half], y[:half] = (positions(each, 109, action)[:half] for each in (120, 130))
    return TouchSamples(action=action, time=time, x=x, y=y)


def adverse():
    """Return any bits as positions, here and there; unknown actions, pointers, streams, times that fall."""
    action, time = strokes(140)
    x, y = positions(150, -6, action), positions(160, -6, action)
    odd = mixed(170) % np.uint64(97) == 0
    for column, salt in ((x, 180), (y, 190)):
        found = (mixed(salt) >> np.uint64(32)).astype(np.uint32)
        named = found % 3 == 0
        found[named] = NAMED[found[named] % len(NAMED)]
        column[odd] = found.view(np.float32)[odd]
    wrong = mixed(200) % np.uint64(101) == 0
    action[wrong] = (mixed(210) % np.uint64(6)).astype(np.uint8)[wrong]
    back = mixed(220) % np.uint64(211) == 0
    time[back] -= (mixed(230) >> np.uint64(1)).astype(np.int64)[back] % 10**9
    pointer = (mixed(240) % np.uint64(2)).astype(np.int32)
    stream = (np.arange(COUNT) // 4000).astype(np.int64)
    pointer[: COUNT // 2] = 0
    return TouchSamples(stream=stream, pointer=pointer, action=action, time=time, x=x, y=y)


def fingers():
    """Return chords of two to four fingers that spread, turn and go their way, in 64ths of a px; and taps."""
    rows, now = [], 0
    numbers = iter((mixed(250, 5 * COUNT) >> np.uint64(1)).astype(np.int64).tolist())

    def sample(finger, action, place):
        trembling = (next(numbers) % 33 - 16, next(numbers) % 33 - 16)
        rows.append(
            (0, finger, action, now, *((at + by) / 64 for at, by in zip(place, trembling, strict=True)))
        )

    for _ in range(160):
        centre = [20_000 + next(numbers) % 20_000 for _ in "xy"]
        offsets = [[next(numbers) % 20_000 - 10_000 for _ in "xy"] for _ in range(2 + next(numbers) % 3)]
        spread, turn, *way = (
            (next(numbers) % (2 * most + 1) - most) * (next(numbers) % 2) for most in (12, 9, 600, 600)
        )
        frames = next(numbers) % 24
        now += (30, 250, 900)[next(numbers) % 3] * 1_000_000
        for frame in range(frames + 2):
            action = 0 if frame == 0 else 1 if frame == frames + 1 else 2
            now += next(numbers) % 16_000_000
            for finger, (u, v) in enumerate(offsets):
                now += next(numbers) % 4_000_000 if action != 2 or next(numbers) % 8 == 0 else 0
                out, around = 64 + frame * spread, frame * turn
                turned = (u * out - v * around) // 64, (v * out + u * around) // 64
                sample(finger, action, [centre[axis] + turned[axis] + frame * way[axis] for axis in (0, 1)])
    return TouchSamples.from_rows(rows)


INPUTS = {make.__name__: make for make in (plain, tiny, huge, adverse)}
STRATEGIES = ("mean", "lsq2", "impulse")
DENSITIES = (1.0, 2.75)


def table(log, strategy, density, kernel=0):
    """Return the columns of records of samples, by one kernel."""
    recognizer, columns = (
        Recognizer(density, GestureConfig(velocity_strategy=strategy)),
        output.GestureColumns(),
    )
    batch.feed(recognizer, columns, log, kernel=kernel)
    batch.finish(recognizer, columns)
    return columns


def digest(columns):
    """Return the SHA-256 of the little-endian bytes of columns, one after the other."""
    found = hashlib.sha256()
    for column in map(np.asarray, columns):
        found.update(column.astype(column.dtype.newbyteorder("<")).tobytes())
    return found.hexdigest()


def digests(columns):
    """Return column -> its digest."""
    return {name: digest([columns.column(name)]) for name in FIELDS}


def dialect_digests(name, logs):
    """Return the digests of what a dialect's row makes of logs, with its verdicts; and of chords."""
    config, found = GestureConfig(dialect=name, verdict_columns=True), {}
    for kind, log in logs.items():
        strokes = classify(log, density=2.75, gestures=config)
        found[kind] = digest(getattr(strokes, field) for field in strokes.fields)
    chords = classify(fingers(), density=2.75, gestures=config, multi=True).multi
    return found | {"chords": digest(getattr(chords, field) for field in chords.fields)}


def all_digests():
    """Return the digests of every input, strategy, density and dialect, by the fastest kernel."""
    logs = {name: make() for name, make in INPUTS.items()}
    found = {
        f"{name}, {strategy}, density {density}": digests(table(log, strategy, density))
        for name, log in logs.items()
        for strategy in STRATEGIES
        for density in DENSITIES
    }
    return found | {f"dialect {name}": dialect_digests(name, logs) for name in ROWS}
