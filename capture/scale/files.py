"""Reading Parquet files of data sets: touch samples, and the metadata of both kinds of files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from capture.errors import TouchLogError
from capture.gestures.arrow import check_schema, is_text
from capture.gestures.samples import COLUMNS
from capture.logs import LogInfo
from capture.logs.parquet import METADATA_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa
    import pyarrow.parquet as pq

__all__ = ["FINGERPRINT_KEY", "density_of", "fingerprint_of", "metadata_of", "sample_batches"]

#: Key of a file's metadata for the fingerprint of its inputs.
FINGERPRINT_KEY = "touchcapture.made_of"
#: Samples that are decoded at a time (3.6 MB of columns): small enough for the processor's cache.
BATCH_SAMPLES = 1 << 17
#: Bytes that are read at a time of each column of a local file.
_READ_BYTES = 1 << 18


def sample_batches(
    filesystem: Any,
    path: str,
    *,
    metadata: pq.FileMetaData | None = None,
    groups: Sequence[int] | None = None,
    threads: bool = False,
) -> Iterator[pa.RecordBatch]:
    """Yield the touch samples of a Parquet file, batch by batch.

    Parameters
    ----------
    filesystem : pyarrow.fs.FileSystem
    path : str
    metadata : pyarrow.parquet.FileMetaData, optional
        Those of the file, if they have been read.
    groups : sequence of int, optional
        The row groups; default: all.
    threads : bool, default False
        Whether columns are decoded side by side.

    Raises
    ------
    TouchLogError
        When it is not such a file, or damaged.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with filesystem.open_input_file(path) as source:
            metadata = metadata or parquet.read_metadata(source)
            schema = metadata.schema.to_arrow_schema()
            check_schema(schema)
            keyed = "stream" in schema.names and is_text(schema.field("stream").type)
            # Reading ahead pays where a request takes long; where it does not, small reads stay in the cache.
            is_far = filesystem.type_name != "local"
            file = parquet.ParquetFile(
                source,
                metadata=metadata,
                read_dictionary=["stream"] if keyed else [],
                pre_buffer=is_far,
                buffer_size=0 if is_far else _READ_BYTES,
            )
            columns = [
                name for name in COLUMNS if name in schema.names and not _is_left_out(metadata, schema, name)
            ]
            yield from file.iter_batches(BATCH_SAMPLES, groups, columns=columns, use_threads=threads)
    except (pa.ArrowException, OSError, ValueError, TypeError) as error:
        raise TouchLogError(str(error).split("\n", 1)[0], path=path) from None


def metadata_of(filesystem: Any, path: str) -> pq.FileMetaData:
    """Return the metadata of a Parquet file.

    Raises
    ------
    TouchLogError
        When it is no such file, or they are damaged.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with filesystem.open_input_file(path) as source:
            return parquet.read_metadata(source)
    except (pa.ArrowException, OSError) as error:
        raise TouchLogError(str(error).split("\n", 1)[0], path=path) from None


def density_of(filesystem: Any, path: str) -> float | None:
    """Return the px per dp in the metadata of a file of touch samples; None if missing.

    Raises
    ------
    TouchLogError
        When it is no Parquet file, or its metadata are damaged.
    """
    text = (metadata_of(filesystem, path).metadata or {}).get(METADATA_KEY)
    try:
        return None if text is None else msgspec.json.decode(text, type=LogInfo).density
    except msgspec.MsgspecError as error:
        raise TouchLogError(f"its metadata are damaged: {error}", path=path) from None


def _is_left_out(metadata: Any, schema: pa.Schema, name: str) -> bool:
    """Return whether a column is all 0 by the statistics, as where it is left out."""
    if name != "pointer" or len(metadata.schema.names) != len(schema.names):
        return False
    place = schema.get_field_index(name)
    groups = (metadata.row_group(group).column(place) for group in range(metadata.num_row_groups))
    return all(
        each.statistics is not None
        and each.statistics.has_min_max
        and each.statistics.null_count == 0
        and each.statistics.min == each.statistics.max == 0
        for each in groups
    )


def fingerprint_of(filesystem: Any, path: str) -> str:
    """Return the fingerprint of a file of gestures; empty if the file or its fingerprint is missing."""
    try:
        metadata = metadata_of(filesystem, path).metadata or {}
    except TouchLogError:
        return ""
    return str(metadata.get(FINGERPRINT_KEY.encode(), b"").decode(errors="replace"))
