"""A recorded log played in real time, or faster or slower, into a live `Capture`: demos and soak tests.

The capture is as an app's: its store, sinks and sessions, its wall clock, random ids. Its touches alone
come from the log, each when it is due. Gestures are measured by the log's own times, so that they are
those of the recording at any speed.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter, deque
from typing import TYPE_CHECKING

import msgspec

from capture.clock import Clock
from capture.engine.capture import Capture
from capture.errors import CaptureError, ConfigError, SinkError
from capture.gestures.kinds import Action
from capture.replay.marks import BAD_MARK, call_of, note_of
from capture.replay.summary import LogSummary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from capture.config.run import RunConfig
    from capture.events.device import Device
    from capture.events.targets import Target
    from capture.gestures.recognizer import Gesture
    from capture.logs import Mark, TouchLog
    from capture.replay.summary import Summary
    from capture.sinks import Sink

__all__ = ["LiveReplay"]

#: No wait is longer (s), so that Ctrl-C ends a pause of hours.
_NAP_S = 0.1
#: Where another speed than 1 puts the log's times (ns): far ahead of the clock that the capture reads, which
#: then stamps a gesture with the moment at which it ends, and not with an age that its log would give it.
_AHEAD_NS = 1 << 60


class LiveReplay:
    """Plays logs into a capture of its own, whose store is deleted at the end.

    Parameters
    ----------
    config : RunConfig
    sinks : sequence of Sink
    device : Device
        Facts of the first log's device; facts that neither it nor ``[device]`` gives are detected here.
    speed : float
        1 is the log's own pace, 2 twice as fast.
    clock : Clock, optional
        Clock of the capture and of the pace.
    wait : callable
        Waits so many seconds.
    stopped : callable
        Tells whether to end now.
    on_gesture : callable, optional
        Called with each `Gesture` as its stroke ends, recognised or not, and with the seconds of the log
        at which it began.

    Raises
    ------
    ConfigError
        When capture is disabled.
    """

    def __init__(
        self,
        config: RunConfig,
        sinks: Sequence[Sink],
        device: Device,
        *,
        speed: float,
        clock: Clock | None = None,
        wait: Callable[[float], None] = time.sleep,
        stopped: Callable[[], bool] = bool,
        on_gesture: Callable[[Gesture, float], None] | None = None,
    ) -> None:
        self._clock = clock or Clock()
        self._speed = speed
        self._wait = wait
        self._stopped = stopped
        self._on_gesture = on_gesture
        self._folder = tempfile.TemporaryDirectory(prefix="touchcapture-live-")
        self._device = device
        self.capture = Capture(self._own(config, device), clock=self._clock, sinks=sinks)
        if self.capture.disabled:
            self.close()
            raise ConfigError("capture is disabled: a live replay would record nothing")
        self.capture.on_gesture = self._ended
        self._summary: LogSummary | None = None
        self._reset()

    def _own(self, config: RunConfig, device: Device) -> RunConfig:
        """Return the configuration with a store and a consent of its own, and the log's screen."""
        screen = {name: getattr(device, name) for name in ("width", "height", "density", "orientation")}
        return msgspec.structs.replace(
            config,
            buffer=msgspec.structs.replace(config.buffer, path=self._folder.name),
            device=msgspec.structs.replace(config.device, **screen),
            privacy=msgspec.structs.replace(config.privacy, opted_in=True, sampling=1.0),
        )

    def _reset(self) -> None:
        """Start with another log: its times, pointers and targets have nothing to do with the last one's."""
        self._first_ns: int | None = None
        self._started_ns = self._shift_ns = self._time_ns = 0
        self._stream: int | None = None
        self._open: set[int] = set()
        self._targets: dict[int, Target] = {}
        self._verdicts: dict[int, bool | None] = {}
        self._kinds: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._ignored: Counter[str] = Counter()

    def run(self, logs: Iterable[tuple[TouchLog, Device]], summary: Summary) -> None:
        """Play logs one after the other, then close the capture; `summary` is filled in every case.

        Raises
        ------
        TouchLogError
            When a log cannot be read; events that were played before it are delivered.
        SinkError
            When a sink did not take the events within ``[delivery] shutdown_timeout_s``.
        """
        summary.user_id = self.capture.user_id or ""
        delivered = False
        try:
            for log, device in logs:
                summary.logs.append(LogSummary(path=log.path, format=log.name, seed=log.seed))
                self._play(log, device, summary.logs[-1])
                if self._stopped():
                    break
            delivered = self.close()
        finally:
            self.close()
            summary.sinks = dict(self.capture.stats.sinks)
            summary.sessions = self.capture.session_number
        if not delivered and self.capture.stats.pending and not self._stopped():
            problems = "; ".join(each.last_error for each in summary.sinks.values() if each.last_error)
            raise SinkError(
                f"{self.capture.stats.pending} events were not delivered: {problems or 'no answer'}"
            )
        dead = any(each.dead_letters for each in summary.sinks.values())
        summary.complete = delivered and not dead and not self._stopped()

    def _play(self, log: TouchLog, device: Device, summary: LogSummary) -> None:
        """Play a log to its end, or until `stopped`.

        Where it holds several streams the first is played: a capture is one device.
        """
        if device != self._device:
            self.capture.set_screen(device.width, device.height, device.density)
            self.capture.set_orientation(device.orientation)
            self._device = device
        self._reset()
        self._summary = summary
        before = self.capture.stats
        try:
            self._feed(log, summary)
        finally:
            # Strokes that are still down end as where an app is left: without an event.
            for pointer in sorted(self._open):
                self.capture.touch_cancel(pointer, time=self._time_ns + self._shift_ns)
            after = self.capture.stats
            summary.events = after.collected - before.collected
            summary.kinds, summary.reasons = dict(self._kinds), dict(self._reasons)
            summary.warnings = dict(log.warnings)
            self._ignored.update(Counter(after.ignored) - Counter(before.ignored))
            summary.ignored = dict(self._ignored)

    def _feed(self, log: TouchLog, summary: LogSummary) -> None:
        waiting: deque[Mark] = deque()
        for chunk in log.chunks():
            waiting.extend(log.marks)
            log.marks.clear()
            for stream, pointer, action, time_ns, x, y in chunk.rows():
                while waiting and waiting[0].sample <= summary.samples:
                    self._mark(waiting.popleft())
                self._until(time_ns)
                if self._stopped():
                    return
                summary.samples += 1
                self._touch(stream, pointer, action, time_ns, x, y)
        waiting.extend(log.marks)
        for mark in waiting:
            self._mark(mark)

    def _until(self, time_ns: int) -> None:
        """Wait until a moment of the log has come."""
        if self._first_ns is None:
            self._first_ns = time_ns
            self._started_ns = self._clock.monotonic_ns()
            self._shift_ns = self._started_ns - time_ns + (0 if self._speed == 1 else _AHEAD_NS)
        self._time_ns = time_ns
        due_ns = self._started_ns + (time_ns - self._first_ns) / self._speed
        while not self._stopped():
            left_s = (due_ns - self._clock.monotonic_ns()) / 1e9
            if left_s <= 0:
                return
            self._wait(min(left_s, _NAP_S))

    def _touch(self, stream: int, pointer: int, action: int, time_ns: int, x: float, y: float) -> None:  # noqa: PLR0917 - a touch sample has six columns
        if self._stream is None:
            self._stream = stream
        if stream != self._stream:
            self._ignored["other_streams"] += 1
            return
        moment_ns = time_ns + self._shift_ns
        match action:
            case Action.DOWN:
                self.capture.touch_down(pointer, x, y, moment_ns, self._targets.pop(pointer, None))
                self._open.add(pointer)
                self._verdicts.pop(pointer, None)
            case Action.MOVE:
                self.capture.touch_move(pointer, x, y, moment_ns)
            case Action.UP:
                self.capture.touch_up(pointer, x, y, moment_ns, self._verdicts.pop(pointer, None))
            case Action.CANCEL:
                self.capture.touch_cancel(pointer, x, y, moment_ns)
            case _:
                self._ignored["unknown_actions"] += 1

    def _ended(self, gesture: Gesture, target: Target) -> None:
        del target
        self._open.discard(gesture.pointer)
        if self._summary is None:
            return
        self._summary.strokes += 1
        self._kinds[gesture.kind.name.lower()] += 1
        self._reasons[gesture.reason.name.lower()] += 1
        if self._on_gesture is not None:
            begun_ns = gesture.time_down - self._shift_ns - (self._first_ns or 0)
            self._on_gesture(gesture, begun_ns / 1e9)

    def _mark(self, mark: Mark) -> None:
        """Make the call of a mark, when it is due; one with a value that an event may not have is counted."""
        if self._stream not in {None, mark.stream}:
            return
        self._until(mark.time_ns)
        if self._stopped():
            return
        try:
            self._follow(mark)
        except (*BAD_MARK, CaptureError):
            self._ignored["unused_marks"] += 1

    def _follow(self, mark: Mark) -> None:
        if (note := note_of(mark)) is not None:
            if not note.is_verdict:
                self._targets[note.pointer] = note.target
            elif note.pointer in self._open:
                self._verdicts[note.pointer] = note.target.responsive
        elif (call := call_of(mark)) is not None:
            name, arguments = call
            getattr(self.capture, name)(*arguments)

    def close(self) -> bool:
        """Send the recorded events, as an app does at its end; return whether all were delivered."""
        try:
            return self.capture.close()
        finally:
            self._folder.cleanup()
