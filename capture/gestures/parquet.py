"""The one writer of Parquet files of gestures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture._native.chords import MultiColumns
from capture._native.output import GestureColumns
from capture.gestures.arrow import named, of_log
from capture.gestures.chords import MultiTable
from capture.gestures.records import GestureTable

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["GROUP_GESTURES", "GestureFile"]

#: Gestures of a row group (7 MB of columns).
GROUP_GESTURES = 1 << 16


class GestureFile:
    """A Parquet file of gestures, written table by table; `close` completes it.

    Parameters
    ----------
    file : binary file or pyarrow.NativeFile
        Open for writing; stays open.
    with_log : bool
        The first column, ``log``, names the log of a gesture.
    multi : bool
        The tables are those of chords.

    Attributes
    ----------
    gestures : int
        Number of gestures written so far.
    """

    def __init__(self, file: Any, *, with_log: bool = False, multi: bool = False) -> None:
        self._with_log = with_log
        self._multi = multi
        self.gestures = 0
        self._file = file
        self._writer: Any = None

    def write(self, table: GestureTable | MultiTable, log: str = "") -> None:
        """Write gestures (of a log) as a row group; the first table decides which columns there are."""
        gestures = named(table.to_arrow())
        if self._with_log:
            gestures = of_log(gestures, log)
        if self._writer is None:
            self._writer = self._open(gestures.schema)
        if len(table):
            self._writer.write_table(gestures)
            self.gestures += len(table)

    def add_metadata(self, metadata: dict[str, str]) -> None:
        """Add to the metadata of the file."""
        self._begin()
        self._writer.add_key_value_metadata(metadata)

    def close(self) -> None:
        """Write the end of the file, without which it cannot be read."""
        self._begin()
        self._writer.close()

    def _begin(self) -> None:
        if self._writer is None:
            self.write(MultiTable(MultiColumns()) if self._multi else GestureTable(GestureColumns(), {}))

    def _open(self, schema: pa.Schema) -> Any:
        from pyarrow import parquet

        # Writing takes time by the byte: numbers of samples lie close together, and take one byte of eight
        # as differences. For measures and times that, a dictionary or compression would cost more time than
        # recognising did, and save a sixth of the room at most.
        return parquet.ParquetWriter(
            self._file,
            schema,
            compression="none",
            use_dictionary=["stream", "pointer", "kind", "reason", "direction"],
            column_encoding=dict.fromkeys(["first_sample", "last_sample"], "DELTA_BINARY_PACKED"),
            # A reader skips row groups by these; every group has all kinds.
            write_statistics=["stream", "time_down", "time_up"],
            write_batch_size=GROUP_GESTURES,
        )
