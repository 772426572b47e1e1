"""Contenders timed side by side: ratios within one run hold on a noisy machine, seconds do not."""

import gc
import random
import statistics
import time


def interleaved(contenders, rounds=7):
    """Run each contender once per round, in turn, and return name -> median seconds."""
    return {name: statistics.median(times) for name, times in timed(contenders, rounds).items()}


def timed(contenders, rounds):
    """Run each contender once per round, in turn, and return name -> seconds of each round.

    Each round has an order of its own, so that no contender always finds the caches as another leaves them.
    """
    order = random.Random(1)
    seconds = {name: [] for name in contenders}
    for run in contenders.values():
        run()  # warm: imports, allocators, page cache
    for _ in range(rounds):
        for name, run in order.sample(list(contenders.items()), len(contenders)):
            gc.collect()
            begin = time.perf_counter()
            result = run()
            seconds[name].append(time.perf_counter() - begin)
            del result
    return seconds


def report(benchmark, ours, seconds, per, unit):
    """Put the medians into the benchmark's record, as `unit` each and as multiples of ours."""
    benchmark.extra_info["unit"] = unit
    benchmark.extra_info["medians"] = {name: value / per * 1e9 for name, value in seconds.items()}
    benchmark.extra_info["times_ours"] = {name: value / seconds[ours] for name, value in seconds.items()}
