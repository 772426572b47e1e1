"""A PySide6 app: fingers and the mouse by an event filter, which consumes nothing.

>>> from capture.integrations.pyside6 import QtHost
>>> host = QtHost(cap, application)  # doctest: +SKIP
"""

from __future__ import annotations

import logging
import time
from functools import cached_property, partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from capture.events.targets import ROOT, Target
from capture.integrations.base import MOUSE, HostBase, element, number_among
from capture.integrations.pyside6_quick import QuickWindows

if TYPE_CHECKING:
    from capture.engine.capture import Capture

__all__ = ["QtHost"]

_log = logging.getLogger("capture.pyside6")
#: A stamp this far (ns) from its delivery is of another clock.
_DRIFT_NS = 10**9
_QUICK_WINDOW = "QQuickWindow"
#: The mouse is a pointer below the fingers'.
_MOUSE = 0


class QtHost(HostBase):
    """Feeds a Qt application's touches to a capture, each once, with the stamp of the device.

    A touch is seen when it reaches a window, before any widget; the widget under it is its target, and
    it is responsive if a widget took the press.

    Parameters
    ----------
    capture : Capture
    application : QApplication or QGuiApplication
    pages : bool
        Whether the pages of Qt Quick's StackView, SwipeView and Loader are reported as screens.
    """

    def __init__(self, capture: Capture, application: Any, *, pages: bool = True) -> None:
        core, gui, widgets = (import_module(f"PySide6.Qt{name}") for name in ("Core", "Gui", "Widgets"))
        super().__init__(capture)
        self._application = application
        self._window_class, self._widget_class = gui.QWindow, widgets.QWidget
        self._widget_at = widgets.QApplication.widgetAt
        self._state = gui.QEventPoint.State
        self._not_synthetic = core.Qt.MouseEventSource.MouseEventNotSynthesized
        kinds = core.QEvent.Type
        self._mouse_kinds = {
            kinds.MouseButtonPress: "down",
            kinds.MouseButtonDblClick: "down",
            kinds.MouseMove: "move",
            kinds.MouseButtonRelease: "up",
        }
        self._touch_kinds = {kinds.TouchBegin, kinds.TouchUpdate, kinds.TouchEnd}
        self._touch_cancel = kinds.TouchCancel
        self._offset_ns: int | None = None
        self._receiver: Any = None
        self._left = core.Qt.MouseButton.LeftButton
        #: Finger that is down -> its window and panel.
        self._places: dict[int, tuple[int, int]] = {}
        self._window: Any = None
        self._pages = pages
        see = self._see

        class Filter(core.QObject):  # type: ignore[misc, name-defined]  # Qt's class, known at run time
            def eventFilter(self, receiver: Any, event: Any) -> bool:  # noqa: N802 - Qt's name
                see(receiver, event)
                return False

        self._filter: Any = Filter()
        application.installEventFilter(self._filter)
        application.applicationStateChanged.connect(self._state_changed)
        self._active = core.Qt.ApplicationState.ApplicationActive
        self._hidden = core.Qt.ApplicationState.ApplicationSuspended

    def uninstall(self) -> None:
        """Stop capturing touches; may be called again."""
        if self._filter is not None:
            self._application.removeEventFilter(self._filter)
            self._application.applicationStateChanged.disconnect(self._state_changed)
            self._filter = None

    def _see(self, receiver: Any, event: Any) -> None:
        try:
            kind = event.type()
            if kind in self._mouse_kinds:
                if isinstance(receiver, self._window_class):
                    self._mouse(self._mouse_kinds[kind], receiver, event)
                elif self._mouse_kinds[kind] == "down" and isinstance(receiver, self._widget_class):
                    # The press climbs from widget to parent until one takes it: the last one seen did.
                    self._receiver = receiver
            elif kind in self._touch_kinds and isinstance(receiver, self._window_class):
                self._touch(receiver, event)
            elif kind == self._touch_cancel and isinstance(receiver, self._window_class):
                self._cancel(self._places, self._stamp(event))
        except Exception as error:  # noqa: BLE001 - no error may reach the app's event loop
            _log.error(
                "touches are no longer captured after an error; the app continues: %s", error, exc_info=error
            )
            self.uninstall()

    def _mouse(self, kind: str, window: Any, event: Any) -> None:
        # A mouse event that Qt made of a touch is that touch's twin.
        if event.source() != self._not_synthetic:
            return
        place, stamp = event.scenePosition(), self._stamp(event)
        x, y = self._px(window, place)
        is_left = event.button() == self._left
        if kind == "down" and is_left:
            self._pointers[MOUSE], self._receiver = _MOUSE, None
            target = self._target(window, event)
            self._update_window(window)
            self.capture.touch_down(_MOUSE, x, y, stamp, target)
        elif MOUSE not in self._pointers:
            return
        elif kind == "up" and is_left:
            del self._pointers[MOUSE]
            self.capture.touch_up(_MOUSE, x, y, stamp, self._is_responsive(window, event, event.point(0)))
        elif kind == "move" and event.buttons() & self._left:
            self._move(MOUSE, x, y, stamp)
        elif kind == "move":
            # Released where this app did not see it.
            self._cancel([MOUSE])

    def _touch(self, window: Any, event: Any) -> None:
        stamp = self._stamp(event)
        points = event.points()
        self._forget_lost(window, event, {point.id() for point in points})
        for point in points:
            x, y = self._px(window, point.scenePosition())
            state = point.state()
            if state == self._state.Pressed:
                if not self._has_fingers():
                    self._receiver = None
                pointer = self._pointer_of(point.id())
                self._places[point.id()] = _place(window, event)
                self._update_window(window)
                self.capture.touch_down(pointer, x, y, stamp, self._target(window, point))
            elif state == self._state.Updated:
                self._move(point.id(), x, y, stamp)
            elif state == self._state.Released and point.id() in self._pointers:
                pointer = self._pointers.pop(point.id())
                # The first finger becomes a press of the mouse where no widget asks for touches.
                responsive = None if self._has_fingers() else self._is_responsive(window, event, point)
                self.capture.touch_up(pointer, x, y, stamp, responsive)

    def _has_fingers(self) -> bool:
        """Return whether a finger is down, the mouse apart."""
        return any(pointer != _MOUSE for pointer in self._pointers.values())

    def _forget_lost(self, window: Any, event: Any, named: set[int]) -> None:
        """Cancel fingers of the same panel and window that an event does not name: their UP was lost."""
        here = _place(window, event)
        self._places = {finger: place for finger, place in self._places.items() if finger in self._pointers}
        lost = [finger for finger, place in self._places.items() if place == here and finger not in named]
        self._cancel(lost, self._stamp(event))

    def _target(self, window: Any, point: Any) -> Target:
        if window.inherits(_QUICK_WINDOW):
            return self._quick.target(window, point.scenePosition())
        widget = self._widget_at(point.globalPosition().toPoint())
        if widget is None:
            return Target(responsive=False)
        path = ""
        # A disabled widget takes presses, and does nothing.
        responsive = None if widget.isEnabled() else False
        own_id = widget.objectName()
        while widget is not None:
            path = element(type(widget).__name__, widget.objectName(), partial(_number, widget)) + path
            widget = widget.parentWidget()
        return Target(path=ROOT + path, id=own_id, responsive=responsive)

    @cached_property
    def _quick(self) -> QuickWindows:
        return QuickWindows(self._show_page)

    def _show_page(self, name: str) -> None:
        if self._pages and self._filter is not None:
            self.capture.screen_view(name)

    def _is_responsive(self, window: Any, event: Any, point: Any) -> bool | None:
        """Return whether a widget took the press; None if no widget saw it, or only an app's window."""
        if window.inherits(_QUICK_WINDOW):
            return self._quick.took(event, point)
        receiver, self._receiver = self._receiver, None
        if receiver is None:
            return None
        if not receiver.isEnabled():
            return False
        if not receiver.isWindow():
            return True
        # A window that does not handle presses lets them fall.
        own = any("mousePressEvent" in kind.__dict__ for kind in type(receiver).__mro__ if _is_of_app(kind))
        return None if own else False

    def _stamp(self, event: Any) -> int:
        """Return an event's time on the monotonic clock: the device's stamp, if it has one."""
        now, stamp = time.monotonic_ns(), int(event.timestamp()) * 1_000_000
        if not stamp:
            return now
        if self._offset_ns is None or abs(stamp + self._offset_ns - now) > _DRIFT_NS:
            self._offset_ns = now - stamp
        return stamp + self._offset_ns

    def _px(self, window: Any, place: Any) -> tuple[float, float]:
        """Return device px: Qt's units are independent of the density."""
        ratio = window.devicePixelRatio()
        return place.x() * ratio, place.y() * ratio

    def _update_window(self, window: Any) -> None:
        self._window = window
        self._update_screen()

    def _screen(self) -> tuple[float, float, float]:
        window = self._window
        ratio = window.devicePixelRatio()
        return window.width() * ratio, window.height() * ratio, min(max(ratio, 0.75), 10.0)

    def _state_changed(self, state: Any) -> None:
        if state == self._active:
            self.capture.app_show()
            return
        # A release in another window is not reported to this app.
        self._cancel(self._pointers)
        if state == self._hidden:
            self.capture.app_hide()


def _place(window: Any, event: Any) -> tuple[int, int]:
    """Return the key of a window and panel, to tell their fingers from others'."""
    device = event.device()
    return int(window.winId()), 0 if device is None else int(device.systemId())


def _is_of_app(kind: type) -> bool:
    return not kind.__module__.startswith(("PySide6", "Shiboken", "builtins"))


def _number(widget: Any) -> int | None:
    """Return which of its like a widget is among its siblings; None if it is alone."""
    parent = widget.parentWidget()
    siblings = [] if parent is None else parent.children()
    return number_among([child for child in siblings if type(child) is type(widget)], widget)
