"""Times as people and tools write them: ISO 8601, clock times, numbers; all to nanoseconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

__all__ = ["DAY_NS", "Gaps", "clock_time", "iso_time", "line_time"]

DAY_NS = 86_400 * 1_000_000_000
_HALF_DAY_NS = DAY_NS // 2
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(?:[.,](\d{1,9})\d*)?"
    r"\s?(Z|UTC|[+-]\d\d(?::?\d\d)?(?!\d))?",
)
_CLOCK = re.compile(r"(?<!\d)(\d{1,2}):([0-5]\d):([0-5]\d)(?:[.,](\d{1,9})\d*)?(?!\d)")
_SECOND_NS = 1_000_000_000
#: Gaps that are looked at, and the shortest and longest median of a touch log that nobody doubts.
_GAPS = 4096
_SHORTEST_NS, _LONGEST_NS = 100_000, 20 * _SECOND_NS


def iso_time(text: str, *, whole: bool = True) -> int | None:
    """Return the epoch ns of an ISO 8601 time, UTC where it has no zone; None where there is none.

    Without `whole` it is looked for in the text.
    """
    found = _ISO.fullmatch(text.strip()) if whole else _ISO.search(text)
    if found is None:
        return None
    moment, fraction, zone = found.groups()
    second = _second_ns(moment, zone)
    return second + int(fraction.ljust(9, "0")) if fraction and second is not None else second


@lru_cache(maxsize=64)
def _second_ns(text: str, zone: str | None) -> int | None:
    """Return the epoch ns of a second; None where there is none."""
    try:
        numbers = int(text[:4]), int(text[5:7]), int(text[8:10]), int(text[11:13]), int(text[14:16])
        moment = datetime(*numbers, tzinfo=UTC)
        second = int(text[17:])
        if second > 60:
            return None
    except ValueError:
        return None
    if zone and zone[0] in "+-":
        digits = zone[1:].replace(":", "").ljust(4, "0")
        offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        moment = moment - offset if zone[0] == "+" else moment + offset
    return ((moment - _EPOCH) // timedelta(seconds=1) + second) * _SECOND_NS


def clock_time(text: str, before_ns: int | None = None, *, whole: bool = True) -> int | None:
    """Return the ns of ``HH:MM:SS[.f]``, on the next day where it is 12 h and more before `before_ns`."""
    found = _CLOCK.fullmatch(text.strip()) if whole else _CLOCK.search(text)
    if found is None or int(found[1]) > 23:
        return None
    seconds = int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3])
    time = seconds * _SECOND_NS + int((found[4] or "0").ljust(9, "0"))
    if before_ns is not None:
        time += before_ns // DAY_NS * DAY_NS
        if before_ns - time > _HALF_DAY_NS:
            time += DAY_NS
    return time


def line_time(line: str, before_ns: int | None = None) -> int | None:
    """Return the time at the beginning of a line of a log (ns); None where there is none."""
    head = line[:64]
    time = iso_time(head, whole=False)
    return clock_time(head, before_ns, whole=False) if time is None else time


class Gaps:
    """Watches the gaps between the samples of strokes: whether they make sense for a finger in ns."""

    def __init__(self) -> None:
        self._gaps: list[int] = []
        self._last: dict[tuple[int, int], int] = {}

    def add(self, stream: int, pointer: int, action: int, time_ns: int) -> None:
        """Note a sample; those behind the first few thousand tell nothing new."""
        if len(self._gaps) >= _GAPS:
            return
        before = self._last.get((stream, pointer))
        if action and before is not None:
            self._gaps.append(time_ns - before)
        if action in {1, 3}:
            self._last.pop((stream, pointer), None)
        else:
            self._last[stream, pointer] = time_ns

    @property
    def full(self) -> bool:
        """Whether enough gaps were seen."""
        return len(self._gaps) >= _GAPS

    @property
    def doubtful(self) -> bool:
        """Whether half of the gaps are shorter or longer than those of any finger."""
        return (
            bool(self._gaps) and not _SHORTEST_NS <= sorted(self._gaps)[len(self._gaps) // 2] <= _LONGEST_NS
        )
