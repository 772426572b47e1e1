"""Gestures: the Python face of the native core.

One recogniser, three ways to drive it, with bit-identical records: sample by sample
(`Recognizer.down`, ...), chunk by chunk (`Recognizer.feed`) and a whole log at once (`classify`).
Samples are in px; what a record measures is in dp, ms and dp/s.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from capture._native import batch, output, recognizer as native
from capture.errors import ConfigError
from capture.gestures.arrow import StreamKeys
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

if TYPE_CHECKING:
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
        config = _DEFAULTS if gestures is None else gestures
        self._verdicts = config.has_verdicts
        super().__init__(
            Gesture,
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
        columns = output.GestureColumns(verdicts=self._verdicts)
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
        columns = output.GestureColumns(verdicts=self._verdicts)
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
        columns = feed_in_threads(recognizers, parts, verdicts=(gestures or _DEFAULTS).has_verdicts)
        counters = {name: sum(each.counters[name] for each in recognizers) for name in COUNTERS}
        return GestureTable(columns, counters, keys.names)
    recognizer = Recognizer(numbered, gestures)
    # Every DOWN makes one record, so that the output never has to grow.
    room = sum(batch.count_downs(part.action) for part in parts)
    columns = output.GestureColumns(room, verdicts=(gestures or _DEFAULTS).has_verdicts)
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
