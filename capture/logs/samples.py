"""Columns of touch samples: written one by one, moved in time, turned, watched for endless fingers."""

from __future__ import annotations

import array
from typing import TYPE_CHECKING, Any

from capture.errors import TouchLogError
from capture.gestures.kinds import Action
from capture.gestures.samples import COLUMNS, TouchSamples

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Hashable

__all__ = [
    "CHUNK_SAMPLES",
    "FINGERS_DOWN_MAX",
    "Fingers",
    "Names",
    "Sample",
    "SampleWriter",
    "shifted",
    "turned",
]

#: Samples in a chunk, at most (1.8 MB of columns).
CHUNK_SAMPLES = 1 << 16
#: No log of a panel has more fingers down at once; each takes memory until it is lifted.
FINGERS_DOWN_MAX = 1 << 16
TOO_MANY_FINGERS = f"more than {FINGERS_DOWN_MAX:,} fingers are down at once: is it a touch log?"
#: (stream, pointer, action, time in ns, x and y in px)
Sample = tuple[int, int, int, int, float, float]
_INT32, _INT64 = 1 << 31, 1 << 63
#: Plain integers: comparing members of the enum takes ten times as long.
_DOWN, _UP, _MOVE = int(Action.DOWN), int(Action.UP), int(Action.MOVE)


class SampleWriter:
    """Samples that a reader adds one by one, and warnings about them.

    Parameters
    ----------
    warnings : Counter
        Where the doubts are counted.
    """

    def __init__(self, warnings: Counter[str]) -> None:
        self.total = 0
        self._warnings = warnings
        #: The fingers that are down, and where each was last.
        self._down: dict[tuple[int, int], tuple[float, float]] = {}
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
    ) -> None:
        """Add a sample.

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
        key = (stream, pointer)
        if action == _MOVE and key in self._down and self._last.get(stream, time) <= time:
            # Nothing to doubt: almost all samples are so.
            self._down[key] = x, y
            self._last[stream] = time
        else:
            self._doubt(stream, pointer, action, time, (x, y))

    @property
    def is_full(self) -> bool:
        """Whether there are samples enough for a chunk."""
        return len(self._time) >= CHUNK_SAMPLES

    def stroke(self, times: list[int], xs: list[float], ys: list[float]) -> None:
        """Add a whole stroke of pointer 0 in stream 0, two samples or more: a DOWN, moves, an UP.

        Raises
        ------
        OverflowError, TypeError
            When a value does not fit its column; nothing is added.
        """
        count = len(times)
        actions = [_DOWN, *[_MOVE] * (count - 2), _UP]
        self._extend(array.array("i", [0]) * count, actions, times, xs, ys)
        self._doubt(0, 0, _DOWN, times[0])
        self._doubt(0, 0, _UP, times[-1])

    def columns(
        self, pointers: list[int], actions: list[int], times: list[int], xs: list[float], ys: list[float]
    ) -> None:
        """Add samples of stream 0, in the order of their times.

        Raises
        ------
        OverflowError, TypeError
            When a value does not fit its column; nothing is added.
        """
        self._extend(array.array("i", pointers), actions, times, xs, ys)
        for index in [index for index, action in enumerate(actions) if action != _MOVE]:
            self._doubt(0, pointers[index], actions[index], times[index])

    def _extend(
        self,
        pointers: array.array[int],
        actions: list[int],
        times: list[int],
        xs: list[float],
        ys: list[float],
    ) -> None:
        before = len(self._y)
        try:
            self._stream.extend(array.array("q", [0]) * len(times))
            self._pointer.extend(pointers)
            self._action.frombytes(bytes(actions))
            self._time.fromlist(times)
            self._x.fromlist(xs)
            self._y.fromlist(ys)
        except (TypeError, ValueError, OverflowError):
            self._cut(before)
            raise
        self.total += len(times)

    def place(self, stream: int, pointer: int) -> tuple[float, float] | None:
        """Return where a finger that is down was last; None for one that is not."""
        return self._down.get((stream, pointer))

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

    def _doubt(
        self, stream: int, pointer: int, action: int, time: int, place: tuple[float, float] = (0.0, 0.0)
    ) -> None:
        key = (stream, pointer)
        is_down = key in self._down
        if action == _DOWN:
            if is_down:
                self._warnings["down_while_down"] += 1
            elif len(self._down) >= FINGERS_DOWN_MAX:
                raise TouchLogError(TOO_MANY_FINGERS)
            self._down[key] = place
        elif not is_down:
            self._warnings["move_without_down" if action == _MOVE else "up_without_down"] += 1
        elif action == _MOVE:
            self._down[key] = place
        else:
            del self._down[key]
        if time < self._last.get(stream, time):
            self._warnings["time_went_back"] += 1
        self._last[stream] = time


class Names:
    """Numbers for names in a log.

    An integer that fits keeps its number; other integers and text get the smallest free numbers in
    order of appearance.

    Parameters
    ----------
    bits : int
        Of a number: 32 for pointers, 64 for streams.

    Attributes
    ----------
    names : dict of int to str
        Names in the log of those that have no number of their own.
    """

    def __init__(self, bits: int = 64) -> None:
        self.names: dict[int, str] = {}
        self._limit = _INT32 if bits == 32 else _INT64
        self._numbers: dict[Hashable, int] = {}
        self._used: set[int] = set()
        self._next = 0

    def number(self, name: Hashable) -> int:
        """Return the number of a name."""
        found = self._numbers.get(name)
        if found is None:
            found = self._numbers[name] = self._new(name)
            self._used.add(found)
        return found

    def _new(self, name: Hashable) -> int:
        own = name
        if isinstance(name, str) and name.strip().lstrip("-").isdecimal() and len(name) < 24:
            own = int(name)
        if isinstance(own, int) and -self._limit <= own < self._limit and own not in self._used:
            return own
        while self._next in self._used:
            self._next += 1
        self.names[self._next] = str(name)
        return self._next


class Fingers:
    """Counts the times that went back, and refuses logs with too many fingers that are never lifted.

    Parameters
    ----------
    warnings : Counter
        Where the times that went back are counted, by the stream that they are in.
    """

    def __init__(self, warnings: Counter[str]) -> None:
        self._warnings = warnings
        self._down: set[int] = set()
        self._last: dict[int, int] = {}

    def watch(self, chunk: TouchSamples) -> TouchSamples:
        """Return a chunk.

        Raises
        ------
        TouchLogError
            When more fingers are down after it than any panel has.
        """
        import numpy as np

        self._follow(chunk)
        action = np.asarray(memoryview(chunk.action))
        rows = np.flatnonzero(action != Action.MOVE)
        keys = np.zeros(len(rows), np.int64)
        if chunk.stream is not None:
            keys += np.asarray(memoryview(chunk.stream))[rows] << 32
        if chunk.pointer is not None:
            keys += np.asarray(memoryview(chunk.pointer))[rows]
        last = dict(zip(keys.tolist(), action[rows].tolist(), strict=True))
        self._down.difference_update(last)
        self._down.update(key for key, what in last.items() if what == Action.DOWN)
        if len(self._down) > FINGERS_DOWN_MAX:
            raise TouchLogError(TOO_MANY_FINGERS)
        return chunk

    def _follow(self, chunk: TouchSamples) -> None:
        """Count the times that are before the one before in their stream."""
        import numpy as np

        if not len(chunk):
            return
        time = np.asarray(memoryview(chunk.time))
        stream = np.zeros(1, np.int64) if chunk.stream is None else np.asarray(memoryview(chunk.stream))
        stream = np.broadcast_to(stream, time.shape)
        if (stream != stream[0]).any():
            order = np.argsort(stream, kind="stable")
            stream, time = stream[order], time[order]
        first = np.flatnonzero(np.append(True, stream[1:] != stream[:-1]))
        last = np.append(first[1:], len(stream)) - 1
        is_back = time[1:] < time[:-1]
        is_back[first[1:] - 1] = False
        count = int(np.count_nonzero(is_back))
        ends = zip(stream[first].tolist(), time[first].tolist(), time[last].tolist(), strict=True)
        for one, begin, end in ends:
            count += begin < self._last.get(one, begin)
            self._last[one] = end
        if count:
            self._warnings["time_went_back"] += count


def shifted(chunk: TouchSamples, shift_ns: int) -> TouchSamples:
    """Return a chunk with its times moved."""
    import numpy as np

    return _with(chunk, time=np.frombuffer(chunk.time, dtype=np.int64) + np.int64(shift_ns))


def turned(chunk: TouchSamples, degrees: int | None, width: int | None, height: int | None) -> TouchSamples:
    """Return a chunk in px with its places turned; the size is that of the picture, after the turn."""
    if not degrees:
        return chunk
    import numpy as np

    x = np.asarray(memoryview(chunk.x), np.float64)
    y = np.asarray(memoryview(chunk.y), np.float64)
    right, bottom = (width or 1) - 1, (height or 1) - 1
    x, y = {90: (y, bottom - x), 180: (right - x, bottom - y), 270: (right - y, x)}[degrees]
    return _with(chunk, x=x.astype(np.float32), y=y.astype(np.float32))


def _with(chunk: TouchSamples, **columns: Any) -> TouchSamples:
    """Return a chunk with other columns in place of its own."""
    return TouchSamples(**({name: getattr(chunk, name) for name in COLUMNS} | columns))
