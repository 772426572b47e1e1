"""Floats of 32 bits in JSON: the shortest text that reads back as the same float."""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from capture._native import float32 as native

if TYPE_CHECKING:
    from collections.abc import Sequence

    from msgspec import UnsetType

__all__ = ["shortest", "shortest_known"]

_FLOAT = struct.Struct("<f")
_common = native.shortest


def shortest(value: float) -> float:
    """Return the number whose JSON text is the shortest one for the 32-bit float nearest to `value`.

    >>> shortest(3.140000104904175)
    3.14

    Raises
    ------
    OverflowError
        When it is not finite or out of the range of 32-bit floats.
    """
    found = _common(value)
    return found if found == found else _by_digits(value)  # noqa: PLR0124 - NaN, without a call


def shortest_known(values: Sequence[float]) -> list[Any]:
    """Return the `shortest` of each value, UNSET for what is no finite number.

    `values` are 32-bit floats already, so that none is out of range.
    """
    found = native.shortest_list(values)
    total = sum(found)
    # NaN, an infinity, or a number for the slow way: the sum shows it.
    if total == total:  # noqa: PLR0124 - NaN, without a call
        return found
    return [_known(value) for value in values]


def _known(value: float) -> float | UnsetType:
    return shortest(value) if math.isfinite(value) else UNSET


def _by_digits(value: float) -> float:
    """Find the digits of a very small or very large number."""
    if not math.isfinite(value):
        raise OverflowError(f"{value} is no finite number")
    packed = _FLOAT.pack(value)
    (near,) = _FLOAT.unpack(packed)
    for digits in range(1, 9):
        text = float(f"{near:.{digits}g}")
        # Rounding up may leave the range of the format.
        if abs(text) < 3.4028236e38 and _FLOAT.pack(text) == packed:
            return text
    return float(f"{near:.9g}")
