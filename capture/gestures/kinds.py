"""The gesture kinds, once, with their rules and their display.

`KINDS` is the one table. The C rule of the core, `capture.gestures.explain`, threshold sweeps, the report
page, the demo, the terminal view, the SQL of statistics and the tables of the guide are made from it or
read it. Its order is the order of tables, legends and counts. A kind that a place does not know raises.

The numbers of the enums are fixed: records, columns and files have them.
"""

from __future__ import annotations

import math
from enum import IntEnum, IntFlag
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "ENUMS",
    "KINDS",
    "MULTI_ENUMS",
    "Action",
    "Condition",
    "Direction",
    "GestureKind",
    "Kind",
    "Mode",
    "MultiKind",
    "MultiReason",
    "Reason",
    "counts",
    "kind_of",
    "kinds_data",
    "plain_value",
]


class Action(IntEnum):
    """Action of a touch sample (the numbering of Android's MotionEvent)."""

    DOWN = 0
    UP = 1
    MOVE = 2
    CANCEL = 3


class GestureKind(IntEnum):
    """Kind of a stroke; NONE is not an event code."""

    NONE = 0
    TAP = 6
    LONG_PRESS = 8
    DRAG = 9
    FLING = 10


class Reason(IntEnum):
    """Why a stroke was, or was not, recognised."""

    RECOGNIZED = 0
    BETWEEN_SLOP_AND_DRAG = 1
    MULTI_TOUCH = 2
    CANCELED = 3
    INCOMPLETE = 4
    MALFORMED = 5
    BETWEEN_TAP_AND_HOLD = 6


class Direction(IntEnum):
    """Where a drag or a fling went; y grows downwards, so UP is towards smaller y."""

    NONE = 0
    UP = 1
    DOWN = 2
    LEFT = 3
    RIGHT = 4
    COMPLEX_PATTERN = 5


class MultiKind(IntEnum):
    """Kind of a gesture of several fingers; none of them is an event code."""

    NONE = 0
    TAP = 1
    PINCH = 2
    ROTATE = 3
    PAN = 4
    SWIPE = 5


class MultiReason(IntEnum):
    """Why a chord was, or was not, recognised; the numbers that strokes have too mean the same."""

    RECOGNIZED = 0
    BETWEEN_SLOP_AND_DRAG = 1
    CANCELED = 3
    INCOMPLETE = 4
    NOT_A_TAP = 6


class Mode(IntFlag):
    """Movements in a chord, for any kind."""

    PINCH = 1
    ROTATE = 2
    PAN = 4


#: Fields of a gesture's record whose numbers have names, which are those in files; and of a chord's.
ENUMS: dict[str, type[GestureKind | Reason | Direction]] = {
    "kind": GestureKind,
    "reason": Reason,
    "direction": Direction,
}
MULTI_ENUMS: dict[str, type[MultiKind | MultiReason | Direction]] = {
    "kind": MultiKind,
    "reason": MultiReason,
    "direction": Direction,
}


def plain_value(value: Any) -> Any:
    """Return a field of a record as JSON has it: enums by name, None for numbers that are not finite."""
    if isinstance(value, IntEnum):
        return value.name.lower()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return int(value) if isinstance(value, Mode) else value


def counts(members: Iterable[IntEnum], column: Any) -> dict[str, int]:
    """Return how many numbers of a column there are of each member, by its name."""
    import numpy as np

    known = list(members)
    found = np.bincount(column, minlength=max(known) + 1).tolist()
    return {member.name.lower(): found[member] for member in known}


class Condition(NamedTuple):
    """A comparison of a measure with a threshold.

    Attributes
    ----------
    measure : str
        Field of a record: ``distance`` (dp), ``duration`` (ms, compared in whole ns) or ``velocity`` (dp/s).
    relation : str
        ``<``, ``<=``, ``>`` or ``>=``; a measure that is no number exceeds nothing: ``<=`` holds for it.
    setting : str
        Field of `capture.GestureConfig`.
    """

    measure: Literal["distance", "duration", "velocity"]
    relation: Literal["<", "<=", ">", ">="]
    setting: str


class Kind(NamedTuple):
    """A row of the table: one gesture kind.

    Attributes
    ----------
    kind : GestureKind
    when : tuple of Condition
        The kind of a stroke is the first one whose conditions all hold.
    event : {"target", "movement", None}
        Which fields its event has: those of the target, or direction, distance and velocity as well; None
        if it has no event.
    shape : {"disc", "ring", "square", "arrow", "cross"}
        Its symbol in pictures, pages and legends.
    color, dark : str
        Its colour on light and on dark ground (``#rrggbb``).
    style : str
        Its colour in a terminal (a colour name of rich).
    runs : bool
        Whether such strokes form runs (double taps, rage taps) and can be dead.
    """

    kind: GestureKind
    when: tuple[Condition, ...]
    event: Literal["target", "movement"] | None
    shape: Literal["disc", "ring", "square", "arrow", "cross"]
    color: str
    dark: str
    style: str
    runs: bool = False

    @property
    def name(self) -> str:
        """The name in files and on the wire of statistics: ``long_press``."""
        return self.kind.name.lower()

    @property
    def label(self) -> str:
        """The name in prose: ``long press``."""
        return self.name.replace("_", " ")

    @property
    def legend(self) -> str:
        """The name in legends: the label, or ``not recognised``."""
        return self.label if self.kind else "not recognised"

    @property
    def moves(self) -> bool:
        """Whether such strokes have a direction."""
        return self.event == "movement"


_NEAR = Condition("distance", "<", "touch_slop_dp")
_FAR = Condition("distance", ">", "drag_distance_dp")

KINDS: tuple[Kind, ...] = (
    Kind(
        GestureKind.TAP,
        when=(Condition("duration", "<=", "tap_timeout_ms"), _NEAR),
        event="target",
        shape="disc",
        color="#0072b2",
        dark="#56b4e9",
        style="blue",
        runs=True,
    ),
    Kind(
        GestureKind.LONG_PRESS,
        when=(Condition("duration", ">", "tap_timeout_ms"), _NEAR),
        event="target",
        shape="ring",
        color="#b87700",
        dark="#e6a117",
        style="yellow",
    ),
    Kind(
        GestureKind.DRAG,
        when=(_FAR, Condition("velocity", "<=", "fling_velocity_dp_s")),
        event="movement",
        shape="square",
        color="#00805c",
        dark="#35c79c",
        style="green",
    ),
    Kind(
        GestureKind.FLING,
        when=(_FAR, Condition("velocity", ">", "fling_velocity_dp_s")),
        event="movement",
        shape="arrow",
        color="#c44d00",
        dark="#ff8a4c",
        style="red",
    ),
    Kind(
        GestureKind.NONE,
        when=(Condition("distance", ">=", "touch_slop_dp"), Condition("distance", "<=", "drag_distance_dp")),
        event=None,
        shape="cross",
        color="#687386",
        dark="#94a0b4",
        style="bright_black",
    ),
)

_ROWS = {int(row.kind): row for row in KINDS}


def kind_of(number: int) -> Kind:
    """Return the row of a kind.

    Raises
    ------
    ValueError
        When the table has no such kind.
    """
    row = _ROWS.get(number)
    if row is None:
        known = ", ".join(f"{each.kind.value} {each.name}" for each in KINDS)
        raise ValueError(f"kind = {number!r}: not in the table of kinds ({known})")
    return row


def kinds_data() -> list[dict[str, Any]]:
    """Return the table as plain data, for pages (JSON): the columns of `Kind` and derived values."""
    derived = ("name", "label", "legend", "moves")
    return [{**row._asdict(), **{name: getattr(row, name) for name in derived}} for row in KINDS]
