"""Playing a touch log into a Kivy app, as an input provider."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from capture.errors import TouchLogError
from capture.gestures.kinds import Action
from capture.integrations.kivy.touches import new_touch, now_ns
from capture.logs import open_log

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from capture.logs import ReadOptions

__all__ = ["Player"]

_KINDS = {Action.DOWN: "begin", Action.MOVE: "update", Action.UP: "end", Action.CANCEL: "end"}


class Player:
    """An input provider that feeds a log's touches to Kivy's event loop.

    The app sees them at the pace that is asked for. A capture takes the times of the log, so that its
    gestures are those of the recording at any speed.

    Parameters
    ----------
    path : path-like
        Any touch log.
    speed : float
        1 is the log's own pace; ``inf`` gives one sample a frame.
    options : ReadOptions, optional
        Facts that the log lacks: at least the size of its screen, if it is not in it.
    on_end : callable, optional
        Called after the last sample.

    Raises
    ------
    TouchLogError
        When the log cannot be read or the size of its screen is not known.
    ValueError
        When the speed is not positive.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        speed: float = 1.0,
        options: ReadOptions | None = None,
        on_end: Callable[[], None] | None = None,
    ) -> None:
        if not speed > 0:
            raise ValueError(f"speed = {speed}: expected a number above 0; 1 is the log's own pace")
        log = open_log(str(path), options=options)
        if not log.info.width or not log.info.height:
            raise TouchLogError("the size of its screen is not known", path=str(path))
        self.is_done = False
        self._x_max, self._y_max = max(log.info.width - 1, 1), max(log.info.height - 1, 1)
        self._speed = speed
        self._on_end = on_end
        self._rows = (row for chunk in log.chunks() for row in chunk.rows())
        self._next = next(self._rows, None)
        self._first_ns = self._next[3] if self._next is not None else 0
        self._started_ns: int | None = None
        self._touches: dict[tuple[int, int], Any] = {}

    def start(self) -> None:
        """Begin with the next frame; the event loop calls this."""

    def stop(self) -> None:
        """Stop playing; fingers that are down stay as they are."""
        self._next = None

    def update(self, dispatch_fn: Callable[[str, Any], None]) -> None:
        """Dispatch the samples that are due; the event loop calls this each frame."""
        now = now_ns()
        if self._started_ns is None:
            self._started_ns = now
        if self._speed == float("inf"):
            self._give(dispatch_fn)
        else:
            due = self._first_ns + (now - self._started_ns) * self._speed
            while self._next is not None and self._next[3] <= due:
                self._give(dispatch_fn)
        if self._next is None and not self.is_done:
            self.is_done = True
            import_module("kivy.base").EventLoop.remove_input_provider(self)
            if self._on_end is not None:
                self._on_end()

    def _give(self, dispatch_fn: Callable[[str, Any], None]) -> None:
        if self._next is None:
            return
        stream, pointer, action, time, x, y = self._next
        self._next = next(self._rows, None)
        kind, key = _KINDS[Action(action)], (stream, pointer)
        place = (x / self._x_max, 1.0 - y / self._y_max)
        if kind == "begin":
            touch = self._touches[key] = new_touch("capture-player", pointer, place)
        else:
            touch = self._touches.get(key)
            if touch is None:
                return
            touch.move(place)
        touch.capture_time_ns = (self._started_ns or 0) + time - self._first_ns
        if kind == "end":
            del self._touches[key]
            # Kivy knows no CANCEL: the app sees an UP, a capture the CANCEL.
            touch.capture_canceled = action == Action.CANCEL
            touch.update_time_end()
        dispatch_fn(kind, touch)
