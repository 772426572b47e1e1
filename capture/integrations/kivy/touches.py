"""Parts of a touch: raw samples, the open touch that they make, and its listeners."""

from __future__ import annotations

import time
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

if TYPE_CHECKING:
    from capture.engine.dispatch import UpDispatch
    from capture.events.targets import Target

__all__ = ["Listener", "OpenTouch", "Sample", "is_no_finger", "new_touch", "now_ns"]

#: The clock of all samples.
now_ns = time.perf_counter_ns


class Sample(msgspec.Struct, eq=False):
    """A raw touch sample: position as a fraction of the screen (y up), time in ns, exact or of its poll."""

    kind: str
    event: Any
    sx: float
    sy: float
    time: int
    exact: bool = False


class OpenTouch(msgspec.Struct, eq=False):
    """A touch that is down.

    Attributes
    ----------
    pointer : int
        The smallest number that was free at DOWN.
    event : object
        Kivy's motion event.
    time : int
        Of its DOWN.
    x, y : float
        Place of its DOWN.
    target : Target
    device : str
    is_raw : bool
        Whether its samples come through the queue.
    end : Sample or None
        The polled UP, until it is dispatched.
    owners : list
        Widgets that took the touch, in the order in which they were seen.
    consumed : bool or None
        Whether the window's children took the DOWN; None if that is not known.
    dispatch : UpDispatch or None
        The dispatch of its UP, once that has begun.
    responsive : bool or None
        Whether its target reacted, as judged at the UP.
    """

    pointer: int
    event: Any
    time: int
    x: float
    y: float
    target: Target
    device: str
    is_raw: bool = False
    end: Sample | None = None
    owners: list[Any] = []
    consumed: bool | None = None
    dispatch: UpDispatch | None = None
    responsive: bool | None = None


class Listener(Protocol):
    """Sees the strokes beside the capture: the recorder of logs, the overlay."""

    def down(self, stroke: OpenTouch) -> None:
        """Process a DOWN, with the stroke's time and place."""

    def move(self, stroke: OpenTouch, x: float, y: float, time: int) -> None:
        """Process a MOVE (px, ns)."""

    def up(self, stroke: OpenTouch, x: float, y: float, time: int) -> None:
        """Process an UP, with the stroke's verdict."""

    def cancel(self, stroke: OpenTouch, time: int) -> None:
        """Process the end of a stroke without an UP."""

    def stop(self) -> None:
        """Stop: the capture is uninstalled."""


def is_no_finger(event: Any) -> bool:
    """Return whether a touch is of another button than the left one, or a turn of the mouse wheel."""
    button = getattr(event, "button", None)
    return isinstance(button, str) and button not in {"", "left"}


def new_touch(device: str, number: int, place: tuple[float, float]) -> Any:
    """Return a motion event of Kivy at a place of the screen (0 to 1, y up)."""
    return _touch_class()(device, number, place, is_touch=True, type_id="touch")


@cache
def _touch_class() -> Any:
    """Return the class of the touches, made when Kivy is there."""
    base = import_module("kivy.input.motionevent").MotionEvent

    def depack(self: Any, args: tuple[float, float]) -> None:
        self.sx, self.sy = args
        self.profile = ["pos"]
        base.depack(self, args)

    return type("CaptureTouch", (base,), {"depack": depack})
