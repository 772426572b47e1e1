"""Gestures: the Python face of the native core."""

from typing import TYPE_CHECKING

from capture.optional import lazy_names

if TYPE_CHECKING:
    from capture.gestures.recognizer import (
        COUNTERS,
        FIELDS,
        KERNELS,
        Density,
        Gesture,
        GestureTable,
        Recognizer,
        classify,
    )

__all__ = ["COUNTERS", "FIELDS", "KERNELS", "Density", "Gesture", "GestureTable", "Recognizer", "classify"]

if not TYPE_CHECKING:
    __getattr__ = lazy_names(__name__, "capture.gestures.recognizer", __all__)
