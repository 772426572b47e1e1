"""One recorded log, read in chunks and turned into events: the reading half of a replay."""

from __future__ import annotations

from collections import Counter
from heapq import merge
from itertools import count, groupby
from typing import TYPE_CHECKING, Any

from capture.clock import NS_PER_MS
from capture.errors import ConfigError, TouchLogError
from capture.events.device import Device
from capture.gestures.kinds import GestureKind, Reason, counts
from capture.gestures.recognizer import Recognizer
from capture.replay.stream import StreamTimeline
from capture.replay.summary import LogSummary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from capture.config.run import RunConfig
    from capture.gestures.chords import MultiGesture
    from capture.gestures.recognizer import GestureTable
    from capture.gestures.samples import TouchSamples
    from capture.logs import Mark, ReadOptions, TouchLog
    from capture.replay.context import ReplayContext
    from capture.replay.stream import Ended, Item, Stroke

__all__ = ["LogReplay", "device_of", "streams_of"]

#: Formats whose logs name their screen; others know their raw range, or guess.
_TELLS_SCREEN = frozenset({"jsonl", "parquet"})


#: Times since the epoch are later than this (2001-09-09); times since a boot or a start are not.
_LEAST_EPOCH_NS = 10**18


class LogReplay:
    """The streams of one log.

    The stream whose first sample comes first is followed as it is read. Those after it wait for its
    end, since sessions are numbered stream by stream; until then each of their strokes takes about
    300 bytes of memory.

    Parameters
    ----------
    log : TouchLog
    context : ReplayContext
        Shared state of the streams of all logs.
    device : Device
        Facts of the log's device, its density included.
    start_ms : int, optional
        Epoch ms of the first sample.
    needs_epoch : bool, default False
        Whether a log is refused whose times are not since the epoch, without `start_ms`.
    """

    def __init__(
        self,
        log: TouchLog,
        context: ReplayContext,
        device: Device,
        *,
        start_ms: int | None = None,
        needs_epoch: bool = False,
    ) -> None:
        self.summary = LogSummary(path=log.path, format=log.name, seed=log.seed)
        self._log = log
        self._context = context
        self._device = device
        self._start_ms = start_ms
        self._needs_epoch = needs_epoch and start_ms is None
        self._multi = context.wants_chords
        self._recognizer = Recognizer(device.density, context.config.gestures)
        self._shift_ns: int | None = None if start_ms is not None else 0
        #: By stream, in the order of first samples; and those of streams with nothing but marks so far.
        self._streams: dict[int, StreamTimeline] = {}
        self._silent: dict[int, StreamTimeline] = {}
        self._kinds: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._events_before = context.events

    def read(self, stopped: Callable[[], bool]) -> Iterator[tuple[int, ...]]:
        """Make the events of a chunk at each step, then of each stream that waits for the end of the log.

        Yields the numbers of the sessions that later chunks may continue. Where `stopped`, or where the log
        cannot be read further, the end is here.
        """
        failure: TouchLogError | None = None
        try:
            for chunk in self._log.chunks():
                self._feed(chunk)
                lead = next(iter(self._streams.values()), None)
                yield (lead.session,) if lead is not None and lead.session else ()
                if stopped():
                    break
        except TouchLogError as error:
            failure = error
        self._process(self._recognizer.finish(multi=self._multi))
        yield ()
        for stream in (*self._streams.values(), *self._silent.values()):
            if stream.waiting is not None:
                stream.begin()
                yield ()
        if failure is not None:
            raise failure

    def _feed(self, chunk: TouchSamples) -> None:
        if self._needs_epoch:
            self._check_epoch(int(memoryview(chunk.time)[0]))
        if self._shift_ns is None:
            self._shift_ns = (self._start_ms or 0) * NS_PER_MS - int(memoryview(chunk.time)[0])
        for stream in streams_of(chunk):
            self._enter(stream)
        table = self._recognizer.feed(chunk, multi=self._multi)
        self.summary.samples += len(chunk)
        self._process(table)

    def _check_epoch(self, time_ns: int) -> None:
        self._needs_epoch = False
        if time_ns < _LEAST_EPOCH_NS:
            # No event is made of it.
            self._log.marks.clear()
            raise self._log.error(
                f"has times that are not since the epoch (the first is {time_ns / 1e9:.6g} s); "
                "--start-time MS says when it began"
            )

    def sum_up(self) -> None:
        """Complete the summary with the counts so far."""
        summary = self.summary
        summary.events = self._context.events - self._events_before
        summary.kinds, summary.reasons = dict(+self._kinds), dict(+self._reasons)
        summary.warnings = dict(self._log.warnings)
        streams = (*self._streams.values(), *self._silent.values())
        ignored = {**self._recognizer.counters, "unused_marks": sum(each.unused_marks for each in streams)}
        summary.ignored = {cause: count for cause, count in ignored.items() if count}

    def _enter(self, stream: int) -> None:
        """Note that a stream has samples; the events of the first one are made at once."""
        if stream in self._streams:
            return
        timeline = self._silent.pop(stream, None) or self._new_stream(stream)
        if not self._streams:
            timeline.begin()
        self._streams[stream] = timeline

    def _new_stream(self, stream: int) -> StreamTimeline:
        return StreamTimeline(self._context, self._device, self.summary.seed, stream, self._shift_ns or 0)

    def _stream(self, stream: int) -> StreamTimeline:
        known = self._streams.get(stream) or self._silent.get(stream)
        if known is None:
            known = self._silent[stream] = self._new_stream(stream)
        return known

    def _process(self, table: GestureTable) -> None:
        """Pass ended strokes, chords and marks to their streams, in the order of the log."""
        strokes = list(zip(count(self.summary.strokes), table, strict=False))
        ended = strokes if not table.multi else _with_chords(strokes, table.multi)
        marks = self._ready_marks()
        if not marks and len(self._streams) == 1:
            (only,) = self._streams.values()
            only.process(ended)
        else:
            for stream, of_stream in _by_stream(_merged(ended, marks)).items():
                self._stream(stream).process(of_stream)
        self.summary.strokes += len(table)
        if len(table):
            self._kinds.update(counts(GestureKind, table.kind))
            self._reasons.update(counts(Reason, table.reason))

    def _ready_marks(self) -> list[Mark]:
        """Remove and return the marks before the next sample to feed."""
        marks = self._log.marks
        fed = self.summary.samples
        ready = [mark for mark in marks if mark.sample <= fed]
        marks[:] = [mark for mark in marks if mark.sample > fed]
        return ready


def _with_chords(strokes: Sequence[Stroke], chords: Iterable[MultiGesture]) -> list[Ended]:
    """Return strokes and chords in one order: a chord comes behind the stroke whose end was its own."""
    ended: Iterator[Ended] = merge(strokes, chords, key=_last_sample)
    return list(ended)


def _last_sample(ended: Any) -> int:
    number: int = (ended[1] if isinstance(ended, tuple) else ended).last_sample
    return number


def _merged(ended: Sequence[Ended], marks: list[Mark]) -> list[Item]:
    """Return all in one order: a mark comes before the first stroke that ends behind it."""
    merged: list[Item] = []
    waiting = iter(marks)
    mark = next(waiting, None)
    for each in ended:
        while mark is not None and mark.sample <= _last_sample(each):
            merged.append(mark)
            mark = next(waiting, None)
        merged.append(each)
    if mark is not None:
        merged += [mark, *waiting]
    return merged


def _stream_of(item: Item) -> int:
    return item[1].stream if isinstance(item, tuple) else item.stream


def _by_stream(items: Sequence[Item]) -> dict[int, list[Item]]:
    streams: dict[int, list[Item]] = {}
    for stream, run in groupby(items, _stream_of):
        streams.setdefault(stream, []).extend(run)
    return streams


def streams_of(chunk: TouchSamples) -> list[int]:
    """Return the streams of a chunk, in the order of their first samples."""
    if chunk.stream is None or not len(chunk):
        return [0]
    import numpy as np

    column = np.asarray(memoryview(chunk.stream))
    if (column == column[0]).all():
        return [int(column[0])]
    values, first = np.unique(column, return_index=True)
    return [int(values[index]) for index in np.argsort(first)]


def device_of(log: TouchLog, config: RunConfig, options: ReadOptions) -> Device:
    """Return the device facts of a log: ``[device]``, else the options, else the log's, else none.

    Raises
    ------
    ConfigError
        When the density of the log is out of range.
    """
    width, height = options.screen or (0, 0)
    if options.screen is None and log.name in _TELLS_SCREEN:
        width, height = log.info.width or 0, log.info.height or 0
    density = log.info.density if options.density is None else options.density
    density = 1.0 if density is None else density
    if not 0.75 <= density <= 10:
        raise ConfigError(f"{log.path}: density = {density}: expected a number from 0.75 to 10 (px per dp)")
    return Device(
        width=width, height=height, density=float(density), orientation=int(width > height)
    ).overridden(config.device)
