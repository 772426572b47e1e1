"""Replay: recorded touch logs become delivered batches, the same ones each time.

A replay is its own consent, runs on a temporary store and asks the machine nothing: only ``[project]``,
``[device]`` and the log determine the events. Ids are derived from the log's content and times are the
log's, so that everything but the time of sending comes out the same on any machine.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from capture import formats
from capture.clock import NS_PER_MS, Clock
from capture.config.run import RunConfig
from capture.delivery.delivery import Delivery
from capture.engine.lifecycle import make_sinks
from capture.errors import ConfigError, SinkError, TouchLogError
from capture.formats.header import make_header
from capture.ids import derived_id
from capture.logs import ReadOptions, find_logs, may_be_log, open_log
from capture.replay.context import ReplayContext
from capture.replay.interrupt import held_back
from capture.replay.live import LiveReplay
from capture.replay.log import LogReplay, device_of
from capture.replay.store import ReplayStore
from capture.replay.summary import LogSummary, Summary
from capture.sinks.file import FILE_NAME, FileSink

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from capture.events.domain import Scene
    from capture.events.targets import Target
    from capture.formats.header import Header
    from capture.gestures.recognizer import Gesture
    from capture.logs import TouchLog
    from capture.sinks import Sink

__all__ = ["SUMMARY_NAME", "LogSummary", "Replay", "Summary", "device_of", "replay"]

#: Name of the summary in the output folder.
SUMMARY_NAME = "summary.json"
#: A replay gives up when a sink has accepted nothing for this long (s).
_STALL_S = 30.0


def replay(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    output: str | os.PathLike[str] | None = None,
    **options: Any,
) -> Summary:
    """Replay recorded logs; the parameters are those of `Replay`.

    Returns
    -------
    Summary
        Counts of samples, gestures and delivered events.

    Examples
    --------
    >>> from capture.replay import replay
    >>> replay(["tests/data/session.touch.jsonl"], "out").strokes  # doctest: +SKIP
    23
    """
    return Replay(paths, output, **options).run()


class Replay:
    """One replay: logs -> gestures -> events -> store -> sinks.

    Parameters
    ----------
    paths : path-like, or iterable of them
        Logs, folders and globs; ``-`` is standard input.
    output : path-like, optional
        Folder of ``summary.json`` and, where no sink is given or configured, of ``batches.jsonl``.
    config : RunConfig, optional
        Default: project 0, and the environment's settings.
    options : ReadOptions, optional
        Facts that the logs lack.
    sinks : sequence of Sink, optional
        In place of the configured ones.
    speed : float, optional
        Play the logs at their own pace, this many times faster, into a live `Capture`
        (`capture.replay.live`); None replays them as fast as possible, with the times of the log.
    clock : Clock, optional
        Times of sending, and the pace of a live replay.
    on_progress : callable, optional
        Called after each chunk with the `TouchLog`.
    on_stroke : callable, optional
        Called with the number of each ended stroke in its log, its `Gesture`, and the `Scene` and the
        `Target` that it began on; stream by stream; not with `speed`.
    on_gesture : callable, optional
        With `speed`: called with each `Gesture` as its stroke ends, and the second of the log it began at.
    wait : callable
        With `speed`: waits so many seconds.
    needs_epoch : bool, default False
        Whether a log is refused whose times are not since the epoch, where a sink takes Currents records:
        they would be of 1970. Not with `speed`.
    summary_name : str
        Name of the summary in the output folder.

    Attributes
    ----------
    summary : Summary
        The counts so far: complete after `run`, and right after an interrupted one too.
    log : TouchLog or None
        The log that is being read, or was last; not with `speed`.

    Raises
    ------
    ConfigError
        When a sink's settings are wrong, or there is nowhere to put the batches.
    """

    def __init__(
        self,
        paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
        output: str | os.PathLike[str] | None = None,
        *,
        config: RunConfig | None = None,
        options: ReadOptions | None = None,
        sinks: Sequence[Sink] | None = None,
        speed: float | None = None,
        clock: Clock | None = None,
        on_progress: Callable[[TouchLog], None] | None = None,
        on_stroke: Callable[[int, Gesture, Scene, Target], None] | None = None,
        on_gesture: Callable[[Gesture, float], None] | None = None,
        wait: Callable[[float], None] = time.sleep,
        needs_epoch: bool = False,
        summary_name: str = SUMMARY_NAME,
    ) -> None:
        if speed is not None and not 0 < speed < float("inf"):
            raise ConfigError(f"speed = {speed}: expected a number above 0; 1 is the log's own pace")
        self._config = config or RunConfig.load(default_project_id=0)
        paths = [paths] if isinstance(paths, str | os.PathLike) else paths
        self._paths = [os.fspath(path) for path in paths]
        self._output = None if output is None else Path(output)
        # The shift of --start-time is not the reader's: the uptime of events stays the log's own.
        options = options or ReadOptions()
        rotate = self._config.device.rotate if options.rotate is None else options.rotate
        self._options = msgspec.structs.replace(options, rotate=rotate)
        self._sinks = self._make_sinks(sinks)
        self._clock = clock or Clock()
        self._speed, self._wait, self._on_gesture = speed, wait, on_gesture
        takes_records = any(sink.formats[0] == "currents" for sink in self._sinks)
        self._needs_epoch, self._summary_name = needs_epoch and takes_records, summary_name
        self._on_progress = on_progress
        self._on_stroke = on_stroke
        self._header: Header | None = None
        self.summary = Summary(project_id=self._config.project.id)
        self.log: TouchLog | None = None
        self._misses = False  # a file that may be a log was left out
        self._log_paths: list[str] = []
        self._first: TouchLog | None = None

    def _make_sinks(self, sinks: Sequence[Sink] | None) -> tuple[Sink, ...]:
        configured = make_sinks(self._config, sinks)
        if configured or sinks is not None:
            return tuple(configured)
        if self._output is None:
            raise ConfigError("no sink is configured: name a folder for the batches (-o)")
        return (FileSink(self._output, replace=True),)

    def open(self) -> TouchLog:
        """Open the first log and return it; `run` does so before it touches an earlier replay's output.

        Raises
        ------
        TouchLogError, ConfigError
            When there is no log, it cannot be read, or its density is out of range.
        """
        if self._first is None:
            self._log_paths = find_logs(self._paths, self._options, self.summary.left_out)
            self._misses = any(map(may_be_log, self.summary.left_out))
            if not self._log_paths:
                raise TouchLogError("no log was named")
            first = self._open(self._log_paths[0])
            device_of(first, self._config, self._options)
            self._first = first
        return self._first

    def run(self) -> Summary:
        """Read every log and deliver its events, once.

        If it ends early, the events until then are delivered and counted in `summary`. Ctrl-C ends it
        after the chunk that is being read, with KeyboardInterrupt; a second one at once.

        Raises
        ------
        TouchLogError
            When a log cannot be read.
        SinkError
            When a sink does not take the events.
        """
        self.summary.user_id = derived_id(self.open().seed)
        self._prepare_output()
        if self._speed is not None:
            return self._run_live(self._speed)
        store = ReplayStore({sink.name: sink.formats[0] for sink in self._sinks})
        self._delivery = Delivery(
            store,
            self._sinks,
            config=self._config,
            compose=self._compose,
            clock=self._clock,
        )
        self._context = ReplayContext(self._config, store, self.summary.user_id, self._on_stroke)
        with held_back() as self._interrupted:
            try:
                self._replay_logs()
            finally:
                self._finish()
        return self.summary

    def _run_live(self, speed: float) -> Summary:
        if self._options.start_time_ms is not None:
            raise ConfigError("--start-time and --speed cannot be combined: a live replay happens now")
        devices = ((log, device_of(log, self._config, self._options)) for log in self._logs())
        with held_back() as interrupted:
            live = LiveReplay(
                self._config,
                self._sinks,
                device_of(self.open(), self._config, self._options),
                speed=speed,
                clock=self._clock,
                wait=self._wait,
                stopped=interrupted,
                on_gesture=self._on_gesture,
            )
            try:
                live.run(devices, self.summary)
            finally:
                self._sum_up()
        return self.summary

    def _logs(self) -> Iterator[TouchLog]:
        yield self.open()
        for path in self._log_paths[1:]:
            yield self._open(path)

    def _replay_logs(self) -> None:
        for log in self._logs():
            self._replay_log(log)
            if self._interrupted():
                break
        self._context.end()
        self._deliver()
        for sink in self._sinks:
            sink.flush()
            sink.close()
        dead = any(each.dead_letters for each in self._delivery.counters.values())
        self.summary.complete = not dead and not self._interrupted() and not self._misses

    def _open(self, path: str) -> TouchLog:
        return open_log(path, options=msgspec.structs.replace(self._options, start_time_ms=None))

    def _prepare_output(self) -> None:
        """Make the output folder and empty the batches of an earlier replay: there may be none this time."""
        if self._output is None:
            return
        try:
            self._output.mkdir(parents=True, exist_ok=True)
            for sink in self._sinks:
                if isinstance(sink, FileSink) and sink.path == self._output / FILE_NAME:
                    sink.path.write_bytes(b"")
                    self.summary.batches = str(sink.path)
        except OSError as error:
            raise ConfigError(f"{self._output}: cannot be written: {error.strerror}") from None

    def _replay_log(self, log: TouchLog) -> None:
        self.log = log
        device = device_of(log, self._config, self._options)
        self._header = make_header(self._config.project, device, self.summary.user_id)
        reader = LogReplay(
            log,
            self._context,
            device,
            start_ms=self._options.start_time_ms,
            needs_epoch=self._needs_epoch,
        )
        self.summary.logs.append(reader.summary)
        try:
            for active in reader.read(self._interrupted):
                self._deliver(active)
                if self._on_progress is not None:
                    self._on_progress(log)
        finally:
            # Also where no sink takes the events.
            reader.sum_up()

    def _deliver(self, active: Collection[int] = ()) -> None:
        """Send the due batches, as long as the sinks make progress.

        Events that do not fill a batch of an active session wait for the next chunk; none wait at the end
        of a log, for the next one has a header of its own.
        """
        slice_s = self._config.delivery.timeout_s
        stalled_s = 0.0
        before = self._delivered()
        while not self._delivery.drain(active=active, timeout_s=slice_s) and not self._interrupted():
            delivered = self._delivered()
            stalled_s = 0.0 if delivered != before else stalled_s + slice_s
            before = delivered
            for name, counters in self._delivery.counters.items():
                if counters.paused or (counters.last_error and stalled_s >= _STALL_S):
                    raise SinkError(f"not delivered: {counters.paused or counters.last_error}", sink=name)

    def _delivered(self) -> int:
        return sum(each.delivered + each.dead_letters for each in self._delivery.counters.values())

    def _compose(self, wire: str, payloads: Sequence[bytes]) -> bytes:
        if self._header is None:
            raise SinkError("no log is open")
        return formats.get(wire).compose(self._header, payloads, self._clock.wall_ns() // NS_PER_MS)

    def _finish(self) -> None:
        """Complete the summary and let go of everything, however it ended."""
        summary = self.summary
        summary.sessions = self._context.sessions
        summary.sinks = self._delivery.counters
        self._delivery.abort()
        self._sum_up()

    def _sum_up(self) -> None:
        summary = self.summary
        for log in summary.logs:
            summary.strokes += log.strokes
            summary.events += log.events
            summary.kinds = dict(Counter(summary.kinds) + Counter(log.kinds))
            summary.reasons = dict(Counter(summary.reasons) + Counter(log.reasons))
        if self._output is not None:
            text = msgspec.json.format(msgspec.json.encode(summary), indent=2)
            (self._output / self._summary_name).write_bytes(text + b"\n")
