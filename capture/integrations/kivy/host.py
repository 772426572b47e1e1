"""One capture in one Kivy process: hooks, targets, screens and the window, and the app around them."""

from __future__ import annotations

import functools
from importlib import import_module
from typing import TYPE_CHECKING, Any

import msgspec

from capture.integrations.base import HostBase
from capture.integrations.kivy.guard import Guard
from capture.integrations.kivy.hooks import Hooks
from capture.integrations.kivy.screens import Screens
from capture.integrations.kivy.strokes import OpenTouches
from capture.integrations.kivy.targets import box_of, describe, judge, path_at, place_of, rotated, size_of

if TYPE_CHECKING:
    from capture.engine.capture import Capture
    from capture.events.targets import Target
    from capture.integrations.kivy.touches import Listener, OpenTouch

__all__ = ["KivyHooks", "Lifecycle"]


class KivyHooks(HostBase):
    """The hooks of `capture.integrations.kivy.install` in a process.

    Parameters
    ----------
    capture : Capture
        Where touches and screens go.

    Attributes
    ----------
    capture : Capture
    strokes : OpenTouches
    screens : Screens
    overlay : Listener or None
        What draws over the app.
    window : object
        Kivy's window; None before there is one.
    """

    def __init__(self, capture: Capture) -> None:
        super().__init__(capture)
        self.overlay: Listener | None = None
        self.window: Any = None
        self._loop = import_module("kivy.base").EventLoop
        self._clock = import_module("kivy.clock").Clock
        self._metrics = import_module("kivy.metrics").Metrics
        self.strokes = OpenTouches(capture, self)
        self.guard = Guard("touches are", self._stop)
        self.screens = Screens(self._announce, self.guard)
        self.hooks = Hooks(self.strokes, before_begin=self._before_begin, guard=self.guard)
        self._heard = False
        self._size = (0.0, 0.0)

    def install(self, *, wait: bool = False) -> None:
        """Install the hooks; the window may come later.

        Parameters
        ----------
        wait : bool
            Whether screens wait for `attach`: the app's start is recorded before them.
        """
        self.capture.hook = self.hooks.install(self._loop)
        if wait or self._loop.window is None:
            self.guard.bind(self._loop, "on_start", self.attach)
        else:
            self.guard(self.attach)()

    def uninstall(self) -> None:
        """Remove the hooks and cancel open strokes; may be called again."""
        self.strokes.cancel_all()
        for listener in self.strokes.listeners.copy():
            listener.stop()
        self.guard.release()
        self.hooks.uninstall()
        self.capture.hook = None
        self.window = None

    def attach(self, *_: Any) -> None:
        """Pass the window's size and density to the capture, and watch its screens."""
        if self.window is not None or self._loop.window is None:
            return
        self.window = self._loop.window
        for name in ("size", "rotation"):
            self.guard.bind(self.window, name, self._on_size)
        if hasattr(self.window, "focus"):
            self.guard.bind(self.window, "focus", self._on_focus)
        self._on_size()
        self.screens.attach(self.window)

    def _stop(self) -> None:
        """Stop after a failure; recorded events are still delivered, and tracking calls continue."""
        self.capture.hook = None
        self.strokes.listeners.clear()
        self.strokes.cancel_all()

    # Facts

    def _on_size(self, *_: Any) -> None:
        self._size = size_of(self.window)
        self.strokes.density = self._update_screen()

    def _on_focus(self, _window: Any, focus: bool) -> None:
        # A release in another window is not reported to this one.
        if not focus:
            self.strokes.cancel_all()

    def _screen(self) -> tuple[float, float, float]:
        # As the app sees it: turned, if the app turned it.
        return *self.window.size, min(max(self._metrics.density, 0.75), 10.0)

    def place(self, sx: float, sy: float) -> tuple[float, float]:
        """Return px of the screen, y downwards; a keyboard that moved the app up does not move the finger."""
        window = self.window or self._loop.window
        width, height = size_of(window) if self.window is None else self._size
        # With y downwards, the window is turned the other way.
        return rotated(-window.rotation % 360, sx, 1 - sy, width - 1, height - 1)

    def find_target(self, sx: float, sy: float) -> Target:
        """Return the target under a place of the screen, and watch screen managers that were added."""
        window = self._loop.window
        path = path_at(window, *place_of(window, sx, sy))
        self.screens.look(path)
        target = describe(window, path)
        if not path or any(getattr(widget, "disabled", False) for widget in path):
            # A disabled widget takes touches, and does nothing.
            return msgspec.structs.replace(target, responsive=False)
        return target

    def bounds_at(self, x: float, y: float) -> tuple[float, float, float, float] | None:
        """Return left, top, width and height (px) of the target at a place of the screen.

        None where there is no widget, and while the window is turned or a keyboard moves it.
        """
        window = self._loop.window
        if window.rotation or window.keyboard_height:
            return None
        last = size_of(window)[1] - 1
        path = path_at(window, x, last - y)
        if not path:
            return None
        left, bottom, right, top = box_of(path)
        return left, last - top, right - left, top - bottom

    def judge(self, stroke: OpenTouch) -> bool | None:
        """Return whether the target of a stroke reacts, after its UP was dispatched."""
        return judge(stroke.owners, stroke.event.ud, consumed=stroke.consumed)

    def is_due(self, kind: str, event: Any) -> bool:
        """Return whether an event is still to be dispatched in this frame."""
        return (kind, event) in self._loop.input_events

    def frame_ns(self) -> int:
        """Return the length of the last frame."""
        return int(self._clock.frametime * 1e9)

    # Screens

    def _announce(self, name: str, around: tuple[str, ...]) -> None:
        self._heard = self.capture.is_recording
        self.capture.screen_view(name, around)

    def _before_begin(self) -> None:
        """Announce the screen again where the consent came since."""
        if not self._heard and self.capture.is_recording:
            # Also where there is nothing to announce: a walk through all widgets for each touch is too much.
            self._heard = True
            self.screens.forget()


class Lifecycle:
    """Turns an app's events into those of a capture, from now on.

    Parameters
    ----------
    app : kivy.app.App
    host : KivyHooks
    is_android : bool
        Whether Android is asked how the device is connected, at the start and at each resume.
    """

    def __init__(self, app: Any, host: KivyHooks, *, is_android: bool = False) -> None:
        self._host = host
        self._capture = host.capture
        self._is_android = is_android
        self._guard = guard = Guard("the app's life is")
        guard.bind(app, "on_start", self._on_start)
        guard.bind(app, "on_pause", self._on_pause)
        guard.bind(app, "on_resume", self._on_resume)
        original, stop = app.on_stop, guard(self._on_stop)

        # The app's own on_stop may still track something: the capture is closed after it. Kivy calls it
        # twice where the app stopped itself (kivy#2397): the guard lets one call through.
        @functools.wraps(original)
        def on_stop(*values: Any) -> Any:
            try:
                return original(*values)
            finally:
                stop()

        app.on_stop = on_stop

    def _on_start(self, *_: Any) -> None:
        self._connect()
        self._capture.app_start()
        self._capture.app_show()
        self._host.attach()

    def _on_pause(self, *_: Any) -> None:
        # An app that is swiped away gets no on_stop (kivy#7003): this is the last safe moment.
        self._host.strokes.cancel_all()
        self._capture.app_hide()

    def _on_resume(self, *_: Any) -> None:
        self._connect()
        self._capture.app_show()

    def _on_stop(self) -> None:
        self._host.uninstall()
        self._capture.app_hide()
        self._capture.close()
        self._guard.release()

    def _connect(self) -> None:
        if self._is_android and self._capture.config.device.connectivity is None:
            from capture.integrations.kivy import android

            self._capture.set_connectivity(*android.connectivity())
