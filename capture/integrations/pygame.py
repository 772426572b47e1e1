"""A pygame-ce app: fingers and the mouse, from its event queue.

>>> from capture.integrations.pygame import PygameHost
>>> host = PygameHost(cap)  # doctest: +SKIP
>>> for event in pygame.event.get():  # doctest: +SKIP
...     host.feed(event)
"""

from __future__ import annotations

import functools
import logging
import time
from importlib import import_module
from typing import TYPE_CHECKING, Any

from capture.integrations.base import MOUSE, HostBase

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture.engine.capture import Capture
    from capture.events.targets import Target

__all__ = ["PygameHost"]

_TEED = ("get", "poll", "wait")
#: Pointer of the mouse, and the button that touches.
_MOUSE = 1
#: SDL's touch device for the fingers that it makes of the mouse, signed or not.
_MOUSE_TOUCH = frozenset({-1, 2**32 - 1, 2**64 - 1})


class PygameHost(HostBase):
    """Feeds a pygame app's touches to a capture.

    pygame has no widgets and no time stamps: you supply the targets, and each touch is stamped when you feed
    it. Feed an event before you handle it: the handler's records then come after its gesture. The
    host records when the window is shown and hidden; the app may do so too.

    Parameters
    ----------
    capture : Capture
    find_target : callable, optional
        (x, y) in px of the window -> `Target`, or None if there is nothing.
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
        """Process an event; other events than touches and those of the window are ignored.

        One that lacks fields of SDL's, as an app may post it, is logged once, and is not captured.
        """
        try:
            self._feed(event)
        except Exception as error:  # noqa: BLE001 - no error may reach the app's event loop
            self._log_once("feed", logging.ERROR, "an event was not captured: %s", error, error=error)

    def _feed(self, event: Any) -> None:
        pygame = self._pygame
        kind = event.type
        if kind in {pygame.MOUSEBUTTONDOWN, pygame.MOUSEMOTION, pygame.MOUSEBUTTONUP}:
            # The mouse that SDL makes of a finger is that finger's twin, and so is the finger of a mouse.
            if not getattr(event, "touch", False) and getattr(event, "button", _MOUSE) == _MOUSE:
                self._mouse(kind, event)
        elif kind in {pygame.FINGERDOWN, pygame.FINGERMOTION, pygame.FINGERUP}:
            if event.touch_id not in _MOUSE_TOUCH:
                self._finger(kind, event)
        elif kind in {pygame.WINDOWHIDDEN, pygame.WINDOWMINIMIZED, pygame.APP_DIDENTERBACKGROUND}:
            self._cancel(self._pointers)
            self.capture.app_hide()
        elif kind in {pygame.WINDOWSHOWN, pygame.WINDOWRESTORED, pygame.APP_DIDENTERFOREGROUND}:
            self.capture.app_show()
        elif kind == pygame.WINDOWFOCUSLOST:
            # A release in another window is not reported to this one.
            self._cancel(self._pointers)

    def _mouse(self, kind: int, event: Any) -> None:
        pygame = self._pygame
        x, y = event.pos
        if kind == pygame.MOUSEBUTTONDOWN:
            self._pointers[MOUSE] = _MOUSE
            self._down(_MOUSE, x, y)
        elif kind == pygame.MOUSEBUTTONUP:
            self._up(MOUSE, x, y)
        elif MOUSE not in self._pointers:
            return
        elif event.buttons[0]:
            self._move(MOUSE, x, y, time.monotonic_ns())
        else:
            self._cancel([MOUSE])

    def _finger(self, kind: int, event: Any) -> None:
        pygame = self._pygame
        width, height = self._window_size()
        x, y = event.x * width, event.y * height
        key = (event.touch_id, event.finger_id)
        if kind == pygame.FINGERDOWN:
            self._forget_lost(key)
            self._down(self._pointer_of(key), x, y)
        elif kind == pygame.FINGERMOTION:
            self._move(key, x, y, time.monotonic_ns())
        else:
            self._up(key, x, y)

    def _forget_lost(self, key: tuple[int, int]) -> None:
        """Cancel the oldest fingers of a device that has fewer down than we know: SDL loses some UPs."""
        device = key[0]
        open_fingers = [each for each in self._pointers if each[0] == device and each != key]
        if not open_fingers:
            return
        try:
            touch = import_module("pygame._sdl2.touch")
            down = touch.get_num_fingers(device)
        except (ImportError, AttributeError, OverflowError, TypeError, self._pygame.error):
            return
        # None: the events are of no device that SDL knows, or all fingers were lifted since.
        if down > 0:
            self._cancel(open_fingers[: max(0, len(open_fingers) + 1 - down)])

    def _down(self, pointer: int, x: float, y: float) -> None:
        self._window_size()
        self.capture.touch_down(pointer, x, y, time.monotonic_ns(), self._target_at(x, y))

    def _up(self, finger: Any, x: float, y: float) -> None:
        if finger in self._pointers:
            self.capture.touch_up(self._pointers.pop(finger), x, y, time.monotonic_ns())

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
