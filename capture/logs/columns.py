"""Column maps: the meaning of each column of a table, or of each key of JSON records.

A map is written ``time=ts,x=posX,y=posY,action=event:touchstart=down|touchend=up,time-unit=ms``. A
column is named, in any case, or given by its number from 1 as ``#3``; several with ``+`` make a stream.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "ACTION_WORDS",
    "PRESETS",
    "UNITS",
    "ColumnMap",
    "are_guessed",
    "bare_name",
    "guess",
    "has_place_names",
    "is_number",
    "listed",
    "named_roles",
    "other_devices",
    "time_name",
]

_ROLES = ("stream", "pointer", "action", "time", "x", "y", "stroke", "down", "up", "x-up", "y-up")
_COMMON = ("stream", "pointer", "action", "time", "x", "y")
UNITS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}
_SEPARATORS = {"comma": ",", "tab": "\t", "semicolon": ";", "pipe": "|", "blank": " "}
_PLACES = {"px": 0.0, "percent": 100.0, "fraction": 1.0}
_COLUMNS_NAMED = 24
_NUMBER = re.compile(r"-?\d+(?:[.,]\d+)?")
#: Share of known actions in a column whose name promises actions.
_KNOWN_PART = 0.8

_DOWN, _UP, _MOVE, _CANCEL = range(4)
#: Of what words of actions tell: the first of several is the one whose events the others repeat.
_DEVICES = ("touch", "pointer", "mouse")
_WORDS = {
    "down": _DOWN, "began": _DOWN, "begin": _DOWN, "start": _DOWN, "started": _DOWN, "press": _DOWN,
    "pressed": _DOWN, "up": _UP, "ended": _UP, "end": _UP, "release": _UP, "released": _UP, "lift": _UP,
    "stop": _UP, "stopped": _UP, "finish": _UP, "finished": _UP, "motion": _MOVE, "hold": _MOVE,
    "move": _MOVE, "moved": _MOVE, "stationary": _MOVE, "drag": _MOVE, "dragged": _MOVE, "update": _MOVE,
    "cancel": _CANCEL, "canceled": _CANCEL, "cancelled": _CANCEL,
}  # fmt: skip
_BEFORE_WORDS = (
    "", "touch", "touch_", "touch ", "touches", "ontouch", "finger", "finger_", "finger ", "pointer",
    "pointer_", "onpointer", "mouse", "mouse_", "onmouse", "action_", "motionevent.action_", "touchphase.",
    "uitouchphase.", "uitouchphase", "touch-", "finger-", "pointer-", "mouse-", "sdl_finger", "mousebutton",
    "tap_", "event.", "event_", "on_touch_", "on_pointer_", "on_mouse_", "touchpoint", "qt.touchpoint",
)  # fmt: skip
#: Names of the actions in sources.
ACTION_WORDS = {before + word: action for before in _BEFORE_WORDS for word, action in _WORDS.items()}
ACTION_WORDS |= {f"pointer{word}event": action for word, action in _WORDS.items()}
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

#: Names that tell the meaning of a column, without case and signs.
_GUESSES = {
    "time": (
        "time,timestamp,t,ts,timems,timens,timeus,times,eventtime,timestampms,timestampus,timestampns,datetime,"
        "millis,ms,systime,uptime,elapsed,elapsedtime,elapsedms,epoch,epochms,tms,tus,tns,eventtimestamp,date,"
        "dateandtime,timeofday,clock,localtime,utc,timesec,seconds,secs,createdat,recordedat,occurredat,loggedat,"
        "receivedat"
    ),
    "x": (
        "x,posx,xpos,clientx,pagex,screenx,touchx,rawx,positionx,xposition,locationx,xcoordinate,coordx,xpx,"
        "xcoord,pointx,cx,px,touches0clientx,touches0pagex,changedtouches0clientx,changedtouches0pagex"
    ),
    "y": (
        "y,posy,ypos,clienty,pagey,screeny,touchy,rawy,positiony,yposition,locationy,ycoordinate,coordy,ypx,"
        "ycoord,pointy,cy,py,touches0clienty,touches0pagey,changedtouches0clienty,changedtouches0pagey"
    ),
    "action": (
        "action,event,eventtype,type,phase,touchphase,touchtype,state,eventname,touchevent,actiontype,"
        "touchaction,kind,act,evt,ev,touchstate,eventaction,motionevent,motion,eventkind,eventphase"
    ),
    "pointer": "pointer,pointerid,fingerid,finger,touchid,identifier,touchidentifier",
    "stream": "stream,session,sessionid",
}


#: Names of points that are lists or texts of two numbers.
_PAIRS = {
    "position",
    "pos",
    "point",
    "location",
    "loc",
    "coords",
    "coord",
    "coordinates",
    "xy",
    "touch",
    "place",
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
    gap_ns : int or None
        Without an action column: a longer pause begins a stroke.
    only : tuple of (str, str)
        Only rows with this value in this column count.
    records : str
        Where the lists of records are in JSON: keys joined by dots, ``*`` for every key.
    whole : (float, float)
        x and y at the far end of the screen: 100 or 1; 0 for px.
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
            raise ValueError(f"the column {doubled[0]!r} occurs twice")
        for column, _ in self.only:
            if column not in names and column.lower() not in lower:
                raise ValueError(f"there is no column {column!r} for only; there are: {listed(names)}")
        return chosen


def listed(names: Sequence[str]) -> str:
    """Return the names of columns for a message."""
    more = f", ... ({len(names)} in all)" if len(names) > _COLUMNS_NAMED else ""
    return ", ".join(names[:_COLUMNS_NAMED]) + more


def bare_name(name: str) -> str:
    """Return the name of a column without case and signs."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def is_number(cell: str) -> bool:
    """Return whether a cell is a number, with a decimal comma or a point."""
    return _NUMBER.fullmatch(cell) is not None


def named_roles(names: Sequence[str]) -> dict[str, str]:
    """Return the columns with known names: the whole name, or the last part of one with dots."""
    bare = {bare_name(name): name for name in reversed(names)}
    parts = Counter(bare_name(name.rpartition(".")[2]) for name in names)
    last = {bare_name(name.rpartition(".")[2]): name for name in names}
    last = {part: name for part, name in last.items() if parts[part] == 1}
    found: dict[str, str] = {}
    for role, words in _GUESSES.items():
        known = words.split(",")
        match = next((each[word] for each in (bare, last) for word in known if word in each), None)
        if match is not None:
            found[role] = match
    if not {"x", "y"} & found.keys():
        pair = next(
            (name[:-2] for name in names if name.endswith(".0") and bare_name(name[:-2]) in _PAIRS), None
        )
        if pair is not None and f"{pair}.1" in names:
            found |= {"x": f"{pair}.0", "y": f"{pair}.1"}
    return found


def time_name(names: Sequence[str]) -> str | None:
    """Return the name of the column of times; None if no name tells."""
    return named_roles(names).get("time")


def has_place_names(names: Sequence[str]) -> bool:
    """Return whether names of columns tell where the places are."""
    return {"x", "y"} <= named_roles(names).keys()


def are_guessed(names: Sequence[str]) -> bool:
    """Return whether names of columns tell where times, places and actions are."""
    known = named_roles([name for name in names if name[:1].isalpha() or name[:1] in {"_", '"'}])
    return {"time", "x", "y", "action"} <= known.keys()


def guess(names: Sequence[str], action_cells: dict[str, list[str]]) -> str | None:
    """Return a map by the names of columns; None if they do not suffice.

    Parameters
    ----------
    names : sequence of str
    action_cells : dict of str to list of str
        Some cells of each column: the actions must be words that are known.
    """
    found = named_roles(names)
    if not {"time", "x", "y", "action"} <= found.keys():
        return None
    cells = [cell.strip().lower() for cell in action_cells.get(found["action"], ()) if cell.strip()]
    known = sum(cell in ACTION_WORDS for cell in cells)
    if not known or known < _KNOWN_PART * len(cells) or any("," in name for name in found.values()):
        return None
    if all(cell[:1].isdigit() for cell in cells) and _are_other_codes(cells, alone="pointer" not in found):
        return None
    parts = [f"{role}={name}" for role, name in found.items()]
    if _are_parts(action_cells.get(found["x"], ()), action_cells.get(found["y"], ())):
        parts.append("position=fraction")
    return ",".join(parts)


def _are_other_codes(cells: Sequence[str], *, alone: bool) -> bool:
    """Return whether the numbers of actions cannot be those of Android: 0 down, 1 up, 2 move.

    Without a 0 no finger ever comes down, and what follows an up of the only finger is a down.
    """
    codes = [cell.removesuffix(".0") for cell in cells]
    after = Counter(later for code, later in pairwise(codes) if code == "1")
    return "0" not in codes or (alone and after["2"] > after["0"])


def other_devices(words: Iterable[str]) -> set[str]:
    """Return the words of actions by which a mouse, or pointers, repeat the touches that others tell."""
    by_device = {device: {word for word in words if word.startswith(device)} for device in _DEVICES}
    there = [of for of in by_device.values() if of]
    return set().union(*there[1:])


def _are_parts(*columns: Sequence[str]) -> bool:
    """Return whether places are parts of a screen: all from 0 to 1, and several between."""
    try:
        places = [float(cell) for column in columns for cell in column]
    except ValueError:
        return False
    return all(0 <= place <= 1 for place in places) and len({place for place in places if place % 1}) > 2


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
    if key == "time-unit" and value in UNITS:
        settings["unit_ns"] = UNITS[value]
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
        settings["only"] = (*settings.get("only", ()), (column, wanted))
    else:
        raise ValueError(
            f"column map: {key}={value}: expected {', '.join(_ROLES)}, time-unit=ns|us|ms|s, x-unit or "
            "y-unit=px|percent|fraction, gap=MS, only=COLUMN:VALUE, comment=SIGN, records=PATH, "
            "header=yes|no, separator=comma|tab|semicolon|pipe|blank or position=px|fraction"
        )


def _check(columns: dict[str, list[str]], settings: dict[str, Any]) -> None:
    taps = "down" in columns and "up" in columns
    needed = {"x", "y"} if taps else {"x", "y", "time"}
    missing: list[str] = sorted(needed - columns.keys())
    if not taps and not ({"action", "stroke"} & columns.keys() or "gap_ns" in settings):
        missing.insert(0, "action (or stroke, gap, or down and up)")
    if missing:
        raise ValueError(f"column map: {', '.join(missing)} missing; presets: {', '.join(PRESETS)}")
