"""The app around the touches: start, pause, resume and stop."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from capture.integrations.kivy.guard import Guard

if TYPE_CHECKING:
    from capture.integrations.kivy.host import KivyHooks

__all__ = ["Lifecycle"]


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
        self._stopped = False
        guard = Guard("the app's life is")
        guard.bind(app, "on_start", self._on_start)
        guard.bind(app, "on_pause", self._on_pause)
        guard.bind(app, "on_resume", self._on_resume)
        original, stop = app.on_stop, guard(self._on_stop)

        # The app's own on_stop may still track something: the capture is closed after it. Kivy calls it
        # twice where the app stopped itself (kivy#2397).
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
        if not self._stopped:
            self._stopped = True
            self._host.uninstall()
            self._capture.app_hide()
            self._capture.close()

    def _connect(self) -> None:
        if self._is_android and self._capture.config.device.connectivity is None:
            from capture.integrations.kivy import android

            self._capture.set_connectivity(*android.connectivity())
