"""Sort a data set into partitions by stream, so that no stream lies in two of them.

Every file becomes a piece in each partition, under its own number: the pieces of a partition, in the
order of their names, have each stream's samples in the order of the files they came from.
"""

from __future__ import annotations

import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from capture.errors import ConfigError
from capture.scale._files import sample_batches
from capture.scale.places import Place

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from capture.scale.places import Found

__all__ = ["repartition"]

#: Samples of a row group: what a partition gathers before it is written (1.9 MB of columns).
_GROUP = 1 << 16
_FINISHED = "_finished"


def repartition(source: str, output: str, *, partitions: int = 64, workers: int = 1) -> int:
    """Write the touch samples of a data set by stream; return how many were written.

    Files that an earlier run has finished are left out, so that it can be run again.

    Parameters
    ----------
    source, output : str
        Folder, glob or URI.
    partitions : int, default 64
        Folders ``bucket=000`` and on. A file in work takes up to 2 MB for each of them.
    workers : int, default 1
        Files at a time.

    Raises
    ------
    ConfigError
        When there is nothing to read, the output lies in the source, or a file has no streams.
    TouchLogError
        When a file is damaged or has a wrong column.
    """
    if partitions < 1:
        raise ConfigError(f"partitions = {partitions}: expected at least 1")
    origin, target = Place(source), Place(output)
    if target.inside(origin):
        raise ConfigError(f"{output}: lies in {source}, and would be read as touch samples")
    found = origin.find(".parquet")
    if not found:
        raise ConfigError(f"{source}: no Parquet files there")
    finished = {each.relative for each in target.below(_FINISHED).find("")}

    def work(numbered: tuple[int, Found]) -> int:
        number, file = numbered
        name = f"{number:06}-{file.size}-{file.changed_ns}-{partitions}"
        if name in finished:
            return 0
        count = _sort(origin, target, file, number, partitions)
        with target.writing(f"{_FINISHED}/{name}") as mark:
            mark.write(file.relative.encode())
        return count

    with ThreadPoolExecutor(workers, thread_name_prefix="capture-repartition") as pool:
        return sum(pool.map(work, enumerate(found)))


def _sort(origin: Place, target: Place, file: Found, number: int, partitions: int) -> int:
    from pyarrow import parquet

    count = 0
    waiting: dict[int, list[pa.RecordBatch]] = {}
    writers: dict[int, Any] = {}
    with ExitStack() as opened:

        def write(bucket: int) -> None:
            parts = waiting.pop(bucket)
            if bucket not in writers:
                place = opened.enter_context(target.writing(f"bucket={bucket:03}/{number:06}.parquet"))
                writers[bucket] = opened.enter_context(_writer(parquet, place, parts[0].schema))
            for part in parts:
                writers[bucket].write_batch(part)

        for batch in sample_batches(origin.filesystem, file.path):
            if "stream" not in batch.schema.names:
                raise ConfigError(
                    f"{file.path}: one stream cannot be shared out: there is no column 'stream'"
                )
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

    buckets = _buckets(batch.column("stream"), partitions)
    ordered = np.argsort(buckets, kind="stable")
    taken = batch.take(ordered)
    found, first = np.unique(buckets[ordered], return_index=True)
    ends = [*first[1:].tolist(), len(buckets)]
    return [
        (int(bucket), taken.slice(begin, end - begin))
        for bucket, begin, end in zip(found, first.tolist(), ends, strict=True)
    ]


def _buckets(stream: pa.Array, partitions: int) -> np.ndarray[Any, Any]:
    """Return the partition of each sample: of a number by multiplicative hashing, of a text by CRC-32."""
    import numpy as np
    from pyarrow import types

    if types.is_dictionary(stream.type) and not types.is_integer(stream.type.value_type):
        of_key = np.array(
            [zlib.crc32(key.encode()) % partitions for key in stream.dictionary.to_pylist()], np.int32
        )
        by_key: np.ndarray[Any, Any] = of_key[stream.indices.to_numpy(zero_copy_only=False)]
        return by_key
    if types.is_dictionary(stream.type):
        stream = stream.dictionary_decode()
    numbers = stream.to_numpy(zero_copy_only=False).astype(np.int64).view(np.uint64)
    mixed = (numbers * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32)
    buckets: np.ndarray[Any, Any] = ((mixed * np.uint64(partitions)) >> np.uint64(32)).astype(np.int32)
    return buckets
