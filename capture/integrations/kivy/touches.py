"""Parts of a touch: raw samples, the open touch that they make, and its listeners."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from capture.engine.dispatch import UpDispatch
    from capture.events.targets import Target
    from capture.gestures.recognizer import Gesture

__all__ = ["Listener", "OpenTouch", "Sample", "is_no_finger", "now_ns"]

#: The clock of all samples.
now_ns = time.perf_counter_ns


class Sample:
    """A raw touch sample: position as a fraction of the screen (y up), time in ns, exact or of its poll."""

    __slots__ = ("event", "exact", "kind", "sx", "sy", "time")

    def __init__(
        self, kind: str, event: Any, sx: float, sy: float, time: int, *, exact: bool = False
    ) -> None:
        self.kind = kind
        self.event = event
        self.sx = sx
        self.sy = sy
        self.time = time
        self.exact = exact


class OpenTouch:
    """A touch that is down.

    Attributes
    ----------
    pointer : int
        The smallest number that was free at DOWN.
    event : object
        Kivy's motion event.
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

    __slots__ = (
        "consumed",
        "device",
        "dispatch",
        "end",
        "event",
        "is_raw",
        "owners",
        "pointer",
        "responsive",
        "target",
        "time",
        "x",
        "y",
    )

    def __init__(self, pointer: int, sample: Sample, x: float, y: float, target: Target) -> None:
        self.pointer = pointer
        self.event = sample.event
        self.device = getattr(sample.event, "device", "")
        self.time = sample.time
        self.x = x
        self.y = y
        self.target = target
        self.is_raw = False
        self.end: Sample | None = None
        self.owners: list[Any] = []
        self.consumed: bool | None = None
        self.dispatch: UpDispatch | None = None
        self.responsive: bool | None = None


class Listener(Protocol):
    """Sees the strokes beside the capture: the recorder of logs, the overlay."""

    def down(self, stroke: OpenTouch) -> None:
        """Process a DOWN, with the stroke's time and place."""

    def move(self, stroke: OpenTouch, x: float, y: float, time: int) -> None:
        """Process a MOVE (px, ns)."""

    def up(  # noqa: PLR0917 - facts of an UP
        self,
        stroke: OpenTouch,
        x: float,
        y: float,
        time: int,
        responsive: bool | None,
        gesture: Gesture | None,
    ) -> None:
        """Process an UP, with the recognised gesture."""

    def cancel(self, stroke: OpenTouch, time: int) -> None:
        """Process the end of a stroke without an UP."""

    def stop(self) -> None:
        """Stop: the capture is uninstalled."""


def is_no_finger(event: Any) -> bool:
    """Return whether a touch is of another button than the left one, or a turn of the mouse wheel."""
    button = getattr(event, "button", None)
    return isinstance(button, str) and button not in {"", "left"}
