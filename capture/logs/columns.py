"""Column maps: the meaning of each column of a table, or of each key of JSON records.

A map is written ``time=ts,x=posX,y=posY,action=event:touchstart=down|touchend=up,time-unit=ms``. A
column is named, in any case, or given by its number from 1 as ``#3``; several with ``+`` make a stream.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "ACTION_WORDS",
    "ALL_UNITS",
    "PRESETS",
    "UNITS",
    "ColumnMap",
    "listed",
]

_ROLES = ("stream", "pointer", "action", "time", "x", "y", "stroke", "down", "up", "duration", "x-up", "y-up")
_COMMON = ("stream", "pointer", "action", "time", "x", "y")
UNITS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}
#: Units that only a map, a name or a date in them tells: ticks of .NET and of Windows, days of spreadsheets.
ALL_UNITS = UNITS | {"ticks": 100, "cs": 10_000_000, "days": 86_400_000_000_000}
_SEPARATORS = {"comma": ",", "tab": "\t", "semicolon": ";", "pipe": "|", "blank": " "}
_PX_PER_MM = 160 / 25.4
#: Units of places: the far end of the screen in them, or px of 1/160 inch in one of them, negative.
_PLACES = {"px": 0.0, "percent": 100.0, "fraction": 1.0, "mm": -_PX_PER_MM, "cm": -10 * _PX_PER_MM}
_COLUMNS_NAMED = 24
_DOWN, _UP, _MOVE, _CANCEL = range(4)
_WORDS = {
    "down": _DOWN, "began": _DOWN, "begin": _DOWN, "start": _DOWN, "started": _DOWN, "press": _DOWN,
    "pressed": _DOWN, "up": _UP, "ended": _UP, "end": _UP, "release": _UP, "released": _UP, "lift": _UP,
    "stop": _UP, "stopped": _UP, "finish": _UP, "finished": _UP, "motion": _MOVE, "hold": _MOVE,
    "move": _MOVE, "moved": _MOVE, "stationary": _MOVE, "drag": _MOVE, "dragged": _MOVE, "update": _MOVE,
    "changed": _MOVE, "cancel": _CANCEL, "canceled": _CANCEL, "cancelled": _CANCEL,
}  # fmt: skip
_BEFORE_WORDS = (
    "", "touch", "touch_", "touch ", "touches", "ontouch", "finger", "finger_", "finger ", "pointer",
    "pointer_", "onpointer", "mouse", "mouse_", "onmouse", "action_", "motionevent.action_", "touchphase.",
    "uitouchphase.", "uitouchphase", "touch-", "finger-", "pointer-", "mouse-", "sdl_finger", "mousebutton",
    "tap_", "event.", "event_", "on_touch_", "on_pointer_", "on_mouse_", "touchpoint", "qt.touchpoint",
)  # fmt: skip
#: Names of the actions in sources.
ACTION_WORDS = {before + word: action for before in _BEFORE_WORDS for word, action in _WORDS.items()}
ACTION_WORDS |= {
    f"{before}pointer{word}event": action
    for before in ("", "_transformed")
    for word, action in _WORDS.items()
}
ACTION_WORDS |= {
    f"on{pan}responder{word}": action
    for pan in ("", "pan")
    for word, action in {"grant": _DOWN, "move": _MOVE, "release": _UP, "terminate": _CANCEL}.items()
}
ACTION_WORDS |= dict(zip("0123", range(4), strict=True)) | dict(zip("dumc", range(4), strict=True))

#: Maps of data sets and tools that many people have, by name.
PRESETS = {
    "touchalytics": "header=no,stream=#1+#2+#3,time=#4,action=#5,x=#7,y=#8,time-unit=ms",
    "hmog": (
        "header=no,stream=#3,time=#2,pointer=#5,action=#6:0=down|1=up|2=move|3=cancel|5=down|6=up,"
        "x=#7,y=#8,time-unit=ms"
    ),
    "mobikey": "stream=SessionId,down=DownTime,up=UpTime,x=RawX,y=RawY,time-unit=ms",
    "unity": (
        "time=time,x=x,y=y,pointer=fingerId,time-unit=s,"
        "action=touchPhase:Began=down|Moved=move|Stationary=move|Ended=up|Canceled=cancel"
    ),
    "bluestacks": (
        "records=Events,time=Timestamp,x=X,y=Y,time-unit=ms,x-unit=percent,"
        "action=EventType:MouseDown=down|MouseMove=move|MouseUp=up"
    ),
}


class ColumnMap(msgspec.Struct, frozen=True, kw_only=True):
    """The meaning of each column.

    Attributes
    ----------
    columns : dict of str to list of str
        Role -> columns of the table.
    actions : dict of str to int
        Words of the action column -> `Action`; empty for the usual words and numbers.
    unit_ns : int or None
        Nanoseconds in a unit of time; None if not in the map.
    header : bool
        Whether the first row names the columns.
    separator : str or None
        Between fields of text; None finds it.
    comment : str
        Prefix of lines that are no rows.
    deltas : bool
        Whether times are those since the row before.
    gap_ns : int or None
        Without an action column: a longer pause begins a stroke.
    only : tuple of (str, str)
        Only rows with this value in this column count.
    records : str
        Where the lists of records are in JSON: keys joined by dots, ``*`` for every key.
    whole : (float, float)
        x and y at the far end of the screen: 100 or 1; 0 for px; px in a unit of length, negative.
    common : bool
        Whether it is the common form, whose unit of time is ns.
    guessed : bool
        Whether the columns were guessed by their names.
    """

    columns: dict[str, list[str]]
    actions: dict[str, int] = {}
    unit_ns: int | None = None
    header: bool = True
    separator: str | None = None
    comment: str = ""
    deltas: bool = False
    gap_ns: int | None = None
    only: tuple[tuple[str, str], ...] = ()
    records: str = ""
    whole: tuple[float, float] = (0.0, 0.0)
    common: bool = False
    guessed: bool = False

    @classmethod
    def parse(cls, text: str | None) -> ColumnMap:
        """Read a map, or the name of a preset; without columns it is the common form.

        Raises
        ------
        ValueError
            That names the mistake in the map.
        """
        columns: dict[str, list[str]] = {}
        settings: dict[str, Any] = {}
        for part in PRESETS.get(text, text).split(",") if text is not None else ():
            key, equals, value = part.partition("=")
            key = key.strip()
            if not equals or not value:
                raise ValueError(
                    f"column map: {part!r}: expected KEY=COLUMN, or a preset: {', '.join(PRESETS)}"
                )
            if key == "action" and ":" in value:
                value, _, words = value.partition(":")
                settings["actions"] = _actions(words)
            if key in {"time", "delta"}:
                key, settings["deltas"] = "time", key == "delta"
            if key in _ROLES:
                columns[key] = value.split("+") if key == "stream" else [value]
            else:
                _set(settings, key, value)
        if "x_unit" in settings or "y_unit" in settings:
            x = settings.pop("x_unit", 0.0)
            settings["whole"] = x, settings.pop("y_unit", x)
        if not columns and settings.keys().isdisjoint({"header", "gap_ns"}):
            return cls(columns={name: [name] for name in _COMMON}, common=True, **{"unit_ns": 1, **settings})
        _check(columns, settings)
        return cls(columns=columns, **settings)

    @property
    def makes_strokes(self) -> bool:
        """Whether strokes are made of the rows: no column has actions."""
        return "action" not in self.columns and "down" not in self.columns

    def scales(self, size: tuple[int, int]) -> list[float]:
        """Return the px in a unit of x and of y, on a screen of this size."""
        return [
            side / whole if whole > 0 else -whole or 1.0 for side, whole in zip(size, self.whole, strict=True)
        ]

    def chosen(self, names: Sequence[str]) -> dict[str, list[str]]:
        """Return the map for a table with these columns; optional columns that it lacks are left out.

        Raises
        ------
        ValueError
            When a column is not there, or occurs twice.
        """
        lower: dict[str, str] = {}
        for name in names:
            lower.setdefault(name.lower(), name)
        chosen: dict[str, list[str]] = {}
        for role, wanted in self.columns.items():
            found = [name if name in names else lower.get(name.strip().lower()) for name in wanted]
            there = [name for name in found if name is not None]
            if len(there) == len(wanted):
                chosen[role] = there
            elif not (self.common and role in {"stream", "pointer"}):
                lacking = next(name for name, at in zip(wanted, found, strict=True) if at is None)
                raise ValueError(f"there is no column {lacking!r} for {role}; there are: {listed(names)}")
        doubled = [name for there in chosen.values() for name in there if names.count(name) > 1]
        if doubled:
            raise ValueError(f"the column {doubled[0]!r} occurs twice: rename one of them")
        for column, _ in self.only:
            if column not in names and column.lower() not in lower:
                raise ValueError(f"there is no column {column!r} for only; there are: {listed(names)}")
        return chosen

    def cells(
        self, chosen: Mapping[str, list[str]], columns: Mapping[str, Sequence[Any]], count: int
    ) -> dict[str, Any]:
        """Return the cells of rows by role; with `only`, whether each row has the values that are wanted.

        Parameters
        ----------
        chosen : dict of str to list of str
            Columns of each role.
        columns : dict of str to sequence
        count : int
            How many rows there are.
        """
        empty = [None] * count
        cells: dict[str, Any] = {}
        for role, names in chosen.items():
            parts = [columns.get(name, empty) for name in names]
            cells[role] = list(zip(*parts, strict=True)) if len(parts) > 1 else parts[0]
        if self.only:
            lower = {name.lower(): column for name, column in columns.items()}
            tests = [(columns.get(name, lower.get(name.lower(), empty)), value) for name, value in self.only]
            cells["only"] = [
                all(str(column[at]).strip() == value for column, value in tests) for at in range(count)
            ]
        return cells


def listed(names: Sequence[str]) -> str:
    """Return the names of columns for a message."""
    more = f", ... ({len(names)} in all)" if len(names) > _COLUMNS_NAMED else ""
    return ", ".join(names[:_COLUMNS_NAMED]) + more


def _actions(words: str) -> dict[str, int]:
    actions: dict[str, int] = {}
    for part in words.split("|"):
        word, _, action = part.partition("=")
        if action not in ACTION_WORDS:
            raise ValueError(f"column map: action {part!r}: expected WORD=down, up, move or cancel")
        actions[word.strip().lower()] = ACTION_WORDS[action]
    return actions


def _set(settings: dict[str, Any], key: str, value: str) -> None:
    """Note a setting of the map that is no column."""
    column, colon, wanted = value.partition(":")
    if key == "time-unit" and value in ALL_UNITS:
        settings["unit_ns"] = ALL_UNITS[value]
    elif key == "header" and value in {"yes", "no"}:
        settings["header"] = value == "yes"
    elif key == "separator" and value in _SEPARATORS:
        settings["separator"] = _SEPARATORS[value]
    elif key == "position" and value in {"px", "fraction"}:
        settings["whole"] = (_PLACES[value],) * 2
    elif key in {"x-unit", "y-unit"} and value in _PLACES:
        settings[key.replace("-", "_")] = _PLACES[value]
    elif key == "comment" and len(value) <= 8:
        settings["comment"] = value
    elif key == "records":
        settings["records"] = value
    elif key == "gap" and value.isdecimal() and 0 < int(value) < 10**9:
        settings["gap_ns"] = int(value) * 1_000_000
    elif key == "only" and colon and column:
        settings["only"] = (*settings.get("only", ()), (column, wanted.strip()))
    else:
        raise ValueError(
            f"column map: {key}={value}: expected {', '.join(_ROLES)}, delta, "
            f"time-unit={'|'.join(ALL_UNITS)}, x-unit or y-unit={'|'.join(_PLACES)}, gap=MS, "
            "only=COLUMN:VALUE, comment=SIGN, records=PATH, header=yes|no, "
            "separator=comma|tab|semicolon|pipe|blank or position=px|fraction"
        )


def _check(columns: dict[str, list[str]], settings: dict[str, Any]) -> None:
    taps = "down" in columns and not {"up", "duration"}.isdisjoint(columns)
    needed = {"x", "y"} if taps else {"x", "y", "time"}
    missing: list[str] = sorted(needed - columns.keys())
    if not taps and not ({"action", "stroke"} & columns.keys() or "gap_ns" in settings):
        missing.insert(0, "action (or stroke, gap, or down and up)")
    if missing:
        raise ValueError(f"column map: {', '.join(missing)} missing; presets: {', '.join(PRESETS)}")
