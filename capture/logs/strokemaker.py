"""Strokes out of rows without actions: a pause, or another value, begins the next."""

from __future__ import annotations

import array
from typing import TYPE_CHECKING, Any

from capture.gestures.kinds import Action
from capture.gestures.samples import TouchSamples
from capture.logs.samples import CHUNK_SAMPLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["StrokeMaker"]


class StrokeMaker:
    """Holds all rows: they are put in time order, each stream by itself.

    Parameters
    ----------
    gap_ns : int or None
        A longer pause begins a stroke.
    """

    def __init__(self, gap_ns: int | None) -> None:
        self._gap_ns = gap_ns
        self._columns = [array.array(kind) for kind in "qiqqff"]
        self._strokes: dict[Any, int] = {}

    def add(  # noqa: PLR0917 - rows have these columns
        self, stream: Any, pointer: Any, strokes: Sequence[Any], times: Sequence[int], x: Any, y: Any
    ) -> None:
        """Add rows."""
        numbers = [self._strokes.setdefault(str(value), len(self._strokes)) for value in strokes]
        for column, more in zip(self._columns, (stream, pointer, numbers, times, x, y), strict=True):
            column.extend(more)

    def samples(self) -> Iterator[TouchSamples]:
        """Yield the rows as samples, one stream after the other in the order of their first rows."""
        import numpy as np

        stream, pointer, stroke, time, x, y = (np.asarray(column) for column in self._columns)
        if not len(time):
            return
        _, first, group = np.unique(stream, return_index=True, return_inverse=True)
        rank = np.argsort(np.argsort(first))[group.reshape(-1)]
        order = np.lexsort((time, pointer, rank))
        stream, pointer, stroke, time, x, y = (
            column[order] for column in (stream, pointer, stroke, time, x, y)
        )
        begins = np.ones(len(time), bool)
        begins[1:] = (stream[1:] != stream[:-1]) | (pointer[1:] != pointer[:-1]) | (stroke[1:] != stroke[:-1])
        if self._gap_ns is not None:
            begins[1:] |= (time[1:] - time[:-1]) > self._gap_ns
        ends = np.append(begins[1:], True)
        action = np.full(len(time), Action.MOVE, np.uint8)
        action[ends], action[begins] = Action.UP, Action.DOWN
        # A row alone is both.
        twice = np.repeat(np.arange(len(time)), np.where(begins & ends, 2, 1))
        action = action[twice]
        action[1:][twice[1:] == twice[:-1]] = Action.UP
        merged = np.lexsort((time[twice], rank[order][twice]))
        twice, action = twice[merged], action[merged]
        for at in range(0, len(twice), CHUNK_SAMPLES):
            rows = twice[at : at + CHUNK_SAMPLES]
            yield TouchSamples(
                stream=stream[rows],
                pointer=pointer[rows],
                action=action[at : at + CHUNK_SAMPLES],
                time=time[rows],
                x=x[rows],
                y=y[rows],
            )
