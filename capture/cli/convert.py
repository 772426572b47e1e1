"""``capture convert``: touch samples in the common form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import msgspec

from capture.cli._options import Json, Logs, Reading, output_option, with_reading
from capture.cli._show import plural, print_doubts, print_json, progress, remarks
from capture.errors import TouchLogError
from capture.gestures.samples import TouchSamples
from capture.logs import LogInfo, Mark, ReadOptions, TouchLog, open_log, write
from capture.logs.writing import LOSSES
from capture.replay.log import streams_of


@with_reading
def command(
    *,
    logs: Logs,
    output: Annotated[
        Path, output_option("Output file; its suffix selects the format: .parquet, .csv, .jsonl, ...")
    ],
    json: Json = False,
    reading: Reading,
) -> None:
    """Convert recorded logs to another format.

    Memory use is constant for logs of any size. Several logs become several streams of one file. CSV keeps
    samples only; .touch.jsonl and Parquet also keep screen size, density and marks.

    Example: capture convert phone.txt --screen 1080x2340 -o phone.touch.jsonl
    """
    found = reading.find(logs)
    with progress() as after_chunk:
        joined = _Joined(found.paths, reading.options, after_chunk)
        write(joined, output)
    if json:
        print_json(
            {
                "output": str(output),
                "samples": joined.samples,
                "complete": found.complete,
                "warnings": joined.warnings,
                "lost": joined.lost,
                "left_out": found.left_out,
            }
        )
    else:
        console = remarks()
        for path, warnings in joined.warnings.items():
            print_doubts(console, warnings, path=path)
        for cause, count in joined.lost.items():
            console.print(f"{count} x {LOSSES[cause]}", style="yellow")
        console.print(f"{plural(joined.samples, 'sample')} -> {output}")
    found.check()


class _Streams:
    """Gives the streams of several logs numbers of their own, in the order of their first samples."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[int, int], int] = {}

    def number(self, log: int, stream: int) -> int:
        """Return the number of a stream of the log with that number."""
        return self._numbers.setdefault((log, stream), len(self._numbers))

    def renumbered(self, log: int, chunk: TouchSamples) -> TouchSamples:
        """Return a chunk of the log with that number, its streams renumbered."""
        import numpy as np

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


class _Joined:
    """Several logs as one, each a stream; a single one keeps its own streams."""

    def __init__(self, paths: list[str], options: ReadOptions, on_chunk: Callable[[TouchLog], bool]) -> None:
        first = open_log(paths[0], options=options)
        self.is_stream = first.is_stream or "-" in paths
        self.info: LogInfo = first.info
        self.marks: list[Mark] = []
        self.lost: Counter[str] = Counter()
        self.samples = 0
        self.warnings: dict[str, dict[str, int]] = {}
        self._first = first
        self._paths = paths
        self._options = options
        self._on_chunk = on_chunk

    def chunks(self) -> Iterator[TouchSamples]:
        """Yield the samples of all logs, one log after the other."""
        streams = _Streams() if len(self._paths) > 1 else None
        self.samples = 0
        self.marks.clear()
        for number, path in enumerate(self._paths):
            log = self._first if number == 0 else open_log(path, options=self._options)
            before = self.samples
            stopped = False
            for chunk in log.chunks():
                part = chunk if streams is None else streams.renumbered(number, chunk)
                self._move_marks(log, before, number, streams)
                self.samples += len(part)
                yield part
                stopped = self._on_chunk(log)
                if stopped:
                    break
            self._move_marks(log, before, number, streams)
            self.warnings[log.path] = dict(log.warnings)
            if stopped:
                return

    def error(self, message: str) -> TouchLogError:
        """Return an error that names the first log."""
        return self._first.error(message)

    def _move_marks(self, log: TouchLog, before: int, number: int, streams: _Streams | None) -> None:
        for mark in log.marks:
            stream = mark.stream if streams is None else streams.number(number, mark.stream)
            self.marks.append(msgspec.structs.replace(mark, sample=mark.sample + before, stream=stream))
        log.marks.clear()
