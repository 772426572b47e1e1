"""A comparison of a measure with its threshold, as explanations show it."""

from __future__ import annotations

import math
import struct

import msgspec

__all__ = ["Condition", "float32"]


class Condition(msgspec.Struct, frozen=True):
    """One comparison of a measure with its threshold.

    Attributes
    ----------
    measure : str
        ``duration``, ``distance``, ``velocity``, ``backtrack`` or ``wander``; in other dialects
        ``slop_distance``, ``drag_distance`` and ``slop_time`` too.
    value : float or None
        The measured value; None if it is no finite number.
    relation : str
        ``<``, ``<=``, ``>`` or ``>=``.
    threshold : float
    setting : str
        Key of the threshold in ``[gestures]``.
    unit : str
    holds : bool
    margin : float or None
        How far the value is from the threshold, positive where the condition holds.
    source : str
        Where the threshold is from: set by the user, or a place of the dialect's engine.
    """

    measure: str
    value: float | None
    relation: str
    threshold: float
    setting: str
    unit: str
    holds: bool
    margin: float | None
    source: str = ""


def float32(value: float) -> float:
    """Return a number rounded to float32, as the core has it."""
    try:
        return float(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)
