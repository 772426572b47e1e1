"""The samples that a reader yields one by one, as chunks."""

from __future__ import annotations

import array
from typing import TYPE_CHECKING

from capture.gestures.kinds import Action
from capture.gestures.samples import TouchSamples

if TYPE_CHECKING:
    from collections import Counter

__all__ = ["CHUNK_SAMPLES", "Sample", "SampleWriter"]

#: Samples in a chunk, at most (1.8 MB of columns).
CHUNK_SAMPLES = 1 << 16

#: (stream, pointer, action, time in ns, x and y in px)
Sample = tuple[int, int, int, int, float, float]


class SampleWriter:
    """Samples that a reader adds one by one, and what is doubtful about them.

    Parameters
    ----------
    warnings : Counter
        Where the doubts are counted.
    """

    def __init__(self, warnings: Counter[str]) -> None:
        self.total = 0
        self._warnings = warnings
        self._down: set[tuple[int, int]] = set()
        self._last: dict[int, int] = {}
        self._clear()

    def add(  # noqa: PLR0917 - a touch sample has six columns
        self,
        stream: int,
        pointer: int,
        action: int,
        time: int,
        x: float,
        y: float,
    ) -> bool:
        """Add a sample; tell whether a chunk is full.

        Raises
        ------
        OverflowError, TypeError
            When a value does not fit its column, or is no number; nothing is added.
        """
        try:
            self._stream.append(stream)
            self._pointer.append(pointer)
            self._time.append(time)
            self._action.append(action)
            self._x.append(x)
            self._y.append(y)
        except (TypeError, OverflowError):
            self._cut(len(self._y))
            raise
        self.total += 1
        self._doubt(stream, pointer, action, time)
        return self.is_full

    @property
    def is_full(self) -> bool:
        """Whether there are samples enough for a chunk."""
        return len(self._time) >= CHUNK_SAMPLES

    def take(self) -> TouchSamples:
        """Return the samples added since the last call."""
        taken = TouchSamples(
            stream=self._stream,
            pointer=self._pointer,
            action=self._action,
            time=self._time,
            x=self._x,
            y=self._y,
        )
        self._clear()
        return taken

    def is_down(self, pointer: int, stream: int = 0) -> bool:
        """Return whether the pointer came down and was not lifted yet."""
        return (stream, pointer) in self._down

    def finish(self) -> TouchSamples:
        """Return the last samples and count the fingers that are still down."""
        if self._down:
            self._warnings["missing_lift"] += len(self._down)
            self._down.clear()
        return self.take()

    def _clear(self) -> None:
        self._stream = array.array("q")
        self._pointer = array.array("i")
        self._action = array.array("B")
        self._time = array.array("q")
        self._x = array.array("f")
        self._y = array.array("f")

    def _cut(self, count: int) -> None:
        for column in (self._stream, self._pointer, self._action, self._time, self._x, self._y):
            del column[count:]

    def _doubt(self, stream: int, pointer: int, action: int, time: int) -> None:
        key = (stream, pointer)
        if action == Action.DOWN:
            if key in self._down:
                self._warnings["down_while_down"] += 1
            self._down.add(key)
        elif key not in self._down:
            self._warnings["move_without_down" if action == Action.MOVE else "up_without_down"] += 1
        elif action != Action.MOVE:
            self._down.discard(key)
        if time < self._last.get(stream, time):
            self._warnings["time_went_back"] += 1
        self._last[stream] = time
