"""Floats of 32 bits in JSON: the shortest text that reads back as the same float."""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from capture._native import float32 as native
from capture.gestures.recognizer import FIELDS

if TYPE_CHECKING:
    from msgspec import UnsetType

    from capture.gestures.recognizer import Gesture

__all__ = ["MEASURES", "shortest", "shortest_fields"]

#: The fields of a gesture that are no whole numbers, in order.
MEASURES = FIELDS[FIELDS.index("x_down") : FIELDS.index("height") + 1]
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
    number = _common(value)
    return number if number == number else _by_digits(value)  # noqa: PLR0124 - NaN, without a call


def shortest_fields(gesture: Gesture) -> list[Any]:
    """Return the values of `FIELDS`; of a float the `shortest`, UNSET if it is no finite number.

    Enums are plain numbers.
    """
    return native.shortest_fields(gesture, _known)


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
