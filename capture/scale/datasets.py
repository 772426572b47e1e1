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
from contextlib import closing
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, get_args

import msgspec

from capture._native.output import GestureColumns
from capture.errors import ConfigError
from capture.gestures.config import GestureConfig
from capture.gestures.parquet import GROUP_GESTURES, GestureFile
from capture.gestures.recognizer import Density, GestureTable, Recognizer
from capture.scale.files import FINGERPRINT_KEY, density_of, fingerprint_of, sample_batches
from capture.scale.partitions import Engine, Partition, Partitioning, find_partitions
from capture.scale.places import Place, source_and_output

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Done", "Job", "Summary", "classify_dataset", "classify_partition"]


class Job(msgspec.Struct, frozen=True):
    """The task for every partition; it is sent to the workers.

    Attributes
    ----------
    source, output : str
        Places.
    density : float, dict or None
        px per dp; None: that of a partition's files.
    gestures : GestureConfig
    decode_threads : bool
        Whether columns are decoded in parallel: if there are fewer partitions than workers.
    """

    source: str
    output: str
    density: Any = None
    gestures: GestureConfig = GestureConfig()
    decode_threads: bool = False

    def settings(self, density: Any) -> bytes:
        """Return the settings, with a density, on which records depend besides the samples."""
        if isinstance(density, dict):
            density = sorted(density.items())
        return msgspec.json.encode([density, msgspec.structs.asdict(self.gestures)])


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """Outcome of a partition.

    Attributes
    ----------
    name : str
        Of its output.
    skipped : bool
        Whether it had been done before.
    samples, gestures : int
    counters : dict of str to int
        Samples that were ignored or doubtful, by cause.
    """

    name: str
    skipped: bool = False
    samples: int = 0
    gestures: int = 0
    counters: dict[str, int] = {}


class Summary(msgspec.Struct, kw_only=True):
    """Outcome of a data set.

    Attributes
    ----------
    partitions, skipped : int
        All, and those that had been done before, whose samples are in no other number here.
    samples, gestures : int
    seconds : float
    counters : dict of str to int
        Samples that were ignored or doubtful, by cause.
    """

    partitions: int = 0
    skipped: int = 0
    samples: int = 0
    gestures: int = 0
    seconds: float = 0.0
    counters: dict[str, int] = {}

    def add(self, done: Done) -> None:
        """Count a partition."""
        self.partitions += 1
        self.skipped += done.skipped
        self.samples += done.samples
        self.gestures += done.gestures
        self.counters = dict(Counter(self.counters) + Counter(done.counters))


def classify_dataset(
    source: str,
    output: str,
    *,
    density: Density | None = None,
    gestures: GestureConfig | None = None,
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
    partition : {"directory", "file"}
        The unit of a log: the files of a folder in the order of their names, or every file by itself. No
        stream may lie in two partitions (`capture.scale.repartition` makes it so).
    engine : {"local", "ray"}
        Threads here, or Ray Data.
    workers : int, optional
        Partitions at a time; default: the processors that this process may use.
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
    origin, _ = source_and_output(source, output)
    found = find_partitions(origin, partition)
    count = workers or _processors()
    plain = density if density is None or isinstance(density, int | float) else dict(density)
    job = Job(source, output, plain, gestures or GestureConfig(), len(found) < count)
    # Else a wrong density would be found by a worker.
    Recognizer(1.0 if plain is None else plain, job.gestures)
    summary = Summary()
    stop = threading.Event()
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
                    following = None if stop.is_set() else next(queue, None)
                    if following is not None:
                        running.add(pool.submit(classify_partition, job, following, stop))
        finally:
            # Where one failed the others need not finish: their files have no name yet.
            if running:
                stop.set()


def _run_on_ray(job: Job, partitions: list[Partition], workers: int, stop: threading.Event) -> Iterator[Done]:
    """Do partitions as tasks of Ray Data."""
    from capture.scale.ray import run_tasks

    for done in run_tasks(partial(classify_partition, job), partitions, Done, workers):
        yield done
        if stop.is_set():
            return


def classify_partition(job: Job, partition: Partition, stop: threading.Event | None = None) -> Done | None:
    """Recognise one partition, unless its output is there already; None if stopped."""
    source, output = Place(job.source), Place(job.output)
    density = _density(partition, source) if job.density is None else job.density
    fingerprint = partition.fingerprint(job.settings(density))
    if fingerprint_of(output.filesystem, output.join(partition.name)) == fingerprint:
        return Done(name=partition.name, skipped=True)
    try:
        with output.writing(partition.name) as opened, closing(GestureFile(opened)) as file:
            done = _classify(job, partition, source, file, density=density, stop=stop)
            file.add_metadata({FINGERPRINT_KEY: fingerprint})
            return done
    except _Stopped:
        return None


def _density(partition: Partition, source: Place) -> float:
    """Return the density of a partition's files, or 1 if they name none.

    A file without one among others is refused as well: half of a log would be measured wrong.
    """
    said = {each.path: density_of(source.filesystem, each.path) for each in partition.files}
    first = partition.files[0].path
    density = said[first]
    other = next((path for path in said if said[path] != density), None)
    if other is not None:
        raise ConfigError(
            f"{first}: density = {density or 'none'}, {other}: density = {said[other] or 'none'}: "
            "expected one in all files of a partition; give it, or make each file a partition of its own"
        )
    if density is None:
        return 1.0
    if not 0.75 <= density <= 10:
        raise ConfigError(f"{first}: density = {density}: expected a number from 0.75 to 10 (px per dp)")
    return float(density)


def _classify(
    job: Job,
    partition: Partition,
    source: Place,
    file: GestureFile,
    *,
    density: Any,
    stop: threading.Event | None,
) -> Done:
    recognizer = Recognizer(density, job.gestures)
    columns = _empty_columns(verdicts=job.gestures.has_verdicts)
    samples = 0
    for each in partition.files:
        for batch in sample_batches(source.filesystem, each.path, threads=job.decode_threads):
            recognizer.feed_into(columns, batch)
            samples += batch.num_rows
            if len(columns) >= GROUP_GESTURES:
                file.write(GestureTable(columns, {}, recognizer.stream_keys))
                columns.clear()
            if stop is not None and stop.is_set():
                raise _Stopped
    file.write(GestureTable(columns, {}, recognizer.stream_keys))
    file.write(recognizer.finish())
    return Done(
        name=partition.name,
        samples=samples,
        gestures=file.gestures,
        counters={name: count for name, count in recognizer.counters.items() if count},
    )


#: Of each worker, the columns that it fills again and again: fresh pages cost more than recognising does.
_kept = threading.local()


def _empty_columns(*, verdicts: bool = False) -> GestureColumns:
    columns: GestureColumns | None = getattr(_kept, "columns", None)
    if columns is not None and columns.verdicts != verdicts:
        columns = None
    if columns is not None:
        try:
            columns.clear()
        except BufferError:
            # The error of an earlier partition is still being handled, and refers to them.
            columns = None
    if columns is None:
        columns = _kept.columns = GestureColumns(GROUP_GESTURES, verdicts=verdicts)
    return columns


class _Stopped(Exception):  # noqa: N818 - no error: half written files go
    """The run was stopped."""
