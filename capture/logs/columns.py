"""Column maps: which column of a table holds what, and tables to touch samples.

A map is written ``time=ts,x=posX,y=posY,action=event:touchstart=down|touchend=up,time-unit=ms``. A
column is named, or given by its number from 1 as ``#3``; several joined with ``+`` make a stream.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

import msgspec

from capture.errors import TouchLogError
from capture.gestures.samples import TouchSamples
from capture.optional import require

__all__ = ["ACTION_WORDS", "PRESETS", "ColumnMap", "Converter", "need_arrow"]

_SAMPLE_COLUMNS = ("stream", "pointer", "action", "time", "x", "y")
_NEEDED = ("action", "time", "x", "y")
_UNITS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}
_SEPARATORS = {"comma": ",", "tab": "\t", "semicolon": ";", "blank": " "}
#: An action that no touch sample has: the recognizer ignores and counts it.
_UNKNOWN_ACTION = 255

#: What sources call the actions.
ACTION_WORDS = {
    "down": 0, "up": 1, "move": 2, "cancel": 3, "canceled": 3, "cancelled": 3,
    "touchdown": 0, "touchstart": 0, "touchup": 1, "touchend": 1, "touchmove": 2, "touchcancel": 3,
    "action_down": 0, "action_up": 1, "action_move": 2, "action_cancel": 3,
    "begin": 0, "start": 0, "end": 1, "update": 2, "0": 0, "1": 1, "2": 2, "3": 3,
}  # fmt: skip

#: Maps of data sets that many people have, by name.
PRESETS = {
    "touchalytics": "header=no,stream=#1+#2+#3,time=#4,action=#5,x=#7,y=#8,time-unit=ms",
    "hmog": (
        "header=no,stream=#3,time=#2,pointer=#5,action=#6:0=down|1=up|2=move|3=cancel|5=down|6=up,"
        "x=#7,y=#8,time-unit=ms"
    ),
}


class ColumnMap(msgspec.Struct, frozen=True, kw_only=True):
    """Which column holds what.

    Attributes
    ----------
    columns : dict of str to list of str
        Sample column -> columns of the table.
    actions : dict of str to int
        What stands in the action column -> `Action`; empty where the usual words and numbers stand.
    unit_ns : int
        What one unit of time is in nanoseconds.
    header : bool
        Whether the first row names the columns.
    separator : str or None
        Between fields of text; None finds it.
    fraction : bool
        Whether x and y are fractions of the screen.
    """

    columns: dict[str, list[str]]
    actions: dict[str, int] = {}
    unit_ns: int = 1
    header: bool = True
    separator: str | None = None
    fraction: bool = False

    @classmethod
    def parse(cls, text: str | None) -> ColumnMap:
        """Read a map, or the name of a preset; None is the common form.

        Raises
        ------
        ValueError
            That says what is wrong in the map.
        """
        if text is None:
            return cls(columns={name: [name] for name in _SAMPLE_COLUMNS})
        columns: dict[str, list[str]] = {}
        settings: dict[str, Any] = {}
        for part in PRESETS.get(text, text).split(","):
            key, equals, value = part.partition("=")
            key = key.strip()
            if not equals or not value:
                raise ValueError(f"column map: {part!r}: expected KEY=COLUMN")
            if key == "action" and ":" in value:
                value, _, words = value.partition(":")
                settings["actions"] = _actions(words)
            if key in _SAMPLE_COLUMNS:
                columns[key] = value.split("+") if key == "stream" else [value]
            else:
                settings |= _setting(key, value)
        missing = [name for name in _NEEDED if name not in columns]
        if missing:
            raise ValueError(f"column map: {', '.join(missing)} missing; presets: {', '.join(PRESETS)}")
        return cls(columns=columns, **settings)

    def check_screen(self, screen: tuple[int, int] | None) -> None:
        """Raise a ValueError when positions are fractions of a screen that is not known."""
        if self.fraction and screen is None:
            raise ValueError("positions are fractions of the screen: give its size with --screen WxH")

    def chosen(self, names: list[str]) -> dict[str, list[str]]:
        """Return the map for a table with these columns; optional columns that it lacks are left out.

        Raises
        ------
        ValueError
            When a column is not there.
        """
        chosen: dict[str, list[str]] = {}
        for role, wanted in self.columns.items():
            lacking = [name for name in wanted if name not in names]
            if not lacking:
                chosen[role] = wanted
            elif role in _NEEDED or wanted != [role]:
                there = ", ".join(names[:20])
                raise ValueError(f"there is no column {lacking[0]!r} for {role}; there are: {there}")
        return chosen


def need_arrow(path: str) -> None:
    """Raise a TouchLogError that says what to install when pyarrow is missing."""
    require("pyarrow", "a table", partial(TouchLogError, path=path))


class Converter:
    """Record batches to touch samples, by a column map.

    Parameters
    ----------
    column_map : ColumnMap
        What is where.
    chosen : dict
        Its columns that the table has (`ColumnMap.chosen`).
    screen : (int, int) or None
        For positions that are fractions.
    """

    def __init__(
        self, column_map: ColumnMap, chosen: dict[str, list[str]], screen: tuple[int, int] | None
    ) -> None:
        self._map = column_map
        self._chosen = chosen
        self._scale = screen if column_map.fraction and screen else (1, 1)
        self._streams: dict[Any, int] = {}
        self._last_time: int | None = None
        self.skipped = 0
        self.went_back = 0

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
            if action.null_count or time.null_count:
                keep = action.is_valid().to_numpy(zero_copy_only=False)
                keep &= time.is_valid().to_numpy(zero_copy_only=False)
                self.skipped += int((~keep).sum())
                batch = batch.filter(pa.array(keep))
                action, time = action.filter(pa.array(keep)), time.filter(pa.array(keep))
            return self._columns(batch, action, time)
        except pa.ArrowException as error:
            raise ValueError(str(error)) from None

    def count_doubts(self, warnings: Counter[str]) -> None:
        """Add what was skipped or doubtful to the warnings of a log."""
        warnings += Counter(skipped_rows=self.skipped, time_went_back=self.went_back)

    def _columns(self, batch: Any, action: Any, time: Any) -> TouchSamples:
        import numpy as np
        import pyarrow as pa

        times = time.to_numpy(zero_copy_only=False)
        if len(times):
            self.went_back += int(np.count_nonzero(times[1:] < times[:-1]))
            self.went_back += self._last_time is not None and int(times[0]) < self._last_time
            self._last_time = int(times[-1])
        pointer = None
        if "pointer" in self._chosen:
            pointer = _filled(self._column(batch, "pointer").cast(pa.int32()))
        return TouchSamples(
            stream=self._stream(batch),
            pointer=pointer,
            action=_filled(action),
            time=times,
            x=self._position(batch, "x", self._scale[0]),
            y=self._position(batch, "y", self._scale[1]),
        )

    def _column(self, batch: Any, role: str) -> Any:
        return batch.column(self._chosen[role][0])

    def _position(self, batch: Any, role: str, scale: int) -> Any:
        import numpy as np
        import pyarrow as pa

        column = self._column(batch, role)
        if pa.types.is_decimal(column.type) or pa.types.is_string(column.type):
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
        if pa.types.is_timestamp(kind):
            return column.cast(pa.timestamp("ns")).cast(pa.int64())
        if pa.types.is_decimal(kind):
            # Exact: a float64 could not hold the microseconds of an epoch in seconds.
            digits = pa.scalar(self._map.unit_ns, pa.decimal128(10, 0))
            return (
                pc.round(pc.multiply(column, digits)).cast(pa.decimal128(38, 0), safe=False).cast(pa.int64())
            )
        if pa.types.is_floating(kind):
            return pc.round(pc.multiply(column, float(self._map.unit_ns))).cast(pa.int64())
        column = column.cast(pa.int64())
        return column if self._map.unit_ns == 1 else pc.multiply_checked(column, self._map.unit_ns)

    def _actions(self, batch: Any) -> Any:
        import pyarrow as pa
        import pyarrow.compute as pc

        column = self._column(batch, "action")
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        words = self._map.actions
        if not pa.types.is_string(column.type) and not pa.types.is_large_string(column.type):
            if not words:
                return _bytes(column)
            column = column.cast(pa.string())
        words = words or ACTION_WORDS
        lowered = pc.utf8_lower(pc.utf8_trim_whitespace(column))
        index = pc.index_in(lowered, pa.array(list(words)))
        return pa.array(list(words.values()), pa.uint8()).take(index)

    def _stream(self, batch: Any) -> Any:
        import pyarrow as pa

        names = self._chosen.get("stream")
        if names is None:
            return None
        if len(names) == 1 and pa.types.is_integer(batch.column(names[0]).type):
            return _filled(batch.column(names[0]).cast(pa.int64()))
        rows = zip(*(batch.column(name).to_pylist() for name in names), strict=True)
        numbers = [self._streams.setdefault(row, len(self._streams)) for row in rows]
        return _filled(pa.array(numbers, pa.int64()))


def _bytes(column: Any) -> Any:
    """Return integers as uint8; one that does not fit is an unknown action."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if column.type == pa.uint8():
        return column
    numbers = column.cast(pa.int64())
    small = numbers.cast(pa.uint8(), safe=False)
    if pc.all(pc.equal(small, numbers)).as_py() is not False:
        return small
    known = pc.and_(pc.greater_equal(numbers, 0), pc.less_equal(numbers, 255))
    return pc.if_else(known, numbers, _UNKNOWN_ACTION).cast(pa.uint8())


def _filled(column: Any) -> Any:
    """Return a column as numpy; an empty cell is 0."""
    if column.null_count:
        column = column.fill_null(0)
    return column.to_numpy(zero_copy_only=False)


def _actions(words: str) -> dict[str, int]:
    actions: dict[str, int] = {}
    for part in words.split("|"):
        word, _, action = part.partition("=")
        if action not in ACTION_WORDS:
            raise ValueError(f"column map: action {part!r}: expected WORD=down, up, move or cancel")
        actions[word.strip().lower()] = ACTION_WORDS[action]
    return actions


def _setting(key: str, value: str) -> dict[str, Any]:
    """Return a setting of the map that is no column."""
    if key == "time-unit" and value in _UNITS:
        return {"unit_ns": _UNITS[value]}
    if key == "header" and value in {"yes", "no"}:
        return {"header": value == "yes"}
    if key == "separator" and value in _SEPARATORS:
        return {"separator": _SEPARATORS[value]}
    if key == "position" and value in {"px", "fraction"}:
        return {"fraction": value == "fraction"}
    raise ValueError(
        f"column map: {key}={value}: expected {', '.join(_SAMPLE_COLUMNS)}, time-unit=ns|us|ms|s, "
        "header=yes|no, separator=comma|tab|semicolon|blank or position=px|fraction"
    )
