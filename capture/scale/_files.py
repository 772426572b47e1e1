"""Parquet files of touch samples and of gestures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import msgspec

from capture.errors import TouchLogError
from capture.gestures.arrow import GESTURES_VERSION, SCHEMA_KEY, check_schema, gesture_schema
from capture.gestures.kinds import Direction, GestureKind, Reason
from capture.gestures.samples import COLUMNS
from capture.logs import LogInfo
from capture.logs.parquet import METADATA_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from capture.gestures.recognizer import GestureTable

__all__ = ["FINGERPRINT_KEY", "GestureFile", "density_of", "fingerprint_of", "named", "sample_batches"]

#: Key of a file's metadata that says what the file was made of.
FINGERPRINT_KEY = "touchcapture.made_of"
#: Samples that are decoded at a time (3.6 MB of columns): small enough for the processor's cache.
BATCH_SAMPLES = 1 << 17
#: What is read at a time of each column of a local file.
_READ_BYTES = 1 << 18
#: Gestures of a row group (7 MB of columns), or a few more.
GROUP_GESTURES = 1 << 16

_ENUMS = {"kind": GestureKind, "reason": Reason, "direction": Direction}
_TEXT = ("string", "large_string", "string_view")


def sample_batches(filesystem: Any, path: str, *, threads: bool = False) -> Iterator[pa.RecordBatch]:
    """Yield the touch samples of a Parquet file, batch by batch.

    Parameters
    ----------
    filesystem : pyarrow.fs.FileSystem
    path : str
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
            metadata = parquet.read_metadata(source)
            schema = metadata.schema.to_arrow_schema()
            check_schema(schema)
            text = [
                name for name in ("stream",) if name in schema.names and str(schema.field(name).type) in _TEXT
            ]
            # Reading ahead pays where a request takes long; where it does not, small reads stay in the cache.
            is_far = filesystem.type_name != "local"
            file = parquet.ParquetFile(
                source,
                metadata=metadata,
                read_dictionary=text,
                pre_buffer=is_far,
                buffer_size=0 if is_far else _READ_BYTES,
            )
            columns = [
                name for name in COLUMNS if name in schema.names and not _is_left_out(metadata, schema, name)
            ]
            yield from file.iter_batches(BATCH_SAMPLES, columns=columns, use_threads=threads)
    except (pa.ArrowException, OSError, ValueError, TypeError) as error:
        raise TouchLogError(str(error).split("\n", 1)[0], path=path) from None


def density_of(filesystem: Any, path: str) -> float | None:
    """Return the px per dp that a file of touch samples says in its metadata; None where it says nothing.

    Raises
    ------
    TouchLogError
        When it is no Parquet file, or its metadata are damaged.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with filesystem.open_input_file(path) as source:
            text = (parquet.read_metadata(source).metadata or {}).get(METADATA_KEY)
        return None if text is None else msgspec.json.decode(text, type=LogInfo).density
    except msgspec.MsgspecError as error:
        raise TouchLogError(f"its metadata are damaged: {error}", path=path) from None
    except (pa.ArrowException, OSError) as error:
        raise TouchLogError(str(error).split("\n", 1)[0], path=path) from None


def _is_left_out(metadata: Any, schema: pa.Schema, name: str) -> bool:
    """Tell whether the statistics say that a column is all 0, as it is where it is left out."""
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


def named(table: pa.Table) -> pa.Table:
    """Return gestures with names for the numbers of kind, reason and direction, as files have them."""
    import pyarrow as pa

    kind = pa.dictionary(pa.int8(), pa.string())
    for column, enum in _ENUMS.items():
        names = pa.array([member.name.lower() for member in enum])
        places = bytearray(256)
        for index, member in enumerate(enum):
            places[member] = index
        chunks = []
        for chunk in table.column(column).chunks:
            indices = pa.py_buffer(chunk.to_numpy().tobytes().translate(places))
            array = pa.Array.from_buffers(pa.int8(), len(chunk), [None, indices])
            chunks.append(pa.DictionaryArray.from_arrays(array, names, safe=False))
        field = pa.field(column, kind, nullable=False)
        place = table.schema.get_field_index(column)
        table = table.set_column(place, field, pa.chunked_array(chunks, kind))
    return table


class GestureFile:
    """A Parquet file of gestures that is written as they come; `finish` makes it whole."""

    def __init__(self, file: Any) -> None:
        self.gestures = 0
        self._file = file
        self._writer: Any = None

    def write(self, table: GestureTable) -> None:
        """Write gestures as a row group."""
        self._open(keyed=table.stream_keys is not None)
        if len(table):
            self._writer.write_table(named(table.to_arrow()))
            self.gestures += len(table)

    def _open(self, *, keyed: bool) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        if self._writer is not None:
            return
        names = pa.dictionary(pa.int8(), pa.string())
        fields = [
            pa.field(field.name, names, nullable=False) if field.name in _ENUMS else field
            for field in gesture_schema(keyed=keyed)
        ]
        # What is written costs time by the byte: numbers of samples lie close together, and take one byte
        # of eight as differences. For measures and times that, a dictionary or compression would cost more
        # time than recognising did, and save a sixth of the room at most.
        self._writer = parquet.ParquetWriter(
            self._file,
            pa.schema(fields, metadata={SCHEMA_KEY: GESTURES_VERSION}),
            compression="none",
            use_dictionary=["stream", "pointer", "kind", "reason", "direction"],
            column_encoding=dict.fromkeys(["first_sample", "last_sample"], "DELTA_BINARY_PACKED"),
            # By which a reader leaves out groups; every group has all kinds.
            write_statistics=["stream", "time_down", "time_up"],
            write_batch_size=GROUP_GESTURES,
        )

    def finish(self, fingerprint: str) -> None:
        """Write what waits, and in the file's metadata what it was made of."""
        self._open(keyed=False)
        self._writer.add_key_value_metadata({FINGERPRINT_KEY: fingerprint})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # The writer ends its file whatever happened, and so must do it while the file is open.
        if self._writer is not None:
            self._writer.close()


def fingerprint_of(filesystem: Any, path: str) -> str:
    """Return what a file of gestures was made of; empty where there is none or it does not say."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with filesystem.open_input_file(path) as file:
            metadata = parquet.read_metadata(file).metadata or {}
    except (OSError, pa.ArrowException):
        return ""
    return str(metadata.get(FINGERPRINT_KEY.encode(), b"").decode(errors="replace"))
