"""Delivery: sends stored events, one worker thread per sink, one request in flight each."""

from typing import TYPE_CHECKING

from capture.optional import lazy_names

if TYPE_CHECKING:
    from capture.delivery.delivery import Delivery

__all__ = ["Delivery"]

if not TYPE_CHECKING:
    __getattr__ = lazy_names(__name__, "capture.delivery.delivery", __all__)
