"""What hosts share: a host feeds the touches of one toolkit or device to a capture."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture.engine.capture import Capture
    from capture.events.targets import Target

__all__ = ["HostBase"]

#: Smaller pointers are the mouse's.
_FIRST_FINGER = 16


class HostBase(ABC):
    """Passes the screen, targets and pointer numbers of a host to its capture.

    Parameters
    ----------
    capture : Capture
    find_target : callable, optional
        (x, y) in px -> `Target` or None; what is under the finger at DOWN.
    """

    def __init__(
        self, capture: Capture, find_target: Callable[[float, float], Target | None] | None = None
    ) -> None:
        self.capture = capture
        self._find_target_at = find_target
        #: The toolkit's id of a finger that is down -> pointer.
        self._fingers: dict[Any, int] = {}

    @abstractmethod
    def _screen(self) -> tuple[float, float, float]:
        """Return width and height of the screen (px) and its density."""

    def _update_screen(self, *, turns: bool = True) -> float:
        """Pass the screen to the capture, where the configuration does not say it; return the density.

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
        return None if self._find_target_at is None else self._find_target_at(x, y)

    def _new_pointer(self, finger: Any) -> int:
        """Return the smallest free pointer and remember it: the toolkits' own ids are large."""
        used = set(self._fingers.values())
        pointer = next(n for n in range(_FIRST_FINGER, _FIRST_FINGER + 1 + len(used)) if n not in used)
        self._fingers[finger] = pointer
        return pointer
