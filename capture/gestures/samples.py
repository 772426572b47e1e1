"""Touch samples as six columns, in the order of the device's reports."""

from __future__ import annotations

import array
from typing import TYPE_CHECKING, Any

from capture.gestures.arrow import COLUMNS, StreamKeys, open_reader, sample_columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["COLUMNS", "TouchSamples"]

_OPTIONAL = ("stream", "pointer")


class TouchSamples:
    """Touch samples in columns.

    Parameters
    ----------
    stream : buffer or sequence of int, optional
        Streams of the samples (int64); None means that all are stream 0.
    pointer : buffer or sequence of int, optional
        Which finger (int32); None means that all are pointer 0.
    action : buffer or sequence of int
        `capture.Action`: 0 DOWN, 1 UP, 2 MOVE, 3 CANCEL (uint8).
    time : buffer or sequence of int
        Nanoseconds, any epoch, one clock per stream (int64).
    x, y : buffer or sequence of float
        Pixels, y downwards (float32).

    A column of the right type (a numpy array, an ``array.array``, any contiguous buffer, an Arrow array
    without nulls) is kept without a copy. Anything else is checked and converted once. Columns are
    attributes under their names.

    Raises
    ------
    TypeError
        When a column is missing or holds things that are not numbers.
    ValueError
        When columns differ in length, or a value does not fit its column.
    """

    __slots__ = ("action", "pointer", "stream", "time", "x", "y")

    action: Any
    pointer: Any
    stream: Any
    time: Any
    x: Any
    y: Any

    def __init__(
        self, *, stream: Any = None, pointer: Any = None, action: Any, time: Any, x: Any, y: Any
    ) -> None:
        lengths = {}
        for name, values in zip(COLUMNS, (stream, pointer, action, time, x, y), strict=True):
            column = None if values is None and name in _OPTIONAL else _column(name, values)
            setattr(self, name, column)
            if column is not None:
                lengths[name] = len(column)
        if len(set(lengths.values())) > 1:
            shown = ", ".join(f"{name} {length}" for name, length in lengths.items())
            raise ValueError(f"the columns differ in length: {shown}")

    @classmethod
    def from_rows(cls, rows: Iterable[tuple[int, int, int, int, float, float]]) -> TouchSamples:
        """Build columns from (stream, pointer, action, time, x, y) rows."""
        columns = list(zip(*rows, strict=True)) or [()] * len(COLUMNS)
        return cls(**dict(zip(COLUMNS, columns, strict=True)))

    @classmethod
    def batches(cls, samples: Any, keys: StreamKeys | None = None) -> Iterator[TouchSamples]:
        """Yield `samples` as TouchSamples: itself, or one for each record batch of Arrow data, uncopied.

        Parameters
        ----------
        samples : TouchSamples or Arrow data
        keys : capture.gestures.arrow.StreamKeys, optional
            Numbers the streams that are named by text, from one call to the next.

        Raises
        ------
        TypeError
            When `samples` is neither, or a column has a wrong type.
        ValueError
            When a column is missing, or a value does not fit its column.
        """
        if isinstance(samples, TouchSamples):
            yield samples
        elif hasattr(samples, "__arrow_c_stream__") or hasattr(samples, "__arrow_c_array__"):
            keys = StreamKeys() if keys is None else keys
            for record_batch in open_reader(samples):
                yield TouchSamples(**sample_columns(record_batch, keys))
        else:
            raise TypeError(
                f"expected TouchSamples, or Arrow data with the columns {', '.join(COLUMNS)}; "
                f"got {type(samples).__name__}"
            )

    def rows(self) -> Iterator[tuple[int, int, int, int, float, float]]:
        """Yield the samples as (stream, pointer, action, time, x, y), with Python numbers."""
        count = len(self)
        columns = [
            [0] * count if getattr(self, name) is None else memoryview(getattr(self, name)).tolist()
            for name in COLUMNS
        ]
        return zip(*columns, strict=True)

    def __len__(self) -> int:
        return len(self.action)

    def __getitem__(self, part: slice) -> TouchSamples:
        """Return a slice of the samples, without a copy where its step is 1."""
        if not isinstance(part, slice):
            raise TypeError("touch samples take a slice; rows() gives single samples")
        columns = {
            name: memoryview(getattr(self, name))[part] for name in COLUMNS if getattr(self, name) is not None
        }
        return TouchSamples(**columns)

    def __repr__(self) -> str:
        return f"TouchSamples({len(self)} samples)"


def _column(name: str, values: Any) -> Any:
    _, formats, _ = COLUMNS[name]
    try:
        view = memoryview(values)
    except TypeError:
        return _converted(name, values)
    if view.ndim == 1 and view.contiguous and view.format.lstrip("<=@") in formats:
        return values
    return _converted(name, values)


def _converted(name: str, values: Any) -> Any:
    """Return `values` as a column of the right type, or raise an error that names the mistake."""
    typecode, _, words = COLUMNS[name]
    if hasattr(values, "__arrow_c_array__"):
        return _from_arrow(name, values)
    if hasattr(values, "__array_interface__") or isinstance(values, memoryview):
        return _from_numpy(name, values)
    try:
        return array.array(typecode, values)
    except OverflowError as error:
        raise ValueError(f"column {name!r}: a value does not fit {words}: {error}") from None
    except TypeError as error:
        raise TypeError(f"column {name!r}: expected {words}: {error}") from None


def _from_arrow(name: str, values: Any) -> Any:
    import pyarrow as pa

    column = pa.array(values)
    if column.null_count:
        raise ValueError(f"column {name!r}: {column.null_count} values are null; every sample needs one")
    return _column(name, column.to_numpy(zero_copy_only=False))


def _from_numpy(name: str, values: Any) -> Any:
    import numpy as np

    typecode, _, words = COLUMNS[name]
    source = np.asarray(values)
    if source.ndim != 1:
        raise ValueError(f"column {name!r}: expected one dimension, got {source.ndim}")
    dtype = np.dtype(typecode)
    kinds = "iufb" if dtype.kind == "f" else "iub"
    if source.dtype.kind not in kinds:
        raise TypeError(f"column {name!r}: expected {words}, got {source.dtype}")
    if dtype.kind != "f" and source.size:
        limits = np.iinfo(dtype)
        if int(source.min()) < limits.min or int(source.max()) > limits.max:
            raise ValueError(f"column {name!r}: a value does not fit {words}")
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(source, dtype=dtype)
