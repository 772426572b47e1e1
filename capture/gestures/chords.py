"""Records of gestures of several fingers: one (`MultiGesture`), and many in columns (`MultiTable`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture._native import chords as native
from capture.gestures.kinds import MULTI_ENUMS, Direction, Mode, MultiKind, MultiReason, counts, plain_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import pyarrow as pa

__all__ = ["MULTI_ENUMS", "MULTI_FIELDS", "MultiGesture", "MultiTable"]

#: The fields of a chord's record, in order; the same names in tables, files and Arrow.
MULTI_FIELDS: tuple[str, ...] = tuple(name for name, _ in native.LAYOUT)


class MultiGesture(native.MultiGesture):
    """The record of one chord: a gesture of several fingers of a stream, recognised or not.

    Attributes
    ----------
    stream : int
        Stream of the touches.
    kind : MultiKind
        NONE if the chord was not recognised.
    reason : MultiReason
        Why it was or was not recognised.
    direction : Direction
        Of a pan or a swipe, else NONE.
    modes : Mode
        Movements in it, for any kind.
    fingers : int
        The most at once.
    pointer_a, pointer_b : int
        The two that began it.
    time_down, time_join, time_lift, time_up : int
        ns: the second DOWN, the last DOWN that joined, the first finger's leave, the end.
    x_down, y_down, x_up, y_up : float
        px: the centroid at the start and at the end.
    duration : float
        ms.
    scale : float
        Distance of the fingers at the end by that at the start; above 1 they went apart.
    rotation : float
        Degrees, clockwise on the screen; full turns add up.
    span_down, span_up : float
        Twice the mean distance from the centroid, dp: of two fingers their distance.
    shift_x, shift_y : float
        Way of the centroid, dp.
    spread, arc, shift : float
        The farthest that a finger went outwards, around and along, dp.
    velocity, velocity_x, velocity_y : float
        dp/s, when the first finger left.
    first_sample, last_sample : int
        Numbers of the second DOWN and of the sample that ended the chord.
    margin : float
        Smallest relative distance of a measure from a limit; NaN for none.
    """

    __slots__ = ()

    @property
    def kind(self) -> MultiKind:
        """Kind of the chord."""
        return MultiKind(super().kind)

    @property
    def reason(self) -> MultiReason:
        """Why it was or was not recognised."""
        return MultiReason(super().reason)

    @property
    def direction(self) -> Direction:
        """Where a pan or a swipe went."""
        return Direction(super().direction)

    @property
    def modes(self) -> Mode:
        """Movements in it."""
        return Mode(super().modes)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name, as files have them: enums as lower-case names, NaN and infinity None."""
        return {name: plain_value(getattr(self, name)) for name in MULTI_FIELDS}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, MultiGesture):
            return NotImplemented
        return self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash(tuple(self.to_dict().values()))

    def __repr__(self) -> str:
        shown = (f"{name}={value!r}" for name, value in self.to_dict().items())
        return f"MultiGesture({', '.join(shown)})"


class MultiTable:
    """Chords in columns: one numpy array for each field of `MultiGesture`, one element per chord.

    Columns are read-only views. ``table[i]`` is a `MultiGesture`; iteration yields them in the order in which
    they ended.

    Attributes
    ----------
    stream_keys : pyarrow.Array or None
        As of a `capture.GestureTable`.
    columns : object
        The records as the native core holds them.
    """

    __slots__ = ("columns", "stream_keys")

    def __init__(self, columns: native.MultiColumns, stream_keys: pa.Array | None = None) -> None:
        self.columns = columns
        self.stream_keys = stream_keys

    def __getattr__(self, name: str) -> np.ndarray[Any, Any]:
        if name not in MULTI_FIELDS:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        import numpy as np

        return np.asarray(self.columns.column(name))

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *MULTI_FIELDS]

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the columns."""
        return MULTI_FIELDS

    def __len__(self) -> int:
        return len(self.columns)

    def __getitem__(self, index: int) -> MultiGesture:
        position = index + len(self) if index < 0 else index
        if not 0 <= position < len(self):
            raise IndexError(f"chord {index} of {len(self)}")
        chord: MultiGesture = self.columns.record(position, MultiGesture)
        return chord

    def __iter__(self) -> Iterator[MultiGesture]:
        return (self[index] for index in range(len(self)))

    def __repr__(self) -> str:
        return f"MultiTable({len(self)} chords)"

    def counts(self) -> dict[str, int]:
        """Return the number of chords of each kind that there is, by name."""
        return {name: count for name, count in counts(MultiKind, self.kind).items() if count}

    def to_arrow(self) -> pa.Table:
        """Return the columns as a pyarrow Table (needs ``[arrow]``)."""
        import numpy as np
        import pyarrow as pa

        from capture.gestures.arrow import multi_schema

        columns = [pa.array(np.ascontiguousarray(getattr(self, name))) for name in MULTI_FIELDS]
        if self.stream_keys is not None:
            columns[0] = pa.DictionaryArray.from_arrays(columns[0].cast(pa.int32()), self.stream_keys)
        return pa.table(columns, schema=multi_schema(keyed=self.stream_keys is not None))

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Export the columns to another Arrow library, as in ``polars.DataFrame(table)``."""
        return self.to_arrow().__arrow_c_stream__(requested_schema)
