"""Capture a Kivy app: every touch with its true origin, its target, its screen; nothing changes for the app.

>>> from capture.integrations.kivy import capture_app
>>> cap = capture_app(app, "capture.toml")  # doctest: +SKIP
>>> app.run()  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import msgspec

from capture.config.run import RunConfig
from capture.engine.capture import Capture
from capture.errors import CaptureError
from capture.gestures.config import GestureConfig
from capture.integrations.kivy.host import KivyHooks, Lifecycle
from capture.integrations.kivy.overlay import Overlay
from capture.integrations.kivy.playing import Player
from capture.integrations.kivy.recording import KivyRecording

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from capture.logs import ReadOptions

__all__ = ["capture_app", "hide_overlay", "install", "play", "record", "show_overlay", "uninstall"]

_installed: KivyHooks | None = None


def capture_app(app: Any, config: RunConfig | str | os.PathLike[str]) -> Capture:
    """Capture a Kivy app; call it before ``app.run()``.

    The app's start, pause, resume and stop become events; the capture is closed after the app's own
    ``on_stop``. Nothing is recorded before the user opted in, as everywhere.

    Parameters
    ----------
    app : kivy.app.App
        Not running yet.
    config : RunConfig or path-like
        The run configuration, or its file.

    Returns
    -------
    Capture
        For consent, tracking calls and `Capture.stats`, whose ``hook`` tells how touches are seen.

    Raises
    ------
    ConfigError
        When the configuration is wrong.
    """
    if not isinstance(config, RunConfig):
        config = RunConfig.load(config)
    is_android = import_module("kivy.utils").platform == "android"
    if is_android:
        config = _with_android(config)
    capture = Capture(_with_window(config))
    host = _install(capture, wait=True)
    Lifecycle(app, host, is_android=is_android)
    return capture


def install(capture: Capture) -> KivyHooks:
    """Capture the touches and screens of this process's Kivy app; the lifecycle stays the caller's.

    An earlier capture is uninstalled first: there is one window and one event loop.
    """
    return _install(capture)


def _install(capture: Capture, *, wait: bool = False) -> KivyHooks:
    global _installed  # noqa: PLW0603 - Kivy has one event loop in a process, and so has this
    uninstall()
    _installed = KivyHooks(capture)
    _installed.install(wait=wait)
    return _installed


def uninstall() -> None:
    """Remove all hooks; may be called again."""
    global _installed  # noqa: PLW0603 - as in install
    hide_overlay()
    if _installed is not None:
        _installed.uninstall()
        _installed = None


def record(capture: Capture, path: str | os.PathLike[str], *, screenshots: bool = False) -> KivyRecording:
    """Record touches to a log of our own (``NAME.touch.jsonl``), from now until ``stop()`` or the app's stop.

    Parameters
    ----------
    capture : Capture
        The installed one; nothing is written, and no file created, before its consent.
    path : path-like
        The log; an earlier one is replaced.
    screenshots : bool, default False
        Whether a picture of each screen is put beside it, masked widgets blacked out. They are for a
        developer's own device: no event ever holds one.

    Raises
    ------
    CaptureError
        When the capture is not installed.
    """
    return KivyRecording(_current(capture), path, screenshots=screenshots)


def play(
    path: str | os.PathLike[str],
    *,
    speed: float = 1.0,
    options: ReadOptions | None = None,
    on_end: Callable[[], None] | None = None,
) -> Player:
    """Play a touch log into the running app, or into the one that runs next.

    Samples keep the times of the log: the gestures are those of the recording, at any speed.

    Parameters
    ----------
    path : path-like
        Any touch log whose screen size is known.
    speed : float, default 1.0
        1 is the log's pace; ``inf`` gives one sample a frame.
    options : ReadOptions, optional
        Facts that the log lacks.
    on_end : callable, optional
        Called in Kivy's thread after the last sample.

    Raises
    ------
    TouchLogError
        When the log cannot be read or the size of its screen is not known.
    ValueError
        When the speed is not positive.
    """
    player = Player(path, speed=speed, options=options, on_end=on_end)
    import_module("kivy.base").EventLoop.add_input_provider(player)
    return player


def show_overlay(capture: Capture) -> Overlay:
    """Draw touches over the app, for its developers: trails, class and reason, target, responsiveness.

    Raises
    ------
    CaptureError
        When the capture is not installed.
    """
    host = _current(capture)
    hide_overlay()
    host.overlay = overlay = Overlay(host)
    return overlay


def hide_overlay() -> None:
    """Hide the overlay, if it is shown; also after a failure ended the capturing."""
    if _installed is not None and _installed.overlay is not None:
        _installed.overlay.stop()
        _installed.overlay = None


def _current(capture: Capture) -> KivyHooks:
    if _installed is None or _installed.capture is not capture:
        raise CaptureError("this capture is not installed in Kivy: call capture_app() or install() first")
    return _installed


def _with_window(config: RunConfig) -> RunConfig:
    """Return the configuration with the distance of Kivy's double tap, which is a part of its window.

    The dialect ``kivy`` alone has it, where no key sets another one; the window's size is that at the start.
    """
    gestures = config.gestures
    row = GestureConfig(dialect=gestures.dialect, dialects=gestures.dialects)
    if gestures.dialect != "kivy" or gestures.multi_tap_slop_dp != row.multi_tap_slop_dp:
        return config
    settings, window = import_module("kivy.config").Config, import_module("kivy.base").EventLoop.window
    size = settings.getint("graphics", "width"), settings.getint("graphics", "height")
    smaller = min(size if window is None else window.size)
    density = config.device.density or import_module("kivy.metrics").Metrics.density
    part = settings.getint("postproc", "double_tap_distance") / 1000
    slop = gestures.changed(multi_tap_slop_dp=round(part * smaller / density, 3))
    return msgspec.structs.replace(config, gestures=slop)


def _with_android(config: RunConfig) -> RunConfig:
    """Return the configuration with Android's facts for the device keys that it leaves open."""
    from capture.integrations.kivy import android

    device = config.device
    facts = {key: value for key, value in android.facts().items() if getattr(device, key) is None}
    return msgspec.structs.replace(config, device=msgspec.structs.replace(device, **facts))
