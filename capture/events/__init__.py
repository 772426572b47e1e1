"""The domain events, with full names: one struct each, all with the common section."""

from typing import TYPE_CHECKING

from capture.optional import lazy_names

if TYPE_CHECKING:
    from capture.events.domain import (
        SDK_TYPE,
        SDK_VERSION,
        AppHide,
        AppShow,
        AppStart,
        CommonSection,
        CustomEvent,
        Drag,
        Event,
        Fling,
        InstallAttribution,
        Location,
        LongPress,
        NumberVariable,
        Purchase,
        Scene,
        ScreenView,
        StringVariable,
        Tap,
        Transaction,
        VersionOrigin,
        event_int,
        gesture_event,
        screen_url,
        version_origin,
    )

__all__ = [
    "SDK_TYPE",
    "SDK_VERSION",
    "AppHide",
    "AppShow",
    "AppStart",
    "CommonSection",
    "CustomEvent",
    "Drag",
    "Event",
    "Fling",
    "InstallAttribution",
    "Location",
    "LongPress",
    "NumberVariable",
    "Purchase",
    "Scene",
    "ScreenView",
    "StringVariable",
    "Tap",
    "Transaction",
    "VersionOrigin",
    "event_int",
    "gesture_event",
    "screen_url",
    "version_origin",
]

if not TYPE_CHECKING:
    __getattr__ = lazy_names(__name__, "capture.events.domain", __all__)
