"""The run configuration: every key with its default, unit, range and source."""

from capture.config.run import RunConfig
from capture.config.sections import BufferConfig, CurrentsConfig, DeliveryConfig, SinkConfig
from capture.events.config import DeviceConfig, PrivacyConfig, ProjectConfig, SessionConfig
from capture.gestures.config import GestureConfig

__all__ = [
    "BufferConfig",
    "CurrentsConfig",
    "DeliveryConfig",
    "DeviceConfig",
    "GestureConfig",
    "PrivacyConfig",
    "ProjectConfig",
    "RunConfig",
    "SessionConfig",
    "SinkConfig",
]
