"""Times as people and tools write them: ISO 8601, local dates, clock times; all to nanoseconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["DAY_NS", "ISO_TIME", "Gaps", "Moments", "clock_time", "iso_found", "iso_time", "line_time"]

DAY_NS = 86_400 * 1_000_000_000
_SECOND_NS = 1_000_000_000
_HOUR_NS = 3600 * _SECOND_NS
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FRACTION = r"(?:[.,](\d{1,9})\d*)?"
#: ISO 8601, in three groups: the second, the digits of its fraction, the zone.
ISO_TIME = rf"(\d{{4}}-\d\d-\d\d[T ]\d\d:\d\d:\d\d){_FRACTION}\s?(Z|UTC|[+-]\d\d(?::?\d\d)?(?!\d))?"
_ISO = re.compile(ISO_TIME)
_CLOCK = re.compile(rf"(?<!\d)(\d{{1,2}}):([0-5]\d):([0-5]\d){_FRACTION}(?!\d)")

_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)?$")
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTH = r"(?P<{}>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
#: Year first; day and month in either order; with the name of the month; digits in a row; without a year.
_DATES = (
    r"(?P<y1>\d{4})[-/.](?P<m1>\d\d?)[-/.](?P<d1>\d\d?)",
    r"(?P<a>\d\d?)(?P<sign>[-/.])(?P<b>\d\d?)(?P=sign)(?P<y2>\d{4}|\d\d)(?!\d)",
    rf"(?P<d3>\d\d?)[ -]{_MONTH.format('m3')},?[ -](?P<y3>\d{{4}})",
    rf"{_MONTH.format('m4')} +(?P<d4>\d\d?)(?:,? +(?P<y4>\d{{4}}))?",
    r"(?P<y5>\d{4})(?P<m5>\d\d)(?P<d5>\d\d)(?=[T_ -]?\d)",
    r"(?P<m6>\d\d)-(?P<d6>\d\d)",
)
_DATE_TIME = re.compile(
    r"(?<![\d.])(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,? +)?(?:" + "|".join(_DATES) + r")(?:,? +|[T_ ]|- ?)"
    r"(?:(?P<h>\d\d?):(?P<mi>[0-5]\d)(?::(?P<s>[0-5]\d|60)(?:(?:[.,]|:(?=\d{3}(?!\d)))(?P<f>\d{1,9})\d*)?)?"
    r"|(?P<row>\d{6})(?:[.,](?P<f2>\d{1,9})\d*)?)(?!\d)"
    r"(?: ?(?P<half>[ap])\.?m\b\.?)?"
    r"(?: ?(?P<zone>Z\b|(?:UTC|GMT)?[+-]\d\d(?::?\d\d)?(?!\d)|[A-Z]{2,5}\b))?"
    r"(?: +(?P<y7>\d{4})\b)?(?:\[[\w/+-]+\]| \([\w ]+\))?",
    re.IGNORECASE | re.ASCII,
)
#: Hours may be more than a day has, where they have passed since the start.
_PASSED = re.compile(
    r"(?:(?P<days>\d{1,6}) days?,? \+?)?(?P<h>\d{1,6}):(?P<mi>[0-5]\d):(?P<s>[0-5]\d)"
    r"(?:(?:[.,]|:(?=\d{3}(?!\d)))(?P<f>\d{1,9})\d*)?(?: ?(?P<half>[ap])\.?m\.?)?",
    re.IGNORECASE | re.ASCII,
)
_MINUTES = re.compile(rf"(\d{{1,5}}):([0-5]\d){_FRACTION}", re.ASCII)
_MEASURE = re.compile(r"(-?\d{1,18}(?:[.,]\d{1,9})?) ?(ns|us|µs|μs|ms|msec|s|secs?|seconds|min)", re.ASCII)
_UNITS_NS = {"n": 1, "u": 1000, "µ": 1000, "μ": 1000, "ms": 10**6, "mi": 60 * 10**9, "s": 10**9}
#: The year of dates that have none: it has every day.
_SOME_YEAR = 1972
#: Gaps that are looked at, and the shortest and longest median of a touch log that nobody doubts.
_GAPS = 4096
_SHORTEST_NS, _LONGEST_NS = 100_000, 20 * _SECOND_NS


def iso_time(text: str) -> int | None:
    """Return the epoch ns of an ISO 8601 time, UTC if it has no zone; None if missing."""
    found = _ISO.fullmatch(text.strip())
    return None if found is None else iso_found(found)


def iso_found(found: re.Match[str]) -> int | None:
    """Return the epoch ns of a match whose first groups are those of `ISO_TIME`; None where it is no date."""
    moment, fraction, zone = found.group(1, 2, 3)
    second = _second_ns(moment, zone)
    return second + _fraction_ns(fraction) if fraction and second is not None else second


@lru_cache(maxsize=64)
def _second_ns(text: str, zone: str | None) -> int | None:
    """Return the epoch ns of a second; None if missing."""
    date = int(text[:4]), int(text[5:7]), int(text[8:10])
    return _epoch_ns(date, _clock_ns(text[11:13], text[14:16], text[17:]), zone)


def _epoch_ns(date: tuple[int, int, int], clock_ns: int, zone: str | None) -> int | None:
    try:
        days = (datetime(*date, tzinfo=UTC) - _EPOCH).days
    except ValueError:
        return None
    if clock_ns >= DAY_NS + _SECOND_NS:
        return None
    offset = 0
    if zone and (found := _OFFSET.search(zone)):
        offset = int(f"{found[1]}1") * _clock_ns(found[2], found[3], None)
    return days * DAY_NS + clock_ns - offset


def _clock_ns(hours: str | int, minutes: str | None, seconds: str | None, fraction: str | None = None) -> int:
    """Return the ns of hours, minutes, seconds and the digits of a fraction."""
    whole = 3600 * int(hours) + 60 * int(minutes or 0) + int(seconds or 0)
    return whole * _SECOND_NS + _fraction_ns(fraction)


def _fraction_ns(digits: str | None) -> int:
    return int((digits or "0").ljust(9, "0"))


def clock_time(text: str, before_ns: int | None = None) -> int | None:
    """Return the ns of ``HH:MM:SS[.f]`` in a text, on the next day if it is 12 h before `before_ns`."""
    found = _CLOCK.search(text)
    if found is None or int(found[1]) > 23:
        return None
    return _carried(_clock_ns(*found.groups()), before_ns, DAY_NS)


def _carried(time_ns: int, before_ns: int | None, turn_ns: int) -> int:
    """Return the time of a clock that begins again after each turn: in that of the one before or the next."""
    if before_ns is None:
        return time_ns
    time_ns += before_ns // turn_ns * turn_ns
    return time_ns + turn_ns if before_ns - time_ns > turn_ns // 2 else time_ns


def line_time(line: str, before_ns: int | None = None) -> int | None:
    """Return the time at the beginning of a line of a log (ns); None if missing."""
    if (found := _ISO.search(line, 0, 64)) is not None and (time := iso_found(found)) is not None:
        return time
    head = line[:64]
    if ":" not in head:
        return None
    dated = _DATE_TIME.search(head)
    time = None if dated is None else _of_date(dated, None)
    return clock_time(head, before_ns) if time is None else time


def _of_date(found: re.Match[str], day_first: bool | None) -> int | None:
    """Return the epoch ns of a date and time; day or month first by `day_first`, else by the sign."""
    part = found.groupdict()
    row = part["row"]
    hour, minute, second = (row[:2], row[2:4], row[4:]) if row else (part["h"], part["mi"], part["s"])
    hours = _hour(int(hour), part["half"])
    if hours is None or int(minute) > 59:
        return None
    clock_ns = _clock_ns(hours, minute, second, part["f"] or part["f2"])
    return _epoch_ns(_date(part, day_first), clock_ns, part["zone"])


def _date(part: dict[str, str | None], day_first: bool | None) -> tuple[int, int, int]:
    if part["a"]:
        a, b, year = int(part["a"]), int(part["b"] or 0), int(part["y2"] or 0)
        first = (part["sign"] != "/" if a <= 12 and b <= 12 else a > 12) if day_first is None else day_first
        day, month = (a, b) if first else (b, a)
        return year if year > 99 else year + (2000 if year < 70 else 1900), month, day
    number = next(at for at in "13456" if part[f"d{at}"])
    month_text = part[f"m{number}"] or ""
    month = int(month_text) if month_text.isdecimal() else _MONTHS.index(month_text[:3].lower()) + 1
    year = next((int(part[key] or 0) for key in (f"y{number}", "y7") if part.get(key)), _SOME_YEAR)
    return year, month, int(part[f"d{number}"] or 0)


def _hour(hour: int, half: str | None) -> int | None:
    """Return the hour of the day; None if missing."""
    if half is None:
        return hour if hour <= 24 else None
    return None if not 1 <= hour <= 12 else hour % 12 + 12 * (half.lower() == "p")


class Moments:
    """Reads times that are text: dates and times of the day, times that have passed, with a unit.

    Attributes
    ----------
    guessed : bool
        Whether the order of day and month was guessed.
    """

    def __init__(self) -> None:
        self.guessed = False
        self._day_first: bool | None = None
        self._before: int | None = None

    def look(self, cells: Iterable[object]) -> None:
        """Detect from the first dates whether the day or the month is first."""
        if self._day_first is not None:
            return
        pairs = {
            (int(found["a"]), int(found["b"]), found["sign"])
            for cell in cells
            if isinstance(cell, str) and (found := _DATE_TIME.fullmatch(cell.strip())) and found["a"]
        }
        if pairs:
            days = {True} if any(a > 12 for a, _, _ in pairs) else set()
            days |= {False} if any(b > 12 for _, b, _ in pairs) else set()
            self.guessed = not days
            self._day_first = days.pop() if len(days) == 1 else all(sign != "/" for _, _, sign in pairs)

    def read(self, text: str) -> int | None:
        """Return a time in ns; None if missing."""
        time = iso_time(text)
        if time is None:
            found = _DATE_TIME.fullmatch(text)
            time = self._time(text) if found is None else _of_date(found, self._day_first)
        if time is not None:
            self._before = time
        return time

    def _time(self, text: str) -> int | None:
        """Return a time without a date."""
        if found := _PASSED.fullmatch(text):
            hour = int(found["h"]) if found["half"] is None else _hour(int(found["h"]), found["half"])
            if hour is None:
                return None
            time = _clock_ns(hour, found["mi"], found["s"], found["f"])
            if found["days"]:
                return time + int(found["days"]) * DAY_NS
            return time if hour > 23 else _carried(time, self._before, DAY_NS)
        if found := _MINUTES.fullmatch(text):
            time = _clock_ns(0, *found.groups())
            return time if int(found[1]) > 59 else _carried(time, self._before, _HOUR_NS)
        if found := _MEASURE.fullmatch(text):
            unit = _UNITS_NS[found[2][:2] if found[2][0] == "m" else found[2][0]]
            return int(Decimal(found[1].replace(",", ".")) * unit)
        return None


class Gaps:
    """Watches the gaps between the samples of strokes: whether they make sense for a finger in ns."""

    def __init__(self) -> None:
        self.found: list[int] = []
        self._last: dict[tuple[int, int], int] = {}

    def add(self, stream: int, pointer: int, action: int, time_ns: int) -> None:
        """Note a sample; those behind the first few thousand add nothing."""
        if len(self.found) >= _GAPS:
            return
        before = self._last.get((stream, pointer))
        if action and before is not None:
            self.found.append(time_ns - before)
        if action in {1, 3}:
            self._last.pop((stream, pointer), None)
        else:
            self._last[stream, pointer] = time_ns

    @property
    def full(self) -> bool:
        """Whether enough gaps were seen."""
        return len(self.found) >= _GAPS

    @property
    def doubtful(self) -> bool:
        """Whether half of the gaps are shorter or longer than those of any finger."""
        gaps = sorted(self.found)
        return bool(gaps) and not _SHORTEST_NS <= gaps[len(gaps) // 2] <= _LONGEST_NS
