"""Gestures: the Python face of the native core.

One recogniser, three ways to drive it, with bit-identical records: sample by sample
(`Recognizer.down`, ...), chunk by chunk (`Recognizer.feed`) and a whole log at once (`classify`).
Samples are in px; what a record measures is in dp, ms and dp/s.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from itertools import repeat
from typing import TYPE_CHECKING, Any

from capture._native import batch, output, recognizer as native
from capture.errors import ConfigError
from capture.gestures.arrow import StreamKeys
from capture.gestures.config import GestureConfig
from capture.gestures.kinds import Direction, GestureKind, Reason
from capture.gestures.samples import TouchSamples
from capture.optional import hook

if TYPE_CHECKING:
    from os import PathLike

    import numpy as np
    import pyarrow as pa

__all__ = [
    "COUNTERS",
    "FIELDS",
    "KERNELS",
    "Density",
    "Gesture",
    "GestureTable",
    "Plot",
    "Recognizer",
    "classify",
]

#: px per dp: one number, or a mapping from stream to number (a stream that is not in it has 1.0).
#: Streams that are named by text are named by the same text here.
Density = float | Mapping[int, float] | Mapping[str, float]

#: The fields of a record, in order; the same names in tables, files and Arrow.
FIELDS: tuple[str, ...] = tuple(name for name, _ in output.LAYOUT)

#: Names of the kernels that measure whole columns here, the fastest, which is taken, first.
KERNELS: tuple[str, ...] = batch.KERNELS

#: Causes for which samples are counted.
COUNTERS = ("orphan_samples", "dropped_samples", "unknown_actions", "clock_regressions")

_ENUMS: dict[str, type[GestureKind | Reason | Direction]] = {
    "kind": GestureKind,
    "reason": Reason,
    "direction": Direction,
}
_DEFAULTS = GestureConfig()
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
        Whose touch and which finger.
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
    """

    __slots__ = ()

    @property
    def kind(self) -> GestureKind:
        """What the stroke was recognised as."""
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
        return {name: _plain(getattr(self, name)) for name in FIELDS}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Gesture):
            return NotImplemented
        return _values(self) == _values(other)

    def __hash__(self) -> int:
        return hash(_values(self))

    def __repr__(self) -> str:
        return "Gesture(" + ", ".join(f"{name}={_shown(getattr(self, name))}" for name in FIELDS) + ")"


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
    columns : object
        The records as the native core holds them.
    """

    __slots__ = ("_arrays", "columns", "counters", "stream_keys")

    def __init__(
        self,
        columns: output.GestureColumns,
        counters: Mapping[str, int],
        stream_keys: pa.Array | None = None,
    ) -> None:
        self.columns = columns
        self.stream_keys = stream_keys
        self._arrays: dict[str, np.ndarray[Any, Any]] = {}
        self.counters = dict(counters)

    def __getattr__(self, name: str) -> np.ndarray[Any, Any]:
        if name not in FIELDS:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        array = self._arrays.get(name)
        if array is None:
            import numpy as np

            array = self._arrays[name] = np.asarray(self.columns.column(name))
        return array

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *FIELDS]

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

        columns = [pa.array(getattr(self, name)) for name in FIELDS]
        if self.stream_keys is not None:
            columns[0] = pa.DictionaryArray.from_arrays(columns[0].cast(pa.int32()), self.stream_keys)
        return pa.table(columns, schema=gesture_schema(keyed=self.stream_keys is not None))

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Export the columns to another Arrow library, as in ``polars.DataFrame(table)``."""
        return self.to_arrow().__arrow_c_stream__(requested_schema)


class Recognizer(native.Recognizer):
    """State machine that turns touch samples into gestures, one sample or one chunk at a time.

    Parameters
    ----------
    density : float or mapping of int to float, default 1.0
        px per dp, 0.75 to 10; a mapping has one for each stream (1.0 for the others).
    gestures : GestureConfig, optional
        The thresholds.

    Notes
    -----
    Bad samples never raise: they are ignored and counted (`counters`). Two recognisers share nothing
    and may run in two threads. A call that meets another thread's `feed` on the same recogniser
    raises RuntimeError; the recogniser stays good. `counters` covers everything since construction.

    Raises
    ------
    ConfigError
        When a density is out of range.
    """

    def __init__(self, density: Density = 1.0, gestures: GestureConfig | None = None) -> None:
        self._keys = StreamKeys()
        self._named: dict[str, float] = {}
        super().__init__(
            Gesture,
            _DEFAULTS if gestures is None else gestures,
            density=1.0 if isinstance(density, Mapping) else _checked_density(density),
        )
        if isinstance(density, Mapping):
            for stream, value in density.items():
                if isinstance(stream, str):
                    self._named[stream] = _checked_density(value)
                else:
                    self.set_density(stream, _checked_density(value))

    @property
    def stream_keys(self) -> pa.Array | None:
        """Where the samples name their streams by text: the name of stream n at place n."""
        return self._keys.names

    def feed(self, samples: Any) -> GestureTable:
        """Process a chunk of samples and return the gestures that it ended.

        Parameters
        ----------
        samples : TouchSamples or Arrow data
            `TouchSamples`, or anything with ``__arrow_c_stream__`` or ``__arrow_c_array__`` and columns
            of those names.

        Returns
        -------
        GestureTable
            Its `counters` cover this call.
        """
        before = self.counters
        columns = output.GestureColumns()
        self.feed_into(columns, samples)
        return GestureTable(columns, _difference(self.counters, before), self.stream_keys)

    def feed_into(self, columns: output.GestureColumns, samples: Any) -> None:
        """Process a chunk as `feed` does, and append the gestures to `columns`."""
        for part in TouchSamples.batches(samples, self._keys):
            if self._named:
                self._set_named_densities()
            batch.feed(self, columns, part)

    def _set_named_densities(self) -> None:
        """Set the densities of named streams that have appeared."""
        for key in [key for key in self._named if key in self._keys]:
            self.set_density(self._keys[key], self._named.pop(key))

    def finish(self) -> GestureTable:
        """End every open stroke as INCOMPLETE, in the order of their DOWNs; feeding may go on."""
        columns = output.GestureColumns()
        batch.finish(self, columns)
        return GestureTable(columns, dict.fromkeys(COUNTERS, 0), self.stream_keys)


def classify(
    samples: Any, density: Density = 1.0, gestures: GestureConfig | None = None, *, threads: int = 1
) -> GestureTable:
    """Recognise a whole log.

    Parameters
    ----------
    samples : TouchSamples or Arrow data
        As for `Recognizer.feed`.
    density : float or mapping of int to float, default 1.0
        px per dp, for all streams or for each.
    gestures : GestureConfig, optional
        The thresholds.
    threads : int, default 1
        Threads that share the streams; the result does not depend on it. Samples without a stream
        column are one stream, which cannot be shared.

    Returns
    -------
    GestureTable
        One row for each stroke, in the order in which strokes end; those still open at the end of the
        log follow as INCOMPLETE.
    """
    if threads < 1:
        raise ValueError(f"threads = {threads}: expected at least 1")
    keys = StreamKeys()
    parts = list(TouchSamples.batches(samples, keys))
    numbered = keys.densities(density)
    if threads > 1 and all(part.stream is not None for part in parts):
        from capture.gestures.threads import feed_in_threads

        recognizers = [Recognizer(numbered, gestures) for _ in range(threads)]
        columns = feed_in_threads(recognizers, parts)
        counters = {name: sum(each.counters[name] for each in recognizers) for name in COUNTERS}
        return GestureTable(columns, counters, keys.names)
    recognizer = Recognizer(numbered, gestures)
    # Every DOWN makes one record, so that the output never has to grow.
    columns = output.GestureColumns(sum(batch.count_downs(part.action) for part in parts))
    for part in parts:
        batch.feed(recognizer, columns, part)
    batch.finish(recognizer, columns)
    return GestureTable(columns, recognizer.counters, keys.names)


def _checked_density(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.75 <= value <= 10:
        raise ConfigError(f"density = {value!r}: expected a number from 0.75 to 10 (px per dp)")
    return float(value)


def _difference(after: Mapping[str, int], before: Mapping[str, int]) -> dict[str, int]:
    return {name: after[name] - before[name] for name in COUNTERS}


def _values(gesture: Gesture) -> tuple[Any, ...]:
    return tuple(getattr(gesture, name) for name in FIELDS)


def _plain(value: Any) -> Any:
    if isinstance(value, GestureKind | Reason | Direction):
        return value.name.lower()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _shown(value: Any) -> str:
    return value.name if isinstance(value, GestureKind | Reason | Direction) else repr(value)
