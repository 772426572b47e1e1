"""The recogniser: batch path beside NumPy, Polars, plain C and the memory; live path beside Python."""

import importlib.util
import os
import statistics
import threading
from functools import partial

import numpy as np
import pytest
from ratios import interleaved, report, timed
from touches import interleaved as crowded, single

from capture import GestureConfig, Recognizer, TouchSamples, classify
from capture.gestures import dialects

SAMPLES = int(float(os.environ.get("CAPTURE_BENCH_SAMPLES", "2e7")))
COLUMNS = ("stream", "pointer", "action", "time", "x", "y")


def columns(action, time, x, y):
    return TouchSamples(action=action, time=time, x=x, y=y)


def with_strategy(samples, strategy):
    gestures = GestureConfig(velocity_strategy=strategy)
    return lambda: classify(samples, gestures=gestures)


@pytest.fixture(scope="module")
def plain():
    return single(SAMPLES)


def test_batch(benchmark, plain):
    """One stream, one finger, 17 bytes a sample; the contenders give the same classes."""
    from peers import numpy_measures, plain_c

    samples = columns(*plain)
    same_bytes = np.ones(len(samples) * 17 // 8, np.int64)
    c_loop = plain_c.build()
    table = classify(samples)
    contenders = {
        "touchcapture, mean": with_strategy(samples, "mean"),
        "touchcapture, filled anew": lambda: classify(samples, out=table),
        "touchcapture, chords": lambda: classify(samples, multi=True),
        "touchcapture, lsq2": with_strategy(samples, "lsq2"),
        "touchcapture, impulse": with_strategy(samples, "impulse"),
        "reading the same bytes": same_bytes.sum,
        "plain C loop, -O3": lambda: c_loop(*plain),
        "NumPy": lambda: numpy_measures.classify(*plain),
    }
    if importlib.util.find_spec("polars"):
        from peers import polars_measures

        frame = polars_measures.frame(*plain)
        contenders["Polars"] = lambda: polars_measures.classify(frame)
        assert alike(polars_measures.classify(frame)["kind"].to_numpy(), classify(samples).kind)
    assert alike(numpy_measures.classify(*plain)[0], classify(samples).kind)
    assert alike(c_loop(*plain)[0], classify(samples).kind)

    seconds = interleaved(contenders, rounds=15)
    # A change's gain shows against a loop that never changes.
    benchmark.extra_info["c_loop_by_filled_anew"] = (
        seconds["plain C loop, -O3"] / seconds["touchcapture, filled anew"]
    )
    report(benchmark, "touchcapture, mean", seconds, len(samples), "ns a sample")
    benchmark.pedantic(contenders["touchcapture, mean"], rounds=1)


def test_dialects(benchmark, plain):
    """The same log in the words of each engine, in turns, each into a table of its own.

    Tables of a dialect have the five columns of the verdict, which are no part of its lens: the default's
    time with them is there too, and each dialect's as a multiple of that.
    """
    samples = columns(*plain)
    contenders = {
        name: partial(classify, samples, gestures=GestureConfig(dialect=name)) for name in dialects.names()
    }
    with_verdicts = GestureConfig(verdict_columns=True)
    same_columns = f"{dialects.DEFAULT}, verdict columns"
    contenders[same_columns] = partial(classify, samples, gestures=with_verdicts)
    seconds = interleaved(contenders, rounds=15)
    report(benchmark, dialects.DEFAULT, seconds, len(samples), "ns a sample")
    benchmark.extra_info["by_the_default_with_the_same_columns"] = {
        name: seconds[name] / seconds[same_columns] for name in dialects.names() if name != dialects.DEFAULT
    }
    benchmark.pedantic(contenders[dialects.DEFAULT], rounds=1)


@pytest.mark.parametrize("strokes", [None, 30, 1_000, 100_000])
def test_threads_on_ranges(benchmark, plain, strokes):
    """Two threads on one stream without columns for it, and on streams one after the other."""
    action, time, x, y = plain
    samples = columns(*plain)
    if strokes is not None:
        samples = TouchSamples(
            stream=(np.cumsum(action == 0) - 1) // strokes,
            pointer=np.zeros(len(action), np.int32),
            action=action,
            time=time,
            x=x,
            y=y,
        )
    contenders = {"one thread": partial(classify, samples)}
    contenders["two threads"] = partial(classify, samples, threads=2)
    report_threads(benchmark, timed(contenders, rounds=15), len(samples))
    benchmark.pedantic(contenders["two threads"], rounds=1)


def report_threads(benchmark, times, per):
    """Report one thread and two; the speed-up is that of the shortest times.

    Another guest of the host takes the second core away for whole seconds: the median is of its load.
    """
    for note, of in (("speed_up", min), ("speed_up_by_medians", statistics.median)):
        benchmark.extra_info[note] = of(times["one thread"]) / of(times["two threads"])
    medians = {name: statistics.median(each) for name, each in times.items()}
    report(benchmark, "one thread", medians, per, "ns a sample")


def test_memory_of_two_threads(benchmark):
    """The machine's limit: as many bytes read, and fresh ones filled, as by a recognition."""
    read, filled = SAMPLES * 17 // 8, SAMPLES * 7 // 8
    source = np.ones(read, np.int64)
    contenders = {}
    for name, work in (
        ("reading", lambda part: source[part * read // 2 : (part + 1) * read // 2].sum()),
        ("filling", lambda _: np.ones(filled // 2, np.int64)),
    ):
        contenders[f"{name}, one thread"] = partial(lambda work: [work(0), work(1)], work)
        contenders[f"{name}, two threads"] = partial(both, work)
    times = timed(contenders, rounds=15)
    for name in ("reading", "filling"):
        benchmark.extra_info[f"speed_up_of_{name}"] = min(times[f"{name}, one thread"]) / min(
            times[f"{name}, two threads"]
        )
    benchmark.pedantic(contenders["reading, two threads"], rounds=1)


def both(work):
    threads = [threading.Thread(target=work, args=(part,)) for part in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def alike(theirs, ours):
    """Equal but for the rounding of a distance that lies on a threshold."""
    return len(theirs) == len(ours) and (theirs == ours).mean() > 0.9999


def test_threads(benchmark):
    """1,000 interleaved streams, every fifth stroke with two fingers; beside the limit of two threads."""
    samples = TouchSamples(**dict(zip(COLUMNS, crowded(SAMPLES), strict=True)))
    numbers = np.linspace(0.1, 1.0, 200_000)

    def arithmetic(_=0):
        for _ in range(100):
            np.sqrt(numbers)

    contenders = {
        "one thread": lambda: classify(samples),
        "two threads": lambda: classify(samples, threads=2),
        "arithmetic, once": arithmetic,
        "arithmetic, twice in two threads": partial(both, arithmetic),
    }
    times = timed(contenders, rounds=15)
    report_threads(benchmark, times, len(samples))
    benchmark.extra_info["speed_up_of_arithmetic"] = (
        2 * min(times["arithmetic, once"]) / min(times["arithmetic, twice in two threads"])
    )
    benchmark.pedantic(contenders["two threads"], rounds=1)


def test_sizes(benchmark):
    """Cost per sample from 10^4 to 10^8 samples."""
    action, time, x, y = single(10**8 if SAMPLES >= 10**7 else 10 * SAMPLES)
    parts = {size: columns(*(column[:size] for column in (action, time, x, y))) for size in SIZES}
    contenders = {
        f"{size:.0e} samples": partial(many, part, max(1, 10**6 // size))
        for size, part in parts.items()
        if len(part) >= size * 0.9
    }
    seconds = interleaved(contenders)
    cost = {
        f"{size:.0e} samples": seconds[f"{size:.0e} samples"] / (len(part) * max(1, 10**6 // size))
        for size, part in parts.items()
        if len(part) >= size * 0.9
    }
    report(benchmark, "1e+06 samples", cost, 1, "ns a sample")
    benchmark.pedantic(classify, args=(columns(action, time, x, y),), rounds=1)


SIZES = (10**4, 10**5, 10**6, 10**7, 10**8)


def many(samples, times):
    for _ in range(times):
        classify(samples)


class Empty:
    def method(self, pointer, x, y, time):
        pass


TAP = [(100.0 + i / 4, 200.0, i * 8_000_000) for i in range(10)]


def test_live_call(benchmark):
    """One call at a time, as an app makes them: loops of 10,000 moves and of 1,000 taps of 10 samples."""
    from peers.pure_python import PurePython

    empty, ours, theirs = Empty(), Recognizer(), PurePython()
    for recognizer in (ours, theirs):
        recognizer.down(0, 0.0, 0.0, 0)

    def moves(method):
        def run():
            for time in range(10_000):
                method(0, 1.5, 2.5, time)

        return run

    contenders = {
        "empty method": moves(empty.method),
        "Recognizer.move": moves(ours.move),
        "pure Python move": moves(theirs.move),
    }
    seconds = interleaved(contenders, rounds=31)
    report(benchmark, "empty method", seconds, 10_000, "ns a call")
    benchmark.pedantic(contenders["Recognizer.move"], rounds=5)


def test_live_tap(benchmark):
    """A whole tap of ten samples, DOWN to the Gesture in hand."""
    from peers.pure_python import PurePython

    contenders = {"touchcapture": taps(Recognizer()), "pure Python": taps(PurePython())}
    if importlib.util.find_spec("gestures4kivy"):
        from peers import gestures4kivy

        contenders["gestures4kivy"] = kivy_taps(*gestures4kivy.build())
    seconds = interleaved(contenders, rounds=15)
    report(benchmark, "touchcapture", seconds, 1000, "ns a tap")
    benchmark.pedantic(contenders["touchcapture"], rounds=5)


def taps(recognizer):
    (x0, y0, t0), *between, (x1, y1, t1) = TAP
    down, move, up = recognizer.down, recognizer.move, recognizer.up

    def run():
        for _ in range(1000):
            down(0, x0, y0, t0)
            for x, y, time in between:
                move(0, x, y, time)
            up(0, x1, y1, t1)

    return run


def kivy_taps(down, move, up):
    (x0, y0, _), *between, (x1, y1, _) = TAP

    def run():
        for _ in range(1000):
            down(x0, y0)
            for x, y, _ in between:
                move(x, y)
            up(x1, y1)

    return run
