"""Gestures: the Python face of the native core.

One recogniser, three ways to drive it, with bit-identical records: sample by sample
(`Recognizer.down`, ...), chunk by chunk (`Recognizer.feed`) and a whole log at once (`classify`).
Samples are in px; measures of a record are in dp, ms and dp/s.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from capture._native import batch, chords, output, recognizer as native
from capture.errors import ConfigError
from capture.gestures.arrow import StreamKeys
from capture.gestures.chords import MultiGesture, MultiTable
from capture.gestures.config import GestureConfig
from capture.gestures.records import (
    FIELDS,
    VERDICT,
    Gesture,
    GestureTable,
    Plot,
    direction_number,
    kind_number,
    reason_number,
)
from capture.gestures.samples import TouchSamples
from capture.gestures.threads import LEAST_SAMPLES, count_downs, cut, feed_ranges, feed_shares

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

__all__ = [
    "COUNTERS",
    "FIELDS",
    "KERNELS",
    "VERDICT",
    "Density",
    "Gesture",
    "GestureTable",
    "Plot",
    "Recognizer",
    "classify",
    "direction_number",
    "kind_number",
    "reason_number",
]

#: px per dp: one number, or a mapping from stream to number (a stream that is not in it has 1.0).
#: Streams that are named by text are named by the same text here.
Density = float | Mapping[int, float] | Mapping[str, float]

#: Names of the kernels that measure whole columns here, the fastest, which is taken, first.
KERNELS: tuple[str, ...] = batch.KERNELS

#: Causes for which samples are counted.
COUNTERS = ("orphan_samples", "dropped_samples", "unknown_actions", "clock_regressions")

_DEFAULTS = GestureConfig()


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
    and may run in two threads. A call during another thread's `feed` on the same recogniser raises
    RuntimeError and changes nothing. `counters` covers everything since construction.

    `chords` is the list of gestures of several fingers (`capture.gestures.chords.MultiGesture`), as far
    as calls for single samples ended it; `take_chords()` returns it and empties it.

    Raises
    ------
    ConfigError
        When a density is out of range.
    """

    def __init__(self, density: Density = 1.0, gestures: GestureConfig | None = None) -> None:
        self._keys = StreamKeys()
        self._named: dict[str, float] = {}
        config = _checked_config(gestures)
        self._verdicts = config.has_verdicts
        super().__init__(
            Gesture,
            MultiGesture,
            config,
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

    def feed(self, samples: Any, *, multi: bool = False) -> GestureTable:
        """Process a chunk of samples and return the gestures that it ended.

        Parameters
        ----------
        samples : TouchSamples or Arrow data
            `TouchSamples`, or anything with ``__arrow_c_stream__`` or ``__arrow_c_array__`` and columns
            of those names.
        multi : bool, default False
            Recognise gestures of several fingers: chords that end are in the table's `multi`.

        Returns
        -------
        GestureTable
            Its `counters` cover this call.
        """
        return self._table(lambda columns, ended: self.feed_into(columns, samples, ended), multi=multi)

    def _table(
        self, fill: Callable[[output.GestureColumns, chords.MultiColumns | None], None], *, multi: bool
    ) -> GestureTable:
        before = self.counters
        columns = output.GestureColumns(verdicts=self._verdicts)
        ended = chords.MultiColumns() if multi else None
        fill(columns, ended)
        after = self.counters
        counters = {name: after[name] - before[name] for name in COUNTERS}
        chorded = None if ended is None else MultiTable(ended, self.stream_keys)
        return GestureTable(columns, counters, self.stream_keys, chorded)

    def feed_into(
        self, columns: output.GestureColumns, samples: Any, multi: chords.MultiColumns | None = None
    ) -> None:
        """Process a chunk as `feed` does, and append the gestures to `columns`, the chords to `multi`."""
        for part in TouchSamples.batches(samples, self._keys):
            if self._named:
                self._set_named_densities()
            batch.feed(self, columns, part, multi=multi)

    def _set_named_densities(self) -> None:
        """Set the densities of named streams that have appeared."""
        for key in [key for key in self._named if key in self._keys]:
            self.set_density(self._keys[key], self._named.pop(key))

    def finish(self, *, multi: bool = False) -> GestureTable:
        """End every open stroke as INCOMPLETE, in the order of their DOWNs; feeding may continue.

        Chords that are open end too: they are in the table's `multi` if that is asked for, else in `chords`.
        """
        return self._table(partial(batch.finish, self), multi=multi)


def classify(
    samples: Any,
    density: Density = 1.0,
    gestures: GestureConfig | None = None,
    *,
    threads: int = 1,
    multi: bool = False,
    out: GestureTable | None = None,
) -> GestureTable:
    """Recognise a whole log.

    Parameters
    ----------
    samples : TouchSamples or Arrow data
        As for `Recognizer.feed`.
    density : float or mapping of int to float, default 1.0
        px per dp, for all streams or for each.
    gestures : GestureConfig, optional
        The dialect and the thresholds.
    threads : int, default 1
        Threads that share the log, if it is long enough; the result does not depend on it. It is cut
        where no stroke is open; where streams are so interleaved that there is no such place, they are
        shared.
    multi : bool, default False
        Recognise gestures of several fingers: the table's `multi`.
    out : GestureTable, optional
        A table to fill anew, which is then returned: no fresh memory is taken. Nothing may look at its
        columns any more. Of several threads that fill one table, the last has it.

    Returns
    -------
    GestureTable
        One row for each stroke, in the order in which strokes end; those still open at the end of the
        log follow as INCOMPLETE.

    Raises
    ------
    ValueError
        When `threads` is below 1, or `out` has other columns than are wanted.
    BufferError
        When columns of `out` are still in use.
    """
    if threads < 1:
        raise ValueError(f"threads = {threads}: expected at least 1")
    config = _checked_config(gestures)
    keys = StreamKeys()
    parts = list(TouchSamples.batches(samples, keys))
    numbered = keys.densities(density)
    ended = chords.MultiColumns() if multi else None
    threads = min(threads, sum(map(len, parts)) // LEAST_SAMPLES)
    columns, counters = _recognised(parts, numbered, config, ended, out, threads=threads)
    table = GestureTable(columns, counters, keys.names)
    if ended is not None:
        table.multi = MultiTable(ended, keys.names)
    return table if out is None else out.become(table)


def _recognised(
    parts: list[TouchSamples],
    density: Density,
    config: GestureConfig,
    ended: chords.MultiColumns | None,
    out: GestureTable | None,
    *,
    threads: int,
) -> tuple[output.GestureColumns, dict[str, int]]:
    """Return the records and counters of a log: by ranges, by shares of its streams, or as it is."""
    make_columns = partial(_columns, out, verdicts=config.has_verdicts)
    ranges = cut(parts, threads) if threads > 1 else []
    if len(ranges) > 1:
        recognizers = [Recognizer(density, config) for _ in ranges]
        columns, known = feed_ranges(recognizers, ranges, make_columns, ended)
        return columns, known.counters
    if threads > 1 and all(part.stream is not None for part in parts):
        recognizers = [Recognizer(density, config) for _ in range(threads)]
        columns = feed_shares(recognizers, parts, verdicts=config.has_verdicts, multi=ended)
        return columns, {name: sum(each.counters[name] for each in recognizers) for name in COUNTERS}
    recognizer = Recognizer(density, config)
    # Every DOWN makes one record, so that the output never has to grow.
    columns = make_columns(count_downs(parts))
    for part in parts:
        batch.feed(recognizer, columns, part, multi=ended)
    batch.finish(recognizer, columns, ended)
    return columns, recognizer.counters


def _columns(out: GestureTable | None, room: int, *, verdicts: bool) -> output.GestureColumns:
    """Return empty columns: those of `out`, if there is one."""
    if out is None:
        return output.GestureColumns(room, verdicts=verdicts)
    if out.columns.verdicts != verdicts:
        raise ValueError("out: its columns are not those of the dialect; leave it out once")
    return out.take(room)


def _checked_config(gestures: GestureConfig | None) -> GestureConfig:
    if gestures is not None and not isinstance(gestures, GestureConfig):
        raise TypeError(f"gestures = {gestures!r}: expected a GestureConfig, as GestureConfig(dialect='ios')")
    return _DEFAULTS if gestures is None else gestures


def _checked_density(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.75 <= value <= 10:
        raise ConfigError(f"density = {value!r}: expected a number from 0.75 to 10 (px per dp)")
    return float(value)
