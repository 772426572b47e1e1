"""The meaning of columns and of JSON keys by their names, and by some of the cells below."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

from capture.logs.columns import ACTION_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "are_guessed",
    "bare_name",
    "guess",
    "has_place_names",
    "is_number",
    "named_roles",
    "named_unit",
    "other_devices",
    "place_units",
    "time_name",
]

#: A unit at the end of a name: a part of its own, or behind a word for a time.
_UNIT = re.compile(
    r"(?:^|[\W_])(ns|nanos|us|micros|ms|millis|msec|sec|secs|seconds|s|cs|days|[Tt]icks)\W*$"
    r"|(?:time|stamp|epoch|elapsed|t)(Ns|Nanos|Us|Micros|Ms|Millis|Sec|Seconds|ms|Ticks)$"
)
_UNIT_NAMES = {
    "ns": "ns", "nanos": "ns", "us": "us", "micros": "us", "ms": "ms", "millis": "ms", "msec": "ms", "s": "s",
    "sec": "s", "secs": "s", "seconds": "s", "cs": "cs", "days": "days", "ticks": "ticks",
}  # fmt: skip
_PLACE_UNIT = re.compile(r"(%)\W*$|[\W_](percent|pct|mm|cm)\W*$", re.IGNORECASE)
_NUMBER = re.compile(r"-?\d+(?:[.,]\d+)?")
#: Share of known actions in a column whose name promises actions.
_KNOWN_PART = 0.8

#: Of what words of actions tell: the first of several is the one whose events the others repeat.
_DEVICES = ("touch", "pointer", "mouse")

#: Names that tell the meaning of a column, without case and signs.
_GUESSES = {
    "time": (
        "time,timestamp,t,ts,timems,timens,timeus,times,eventtime,timestampms,timestampus,timestampns,datetime,"
        "millis,ms,systime,uptime,elapsed,elapsedtime,elapsedms,epoch,epochms,tms,tus,tns,eventtimestamp,date,"
        "dateandtime,timeofday,clock,localtime,utc,timesec,seconds,secs,realtimesincestartup,"
        "createdat,recordedat,occurredat,loggedat,receivedat"
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
    "stream": (
        "stream,session,sessionid,userid,user,participantid,participant,subjectid,subject,playerid,player"
    ),
}

#: Names of points that are lists or texts of two numbers.
_PAIRS = {
    "position", "pos", "point", "location", "loc", "coords", "coord", "coordinates", "xy", "touch", "place",
    "pt", "center", "centre", "coordinate",
}  # fmt: skip


def bare_name(name: str) -> str:
    """Return the name of a column without case and signs."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def named_unit(name: str) -> str | None:
    """Return the unit of time that the name of a column ends in; None without one."""
    found = _UNIT.search(name)
    return None if found is None else _UNIT_NAMES[(found[1] or found[2]).lower()]


def place_units(cells: Mapping[str, Sequence[str]], x: str, y: str) -> list[str]:
    """Return the unit of places as a part of a map, where both names or some cells of the columns tell."""
    found = [_PLACE_UNIT.search(name) for name in (x, y)]
    units = {(each[1] or each[2]).lower() if each else "" for each in found}
    unit = units.pop() if len(units) == 1 else ""
    if unit in {"mm", "cm"}:
        return [f"x-unit={unit}"]
    if _are_parts(cells.get(x, ()), cells.get(y, ())):
        return ["position=fraction"]
    return ["x-unit=percent"] if unit else []


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
    if unit := named_unit(found["time"]):
        parts.append(f"time-unit={unit}")
    return ",".join([*parts, *place_units(action_cells, found["x"], found["y"])])


def _are_other_codes(cells: Sequence[str], *, alone: bool) -> bool:
    """Return whether the numbers of actions cannot be those of Android: 0 down, 1 up, 2 move.

    Without a 0 no finger ever comes down. What follows an up of the only finger is a down, and that of one of
    several now and then.
    """
    codes = [cell.removesuffix(".0") for cell in cells]
    after = Counter(later == "0" for code, later in pairwise(codes) if code == "1")
    return "0" not in codes or after[False] > after[True] * (1 if alone else 3)


def other_devices(words: Iterable[str]) -> set[str]:
    """Return the words of actions by which a mouse, or pointers, repeat the touches that others tell."""
    by_device = {device: {word for word in words if word.startswith(device)} for device in _DEVICES}
    there = [own for own in by_device.values() if own]
    return set().union(*there[1:])


def _are_parts(*columns: Sequence[str]) -> bool:
    """Return whether places are parts of a screen: all from 0 to 1, and several between."""
    try:
        places = [float(cell) for column in columns for cell in column]
    except ValueError:
        return False
    between = {place for place in places if place % 1}
    return len(between) > 2 and all(0 <= place <= 1 for place in places)
