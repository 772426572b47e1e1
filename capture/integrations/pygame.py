"""A pygame-ce app: fingers and the mouse, from its event queue.

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

from capture.integrations.base import HostBase

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture.engine.capture import Capture
    from capture.events.targets import Target

__all__ = ["PygameHost"]

_TEED = ("get", "poll", "wait")


class PygameHost(HostBase):
    """Feeds a pygame app's touches to a capture.

    pygame has no widgets and no time stamps: you supply the targets, and each touch is stamped when you feed
    it.

    Parameters
    ----------
    capture : Capture
    find_target : callable, optional
        (x, y) in px of the window -> `Target` or None.
    """

    def __init__(
        self, capture: Capture, find_target: Callable[[float, float], Target | None] | None = None
    ) -> None:
        super().__init__(capture, find_target)
        self._pygame = import_module("pygame")
        self._size = (0, 0)
        self._originals: dict[str, Any] = {}

    def tee(self) -> None:
        """Feed every event that ``pygame.event.get``, ``poll`` and ``wait`` return, until `untee`."""
        events = self._pygame.event
        for name in _TEED:
            self._originals[name] = getattr(events, name)
            setattr(events, name, self._seen(self._originals[name]))

    def untee(self) -> None:
        """Stop feeding; may be called again."""
        for name, original in self._originals.items():
            setattr(self._pygame.event, name, original)
        self._originals.clear()

    def feed(self, event: Any) -> None:
        """Process an event; other events than touches are ignored."""
        pygame = self._pygame
        kind = event.type
        if kind in {pygame.MOUSEBUTTONDOWN, pygame.MOUSEMOTION, pygame.MOUSEBUTTONUP}:
            # The mouse that SDL makes of a finger is that finger's twin; 4 and 5 are the wheel.
            if not event.touch and getattr(event, "button", 1) <= 3:
                self._mouse(kind, event)
        elif kind in {pygame.FINGERDOWN, pygame.FINGERMOTION, pygame.FINGERUP}:
            self._finger(kind, event)
        elif kind in {pygame.WINDOWHIDDEN, pygame.APP_DIDENTERBACKGROUND}:
            self.capture.app_hide()
        elif kind in {pygame.WINDOWSHOWN, pygame.APP_DIDENTERFOREGROUND}:
            self.capture.app_show()

    def _mouse(self, kind: int, event: Any) -> None:
        pygame = self._pygame
        x, y = event.pos
        if kind == pygame.MOUSEBUTTONDOWN:
            self._down(event.button, x, y)
        elif kind == pygame.MOUSEBUTTONUP:
            self.capture.touch_up(event.button, x, y, time.monotonic_ns())
        else:
            for button, pressed in enumerate(event.buttons, 1):
                if pressed:
                    self.capture.touch_move(button, x, y, time.monotonic_ns())

    def _finger(self, kind: int, event: Any) -> None:
        pygame = self._pygame
        width, height = self._window_size()
        x, y = event.x * width, event.y * height
        key = (event.touch_id, event.finger_id)
        if kind == pygame.FINGERDOWN:
            self._down(self._new_pointer(key), x, y)
        elif key in self._fingers:
            if kind == pygame.FINGERMOTION:
                self.capture.touch_move(self._fingers[key], x, y, time.monotonic_ns())
            else:
                self.capture.touch_up(self._fingers.pop(key), x, y, time.monotonic_ns())

    def _down(self, pointer: int, x: float, y: float) -> None:
        self._window_size()
        self.capture.touch_down(pointer, x, y, time.monotonic_ns(), self._target_at(x, y))

    def _screen(self) -> tuple[float, float, float]:
        return *self._size, 1.0

    def _window_size(self) -> tuple[int, int]:
        """Return the window's size (px), and pass it to the capture when it changed."""
        surface = self._pygame.display.get_surface()
        size = (0, 0) if surface is None else surface.get_size()
        if size != self._size and surface is not None:
            self._size = size
            self._update_screen()
        return size

    def _seen(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def seeing(*values: Any, **options: Any) -> Any:
            result = original(*values, **options)
            for event in result if isinstance(result, list) else [result]:
                self.feed(event)
            return result

        return seeing
