"""Records of strokes: one (`Gesture`), and many in columns (`GestureTable`)."""

from __future__ import annotations

from enum import IntEnum
from itertools import repeat
from threading import Lock
from typing import TYPE_CHECKING, Any

from capture._native import output, recognizer as native
from capture.gestures.kinds import Direction, GestureKind, Reason, plain_value
from capture.optional import hook, require

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from os import PathLike

    import numpy as np
    import pyarrow as pa

    from capture.gestures.chords import MultiTable

__all__ = [
    "FIELDS",
    "VERDICT",
    "Gesture",
    "GestureTable",
    "Plot",
    "direction_number",
    "kind_number",
    "reason_number",
]

#: The fields of a record, in order; the same names in tables, files and Arrow.
FIELDS: tuple[str, ...] = tuple(name for name, _ in output.LAYOUT)

#: The fields of the verdict, appended if requested.
VERDICT: tuple[str, ...] = tuple(name for name, _ in output.VERDICT)

_TAKING = Lock()
_KINDS = {int(kind): kind for kind in GestureKind}
_REASONS = {int(reason): reason for reason in Reason}
_DIRECTIONS = {int(direction): direction for direction in Direction}
#: Kind, reason and direction of a gesture as plain numbers: an enum costs more than most of its uses.
kind_number: Callable[[native.Gesture], int] = native.Gesture.kind.__get__
reason_number: Callable[[native.Gesture], int] = native.Gesture.reason.__get__
direction_number: Callable[[native.Gesture], int] = native.Gesture.direction.__get__


class Gesture(native.Gesture):
    """The record of one stroke, recognised or not.

    Attributes
    ----------
    stream, pointer : int
        Stream and finger of the touch.
    kind : GestureKind
        NONE if the stroke was not recognised.
    reason : Reason
        Why it was or was not recognised.
    direction : Direction
        Of a drag or a fling, else NONE.
    time_down, time_up : int
        ns, on the clock of the samples.
    x_down, y_down, x_up, y_up : float
        px, y downwards.
    duration : float
        ms.
    distance : float
        Farthest distance from the DOWN, dp.
    velocity, velocity_x, velocity_y : float
        dp/s, by the configured strategy.
    path_length, width, height : float
        dp; the latter two are those of the bounding box.
    sample_count : int
        The DOWN and every sample with a finite position.
    first_sample, last_sample : int
        Numbers of the samples, from the first ever fed to the recogniser.
    tap_count : int
        Position in a run of taps (1, 2, ...); 0 if not a tap.
    rage : bool
        Whether this tap completes a rage run.
    slop_distance, drag_distance : float
        Farthest from the DOWN by the metrics of the dialect, dp.
    slop_time : float
        When the touch slop was passed, ms after the DOWN; NaN if it was not.
    begun : int
        Gestures that had begun: hold 1, drag 2.
    margin : float
        Smallest relative distance of a measure from a limit that would change the kind; NaN for none.

    Notes
    -----
    The last five are filled in every dialect but the default one, and there with
    ``GestureConfig(verdict_columns=True)``.
    """

    __slots__ = ()

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields that are filled."""
        return FIELDS + VERDICT if self.has_verdict else FIELDS

    @property
    def kind(self) -> GestureKind:
        """Kind of the stroke."""
        return _KINDS[kind_number(self)]

    @property
    def reason(self) -> Reason:
        """Why it was or was not recognised."""
        return _REASONS[reason_number(self)]

    @property
    def direction(self) -> Direction:
        """Where a drag or a fling went."""
        return _DIRECTIONS[direction_number(self)]

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name, as files have them: enums as lower-case names, NaN and infinity None."""
        return {name: plain_value(getattr(self, name)) for name in self.fields}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Gesture):
            return NotImplemented
        return _values(self) == _values(other)

    def __hash__(self) -> int:
        return hash(_values(self))

    def __repr__(self) -> str:
        return "Gesture(" + ", ".join(f"{name}={_shown(getattr(self, name))}" for name in self.fields) + ")"


class Plot:
    """A picture that a notebook shows by itself.

    Attributes
    ----------
    svg : str
    """

    def __init__(self, svg: str) -> None:
        self.svg = svg

    def _repr_svg_(self) -> str:
        return self.svg

    def save(self, path: str | PathLike[str]) -> None:
        """Write the picture as SVG."""
        with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123 - takes every kind of path
            file.write(self.svg)


class GestureTable:
    """Gestures in columns: one numpy array for each field of `Gesture`, one element per stroke.

    Columns are read-only views, created at first use. ``table[i]`` is a
    `Gesture`; iteration yields them in order.

    Attributes
    ----------
    counters : dict of str to int
        Samples that were ignored or doubtful, by cause: ``orphan_samples``, ``dropped_samples``,
        ``unknown_actions``, ``clock_regressions``.
    stream_keys : pyarrow.Array or None
        Where the samples named their streams by text: the name of stream n at place n.
    multi : MultiTable or None
        Chords of several fingers, if requested.
    columns : object
        The records as the native core holds them.
    """

    __slots__ = ("_arrays", "columns", "counters", "multi", "stream_keys")

    def __init__(
        self,
        columns: output.GestureColumns,
        counters: Mapping[str, int],
        stream_keys: pa.Array | None = None,
        multi: MultiTable | None = None,
    ) -> None:
        self.columns = columns
        self.multi = multi
        self.stream_keys = stream_keys
        self._arrays: dict[str, np.ndarray[Any, Any]] = {}
        self.counters = dict(counters)

    def forget(self) -> None:
        """Release the arrays of the columns."""
        self._arrays.clear()

    def take(self, room: int) -> output.GestureColumns:
        """Return the columns, emptied, with room for so many records; the table is empty meanwhile.

        Another thread that has the table cannot reach them while they are filled.
        """
        with _TAKING:
            self.forget()
            self.columns.clear(room)
            columns, self.columns = self.columns, output.GestureColumns(verdicts=self.columns.verdicts)
        return columns

    def become(self, other: GestureTable) -> GestureTable:
        """Replace the content of this table by that of another; return this table."""
        self.forget()
        self.columns, self.counters = other.columns, other.counters
        self.stream_keys, self.multi = other.stream_keys, other.multi
        return self

    def __getattr__(self, name: str) -> np.ndarray[Any, Any]:
        if name not in FIELDS and not (name in VERDICT and self.columns.verdicts):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        array = self._arrays.get(name)
        if array is None:
            import numpy as np

            array = self._arrays[name] = np.asarray(self.columns.column(name))
        return array

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.fields]

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the columns."""
        return FIELDS + VERDICT if self.columns.verdicts else FIELDS

    def __len__(self) -> int:
        return len(self.columns)

    def __getitem__(self, index: int) -> Gesture:
        position = index + len(self) if index < 0 else index
        if not 0 <= position < len(self):
            raise IndexError(f"gesture {index} of {len(self)}")
        gesture: Gesture = self.columns.record(position, Gesture)
        return gesture

    def __iter__(self) -> Iterator[Gesture]:
        return map(self.columns.record, range(len(self)), repeat(Gesture))

    def __repr__(self) -> str:
        return f"GestureTable({len(self)} gestures)"

    def _repr_html_(self) -> str:
        """Return the table as HTML, for notebooks."""
        text: str = hook("table_html")(self)
        return text

    def plot(self) -> Plot:
        """Draw the gestures from DOWN to UP; a notebook shows the picture, ``save`` writes it as SVG."""
        drawn: Plot = hook("plot")(self)
        return drawn

    def to_arrow(self) -> pa.Table:
        """Return the columns as a pyarrow Table (needs ``[arrow]``).

        Nothing is copied but bools and the names of streams. `capture.gestures.arrow` has the schema.
        """
        import pyarrow as pa

        from capture.gestures.arrow import gesture_schema

        columns = [pa.array(getattr(self, name)) for name in self.fields]
        if self.stream_keys is not None:
            columns[0] = pa.DictionaryArray.from_arrays(columns[0].cast(pa.int32()), self.stream_keys)
        schema = gesture_schema(keyed=self.stream_keys is not None, verdicts=self.columns.verdicts)
        return pa.table(columns, schema=schema)

    def to_pandas(self) -> Any:
        """Return the columns as a pandas DataFrame (needs ``[arrow]``, and pandas)."""
        return self.to_arrow().to_pandas()

    def to_polars(self) -> Any:
        """Return the columns as a Polars DataFrame (needs ``[polars]``)."""
        return require("polars", "to_polars").from_arrow(self.to_arrow())

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Export the columns to another Arrow library, as in ``polars.DataFrame(table)``."""
        return self.to_arrow().__arrow_c_stream__(requested_schema)


def _values(gesture: Gesture) -> tuple[Any, ...]:
    # A margin or a time that there is not is NaN, which no value equals.
    values = (getattr(gesture, name) for name in gesture.fields)
    return tuple(None if value != value else value for value in values)  # noqa: PLR0124


def _shown(value: Any) -> str:
    return value.name if isinstance(value, IntEnum) else repr(value)
