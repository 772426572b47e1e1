"""One partition of a data set: its files recognised into one file of gestures."""

from __future__ import annotations

import threading
from contextlib import closing, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from capture._native.chords import MultiColumns
from capture._native.output import GestureColumns
from capture.errors import ConfigError
from capture.gestures.chords import MultiTable
from capture.gestures.config import GestureConfig
from capture.gestures.parquet import GROUP_GESTURES, GestureFile
from capture.gestures.recognizer import GestureTable, Recognizer
from capture.scale.files import FINGERPRINT_KEY, density_of, fingerprint_of, sample_batches
from capture.scale.places import Place
from capture.scale.ranges import cut_into_pieces, recognise_pieces

if TYPE_CHECKING:
    import pyarrow as pa

    from capture.scale.partitions import Partition

__all__ = ["Done", "Job", "classify_partition"]


class Job(msgspec.Struct, frozen=True):
    """The task for every partition; it is sent to the workers.

    Attributes
    ----------
    source, output : str
        Places.
    density : float, dict or None
        px per dp; None: that of a partition's files.
    gestures : GestureConfig
    multi : bool
        Records of gestures of several fingers, not of strokes.
    threads : int
        Those that share a partition: more than one where there are fewer partitions than workers.
    """

    source: str
    output: str
    density: Any = None
    gestures: GestureConfig = GestureConfig()
    multi: bool = False
    threads: int = 1

    def settings(self, density: Any) -> bytes:
        """Return the settings, with a density, on which records depend besides the samples."""
        if isinstance(density, dict):
            density = sorted(density.items())
        multi = ["multi"] if self.multi else []
        return msgspec.json.encode([density, msgspec.structs.asdict(self.gestures), *multi])


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """Outcome of a partition.

    Attributes
    ----------
    name : str
        Of its output.
    skipped : bool
        Whether it had been done before.
    samples, gestures : int
    chords : int or None
        Gestures of several fingers, where they were asked for.
    counters : dict of str to int
        Samples that were ignored or doubtful, by cause.
    """

    name: str
    skipped: bool = False
    samples: int = 0
    gestures: int = 0
    chords: int | None = None
    counters: dict[str, int] = {}


def classify_partition(job: Job, partition: Partition, stop: threading.Event | None = None) -> Done | None:
    """Recognise one partition, unless its output is there already; None if stopped."""
    stop = stop or threading.Event()
    if stop.is_set():
        return None
    source, output = Place(job.source), Place(job.output)
    density = _density(partition, source) if job.density is None else job.density
    fingerprint = partition.fingerprint(job.settings(density))
    if fingerprint_of(output.filesystem, output.join(partition.name)) == fingerprint:
        return Done(name=partition.name, skipped=True)
    try:
        with (
            output.writing(partition.name) as opened,
            closing(GestureFile(opened, multi=job.multi)) as file,
        ):
            done = _Work(job, partition, source, density, stop).write(file)
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


class _Work:
    """Recognition of one partition: in one thread, or in several if it is large enough."""

    def __init__(
        self, job: Job, partition: Partition, source: Place, density: Any, stop: threading.Event
    ) -> None:
        self._job = job
        self._name = partition.name
        self._paths = [each.path for each in partition.files]
        self._filesystem = source.filesystem
        self._recognizer = partial(Recognizer, density, job.gestures)
        self._stop = stop

    def write(self, file: GestureFile) -> Done:
        """Recognise all files, in order."""
        records = _Records(file, multi=self._job.multi)
        pieces = cut_into_pieces(self._filesystem, self._paths) if self._job.threads > 1 else []
        if len(pieces) > 1:
            samples = sum(each.samples for each in pieces)
            counters = recognise_pieces(
                self._filesystem,
                pieces,
                self._recognizer,
                records.put,
                self._check,
                threads=self._job.threads,
                verdicts=self._job.gestures.has_verdicts,
                multi=self._job.multi,
            )
        else:
            samples, counters = self._in_one_thread(records)
        records.end()
        return Done(
            name=self._name,
            samples=samples,
            gestures=records.strokes,
            chords=file.gestures if self._job.multi else None,
            counters={name: count for name, count in counters.items() if count},
        )

    def _in_one_thread(self, records: _Records) -> tuple[int, dict[str, int]]:
        recognizer = self._recognizer()
        columns = _empty_columns(verdicts=self._job.gestures.has_verdicts)
        ended = MultiColumns() if self._job.multi else None
        samples = 0
        for path in self._paths:
            for batch in sample_batches(self._filesystem, path, threads=self._job.threads > 1):
                recognizer.feed_into(columns, batch, ended)
                samples += batch.num_rows
                if len(columns) >= GROUP_GESTURES:
                    records.put(columns, ended, recognizer.stream_keys)
                    columns.clear()
                    ended = MultiColumns() if self._job.multi else None
                self._check()
        records.put(columns, ended, recognizer.stream_keys)
        rest = recognizer.finish(multi=self._job.multi)
        records.put(rest.columns, None if rest.multi is None else rest.multi.columns, recognizer.stream_keys)
        return samples, recognizer.counters

    def _check(self) -> None:
        if self._stop.is_set():
            raise _Stopped


class _Records:
    """Writes the strokes, or the chords, of a partition.

    Attributes
    ----------
    strokes : int
        How many there were so far.
    """

    def __init__(self, file: GestureFile, *, multi: bool) -> None:
        self.strokes = 0
        self._file = file
        self._chords = MultiColumns() if multi else None
        self._keys: pa.Array | None = None

    def put(self, columns: GestureColumns, ended: MultiColumns | None, keys: pa.Array | None = None) -> None:
        """Write the next strokes, or keep the next chords until they are a row group."""
        self.strokes += len(columns)
        if ended is None or self._chords is None:
            self._file.write(GestureTable(columns, {}, keys))
            return
        self._keys = keys
        self._chords.extend(ended)
        if len(self._chords) >= GROUP_GESTURES:
            self.end()

    def end(self) -> None:
        """Write the chords that are left."""
        if self._chords is not None:
            self._file.write(MultiTable(self._chords, self._keys))
            self._chords = MultiColumns()


#: Of each worker, the columns that it fills again and again: fresh pages cost more than recognising does.
_kept = threading.local()


def _empty_columns(*, verdicts: bool = False) -> GestureColumns:
    columns: GestureColumns | None = getattr(_kept, "columns", None)
    if columns is not None and columns.verdicts == verdicts:
        # The error of an earlier partition, which is still being handled, may refer to them.
        with suppress(BufferError):
            columns.clear()
            return columns
    columns = _kept.columns = GestureColumns(GROUP_GESTURES, verdicts=verdicts)
    return columns


class _Stopped(Exception):  # noqa: N818 - no error: half written files go
    """The run was stopped."""
