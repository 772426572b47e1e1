"""Times of tables: exact numbers, dates and times of the day, and their unit."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from capture.errors import TouchLogError
from capture.logs.columns import ALL_UNITS, UNITS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.logs.times import Moments

__all__ = ["EMPTY", "PARTS", "Deltas", "Unit", "exact_times", "quick_times", "refuse_thousands"]

#: Cells that hold nothing.
EMPTY = frozenset(["", "NA", "N/A", "null", "NULL", "None", "nan", "NaN"])
#: An exact time is counted in parts of its unit.
PARTS = 1_000_000_000
_INT64 = 1 << 63
#: Decimals of a number that are looked at all at once, and the largest whole number of them.
_MICRO, _EXACT = 1_000_000, 1 << 53
_EPOCHS_S = (978_307_200, 4_102_444_800)  # 2001 to 2100
_SHORTEST_MS, _LONGEST_MS = 1, 100
#: Units of dates, and 1970 in them: ticks since the year 1 (.NET) or 1601 (Windows), days since 1900 (Excel).
_DATES = (
    (ALL_UNITS["ticks"], 621_355_968_000_000_000),
    (ALL_UNITS["ticks"], 116_444_736_000_000_000),
    (ALL_UNITS["days"], 25_569),
)
_THOUSANDS = re.compile(r"-?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?")


class Unit:
    """Unit of a time column (ns): that of the map, else that of the times.

    Attributes
    ----------
    ns : int or None
        None until it is decided.
    origin : int
        1970 in parts of the unit, where the times are dates in it that begin at another.
    is_decided : bool
    said : str
        The cause of the decision.
    """

    def __init__(self, ns: int | None) -> None:
        self.ns = ns
        self.origin = 0
        self.is_decided = ns is not None and all(ns != unit for unit, _ in _DATES)
        self.said = ""

    @property
    def is_plain(self) -> bool:
        """Whether the unit is decided, and 1970 is 0 in it."""
        return self.is_decided and not self.origin

    def decide(self, times: Sequence[int], gaps: Sequence[int], *, fractions: bool) -> None:
        """Decide by the first times and the gaps within strokes, both in parts of the unit."""
        if self.ns is None:
            self._find(times, gaps, fractions=fractions)
        if times:
            # Of most times: an odd one may be 0.
            middle = sorted(times)[len(times) // 2]
            origins = (since * PARTS for unit, since in _DATES if unit == self.ns)
            self.origin = next((since for since in origins if middle >= since), 0)
        self.is_decided = True

    def _find(self, times: Sequence[int], gaps: Sequence[int], *, fractions: bool) -> None:
        dates = [(unit, 0) for unit in reversed(UNITS.values())]
        days, known = _DATES[-1], [*dates, *_DATES[:-1]]
        for unit, since in known:
            if _are_dates(times, unit, since):
                self.ns = unit
                return
        median = sorted(gaps)[len(gaps) // 2] if gaps else 0
        for unit in (UNITS["s"], UNITS["ms"], UNITS["us"], *(() if fractions else (UNITS["ns"],))):
            if _SHORTEST_MS * UNITS["ms"] <= median * unit / PARTS <= _LONGEST_MS * UNITS["ms"]:
                self.ns, self.said = unit, "time_unit_guessed"
                return
        # Such gaps are parts of a day: whole numbers are seconds or ms since some start.
        if _are_dates(times, *days) and 0 < median * days[0] / PARTS <= _LONGEST_MS * UNITS["ms"]:
            self.ns, self.said = days[0], "time_unit_guessed"
            return
        self.ns, self.said = UNITS["s" if fractions else "ms"], "time_unit_doubtful"


def _are_dates(times: Sequence[int], unit: int, since: int) -> bool:
    """Return whether all times are between 2001 and 2100, in a unit and with 1970 at `since`."""
    low, high = ((since + bound * UNITS["s"] // unit) * PARTS for bound in _EPOCHS_S)
    return bool(times) and low <= min(times) and max(times) < high


class Deltas:
    """Times since the row before, as times since the first row."""

    def __init__(self) -> None:
        self._now: Decimal | None = None

    def times(self, column: Sequence[Any]) -> list[str | None]:
        """Return the times of rows; None where a cell is no number. That of the first row may be empty."""
        return list(map(self._time, column))

    def _time(self, cell: Any) -> str | None:
        text = str(cell).strip()
        try:
            passed = Decimal("0" if self._now is None and text in EMPTY else text.replace(",", "."))
        except ArithmeticError:
            return None
        if not passed.is_finite():
            return None
        self._now = passed + (self._now or 0)
        return f"{self._now:f}"


def refuse_thousands(column: Sequence[Any]) -> None:
    """Refuse numbers with a comma between thousands, which would be read as decimal commas.

    Raises
    ------
    TouchLogError
        Where the numbers without a comma are far above those with one.
    """
    texts = (cell.strip() for cell in column if isinstance(cell, str) and "," in cell)
    if not all(map(_THOUSANDS.fullmatch, texts)):
        return
    cells = [cell.strip() for cell in column if isinstance(cell, str)]
    commas = [cell for cell in cells if "," in cell]
    if not commas:
        return
    plain = max((int(cell) for cell in cells if cell.isdecimal() and len(cell) <= 3), default=0)
    odd = next((cell for cell in commas if cell.count(",") > 1 or "." in cell), "")
    if odd or plain > 10 * max(abs(float(cell.replace(",", "."))) for cell in commas):
        raise TouchLogError(
            f"has numbers with commas between thousands, as {odd or commas[0]!r}: leave them out"
        )


def quick_times(
    roles: dict[str, list[Any]], names: list[str], found: dict[str, list[Any]], unit: int
) -> bool:
    """Add the columns of times where all of them are whole numbers or short decimals; return whether so."""
    for role in names:
        column = _whole(roles[role], unit) or _decimals(roles[role], unit)
        if column is None:
            return False
        found[role] = column
    return True


def _whole(column: list[Any], unit: int) -> list[int] | None:
    """Return times in ns that are whole numbers, or texts of them; None for others."""
    kinds = set(map(type, column))
    if kinds == {str}:
        try:
            column = list(map(int, column))
        except ValueError:
            return None
    elif kinds != {int}:
        return None
    if min(column) * unit < -_INT64 or max(column) * unit >= _INT64:
        return None
    return column if unit == 1 else [time * unit for time in column]


def _decimals(column: list[Any], unit: int) -> list[int] | None:
    """Return times in ns that are numbers with up to six decimals; None for others."""
    parts = _millionths(column)
    if parts is None or abs(parts).max() * (unit / _MICRO) >= _INT64:
        return None
    found: list[int] = (parts * (unit // _MICRO) if unit >= _MICRO else parts * unit // _MICRO).tolist()
    return found


def _millionths(column: list[Any]) -> Any:
    """Return numbers with up to six decimals, times 1,000,000; None if one is another.

    Such a number is the only decimal of its length that is read as its float, as long as the floats
    beside it are nearer than the next decimal.
    """
    if not {float, int} >= set(map(type, column)):
        return None
    import numpy as np

    try:
        numbers = np.asarray(column, np.float64)
    except OverflowError:
        return None
    with np.errstate(all="ignore"):
        parts = np.rint(numbers * _MICRO)
        exact = (parts / _MICRO == numbers) & (np.abs(parts) < _EXACT) & (np.spacing(numbers) * _MICRO < 1)
    return parts.astype(np.int64) if exact.all() else None


def exact_times(column: list[Any], good: list[bool], moments: Moments) -> tuple[list[Any], bool, bool]:
    """Return the times in parts of their unit, whether there are fractions, and whether they are dates.

    Where a cell holds no time the row is marked in `good`.
    """
    kinds = set(map(type, column))
    if kinds == {str}:
        try:
            return [int(cell) * PARTS for cell in column], False, False
        except ValueError:
            pass
        try:
            parts = list(map(_fraction, column))
            return parts, any(part % PARTS for part in parts), False
        except (ValueError, AttributeError):
            pass
    elif kinds == {int}:
        return [cell * PARTS for cell in column], False, False
    elif (millionths := _millionths(column)) is not None:
        found = [part * (PARTS // _MICRO) for part in millionths.tolist()]
        return found, bool((millionths % _MICRO).any()), False
    refuse_thousands(column)
    moments.look(column)
    found = []
    fractions = dates = False
    for index, cell in enumerate(column):
        time, is_date = _time(cell, moments)
        if time is None or (is_date is False and dates):
            good[index] = False
            time = None
        elif is_date:
            dates = True
        elif time % PARTS:
            fractions = True
        found.append(time)
    return found, fractions, dates


def _fraction(cell: str) -> int:
    whole, _, part = cell.partition(".")
    if not (whole.strip(" +-") or part) or not (part.strip() + "0").isdecimal():
        raise ValueError(cell)
    return int(whole + (part + "000000000")[:9])


def _time(cell: Any, moments: Moments) -> tuple[int | None, bool]:
    """Return a time in parts of its unit and whether it is one by its text, in seconds; None for none."""
    if isinstance(cell, bool) or cell is None:
        return None, False
    text = str(cell).strip()
    try:
        number = Decimal(text.replace(",", "."))
        exponent = number.as_tuple().exponent
        if isinstance(cell, str) and isinstance(exponent, int) and exponent > 0:
            # As spreadsheets write large numbers: the digits that tell one time from the next are lost.
            return None, False
        return (int(number * PARTS) if abs(number) < _INT64 else None), False
    except (ArithmeticError, ValueError):
        return moments.read(text), True
