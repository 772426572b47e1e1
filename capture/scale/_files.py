"""Parquet files of touch samples and of gestures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from capture.arrow import GESTURES_VERSION, SCHEMA_KEY, check_schema, gesture_schema
from capture.errors import TouchLogError
from capture.kinds import Direction, GestureKind, Reason
from capture.samples import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from capture.gestures import GestureTable

__all__ = ["FINGERPRINT_KEY", "GestureFile", "fingerprint_of", "named", "sample_batches"]

#: Key of a file's metadata that says what the file was made of.
FINGERPRINT_KEY = "touchcapture.made_of"
#: Samples that are decoded at a time (3.6 MB of columns): small enough for the processor's cache.
BATCH_SAMPLES = 1 << 17
#: Gestures of a row group (14 MB of columns).
GROUP_GESTURES = 1 << 17

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
            schema = parquet.ParquetFile(source).schema_arrow
            check_schema(schema)
            text = [
                name for name in ("stream",) if name in schema.names and str(schema.field(name).type) in _TEXT
            ]
            file = parquet.ParquetFile(source, read_dictionary=text)
            columns = [name for name in COLUMNS if name in schema.names]
            yield from file.iter_batches(BATCH_SAMPLES, columns=columns, use_threads=threads)
    except (pa.ArrowException, OSError, ValueError, TypeError) as error:
        raise TouchLogError(str(error).split("\n", 1)[0], path=path) from None


def named(table: pa.Table) -> pa.Table:
    """Return gestures with names for the numbers of kind, reason and direction, as files have them."""
    import numpy as np
    import pyarrow as pa

    for column, enum in _ENUMS.items():
        names = pa.array([member.name.lower() for member in enum])
        places = np.zeros(max(enum) + 1, np.int8)
        places[[int(member) for member in enum]] = np.arange(len(enum))
        place = table.schema.get_field_index(column)
        chunks = [
            pa.DictionaryArray.from_arrays(pa.array(places[chunk.to_numpy()]), names)
            for chunk in table.column(column).chunks
        ]
        kind = pa.dictionary(pa.int8(), pa.string())
        table = table.set_column(place, column, pa.chunked_array(chunks, kind))
    return table


class GestureFile:
    """A Parquet file of gestures that is written as they come; `finish` makes it whole."""

    def __init__(self, file: Any) -> None:
        self.gestures = 0
        self._file = file
        self._writer: Any = None
        self._waiting: list[pa.Table] = []
        self._count = 0

    def write(self, table: GestureTable) -> None:
        """Take gestures; a row group is written when there are enough."""
        self._open(keyed=table.stream_keys is not None)
        if len(table):
            self._waiting.append(table.to_arrow())
            self._count += len(table)
            self.gestures += len(table)
        if self._count >= GROUP_GESTURES:
            self._flush()

    def _open(self, *, keyed: bool) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        if self._writer is not None:
            return
        names = pa.dictionary(pa.int8(), pa.string())
        fields = [
            pa.field(field.name, names) if field.name in _ENUMS else field
            for field in gesture_schema(keyed=keyed)
        ]
        # Only what repeats gains from a dictionary; for the rest it would cost time and no less room.
        self._writer = parquet.ParquetWriter(
            self._file,
            pa.schema(fields, metadata={SCHEMA_KEY: GESTURES_VERSION}),
            compression="lz4",
            use_dictionary=["stream", "pointer", "kind", "reason", "direction", "sample_count", "tap_count"],
            column_encoding=dict.fromkeys(
                ("time_down", "time_up", "first_sample", "last_sample"), "DELTA_BINARY_PACKED"
            ),
            write_statistics=["stream", "kind", "time_down", "time_up"],
        )

    def _flush(self) -> None:
        import pyarrow as pa

        if self._waiting:
            self._writer.write_table(
                named(pa.concat_tables(self._waiting).unify_dictionaries().combine_chunks())
            )
        self._waiting.clear()
        self._count = 0

    def finish(self, fingerprint: str) -> None:
        """Write what waits, and in the file's metadata what it was made of."""
        self._open(keyed=False)
        self._flush()
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
