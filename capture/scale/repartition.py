"""Sort a data set into partitions by stream, so that no stream lies in two of them.

Every file becomes a piece in each partition, under its own number. The pieces of a partition, in the
order of their names, have each stream's samples in the order of the files they came from. With the number
goes a digest of the piece's inputs, so that a run which finds pieces of anything else removes them.
"""

from __future__ import annotations

import hashlib
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, get_args

import msgspec

from capture.errors import ConfigError
from capture.scale.files import sample_batches
from capture.scale.partitions import Engine, bucket_of
from capture.scale.places import Found, Place, source_and_output

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Piece", "repartition", "sort_file"]

#: Samples of a row group: a partition gathers as many before it is written (1.9 MB of columns).
_GROUP = 1 << 16
_FINISHED = "_finished"
#: Pieces of an earlier run in a partition, whole or not.
_PIECE = re.compile(r"bucket=[0-9]+/(?P<name>[0-9]{6,}(-[0-9a-f]+)?)\.parquet(\.part)?")


class Piece(msgspec.Struct, frozen=True):
    """A file that is to be sorted, and the name of its pieces and of the mark of its end."""

    name: str
    file: Found


def repartition(
    source: str,
    output: str,
    *,
    partitions: int = 64,
    workers: int = 1,
    engine: Engine = "local",
) -> int:
    """Write the touch samples of a data set by stream; return how many were written.

    It can be run again: files that an earlier run has finished are left out; its output for deleted or
    changed files is removed. A file that sorts before others gives them new numbers, and so is
    sorted again with all that follow; one that comes last is not.

    Parameters
    ----------
    source, output : str
        Folder, glob or URI.
    partitions : int, default 64
        Folders ``bucket=000`` and on. A file in work takes up to 2 MB for each of them.
    workers : int, default 1
        Files at a time.
    engine : {"local", "ray"}
        Threads here, or Ray Data; the files that come out are the same.

    Raises
    ------
    ConfigError
        When there is nothing to read, the output lies in the source or was made with another number of
        partitions, or a file has no streams.
    TouchLogError
        When a file is damaged or has a wrong column.
    """
    if partitions < 1:
        raise ConfigError(f"partitions = {partitions}: expected at least 1")
    origin, target = source_and_output(source, output)
    files = origin.parquet_files()
    if engine not in get_args(Engine):
        raise ConfigError(f"engine = {engine!r}: expected local or ray")
    every = [Piece(_name_of(number, file, partitions), file) for number, file in enumerate(files)]
    finished = _finished(target, every, partitions)
    pieces = [piece for piece in every if piece.name not in finished]
    sort = partial(sort_file, source, output, partitions)
    if engine == "ray":
        from capture.scale.ray import run_tasks

        return sum(run_tasks(sort, pieces, int, workers))
    with ThreadPoolExecutor(workers, thread_name_prefix="capture-repartition") as pool:
        return sum(pool.map(sort, pieces))


def _name_of(number: int, file: Found, partitions: int) -> str:
    made_of = msgspec.json.encode([file.relative, file.size, file.changed_ns, partitions])
    return f"{number:06}-{hashlib.sha256(made_of).hexdigest()[:16]}"


def _finished(target: Place, pieces: list[Piece], partitions: int) -> set[str]:
    """Return the names of the pieces that an earlier run has finished; remove the other files."""
    marks = target.below(_FINISHED).find("")
    for mark in marks:
        made_with = mark.relative.rpartition("-")[2]
        if made_with != str(partitions):
            raise ConfigError(
                f"{target}: partitions = {partitions}: expected {made_with}, which it was made with, "
                "or another folder"
            )
    names = {piece.name for piece in pieces}
    kept = {mark.relative.rpartition("-")[0] for mark in marks} & names
    # The marks go first: were they left and the pieces gone, samples would be missing.
    stale = [mark for mark in marks if mark.relative.rpartition("-")[0] not in names]
    for file in target.find(""):
        known = _PIECE.fullmatch(file.relative)
        if known is not None and known["name"] not in names:
            stale.append(file)
    for file in stale:
        target.filesystem.delete_file(file.path)
    return kept


def sort_file(source: str, output: str, partitions: int, piece: Piece) -> int:
    """Write the samples of one file by stream, then the mark that it is done; return how many they are."""
    target = Place(output)
    count = _sort(Place(source), target, piece, partitions)
    with target.writing(f"{_FINISHED}/{piece.name}-{partitions}") as mark:
        mark.write(piece.file.relative.encode())
    return count


def _sort(origin: Place, target: Place, piece: Piece, partitions: int) -> int:
    from pyarrow import parquet

    file = piece.file
    count = 0
    waiting: dict[int, list[pa.RecordBatch]] = {}
    writers: dict[int, Any] = {}
    with ExitStack() as opened:

        def write(bucket: int) -> None:
            parts = waiting.pop(bucket)
            if bucket not in writers:
                place = opened.enter_context(target.writing(f"bucket={bucket:03}/{piece.name}.parquet"))
                writers[bucket] = opened.enter_context(_writer(parquet, place, parts[0].schema))
            for part in parts:
                writers[bucket].write_batch(part)

        for batch in sample_batches(origin.filesystem, file.path):
            if "stream" not in batch.schema.names:
                raise ConfigError(f"{file.path}: there is no column 'stream' to partition by")
            count += batch.num_rows
            for bucket, part in _parts(batch, partitions):
                waiting.setdefault(bucket, []).append(part)
                if sum(each.num_rows for each in waiting[bucket]) >= _GROUP:
                    write(bucket)
        for bucket in list(waiting):
            write(bucket)
    return count


def _writer(parquet: Any, place: Any, schema: pa.Schema) -> Any:
    return parquet.ParquetWriter(
        place,
        schema,
        compression="lz4",
        use_dictionary=["stream", "pointer", "action"],
        column_encoding={"time": "DELTA_BINARY_PACKED"},
    )


def _parts(batch: pa.RecordBatch, partitions: int) -> list[tuple[int, pa.RecordBatch]]:
    """Return the samples of a batch by partition, each in its order."""
    import numpy as np

    buckets = bucket_of(batch.column("stream"), partitions)
    ordered = np.argsort(buckets, kind="stable")
    taken = batch.take(ordered)
    found, first = np.unique(buckets[ordered], return_index=True)
    ends = [*first[1:].tolist(), len(buckets)]
    return [
        (int(bucket), taken.slice(begin, end - begin))
        for bucket, begin, end in zip(found, first.tolist(), ends, strict=True)
    ]
