"""Capture a Kivy app: every touch with its true origin, its target, its screen; nothing changes for the app.

>>> from capture.integrations.kivy import capture_app
>>> cap = capture_app(app, "capture.toml")  # doctest: +SKIP
>>> app.run()  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import msgspec

from capture.config import RunConfig
from capture.engine import Capture
from capture.errors import CaptureError
from capture.integrations.kivy.installation import Installation
from capture.integrations.kivy.lifecycle import Lifecycle

if TYPE_CHECKING:
    import os

__all__ = ["capture_app", "install", "uninstall"]

_installed: Installation | None = None


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
        For consent, tracking calls and `Capture.stats`, whose ``hook`` says how touches are seen.

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
    capture = Capture(config)
    installation = install(capture)
    Lifecycle(app, installation, is_android=is_android).bind()
    return capture


def install(capture: Capture) -> Installation:
    """See the touches and screens of this process's Kivy app; the lifecycle stays the caller's.

    An earlier installation is taken out first: there is one window and one event loop.
    """
    global _installed  # noqa: PLW0603 - Kivy has one event loop in a process, and so has this
    uninstall()
    _installed = Installation(capture)
    _installed.install()
    return _installed


def uninstall() -> None:
    """Take everything out again; without an installation nothing happens."""
    global _installed  # noqa: PLW0603 - as in install
    if _installed is not None:
        _installed.uninstall()
        _installed = None


def _current(capture: Capture | None = None) -> Installation:
    if _installed is None or (capture is not None and _installed.capture is not capture):
        raise CaptureError("this capture is not installed in Kivy: call capture_app() or install() first")
    return _installed


def _with_android(config: RunConfig) -> RunConfig:
    """Return a configuration with what Android says of the device, where it says nothing itself."""
    from capture.integrations.kivy import android

    given = config.device
    found = {key: value for key, value in android.facts().items() if getattr(given, key) is None}
    return msgspec.structs.replace(config, device=msgspec.structs.replace(given, **found))
