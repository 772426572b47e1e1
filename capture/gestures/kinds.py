"""The enums of the engine; their numbers are fixed, in records, columns and files."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["Action", "Direction", "GestureKind", "Reason"]


class Action(IntEnum):
    """What a touch sample reports (the numbering of Android's MotionEvent)."""

    DOWN = 0
    UP = 1
    MOVE = 2
    CANCEL = 3


class GestureKind(IntEnum):
    """What a stroke was recognised as; NONE is not an event code."""

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


class Direction(IntEnum):
    """Where a drag or a fling went; y grows downwards, so UP is towards smaller y."""

    NONE = 0
    UP = 1
    DOWN = 2
    LEFT = 3
    RIGHT = 4
    COMPLEX_PATTERN = 5
