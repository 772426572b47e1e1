"""Ctrl-C held back for as long as something must not be cut in two."""

from __future__ import annotations

import contextlib
import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

__all__ = ["held_back"]


@contextlib.contextmanager
def held_back() -> Iterator[Callable[[], bool]]:
    """Raise the KeyboardInterrupt of a Ctrl-C at the end of the block; a second one comes through at once.

    Yields a function that tells whether one waits. Where Ctrl-C is not Python's to handle (another
    thread, a handler of the caller's), nothing changes.
    """
    waiting = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal waiting
        if waiting:
            signal.default_int_handler(number, frame)
        waiting = True

    ours = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    if ours:
        signal.signal(signal.SIGINT, note)
    try:
        yield lambda: waiting
    finally:
        if ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)
    if waiting:
        raise KeyboardInterrupt
