"""Whole data sets: Parquet in, Parquet out, partition by partition, resumable.

A partition's output has its name only when it is whole, and its metadata have a fingerprint of its
input. An interrupted run can be repeated, and does only missing or changed partitions.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, get_args

import msgspec

from capture.errors import ConfigError
from capture.gestures.config import GestureConfig
from capture.gestures.recognizer import Density, Recognizer
from capture.scale.jobs import Done, Job, classify_partition
from capture.scale.partitions import Engine, Partition, Partitioning, find_partitions
from capture.scale.places import source_and_output

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Done", "Job", "Summary", "classify_dataset", "classify_partition"]


class Summary(msgspec.Struct, kw_only=True):
    """Outcome of a data set.

    Attributes
    ----------
    partitions, skipped : int
        All, and those that had been done before, whose samples are in no other number here.
    samples, gestures : int
    chords : int or None
        Gestures of several fingers, where they were asked for.
    seconds : float
    counters : dict of str to int
        Samples that were ignored or doubtful, by cause.
    """

    partitions: int = 0
    skipped: int = 0
    samples: int = 0
    gestures: int = 0
    chords: int | None = None
    seconds: float = 0.0
    counters: dict[str, int] = {}

    def add(self, done: Done) -> None:
        """Count a partition."""
        self.partitions += 1
        self.skipped += done.skipped
        self.samples += done.samples
        self.gestures += done.gestures
        if done.chords is not None:
            self.chords = (self.chords or 0) + done.chords
        self.counters = dict(Counter(self.counters) + Counter(done.counters))


def classify_dataset(
    source: str,
    output: str,
    *,
    density: Density | None = None,
    gestures: GestureConfig | None = None,
    multi: bool = False,
    partition: Partitioning = "directory",
    engine: Engine = "local",
    workers: int | None = None,
    on_done: Callable[[Done, int], bool | None] | None = None,
) -> Summary:
    """Recognise a data set of Parquet files into a folder of Parquet files.

    Parameters
    ----------
    source, output : str
        Folder, glob or URI (`capture.scale.places`).
    density : float or mapping, optional
        px per dp, for all streams or for each; default: that of the files (`capture convert` writes it),
        else 1.
    gestures : GestureConfig, optional
        The thresholds.
    multi : bool, default False
        Write the records of gestures of several fingers (`capture.MultiGesture`), not those of strokes.
    partition : {"directory", "file"}
        The unit of a log: the files of a folder in the order of their names, or every file by itself. No
        stream may lie in two partitions (`capture.scale.repartition` makes it so).
    engine : {"local", "ray"}
        Threads here, or Ray Data.
    workers : int, optional
        Partitions at a time, or threads that share a large one; default: the processors for this process.
    on_done : callable, optional
        Called after each partition with its outcome and the number of all; True ends the run.

    Raises
    ------
    ConfigError
        When there is nothing to read, the output lies in the source, or the files of a partition have
        different densities.
    TouchLogError
        When a file is damaged or has a wrong column; finished outputs stay.
    """
    begun = time.monotonic()
    if engine not in get_args(Engine):
        raise ConfigError(f"engine = {engine!r}: expected local or ray")
    found = find_partitions(source_and_output(source, output)[0], partition)
    count = workers or _processors()
    plain = density if density is None or isinstance(density, int | float) else dict(density)
    job = Job(source, output, plain, gestures or GestureConfig(), multi, -(-count // len(found)))
    # Else a wrong density would be found by a worker.
    Recognizer(1.0 if plain is None else plain, job.gestures)
    stop = threading.Event()
    summary = Summary()
    for done in (_run_on_ray if engine == "ray" else _run_here)(job, found, count, stop):
        summary.add(done)
        if on_done is not None and on_done(done, len(found)):
            stop.set()
    summary.seconds = time.monotonic() - begun
    return summary


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _run_here(job: Job, partitions: list[Partition], workers: int, stop: threading.Event) -> Iterator[Done]:
    """Do partitions in threads: decoding, recognising and encoding all release the GIL."""
    queue = iter(partitions)
    with ThreadPoolExecutor(workers, thread_name_prefix="capture-partition") as pool:
        running = {pool.submit(classify_partition, job, each, stop) for each in islice(queue, workers)}
        try:
            while running:
                ready, running = wait(running, return_when=FIRST_COMPLETED)
                for future in ready:
                    done = future.result()
                    if done is not None:
                        yield done
                    # No more than are worked on: the caller may end the run at any of them.
                    for following in islice(queue, 0 if stop.is_set() else 1):
                        running.add(pool.submit(classify_partition, job, following, stop))
        finally:
            # Where one failed the others need not finish: their files have no name yet.
            stop.set()


def _run_on_ray(job: Job, partitions: list[Partition], workers: int, stop: threading.Event) -> Iterator[Done]:
    """Do partitions as tasks of Ray Data."""
    from capture.scale.ray import run_tasks

    for done in run_tasks(partial(classify_partition, job), partitions, Done, workers):
        yield done
        if stop.is_set():
            return
