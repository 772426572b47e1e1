"""A flush in a process that does not deliver: it waits for the one that does."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from capture._native.guard import BusyError
from capture.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture.delivery.base import DeliveryStore, Watch
    from capture.delivery.wake import Wake

__all__ = ["is_whole", "wait_for_others"]

#: How often (s) it looks.
_LOOK_S = 0.2


def wait_for_others(
    store: DeliveryStore, pause: Wake, left_s: Callable[[], float], flush: Callable[[float], bool]
) -> bool:
    """Wait until another process has delivered the pending events; where that one ends, flush here.

    Parameters
    ----------
    store : DeliveryStore
    pause : Wake
        Ends a wait early.
    left_s : callable
        Time (s) that is left.
    flush : callable
        Delivers the pending events within a time (s).

    Returns
    -------
    bool
        Whether each event was accepted, as far as that is known; False where one became a dead letter or
        was dropped.
    """
    watch = store.watch()
    while not store.claim_delivery():
        remaining_s = left_s()
        if watch.is_over():
            return not watch.has_lost() and is_whole(store)
        if remaining_s <= 0:
            return False
        pause.wait(min(remaining_s, _LOOK_S))
    return flush(max(0.0, left_s())) and not watch.has_lost()


def is_whole(store: DeliveryStore, stored: Watch | None = None) -> bool:
    """Return whether the store is still ours and in its place, and has none of `stored` left.

    Lost events are counted.
    """
    with contextlib.suppress(StoreError, BusyError):
        return store.check_presence(deeply=True) and (stored is None or stored.is_over())
    return False
