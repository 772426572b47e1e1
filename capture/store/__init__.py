"""The local store: every event is in it before its sinks get it, until they have acknowledged it."""

from typing import TYPE_CHECKING

from capture.optional import lazy_names

if TYPE_CHECKING:
    from capture.store.store import UNSENT, Pending, Store, StoredBatch, StoredEvent

__all__ = ["UNSENT", "Pending", "Store", "StoredBatch", "StoredEvent"]

if not TYPE_CHECKING:
    __getattr__ = lazy_names(__name__, "capture.store.store", __all__)
