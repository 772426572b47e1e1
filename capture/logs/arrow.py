"""Record batches of pyarrow to touch samples: the quick way for tables whose columns are plain."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

from capture.errors import TouchLogError
from capture.gestures.arrow import is_text
from capture.gestures.samples import TouchSamples
from capture.logs.columns import ACTION_WORDS, UNITS
from capture.logs.samples import Fingers, Names
from capture.optional import require

if TYPE_CHECKING:
    from capture.logs.columns import ColumnMap

__all__ = ["Converter", "nanoseconds", "need_arrow", "own_unit"]


def need_arrow(path: str) -> None:
    """Raise a TouchLogError that names the package to install when pyarrow is missing."""
    require("pyarrow", "Parquet", partial(TouchLogError, path=path))


def own_unit(kind: Any) -> int | None:
    """Return the unit (ns) of a column with a unit of its own; None for one without."""
    import pyarrow as pa

    if pa.types.is_timestamp(kind) or pa.types.is_duration(kind) or pa.types.is_time(kind):
        return UNITS[kind.unit]
    return None


def nanoseconds(column: Any, unit_ns: int) -> Any:
    """Return a column with a unit of its own as integers of ns."""
    import pyarrow as pa
    import pyarrow.compute as pc

    whole = pa.int32() if pa.types.is_time32(column.type) else pa.int64()
    return pc.multiply_checked(pc.cast(column.view(whole), pa.int64()), unit_ns)


class Converter:
    """Record batches to touch samples, by a column map.

    Parameters
    ----------
    column_map : ColumnMap
        The column map.
    chosen : dict
        Its columns that the table has (`ColumnMap.chosen`).
    size : (int, int)
        Of the screen, for places that are parts of it.
    unit_ns : int
        Nanoseconds in a unit of time.
    """

    def __init__(
        self, column_map: ColumnMap, chosen: dict[str, list[str]], size: tuple[int, int], unit_ns: int
    ) -> None:
        self._map = column_map
        self.chosen = chosen
        self._scale = column_map.scales(size)
        self._unit_ns = unit_ns
        self.streams, self.pointers = Names(), Names(32)
        self.used = self.skipped = 0
        self.warnings: Counter[str] = Counter()
        self._fingers = Fingers(self.warnings)

    def samples(self, batch: Any) -> TouchSamples:
        """Convert a record batch; rows without a known action or without a time are left out.

        Raises
        ------
        ValueError
            When a value does not fit its column.
        """
        import pyarrow as pa

        try:
            action, time = self._actions(batch), self._times(batch)
            lacking = 0
            if action.null_count or time.null_count:
                keep = action.is_valid().to_numpy(zero_copy_only=False)
                keep &= time.is_valid().to_numpy(zero_copy_only=False)
                lacking = int((~keep).sum())
                batch = batch.filter(pa.array(keep))
                action, time = action.filter(pa.array(keep)), time.filter(pa.array(keep))
            samples = self._fingers.watch(self._columns(batch, action, time))
        except pa.ArrowException as error:
            raise ValueError(str(error)) from None
        self.skipped += lacking
        self.used += len(samples)
        return samples

    def _columns(self, batch: Any, action: Any, time: Any) -> TouchSamples:
        import pyarrow as pa

        return TouchSamples(
            stream=self._numbers(batch, "stream", self.streams, pa.int64()),
            pointer=self._numbers(batch, "pointer", self.pointers, pa.int32()),
            action=_filled(action),
            time=time.to_numpy(zero_copy_only=False),
            x=self._position(batch, "x", self._scale[0]),
            y=self._position(batch, "y", self._scale[1]),
        )

    def _numbers(self, batch: Any, role: str, names: Names, kind: Any) -> Any:
        """Return the numbers of streams or pointers; None without a column of them."""
        import pyarrow as pa

        columns = [batch.column(name) for name in self.chosen.get(role, ())]
        if not columns:
            return None
        if len(columns) == 1 and pa.types.is_integer(columns[0].type):
            try:
                return _filled(columns[0].cast(kind))
            except pa.ArrowInvalid:
                pass
        rows = zip(*(column.to_pylist() for column in columns), strict=True)
        cells = (row[0] if len(row) == 1 else row for row in rows)
        return _filled(pa.array([names.number(0 if cell is None else cell) for cell in cells], kind))

    def _column(self, batch: Any, role: str) -> Any:
        return batch.column(self.chosen[role][0])

    def _position(self, batch: Any, role: str, scale: float) -> Any:
        import numpy as np
        import pyarrow as pa

        column = self._column(batch, role)
        if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
            column = column.cast(pa.float64())
        values = column.to_numpy(zero_copy_only=False)
        if scale != 1:
            values = values.astype(np.float64) * scale
        with np.errstate(over="ignore"):
            return np.ascontiguousarray(values, dtype=np.float32)

    def _times(self, batch: Any) -> Any:
        import pyarrow as pa
        import pyarrow.compute as pc

        column = self._column(batch, "time")
        kind = column.type
        own = own_unit(kind)
        if own is not None:
            return nanoseconds(column, own)
        if pa.types.is_decimal(kind):
            # Exact: a float64 could not hold the microseconds of an epoch in seconds.
            digits = pa.scalar(self._unit_ns, pa.decimal128(10, 0))
            return (
                pc.round(pc.multiply(column, digits)).cast(pa.decimal128(38, 0), safe=False).cast(pa.int64())
            )
        if pa.types.is_floating(kind):
            return pc.round(pc.multiply(column, float(self._unit_ns))).cast(pa.int64())
        column = column.cast(pa.int64())
        return column if self._unit_ns == 1 else pc.multiply_checked(column, self._unit_ns)

    def _actions(self, batch: Any) -> Any:
        import pyarrow as pa
        import pyarrow.compute as pc

        column = self._column(batch, "action")
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if not self._map.actions and not is_text(column.type):
            return column.cast(pa.uint8())
        words = self._map.actions or ACTION_WORDS
        lowered = pc.utf8_lower(pc.utf8_trim_whitespace(column.cast(pa.string())))
        index = pc.index_in(lowered, pa.array(list(words)))
        return pa.array(list(words.values()), pa.uint8()).take(index)


def _filled(column: Any) -> Any:
    """Return a column as numpy; an empty cell is 0."""
    if column.null_count:
        column = column.fill_null(0)
    return column.to_numpy(zero_copy_only=False)
