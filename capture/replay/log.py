"""One recorded log, read in chunks and turned into events: the reading half of a replay."""

from __future__ import annotations

from collections import Counter
from heapq import merge
from itertools import count, groupby
from typing import TYPE_CHECKING

from capture.clock import NS_PER_MS
from capture.errors import ConfigError, TouchLogError
from capture.events.device import Device
from capture.gestures.chords import MultiGesture
from capture.gestures.kinds import GestureKind, Reason, counts
from capture.gestures.recognizer import Recognizer
from capture.replay.stream import StreamTimeline
from capture.replay.summary import LogSummary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from capture.config.run import RunConfig
    from capture.gestures.recognizer import GestureTable
    from capture.gestures.samples import TouchSamples
    from capture.logs import Mark, ReadOptions, TouchLog
    from capture.replay.context import ReplayContext
    from capture.replay.stream import Item

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
        #: Streams that have samples, in the order of their first ones; a dict is a set in order.
        self._streams: dict[int, None] = {}
        #: What the first of them becomes.
        self._lead: StreamTimeline | None = None
        #: By stream: strokes, chords and marks that wait until the streams before it have ended.
        self._waiting: dict[int, list[Item]] = {}
        self._begun: list[StreamTimeline] = []
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
                lead = self._lead
                yield (lead.session,) if lead is not None and lead.session else ()
                if stopped():
                    break
        except TouchLogError as error:
            failure = error
        self._process(self._recognizer.finish(multi=self._multi))
        yield ()
        silent = [stream for stream in self._waiting if stream not in self._streams]
        for stream in (*list(self._streams)[1:], *silent):
            self._begin(stream)
            yield ()
        if failure is not None:
            raise failure

    def _feed(self, chunk: TouchSamples) -> None:
        if self._needs_epoch:
            self._check_epoch(int(memoryview(chunk.time)[0]))
        if self._shift_ns is None:
            self._shift_ns = (self._start_ms or 0) * NS_PER_MS - int(memoryview(chunk.time)[0])
        self._streams |= dict.fromkeys(streams_of(chunk))
        if self._lead is None:
            self._lead = self._begin(next(iter(self._streams)))
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
        ignored = {
            **self._recognizer.counters,
            "unused_marks": sum(each.unused_marks for each in self._begun),
        }
        summary.ignored = {cause: count for cause, count in ignored.items() if count}

    def _begin(self, stream: int) -> StreamTimeline:
        """Make the events of a stream whose turn it is."""
        shift_ns = self._shift_ns or 0
        timeline = StreamTimeline(self._context, self._device, self.summary.seed, stream, shift_ns)
        self._begun.append(timeline)
        timeline.process(self._waiting.pop(stream, []))
        return timeline

    def _process(self, table: GestureTable) -> None:
        """Pass ended strokes, chords and marks to their streams, in the order of the log."""
        strokes = list(zip(count(self.summary.strokes), table, strict=False))
        marks = self._ready_marks()
        if self._lead is not None and len(self._streams) == 1 and not marks and not table.multi:
            self._lead.process_strokes(strokes)
        else:
            # At one sample the mark comes first, and a chord behind the stroke whose end was its own.
            sources: list[Iterable[Item]] = [marks, strokes, table.multi or ()]
            for stream, run in groupby(merge(*sources, key=_sample_of), _stream_of):
                self._waiting.setdefault(stream, []).extend(run)
            if self._lead is not None:
                self._lead.process(self._waiting.pop(next(iter(self._streams)), []))
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


def _sample_of(item: Item) -> int:
    """Return the sample at which a stroke or a chord ended, or before which a mark stands."""
    if isinstance(item, tuple):
        return item[1].last_sample
    return item.last_sample if isinstance(item, MultiGesture) else item.sample


def _stream_of(item: Item) -> int:
    return item[1].stream if isinstance(item, tuple) else item.stream


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
