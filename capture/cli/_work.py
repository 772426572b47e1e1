"""Samples and strokes of several logs, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from capture.cli._options import Reading
from capture.gestures.recognizer import GestureTable, Recognizer
from capture.gestures.samples import TouchSamples
from capture.logs import TouchLog, open_log


class Measured(NamedTuple):
    """Some strokes of a log, the density that they were measured with, and their recognizer."""

    table: GestureTable
    density: float
    log: TouchLog
    recognizer: Recognizer


def samples(
    paths: Sequence[str], reading: Reading, on_chunk: Callable[[TouchLog], bool]
) -> Iterator[tuple[TouchLog, float, Iterator[TouchSamples]]]:
    """Yield each log with the density of its strokes and its samples.

    `on_chunk` is called after each chunk; True ends the reading.
    """
    stopped = False

    def chunks(log: TouchLog) -> Iterator[TouchSamples]:
        nonlocal stopped
        for chunk in log.chunks():
            log.marks.clear()
            yield chunk
            stopped = on_chunk(log)
            if stopped:
                return

    for path in paths:
        log = open_log(path, options=reading.options)
        yield log, reading.density_of(log), chunks(log)
        if stopped:
            return


def strokes(
    paths: Sequence[str], reading: Reading, on_chunk: Callable[[TouchLog], bool], *, multi: bool = False
) -> Iterator[Measured]:
    """Yield the strokes of logs; each log is recognised on its own.

    `on_chunk` as in `samples`; with `multi` gestures of several fingers are recognised too.
    """
    for log, density, chunks in samples(paths, reading, on_chunk):
        recognizer = Recognizer(density, reading.config.gestures)
        for chunk in chunks:
            yield Measured(recognizer.feed(chunk, multi=multi), density, log, recognizer)
        yield Measured(recognizer.finish(multi=multi), density, log, recognizer)
