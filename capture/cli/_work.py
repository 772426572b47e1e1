"""Strokes of several logs, one after the other: shared code of classify and explain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture.gestures.recognizer import GestureTable, Recognizer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from capture.cli._options import Reading
    from capture.gestures.samples import TouchSamples
    from capture.logs import TouchLog

__all__ = ["Streams", "samples", "strokes"]


class Streams:
    """Gives the streams of several logs numbers of their own, in the order of their first samples."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[int, int], int] = {}

    def number(self, log: int, stream: int) -> int:
        """Return the number of a stream of the log with that number."""
        return self._numbers.setdefault((log, stream), len(self._numbers))

    def renumbered(self, log: int, chunk: TouchSamples) -> TouchSamples:
        """Return a chunk of the log with that number, its streams renumbered."""
        import numpy as np

        from capture.gestures.samples import TouchSamples
        from capture.replay.log import streams_of

        found = {stream: self.number(log, stream) for stream in streams_of(chunk)}
        if len(found) == 1:
            column = np.full(len(chunk), next(iter(found.values())), np.int64)
        else:
            given = np.asarray(memoryview(chunk.stream))
            column = np.empty(len(chunk), np.int64)
            for stream, number in found.items():
                column[given == stream] = number
        return TouchSamples(
            stream=column, pointer=chunk.pointer, action=chunk.action, time=chunk.time, x=chunk.x, y=chunk.y
        )


def strokes(
    paths: Sequence[str],
    reading: Reading,
    *,
    on_open: Callable[[TouchLog], None] | None = None,
    on_chunk: Callable[[TouchLog], bool] | None = None,
    on_end: Callable[[TouchLog, Recognizer], None] | None = None,
    multi: bool = False,
) -> Iterator[tuple[GestureTable, float]]:
    """Yield the tables of strokes of logs, and the density that they were measured with.

    Parameters
    ----------
    paths : sequence of str
        The logs; each is recognised on its own.
    reading : Reading
    on_open : callable, optional
        Called with each log before it is read.
    on_chunk : callable, optional
        Called after each chunk; True ends the reading.
    on_end : callable, optional
        Called after each log.
    multi : bool, default False
        Recognise gestures of several fingers.
    """
    from capture.logs import open_log

    for path in paths:
        log = open_log(path, options=reading.options)
        if on_open is not None:
            on_open(log)
        density = reading.density_of(log)
        recognizer = Recognizer(density, reading.config.gestures)
        stopped = False
        for chunk in log.chunks():
            log.marks.clear()
            yield recognizer.feed(chunk, multi=multi), density
            stopped = on_chunk is not None and on_chunk(log)
            if stopped:
                break
        yield recognizer.finish(multi=multi), density
        if on_end is not None:
            on_end(log, recognizer)
        if stopped:
            return


def samples(
    paths: Sequence[str], reading: Reading, *, on_chunk: Callable[[TouchLog], bool] | None = None
) -> Iterator[tuple[list[TouchSamples], float]]:
    """Yield the chunks of samples of each log, and the density of its strokes; parameters as of `strokes`."""
    from capture.logs import open_log

    for path in paths:
        log = open_log(path, options=reading.options)
        density = reading.density_of(log)
        chunks: list[TouchSamples] = []
        stopped = False
        for chunk in log.chunks():
            log.marks.clear()
            chunks.append(chunk)
            stopped = on_chunk is not None and on_chunk(log)
            if stopped:
                break
        yield chunks, density
        if stopped:
            return
