"""The one writer of Parquet files of gestures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture.gestures.arrow import file_schema, named, of_log

if TYPE_CHECKING:
    from capture.gestures.chords import MultiTable
    from capture.gestures.recognizer import GestureTable

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
        """Write gestures (of a log) as a row group."""
        verdicts = "margin" in table.fields
        writer = self._open(keyed=table.stream_keys is not None, verdicts=verdicts)
        if len(table):
            gestures = named(table.to_arrow())
            writer.write_table(of_log(gestures, log) if self._with_log else gestures)
            self.gestures += len(table)

    def add_metadata(self, metadata: dict[str, str]) -> None:
        """Add to the metadata of the file."""
        self._open(keyed=False).add_key_value_metadata(metadata)

    def close(self) -> None:
        """Write the end of the file, without which it cannot be read."""
        self._open(keyed=False).close()

    def _open(self, *, keyed: bool, verdicts: bool = False) -> Any:
        """Return the writer; the first table decides whether streams are named by text."""
        from pyarrow import parquet

        if self._writer is None:
            # Writing takes time by the byte: numbers of samples lie close together, and take one
            # byte of eight as differences. For measures and times that, a dictionary or compression would
            # cost more time than recognising did, and save a sixth of the room at most.
            self._writer = parquet.ParquetWriter(
                self._file,
                file_schema(keyed=keyed, with_log=self._with_log, verdicts=verdicts, multi=self._multi),
                compression="none",
                use_dictionary=["stream", "pointer", "kind", "reason", "direction"],
                column_encoding=dict.fromkeys(["first_sample", "last_sample"], "DELTA_BINARY_PACKED"),
                # A reader skips row groups by these; every group has all kinds.
                write_statistics=["stream", "time_down", "time_up"],
                write_batch_size=GROUP_GESTURES,
            )
        return self._writer
