"""A column map to copy, where the names of columns do not tell enough: by their names and what is in them."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

from capture.errors import TouchLogError
from capture.logs.columns import ACTION_WORDS, ALL_UNITS, UNITS
from capture.logs.names import bare_name, is_number, named_roles, named_unit, place_units
from capture.logs.times import Moments
from capture.logs.units import PARTS, Deltas, Unit, exact_times

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["suggestion"]

#: A column of actions has no more words than this.
_WORDS = 6
#: Columns with the number of a stroke, and with 1 while a finger is down.
_STROKES = {
    "stroke", "strokeid", "strokeno", "strokenumber", "strokeindex", "gesture", "gestureid", "swipe",
    "swipeid", "swipenumber", "touchid", "touchidentifier", "pointerid", "fingerid", "path", "pathid",
    "segment",
}  # fmt: skip
#: Columns of times since the row before, and of the numbers of rows.
_DELTAS = {
    "dt", "dtms", "dts", "delta", "deltams", "deltat", "deltatime", "deltatimems", "timedelta", "interval",
}  # fmt: skip
_COUNTERS = {"frame", "frameno", "frameindex", "index", "row", "no", "sample", "count"}
_PRESSED = {"pressed", "ispressed", "isdown", "down", "touching", "contact", "button", "buttons", "touched"}
_NAMES = {0: "down", 1: "up", 2: "move", 3: "cancel"}
_ORDER = ("down", "move", "up", "cancel")
_PLACEHOLDERS = {"down": "START", "move": "MOVE", "up": "END"}
_BOOLEANS = ({"0", "1"}, {"false", "true"})
#: Columns of a table with one row for each stroke: of times, of x and of y, at its DOWN and at its UP.
_AROUND = {
    "down": "start,starttime,starts,startms,begin,begintime,down,downtime,timestart,timedown,tstart,t0",
    "up": "end,endtime,ends,endms,up,uptime,timeend,timeup,tend,touchup,stop,stoptime,release,releasetime",
    "duration": "duration,durationms,durations,dur,durms,elapsed,elapsedms,length,lengthms",
    "x": "startx,xstart,downx,xdown,beginx,xbegin,fromx,xfrom,x0,x1,x",
    "y": "starty,ystart,downy,ydown,beginy,ybegin,fromy,yfrom,y0,y1,y",
    "x-up": "endx,xend,upx,xup,tox,xto,stopx,xstop,x2,x1",
    "y-up": "endy,yend,upy,yup,toy,yto,stopy,ystop,y2,y1",
}
#: Median durations of strokes that tell the unit of their times (ns).
_SHORTEST_NS, _LONGEST_NS = 20 * UNITS["ms"], 5 * UNITS["s"]
#: The shortest median gap of times in ticks (1 ms).
_SHORTEST_TICKS = 10_000


def suggestion(names: Sequence[str], cells: Mapping[str, Sequence[str]]) -> str:
    """Return a map to copy, as far as the names and some cells of the columns tell.

    A word in capitals stands for what they do not tell.

    Parameters
    ----------
    names : sequence of str
        Of the columns; ``#1``, ``#2``, ... without a header.
    cells : dict of str to sequence of str
        Some cells of each.
    """
    # A comma ends a part of the map.
    filled = {
        name: [cell.strip() for cell in cells.get(name, ()) if cell.strip()]
        for name in names
        if "," not in name
    }
    parts = ["header=no"] if names and all(name.startswith("#") for name in names) else []
    if around := _around(filled):
        unit = _unit_of_durations(filled, around)
        return ",".join([*parts, *(f"{role}={name}" for role, name in around.items()), *unit])
    found = {role: name for role, name in named_roles(names).items() if name in filled}
    rest = {name: column for name, column in filled.items() if name not in found.values()}
    action = found.get("action") or _of_actions(rest)
    rest.pop(action or "", None)
    settings = ["time-unit=ms"]
    time = found.get("time") or _of_times(rest)
    delta = None
    if time is not None:
        rest.pop(time, None)
        settings = _unit(time, filled[time])
    elif delta := next((name for name in rest if bare_name(name) in _DELTAS and _read(rest[name])), None):
        settings = _unit(delta, [passed or "" for passed in Deltas().times(rest.pop(delta))])
    if not action and "pointer" in found:
        # Each touch has a number of its own.
        rest = {found["pointer"]: filled[found.pop("pointer")], **rest}
    stroke = None if action else next((name for name in rest if bare_name(name) in _STROKES), None)
    numbers = [name for name, column in rest.items() if _are_numbers(column) and name != stroke]
    numbers = [name for name in numbers if not _are_counted(rest[name]) and not _is_time(name)] or numbers
    # What has one value or two is likelier the number of a finger or of a screen.
    several = ([name for name in numbers if len(set(rest[name])) > least] for least in (2, 1))
    places = next((names for names in several if len(names) > 1), numbers)
    whole = not {"x", "y"} & found.keys() and len(places) > 1
    x, y = places[:2] if whole else (found.get("x", "X"), found.get("y", "Y"))
    parts += [f"delta={delta}" if delta else f"time={time or 'TIME'}", f"x={x}", f"y={y}"]
    parts += [f"{role}={found[role]}" for role in ("stream", "pointer") if role in found]
    parts.append(f"stroke={stroke}" if stroke else _actions(action, filled[action]) if action else "gap=200")
    return ",".join([*parts, *settings, *place_units(filled, x, y)])


def _is_time(name: str) -> bool:
    return (
        named_unit(name) is not None or re.search("time|stamp|dur|elapsed", name, re.IGNORECASE) is not None
    )


def _around(filled: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the columns of a table with one row for each stroke; none for another."""
    bare = {bare_name(name): name for name in reversed(list(filled))}
    found: dict[str, str] = {}
    for role, words in _AROUND.items():
        name = next((bare[word] for word in words.split(",") if word in bare), None)
        if name is not None and name not in found.values() and _is_filled(role, filled[name]):
            found[role] = name
    if "up" in found:
        found.pop("duration", None)
    return found if {"down", "x", "y"} <= found.keys() and {"up", "duration"} & found.keys() else {}


def _is_filled(role: str, column: Sequence[str]) -> bool:
    return _read(column) is not None if role in {"down", "up", "duration"} else _are_numbers(column)


def _are_numbers(column: Sequence[str]) -> bool:
    return bool(column) and all(map(is_number, column))


def _read(column: Sequence[str]) -> tuple[list[int], bool, bool] | None:
    """Return times in parts of their unit, whether with fractions, whether dates; None for others."""
    good = [True] * len(column)
    try:
        times, fractions, dates = exact_times(list(column), good, Moments())
    except TouchLogError:
        return None
    return (times, fractions, dates) if column and all(good) else None


def _of_times(rest: Mapping[str, Sequence[str]]) -> str | None:
    """Return the column of times: it rises, and is no number of the rows, or its name tells."""
    rising = [
        name for name, column in rest.items() if _is_rising(column) and bare_name(name) not in _COUNTERS
    ]
    named = [name for name in rising if re.search("time|stamp|date|zeit|clock", name, re.IGNORECASE)]
    return next(iter([*named, *(name for name in rising if not _are_counted(rest[name])), *rising]), None)


def _are_counted(column: Sequence[str]) -> bool:
    """Return whether cells are the numbers of the rows."""
    return all(
        later.isdecimal() and cell.isdecimal() and int(later) == int(cell) + 1
        for cell, later in pairwise(column)
    )


def _is_rising(column: Sequence[str]) -> bool:
    """Return whether cells are times that rise, most of them new."""
    read = _read(column)
    return read is not None and read[0] == sorted(read[0]) and len(set(read[0])) > max(2, len(column) // 2)


def _unit(name: str, column: Sequence[str]) -> list[str]:
    """Return the unit of the times as a part of the map; none for dates."""
    read = _read(column)
    if read is None:
        return ["time-unit=ms"]
    times, fractions, dates = read
    if dates:
        return []
    gaps = sorted(later - time for time, later in pairwise(times) if later > time)
    told = named_unit(name)
    # Ticks of other clocks are ms.
    if told and (told != "ticks" or not gaps or gaps[len(gaps) // 2] >= _SHORTEST_TICKS * PARTS):
        return [f"time-unit={told}"]
    unit = Unit(None)
    unit.decide(times, gaps, fractions=fractions)
    return [f"time-unit={name}" for name, ns in ALL_UNITS.items() if ns == unit.ns]


def _unit_of_durations(filled: Mapping[str, Sequence[str]], around: Mapping[str, str]) -> list[str]:
    if told := named_unit(around["down"]):
        return [f"time-unit={told}"]
    begins, ends = (_read(filled[around[role]]) for role in ("down", "up" if "up" in around else "duration"))
    if begins is None or ends is None or begins[2]:
        return []
    spans = ends[0] if "up" not in around else [b - a for a, b in zip(begins[0], ends[0], strict=False)]
    median = sorted(spans)[len(spans) // 2]
    fits = (name for name, ns in UNITS.items() if _SHORTEST_NS <= median * ns // PARTS <= _LONGEST_NS)
    return [f"time-unit={max(fits, key=UNITS.__getitem__, default='ms')}"]


def _of_actions(rest: Mapping[str, Sequence[str]]) -> str | None:
    """Return the column that has actions: words that are known, a few other words, or a few numbers."""
    few = [name for name, column in rest.items() if 1 < len(set(column)) <= _WORDS and ":" not in name]
    few = [name for name in few if len(rest[name]) > len(set(rest[name])) and bare_name(name) not in _STROKES]
    words = [name for name in few if any(cell[:1].isalpha() for cell in rest[name])]
    known = [name for name in words if all(cell.lower() in ACTION_WORDS for cell in rest[name])]
    codes = [name for name in few if set(rest[name]) <= set("01234")]
    return next(iter([*known, *words, *codes]), None)


def _actions(name: str, column: Sequence[str]) -> str:
    there = set(column)
    polled = bare_name(name) in _PRESSED or any(word == later for word, later in pairwise(column))
    if polled and {word.lower() for word in there} in _BOOLEANS:
        told = dict(zip(sorted(there, reverse=True), ("down", "up"), strict=True))
    else:
        told = _told(column)
    if len(told) < 2:
        told |= {word: what for what, word in _PLACEHOLDERS.items() if what not in told.values()}
    in_order = sorted(told.items(), key=lambda item: _ORDER.index(item[1]))
    return f"action={name}:" + "|".join(f"{word}={what}" for word, what in in_order)


def _told(column: Sequence[str]) -> dict[str, str]:
    """Return the meaning of words: of known ones, else the first puts a finger down, and most are moves."""
    counts = Counter(column)
    words = {word: ACTION_WORDS.get(word.lower()) for word in counts if not word[:1].isdigit()}
    told = {word: _NAMES[action] for word, action in words.items() if action is not None}
    unknown = [word for word in counts if word not in told]
    for what in ("down", "move", "up"):
        # The last word that is left is that of an up, where none has told it yet.
        is_of_up = what == "move" and len(unknown) == 1 and "up" not in told.values()
        if what in told.values() or not unknown or is_of_up:
            continue
        word = max(unknown, key=counts.__getitem__) if what == "move" else unknown[0]
        unknown.remove(word)
        told[word] = what
    return told
