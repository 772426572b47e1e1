"""Threshold sweeps: strokes are measured once and classified under many settings.

It reads the recorded measures, float32 as in the records, and the times in ns. The classes
are those that `capture.classify` gives with the same thresholds, to the last bit: it is the same code.
Other dialects look at the samples themselves (when the slop was passed, on which axis), so that there each
setting is another pass over them (`Touches`).
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from capture._native.sweep import Measures
from capture.errors import ConfigError
from capture.gestures import kinds
from capture.gestures.config import GestureConfig
from capture.gestures.recognizer import Recognizer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from capture.gestures.recognizer import GestureTable
    from capture.gestures.samples import TouchSamples

__all__ = [
    "KINDS",
    "MAX_SETTINGS",
    "SWEPT",
    "Classes",
    "Strokes",
    "Sweep",
    "Touches",
    "by_measures",
    "parse_range",
    "sweep",
]

#: Thresholds that can be swept.
SWEPT = (
    "tap_timeout_ms",
    "touch_slop_dp",
    "drag_distance_dp",
    "fling_velocity_dp_s",
    "multi_tap_timeout_ms",
    "multi_tap_slop_dp",
    "rage_tap_count",
    "rage_tap_timeout_ms",
    "rage_tap_radius_dp",
    "hold_ms",
    "fling_distance_dp",
    "multi_tap_min_ms",
)
#: Those without a use in the default dialect: they make it another one.
_OF_DIALECTS = {"hold_ms", "fling_distance_dp", "multi_tap_min_ms"}
#: The kinds in the order of tables and pictures.
KINDS = tuple(row.kind for row in kinds.KINDS)
#: Settings of a sweep, at most.
MAX_SETTINGS = 100_000


class Classes(msgspec.Struct, frozen=True):
    """The columns of records that depend on thresholds, one element for each stroke.

    Attributes
    ----------
    kind, reason, direction : numpy.ndarray of uint8
    tap_count : numpy.ndarray of int32
    rage : numpy.ndarray of bool
    """

    kind: Any
    reason: Any
    direction: Any
    tap_count: Any
    rage: Any


class Strokes:
    """The measures of strokes, to be classified under many settings.

    Parameters
    ----------
    tables : iterable of (GestureTable, float)
        Tables of one or more logs, in order, each with the density (px per dp) that it was measured
        with. A stream is one stream in all of them.
    """

    def __init__(self, tables: Iterable[tuple[GestureTable, float]]) -> None:
        parts = [(table, float(density)) for table, density in tables]
        streams = np.concatenate([table.stream for table, _ in parts] or [np.empty(0, np.int64)])
        densities = np.repeat([density for _, density in parts], [len(table) for table, _ in parts])
        slots = np.unique(streams, return_inverse=True)[1].astype(np.int32).reshape(-1)
        self._measures = Measures([table.columns for table, _ in parts], slots, densities.astype(np.float64))

    def __len__(self) -> int:
        return len(self._measures)

    def classify(self, gestures: GestureConfig) -> Classes:
        """Return the classes under some thresholds, exactly those of `capture.classify`."""
        if not by_measures(gestures):
            raise ConfigError(
                f"gestures.dialect = {gestures.dialect!r}: sweep the samples (Touches), not records"
            )
        count = len(self)
        kind, reason, direction, rage = (np.empty(count, np.uint8) for _ in range(4))
        tap_count = np.empty(count, np.int32)
        self._measures.classify(gestures, kind, reason, direction, tap_count, rage)
        return Classes(kind, reason, direction, tap_count, rage.view(np.bool_))


class Touches:
    """The samples of logs, to be classified under many settings of any dialect.

    Parameters
    ----------
    logs : iterable of (sequence of TouchSamples, float)
        The chunks of each log, and the density (px per dp) of its strokes.
    """

    def __init__(self, logs: Iterable[tuple[Sequence[TouchSamples], float]]) -> None:
        self._logs = [(list(chunks), float(density)) for chunks, density in logs]
        self._count = len(self.classify(GestureConfig()).kind)

    def __len__(self) -> int:
        return self._count

    def classify(self, gestures: GestureConfig) -> Classes:
        """Return the classes under some thresholds, exactly those of `capture.classify`."""
        tables = [table for log in self._logs for table in _recognised(*log, gestures)]
        columns = {
            name: np.concatenate([getattr(table, name) for table in tables] or [np.empty(0, np.uint8)])
            for name in Classes.__struct_fields__
        }
        return Classes(**columns)


def _recognised(
    chunks: Sequence[TouchSamples], density: float, gestures: GestureConfig
) -> Iterator[GestureTable]:
    recognizer = Recognizer(density, gestures)
    for chunk in chunks:
        yield recognizer.feed(chunk)
    yield recognizer.finish()


def by_measures(gestures: GestureConfig, axes: Iterable[str] = ()) -> bool:
    """Return whether recorded measures decide under a configuration and all that is swept."""
    swept = set(axes)
    if "tap_timeout_ms" in swept:  # Any other one: a `hold_ms` that was set does not follow it.
        gestures = gestures.changed(tap_timeout_ms=float(gestures.tap_timeout_ms == 0))
    return gestures.by_measures and not _OF_DIALECTS & swept


class Sweep(msgspec.Struct):
    """How classes move with thresholds.

    Attributes
    ----------
    axes : dict of str to tuple of float
        Threshold -> its values.
    rows : list of dict
        One for each setting that is allowed: the values of the axes, the number of strokes of each
        kind (``tap``, ..., ``none``), ``rage`` runs, and ``changed``, the strokes whose kind is not
        that of the configuration.
    strokes : int
    left_out : int
        Settings that no configuration may have: a drag distance below the touch slop.
    base : dict
        The row of the configuration as it is.
    """

    axes: dict[str, tuple[float, ...]]
    rows: list[dict[str, float]]
    strokes: int
    left_out: int
    base: dict[str, float]


def sweep(
    strokes: Strokes | Touches, axes: Mapping[str, Sequence[float]], base: GestureConfig | None = None
) -> Sweep:
    """Classify strokes under every combination of thresholds.

    Parameters
    ----------
    strokes : Strokes or Touches
    axes : mapping of str to sequence of float
        Fields of `capture.GestureConfig` (`SWEPT`), each with the values that it is to take.
    base : GestureConfig, optional
        The other thresholds, and the kinds to compare with.

    Raises
    ------
    ConfigError
        When a field cannot be swept, a value is not allowed, or there are too many settings.
    """
    base = GestureConfig() if base is None else base
    for field, values in axes.items():
        if field not in SWEPT:
            raise ConfigError(f"{field}: cannot be swept; expected one of {', '.join(SWEPT)}")
        if not values:
            raise ConfigError(f"gestures.{field}: expected at least one value")
    settings = list(_settings(base, axes))
    now = strokes.classify(base).kind
    result = Sweep(
        axes={field: tuple(values) for field, values in axes.items()},
        rows=[],
        strokes=len(strokes),
        left_out=0,
        base=_row({field: getattr(base, field) for field in axes}, strokes, base, now),
    )
    for chosen, gestures in settings:
        if gestures is None:
            result.left_out += 1
        else:
            result.rows.append(_row(chosen, strokes, gestures, now))
    return result


def _settings(
    base: GestureConfig, axes: Mapping[str, Sequence[float]]
) -> Iterator[tuple[dict[str, float], GestureConfig | None]]:
    count = math.prod(map(len, axes.values()))
    if count > MAX_SETTINGS:
        raise ConfigError(f"{count} settings: expected at most {MAX_SETTINGS}")
    for combination in itertools.product(*axes.values()):
        chosen = dict(zip(axes, combination, strict=True))
        slop = chosen.get("touch_slop_dp", base.touch_slop_dp)
        if base.has_default_lens and chosen.get("drag_distance_dp", base.drag_distance_dp) < slop:
            yield chosen, None
        else:
            yield chosen, base.changed(**chosen)


def _row(
    values: dict[str, float], strokes: Strokes | Touches, gestures: GestureConfig, now: np.ndarray[Any, Any]
) -> dict[str, float]:
    classes = strokes.classify(gestures)
    return {
        **values,
        **kinds.counts(KINDS, classes.kind),
        "rage": int(np.count_nonzero(classes.rage)),
        "changed": int(np.count_nonzero(classes.kind != now)),
    }


def parse_range(text: str) -> tuple[float, ...]:
    """Return the values of ``8:32:2`` (both ends belong to it), ``8,12,24`` or ``16``.

    Raises
    ------
    ValueError
        When it is none of them, or has no value.
    """
    wanted = "expected FROM:TO:STEP, or values with commas between"
    try:
        if ":" not in text:
            return tuple(_number(part) for part in text.split(","))
        first, last, step = (_number(part) for part in text.split(":"))
    except ValueError:
        raise ValueError(f"{text!r}: {wanted}") from None
    if step <= 0 or last < first:
        raise ValueError(f"{text!r}: {wanted}, with TO at least FROM and STEP above 0")
    # The end belongs to it although 0.1 has no exact float; sums of steps would drift.
    count = int((last - first) / step + 1e-9) + 1
    if count > MAX_SETTINGS:
        raise ValueError(f"{text!r}: {count} values; expected at most {MAX_SETTINGS}")
    return tuple(_tidy(first + index * step) for index in range(count))


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return _tidy(value)


def _tidy(value: float) -> float:
    """Return a whole number as int, as counts need it; anything else without the dust of its sum."""
    value = round(value, 9)
    return int(value) if value == int(value) else value
