"""An UP while it is dispatched to the app's handlers: its gesture precedes the events that they record."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture.gestures.recognizer import Gesture

__all__ = ["UpDispatch"]


class UpDispatch:
    """A context manager around the dispatch of an UP.

    The UP is processed at the first event that a handler records, else at the end, also after an exception.

    Parameters
    ----------
    up : callable
        Processes the UP; returns the stroke.
    under_way : list of UpDispatch
        Those that are being dispatched, the outermost first.

    Attributes
    ----------
    gesture : Gesture or None
        As `Capture.touch_up` returns it; None before it is processed.
    thread : int
        The one that dispatches.
    """

    def __init__(self, up: Callable[[], Gesture | None], under_way: list[UpDispatch]) -> None:
        self.gesture: Gesture | None = None
        self.thread = threading.get_ident()
        self._up = up
        self._under_way = under_way
        self._done = False

    def __enter__(self) -> Self:
        return self.begin()

    def __exit__(self, *exception: object) -> None:
        self.finish()

    def begin(self) -> Self:
        """Begin the dispatch; `finish` ends it."""
        self._under_way.append(self)
        return self

    def finish(self) -> Gesture | None:
        """Process the UP, once; return the stroke."""
        if not self._done:
            self._done = True
            self._under_way.remove(self)
            self.gesture = self._up()
        return self.gesture
