"""A comparison of a measure with its threshold, as explanations show it."""

from __future__ import annotations

import math
import struct

import msgspec

__all__ = ["END_DISTANCE", "FLING_DISTANCE", "UNRECORDED", "Condition", "compared", "float32"]

#: The way within the samples of a release velocity.
FLING_DISTANCE = "fling distance"
#: The way to the last place before the UP.
END_DISTANCE = "end distance"
#: Measures that records lack.
UNRECORDED = frozenset({FLING_DISTANCE, END_DISTANCE})


class Condition(msgspec.Struct, frozen=True):
    """One comparison of a measure with its threshold.

    Attributes
    ----------
    measure : str
        ``duration``, ``distance``, ``velocity``, ``backtrack`` or ``wander``; in other dialects
        ``slop_distance``, ``drag_distance``, ``slop_time`` and ``fling_distance`` too, and ``fling distance``
        and ``end distance`` where the record lacks them.
    value : float or None
        The measured value; None if it is no finite number, or not recorded.
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

    def value_text(self) -> str:
        """Return the value with the digits that matter beside a threshold."""
        if self.value is None:
            return "not recorded" if self.measure in UNRECORDED else "not finite"
        return f"{self.value:.6g}"


def compared(  # noqa: PLR0917 - the parts of a comparison
    measure: str, value: float, relation: str, threshold: float, setting: str, holds: bool
) -> Condition:
    """Return a comparison that was made, with its unit and its margin."""
    is_time = measure in {"duration", "slop_time"}
    unit = "ms" if is_time else "dp/s" if setting.endswith("_dp_s") else "dp"
    margin = threshold - value if relation.startswith("<") else value - threshold
    shown, shown_margin = (each if math.isfinite(each) else None for each in (value, margin))
    return Condition(measure, shown, relation, threshold, setting, unit, holds, shown_margin)


def float32(value: float) -> float:
    """Return a number rounded to float32, as the core has it."""
    try:
        return float(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)
