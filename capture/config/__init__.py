"""The run configuration: every key with its default, unit, range and source."""

from typing import TYPE_CHECKING

from capture.optional import lazy_names

if TYPE_CHECKING:
    from capture.config.sections import (
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

if not TYPE_CHECKING:
    __getattr__ = lazy_names(__name__, "capture.config.sections", __all__)
