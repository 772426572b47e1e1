"""On-device gesture recognition and event capture.

Raw touches go in; taps, long presses, drags and flings come out, become analytics events, are kept
in a local store and leave in batches. Start with `Capture` in an app, `classify` for whole logs and
`Recognizer` for one touch at a time.
"""

from __future__ import annotations

from capture.config import (
    BufferConfig,
    CurrentsConfig,
    DeliveryConfig,
    DeviceConfig,
    GestureConfig,
    PrivacyConfig,
    ProjectConfig,
    RunConfig,
    SessionConfig,
    SinkConfig,
)
from capture.errors import (
    CaptureError,
    ConfigError,
    InvalidEventError,
    SinkError,
    StoreError,
    TouchLogError,
)
from capture.gestures import Gesture, GestureTable, Recognizer, classify
from capture.kinds import Action, Direction, GestureKind, Reason
from capture.samples import TouchSamples
from capture.targets import Target

__all__ = [
    "Action",
    "BufferConfig",
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
