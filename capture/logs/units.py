"""Times of tables: exact numbers, dates and times of the day, and what one unit of them is."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from capture.logs.columns import UNITS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.logs.times import Moments

__all__ = ["EMPTY", "PARTS", "Unit", "exact_times", "whole_times"]

#: Cells that hold nothing.
EMPTY = frozenset(["", "NA", "N/A", "null", "NULL", "None", "nan", "NaN"])
#: An exact time is counted in parts of its unit.
PARTS = 1_000_000_000
_INT64 = 1 << 63
_EPOCHS_S = (978_307_200, 4_102_444_800)  # 2001 to 2100
_SHORTEST_MS, _LONGEST_MS = 1, 100


class Unit:
    """What one unit of a time column is (ns): as the map says it, else as the times do.

    Attributes
    ----------
    ns : int or None
        None until it is decided.
    said : str
        The cause that says how it was decided.
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


def whole_times(
    roles: dict[str, list[Any]], names: list[str], found: dict[str, list[Any]], unit: int
) -> bool:
    """Add the columns of times where all of them are whole numbers as text; return whether they are."""
    for role in names:
        if not {str} >= set(map(type, roles[role])):
            return False
        try:
            column = list(map(int, roles[role]))
        except ValueError:
            return False
        if column and (min(column) * unit < -_INT64 or max(column) * unit >= _INT64):
            return False
        found[role] = column if unit == 1 else [time * unit for time in column]
    return True


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
            return list(map(_fraction, column)), True, False
        except (ValueError, AttributeError):
            pass
    elif kinds == {int}:
        return [cell * PARTS for cell in column], False, False
    moments.look(column)
    found: list[Any] = []
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
        if isinstance(cell, str) and _exponent(number) > 0:
            # As spreadsheets write large numbers: the digits that tell one time from the next are lost.
            return None, False
        return (int(number * PARTS) if abs(number) < _INT64 else None), False
    except (InvalidOperation, ValueError, OverflowError):
        return moments.read(text), True


def _exponent(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0
