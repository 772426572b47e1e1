"""The engine of a live app: `Capture` and its parts."""

from typing import TYPE_CHECKING

from capture.optional import lazy_names

if TYPE_CHECKING:
    from capture.engine.capture import Capture

__all__ = ["Capture"]

if not TYPE_CHECKING:
    __getattr__ = lazy_names(__name__, "capture.engine.capture", __all__)
