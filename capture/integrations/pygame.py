"""A pygame-ce app: fingers and the mouse, taken from its own event queue.

>>> from capture.integrations.pygame import PygameHost
>>> host = PygameHost(cap)  # doctest: +SKIP
>>> for event in pygame.event.get():  # doctest: +SKIP
...     host.feed(event)
"""

from __future__ import annotations

import functools
import time
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture.engine.capture import Capture
    from capture.events.targets import Target

__all__ = ["PygameHost"]

#: The mouse's buttons are pointers below the fingers'.
_FIRST_FINGER = 16
_TEED = ("get", "poll", "wait")


class PygameHost:
    """Feeds a pygame app's touches to a capture.

    pygame has no widgets and no time stamps: what is under a finger is the app's to say, and the time
    is that of the feeding.

    Parameters
    ----------
    capture : Capture
    find_target : callable, optional
        (x, y) in px of the window -> `Target` or None.
    """

    def __init__(
        self, capture: Capture, find_target: Callable[[float, float], Target | None] | None = None
    ) -> None:
        self._pygame = import_module("pygame")
        self._capture = capture
        self._find_target = find_target
        self._fingers: dict[tuple[int, int], int] = {}
        self._size: tuple[int, int] | None = None
        self._originals: dict[str, Any] = {}

    def tee(self) -> None:
        """See whatever ``pygame.event.get``, ``poll`` and ``wait`` hand out, until `untee`."""
        events = self._pygame.event
        for name in _TEED:
            self._originals[name] = getattr(events, name)
            setattr(events, name, self._seen(self._originals[name]))

    def untee(self) -> None:
        """See nothing any more; may be called again."""
        for name, original in self._originals.items():
            setattr(self._pygame.event, name, original)
        self._originals.clear()

    def feed(self, event: Any) -> None:
        """Take an event; what is no touch is left alone."""
        pygame = self._pygame
        kind = event.type
        if kind in {pygame.MOUSEBUTTONDOWN, pygame.MOUSEMOTION, pygame.MOUSEBUTTONUP}:
            # The mouse that SDL makes of a finger is that finger's twin; 4 and 5 are the wheel.
            if not event.touch and getattr(event, "button", 1) <= 3:
                self._mouse(kind, event)
        elif kind in {pygame.FINGERDOWN, pygame.FINGERMOTION, pygame.FINGERUP}:
            self._finger(kind, event)
        elif kind in {pygame.WINDOWHIDDEN, pygame.APP_DIDENTERBACKGROUND}:
            self._capture.app_hide()
        elif kind in {pygame.WINDOWSHOWN, pygame.APP_DIDENTERFOREGROUND}:
            self._capture.app_show()

    def _mouse(self, kind: int, event: Any) -> None:
        pygame = self._pygame
        x, y = event.pos
        if kind == pygame.MOUSEBUTTONDOWN:
            self._down(event.button, x, y)
        elif kind == pygame.MOUSEBUTTONUP:
            self._capture.touch_up(event.button, x, y, time.monotonic_ns())
        else:
            for button, pressed in enumerate(event.buttons, 1):
                if pressed:
                    self._capture.touch_move(button, x, y, time.monotonic_ns())

    def _finger(self, kind: int, event: Any) -> None:
        pygame = self._pygame
        width, height = self._window_size()
        x, y = event.x * width, event.y * height
        key = (event.touch_id, event.finger_id)
        if kind == pygame.FINGERDOWN:
            # SDL's ids are large: a pointer is the smallest number that is free.
            taken = set(self._fingers.values())
            pointer = next(n for n in range(_FIRST_FINGER, _FIRST_FINGER + 1 + len(taken)) if n not in taken)
            self._fingers[key] = pointer
            self._down(pointer, x, y)
        elif key in self._fingers:
            if kind == pygame.FINGERMOTION:
                self._capture.touch_move(self._fingers[key], x, y, time.monotonic_ns())
            else:
                self._capture.touch_up(self._fingers.pop(key), x, y, time.monotonic_ns())

    def _down(self, pointer: int, x: float, y: float) -> None:
        self._window_size()
        target = None if self._find_target is None else self._find_target(x, y)
        self._capture.touch_down(pointer, x, y, time.monotonic_ns(), target)

    def _window_size(self) -> tuple[int, int]:
        """Return px of the window, and tell the capture when they changed."""
        surface = self._pygame.display.get_surface()
        size = (0, 0) if surface is None else surface.get_size()
        if size != self._size and surface is not None:
            self._size = size
            given = self._capture.config.device
            self._capture.set_screen(
                size[0] if given.width is None else given.width,
                size[1] if given.height is None else given.height,
                given.density or 1.0,
            )
            if given.orientation is None:
                self._capture.set_orientation(int(size[0] > size[1]))
        return size

    def _seen(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def seeing(*values: Any, **options: Any) -> Any:
            found = original(*values, **options)
            for event in found if isinstance(found, list) else [found]:
                self.feed(event)
            return found

        return seeing
