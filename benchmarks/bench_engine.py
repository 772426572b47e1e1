"""The live engine: from `touch_up` to the committed event, beside the `track` of analytics clients.

Every contender sends to a server of its own process on loopback while it is measured (closed loop). The
clients keep their events in memory; ours is on disk. Rounds are interleaved, since the machine drifts.
"""

import importlib
import importlib.util
import os
import statistics
import time
from pathlib import Path

import pytest
from peers.loopback import Server

CALLS = int(os.environ.get("CAPTURE_BENCH_CALLS", "2000"))
ROUNDS = int(os.environ.get("CAPTURE_BENCH_ROUNDS", "10"))
#: Module in peers -> packages that it needs.
CONTENDERS = {
    "touchcapture": "capture",
    "segment": "segment",
    "amplitude": "amplitude",
    "posthog": "posthog",
    "snowplow": "snowplow_tracker",
    "mixpanel": "mixpanel",
}
#: No client: the cost of one row on this machine, with any writer.
FLOOR = "a bare INSERT"


@pytest.fixture(scope="module")
def url():
    with Server() as address:
        yield address


def opened(url):
    found = {
        name: importlib.import_module(f"peers.track_{name}").Contender(url)
        for name, package in CONTENDERS.items()
        if importlib.util.find_spec(package)
    }
    return {**found, FLOOR: importlib.import_module("peers.bare_insert").Contender(url)}


def timed(contender, calls, pause_s=0.0):
    """Return the time (ns) of each call; everything else is prepared outside."""
    clock, call, times = time.perf_counter_ns, contender.call, []
    for _ in range(calls):
        arguments = contender.prepare()
        if pause_s:
            time.sleep(pause_s)
        begin = clock()
        call(*arguments)
        times.append(clock() - begin)
    return times


def percentiles(times):
    ranked = sorted(times)
    last = len(ranked) - 1
    return {
        name: ranked[min(last, int(len(ranked) * share))] / 1000
        for name, share in (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0))
    }


def test_closed_loop(benchmark, url):
    """p50, p99, p99.9 and max in us, of all contenders in one run."""
    contenders = opened(url)
    times = {name: [] for name in contenders}
    try:
        for contender in contenders.values():
            timed(contender, 200)
            contender.settle()
        for _ in range(ROUNDS):
            for name, contender in contenders.items():
                times[name] += timed(contender, CALLS)
                contender.settle()
        ours = contenders["touchcapture"]
        assert ours.capture.stats.pending == 0
        benchmark.pedantic(ours.call, setup=lambda: (ours.prepare(), {}), rounds=200)
    finally:
        for contender in contenders.values():
            contender.close()
    found = {name: percentiles(values) for name, values in times.items()}
    rivals = [found[name]["p50"] for name in found if name not in {"touchcapture", FLOOR}]
    benchmark.extra_info["p50_by_a_bare_insert"] = found["touchcapture"]["p50"] / found[FLOOR]["p50"]
    benchmark.extra_info["p99_by_p50_of_a_bare_insert"] = found["touchcapture"]["p99"] / found[FLOOR]["p50"]
    benchmark.extra_info["unit"] = "us"
    benchmark.extra_info["percentiles"] = found
    if rivals:
        benchmark.extra_info["p50_by_fastest_rival"] = found["touchcapture"]["p50"] / min(rivals)
    for name, values in found.items():
        print(f"\n{name:14}", *(f"{key} {value:9.2f}" for key, value in values.items()), end="")
    print("\np50 by that of the fastest rival:", benchmark.extra_info.get("p50_by_fastest_rival"))
    print("p50 by that of a bare INSERT:", benchmark.extra_info["p50_by_a_bare_insert"])
    print("p99 by the p50 of a bare INSERT:", benchmark.extra_info["p99_by_p50_of_a_bare_insert"])


def test_cost(benchmark, url):
    """Processor time of an event, delivery included, by the time of a bare INSERT; bytes written."""
    ours = importlib.import_module("peers.track_touchcapture").Contender(url)
    floor = importlib.import_module("peers.bare_insert").Contender(url)
    try:
        timed(ours, 200)
        ours.settle()
        ratios, written = [], 0
        for _ in range(ROUNDS):
            inserts = percentiles(timed(floor, CALLS))["p50"]
            before, begun = written_bytes(), time.process_time()
            timed(ours, CALLS)
            ours.settle()
            ratios.append((time.process_time() - begun) / CALLS * 1e6 / inserts)
            written += written_bytes() - before
        benchmark.extra_info["processor_time_by_a_bare_insert"] = statistics.median(ratios)
        benchmark.extra_info["bytes_written"] = written / (CALLS * ROUNDS)
        benchmark.pedantic(ours.call, setup=lambda: (ours.prepare(), {}), rounds=50)
    finally:
        ours.close()
        floor.close()
    print("", *(f"{name}: {value:.2f}" for name, value in benchmark.extra_info.items()), sep="\n")


def written_bytes():
    """Return the bytes that this process has written to files so far; sends to sockets do not count."""
    lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("wchar")).split()[1])


@pytest.mark.parametrize(("per_second", "calls"), [(1000, 3000), (50, 300)])
def test_paced(benchmark, url, per_second, calls):
    """The same at an app's pace: caches are cold, so each call takes longer."""
    contender = importlib.import_module("peers.track_touchcapture").Contender(url)
    try:
        found = percentiles(timed(contender, calls, 1 / per_second))
        benchmark.pedantic(contender.call, setup=lambda: (contender.prepare(), {}), rounds=50)
    finally:
        contender.close()
    benchmark.extra_info["percentiles"] = found
    print(f"\nat {per_second} a second:", *(f"{key} {value:9.2f}" for key, value in found.items()))


class Empty:
    def move(self, pointer, x, y):
        """Do nothing: the price of a call."""


def test_touch_move(benchmark):
    """`touch_move` as a multiple of an empty method with the same arguments."""
    contender = importlib.import_module("peers.track_touchcapture").Contender("")
    contender.prepare()
    move, empty = contender.capture.touch_move, Empty().move

    def repeat(function, calls=100_000):
        begin = time.perf_counter()
        for _ in range(calls):
            function(0, 101.0, 202.0)
        return time.perf_counter() - begin

    ratios = sorted(repeat(move) / repeat(empty) for _ in range(9))
    benchmark.extra_info["times_an_empty_call"] = ratios[4]
    print("\ntouch_move:", ratios[4], "times an empty call")
    benchmark(move, 0, 101.0, 202.0)
    contender.close()
