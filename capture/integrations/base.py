"""Base of hosts: a host feeds the touches of one toolkit or device to a capture."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from capture.errors import LogOnce
from capture.events.targets import Target, escape_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from capture.engine.capture import Capture

__all__ = ["MOUSE", "HostBase", "element", "number_among"]

_log = logging.getLogger("capture.hosts")

#: The mouse among the toolkit's ids of fingers.
MOUSE = "mouse"
#: Smaller pointers are the mouse's.
_FIRST_FINGER = 16


class HostBase(ABC):
    """Passes the screen, targets and pointer numbers of a host to its capture.

    Parameters
    ----------
    capture : Capture
    find_target : callable, optional
        (x, y) in px -> `Target`, or None if there is nothing: a tap there is dead. The target under the
        finger at DOWN.
    """

    def __init__(
        self, capture: Capture, find_target: Callable[[float, float], Target | None] | None = None
    ) -> None:
        self.capture = capture
        self._find_target_at = find_target
        #: The toolkit's id of a finger that is down, or `MOUSE` -> pointer.
        self._pointers: dict[Any, int] = {}
        self._log_once = LogOnce(_log)

    @abstractmethod
    def _screen(self) -> tuple[float, float, float]:
        """Return width and height of the screen (px) and its density."""

    def _update_screen(self, *, turns: bool = True) -> float:
        """Pass the screen to the capture, where the configuration lacks it; return the density.

        Parameters
        ----------
        turns : bool
            Whether the orientation follows from the size.
        """
        width, height, density = self._screen()
        configured = self.capture.config.device
        density = configured.density or density
        self.capture.set_screen(
            round(width) if configured.width is None else configured.width,
            round(height) if configured.height is None else configured.height,
            density,
        )
        if turns and configured.orientation is None:
            self.capture.set_orientation(int(width > height))
        return density

    def _target_at(self, x: float, y: float) -> Target | None:
        """Return the target at a position; None if unknown. Exceptions of `find_target` reach no app."""
        if self._find_target_at is None:
            return None
        try:
            target = self._find_target_at(x, y)
            if target is not None and not isinstance(target, Target):
                raise TypeError(f"find_target returned {type(target).__name__}: expected a Target or None")  # noqa: TRY301
        except Exception as error:  # noqa: BLE001 - of the app, within its own event loop
            self._log_once("find_target", logging.ERROR, "touches have no target: %s", error, error=error)
            return None
        return Target(responsive=False) if target is None else target

    def _pointer_of(self, finger: Any) -> int:
        """Return the pointer of a finger that is down, else the smallest free one.

        The toolkits' own ids are large; some report the DOWN of a finger twice.
        """
        if finger in self._pointers:
            return self._pointers[finger]
        used = set(self._pointers.values())
        pointer = next(n for n in range(_FIRST_FINGER, _FIRST_FINGER + 1 + len(used)) if n not in used)
        self._pointers[finger] = pointer
        return pointer

    def _move(self, finger: Any, x: float, y: float, time_ns: int) -> None:
        """Move a finger, unless its DOWN was not seen."""
        if finger in self._pointers:
            self.capture.touch_move(self._pointers[finger], x, y, time_ns)

    def _cancel(self, fingers: Iterable[Any], time_ns: int | None = None) -> None:
        """Cancel fingers whose UP will not come, those of them that are down."""
        for finger in [each for each in fingers if each in self._pointers]:
            self.capture.touch_cancel(self._pointers.pop(finger), time=time_ns)


def element(kind: str, name: str, number: Callable[[], int | None]) -> str:
    """Return an element of a target's path: a class with its name, else with its number among its like."""
    if name:
        return f"{escape_name(kind)}#{escape_name(name)}>"
    place = number()
    return f"{escape_name(kind)}>" if place is None else f"{escape_name(kind)}[{place}]>"


def number_among(like: Sequence[Any], widget: Any) -> int | None:
    """Return which of its like a widget is; None if it is alone."""
    return like.index(widget) if len(like) > 1 else None
