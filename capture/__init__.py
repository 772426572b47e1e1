"""On-device gesture recognition and event capture.

Raw touches go in; taps, long presses, drags and flings come out, become analytics events, are kept
in a local store and leave in batches. Start with `Capture` in an app, `classify` for whole logs and
`Recognizer` for one touch at a time.

The names are imported when they are first used, so that ``import capture`` costs an app's start little.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from capture.config.run import RunConfig
    from capture.config.sections import BufferConfig, CurrentsConfig, DeliveryConfig, SinkConfig
    from capture.engine.capture import Capture
    from capture.errors import (
        CaptureError,
        ConfigError,
        InvalidEventError,
        SinkError,
        StoreError,
        TouchLogError,
    )
    from capture.events.config import DeviceConfig, PrivacyConfig, ProjectConfig, SessionConfig
    from capture.events.targets import Target
    from capture.gestures.config import GestureConfig
    from capture.gestures.kinds import Action, Direction, GestureKind, Reason
    from capture.gestures.recognizer import Gesture, GestureTable, Recognizer, classify
    from capture.gestures.samples import TouchSamples

#: The one place that states it: pyproject.toml, events and the command line read it from here.
__version__ = "0.1.0"

__all__ = [
    "Action",
    "BufferConfig",
    "Capture",
    "CaptureError",
    "ConfigError",
    "CurrentsConfig",
    "DeliveryConfig",
    "DeviceConfig",
    "Direction",
    "Gesture",
    "GestureConfig",
    "GestureKind",
    "GestureTable",
    "InvalidEventError",
    "PrivacyConfig",
    "ProjectConfig",
    "Reason",
    "Recognizer",
    "RunConfig",
    "SessionConfig",
    "SinkConfig",
    "SinkError",
    "StoreError",
    "Target",
    "TouchLogError",
    "TouchSamples",
    "classify",
]

_HOME = {
    **dict.fromkeys(("Gesture", "GestureTable", "Recognizer", "classify"), "gestures.recognizer"),
    **dict.fromkeys(("Action", "Direction", "GestureKind", "Reason"), "gestures.kinds"),
    **dict.fromkeys((name for name in __all__ if name.endswith("Error")), "errors"),
    **dict.fromkeys((name for name in __all__ if name.endswith("Config")), "config"),
    "Capture": "engine.capture",
    "GestureConfig": "gestures.config",
    "Target": "events.targets",
    "TouchSamples": "gestures.samples",
}


#: Functions of higher layers that lower ones call by `capture.optional.hook`: name -> "module:function".
HOOKS = {"plot": "capture.report.notebook:plot", "table_html": "capture.report.notebook:table_html"}


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'capture' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"capture.{home}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
