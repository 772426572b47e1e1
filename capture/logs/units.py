"""Times of tables: exact numbers, dates and times of the day, and their unit."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from capture.logs.columns import UNITS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.logs.times import Moments

__all__ = ["EMPTY", "PARTS", "Unit", "exact_times", "quick_times"]

#: Cells that hold nothing.
EMPTY = frozenset(["", "NA", "N/A", "null", "NULL", "None", "nan", "NaN"])
#: An exact time is counted in parts of its unit.
PARTS = 1_000_000_000
_INT64 = 1 << 63
#: Decimals of a number that are looked at all at once, and the largest whole number of them.
_MICRO, _EXACT = 1_000_000, 1 << 53
_EPOCHS_S = (978_307_200, 4_102_444_800)  # 2001 to 2100
_SHORTEST_MS, _LONGEST_MS = 1, 100


class Unit:
    """Unit of a time column (ns): that of the map, else that of the times.

    Attributes
    ----------
    ns : int or None
        None until it is decided.
    said : str
        The cause of the decision.
    """

    def __init__(self, ns: int | None) -> None:
        self.ns = ns
        self.said = ""

    def decide(self, times: Sequence[int], gaps: Sequence[int], *, fractions: bool) -> None:
        """Decide by the first times and the gaps within strokes, both in parts of the unit."""
        if self.ns is not None:
            return
        for unit in (UNITS["s"], UNITS["ms"], UNITS["us"], UNITS["ns"]):
            low, high = (bound * UNITS["s"] // unit * PARTS for bound in _EPOCHS_S)
            if times and low <= min(times) and max(times) < high:
                self.ns = unit
                return
        median = sorted(gaps)[len(gaps) // 2] if gaps else 0
        for unit in (UNITS["s"], UNITS["ms"], UNITS["us"], *(() if fractions else (UNITS["ns"],))):
            if _SHORTEST_MS * UNITS["ms"] <= median * unit / PARTS <= _LONGEST_MS * UNITS["ms"]:
                self.ns, self.said = unit, "time_unit_guessed"
                return
        self.ns, self.said = UNITS["s" if fractions else "ms"], "time_unit_doubtful"


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
