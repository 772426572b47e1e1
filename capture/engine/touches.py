"""Touches of a live app: the recognizer, the open strokes, and the gate that all calls pass.

The touch methods never raise: exceptions are counted and logged once per type.
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from threading import get_ident
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from capture._native.guard import Guard
from capture.engine import device as detection
from capture.engine.idle import IdleWatch
from capture.events.targets import Target
from capture.gestures.recognizer import Recognizer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from capture.engine.dispatch import UpDispatch
    from capture.engine.recorder import Recorder
    from capture.engine.telemetry import Telemetry
    from capture.events.domain import Scene
    from capture.gestures.config import GestureConfig
    from capture.gestures.recognizer import Gesture

    #: The stroke that a touch ended, and its target.
    _Ended: TypeAlias = tuple[Gesture | None, Target]

__all__ = ["Touches"]

_NAN = math.nan
_ROOT = Target()
#: Longest wait (s) for the engine lock.
_WAIT_S = 0.5
#: An age above this (ns) means that the timestamp is from a different clock.
_MAX_AGE_NS = 60 * 10**9
#: Least time (ns) between two detections of the connectivity.
_DETECTION_NS = 30 * 10**9


class Touches:
    """Recognizes strokes, and hands each with the scene and target of its DOWN to the recorder.

    Parameters
    ----------
    config : GestureConfig
        Thresholds.
    recorder : Recorder
        Records the gestures.
    telemetry : Telemetry
        Counts and reports the strokes.
    monotonic_ns : callable
        Clock of samples without a time.
    detects_network : bool
        Whether DOWNs detect the connectivity again from time to time.

    Attributes
    ----------
    lock : Guard
        The engine lock: recorder, recognizer and the gate change under it.
    """

    def __init__(
        self,
        config: GestureConfig,
        recorder: Recorder,
        telemetry: Telemetry,
        monotonic_ns: Callable[[], int],
        *,
        detects_network: bool,
    ) -> None:
        self.lock = Guard(_WAIT_S)
        self.detects_network = detects_network
        self._config = config
        self._recorder = recorder
        self._telemetry = telemetry
        self.monotonic_ns = monotonic_ns
        self._detected_ns = 0
        self._idle: IdleWatch | None = None
        #: Says why the gate is closed; set by the lifecycle.
        self.why_closed: Callable[[], str] = lambda: ""
        #: UPs that are being dispatched to handlers, the outermost first.
        self.dispatched: list[UpDispatch] = []
        #: `Recognizer.move` while the gate is open, else None: one attribute decides for all touch calls.
        self._move: Callable[[int, float, float, int], None] | None = None
        self.reset()

    def reset(self) -> None:
        """Start with a new recognizer, without open strokes and counts."""
        self._recognizer = Recognizer(self._recorder.timeline.device.density, self._config)
        #: Pointer -> scene and target of its DOWN.
        self._open: dict[int, tuple[Scene, Target]] = {}
        self._aliases: dict[int, int] = {}
        #: Cancels without a place, which the recognizer counts as dropped samples.
        self._placeless = 0
        self.set_gate(self.is_open)

    def after_fork(self) -> None:
        """Replace the lock and the recognizer, which another thread of the parent may have been using."""
        self.lock.renew()
        self.reset()

    # The gate

    @property
    def is_open(self) -> bool:
        """Whether touches and events are recorded."""
        return self._move is not None

    def set_gate(self, is_open: bool) -> None:
        """Open or close the gate."""
        self._move = self._recognizer.move if is_open else None

    def note_closed(self) -> None:
        """Log why nothing is recorded, if consent is missing."""
        if self._move is None:
            self._telemetry.nothing_recorded(self.why_closed())

    @contextmanager
    def canceled(self) -> Iterator[None]:
        """Hold the lock with all open strokes canceled; report them once it is released."""
        strokes: list[tuple[Gesture, Target]] = []
        for dispatch in list(self.dispatched):
            dispatch.finish()
        with self.lock:
            now_ns = self.monotonic_ns()
            for pointer, (_, target) in self._open.items():
                gesture = self._recognizer.cancel(pointer, _NAN, _NAN, now_ns)
                if gesture is not None:
                    self._placeless += 1
                    self._telemetry.count(gesture, target)
                    strokes.append((gesture, target))
            self._open.clear()
            self._aliases.clear()
            self._count_chords()
            yield
        self._telemetry.report(strokes)

    def finish_dispatched(self) -> None:
        """Process the UPs that this thread dispatches: they caused the event that is recorded now."""
        for dispatch in list(self.dispatched) if self.dispatched else ():
            if dispatch.thread == get_ident():
                dispatch.finish()

    # Touches

    def down(
        self, pointer: int, x: float, y: float, time: int | None, target: Target | None
    ) -> Gesture | None:
        """As `Capture.touch_down`."""
        if self._move is None:
            self.note_closed()
            return None
        try:
            ended, before = self.lock.call(self._down, pointer, x, y, time, target)
        except Exception as error:  # noqa: BLE001 - no exception may reach the host
            ended, before = self._again("touch_down", error, self._down, pointer, x, y, time, target)
        return self._report(ended, before)

    def _down(self, pointer: int, x: float, y: float, time: int | None, target: Target | None) -> _Ended:
        before = _ROOT
        if self._move is None:
            return None, before
        if isinstance(time, float):
            # Probably seconds: as ns they would make a tap of every stroke.
            raise TypeError(f"time = {time}: expected int nanoseconds")
        now_ns = self.monotonic_ns()
        if now_ns - self._detected_ns > _DETECTION_NS:
            self._detect_network(now_ns)
        ended = self._recognizer.down(pointer, x, y, now_ns if time is None else time)
        if ended is not None:
            _, before = self._pop(pointer)
            self._telemetry.count(ended, before)
            self._count_chords()
        self._open[pointer] = (self._recorder.timeline.scene, _encodable(target))
        return ended, before

    def move(self, pointer: int, x: float, y: float, time: int | None) -> None:
        """As `Capture.touch_move`."""
        move = self._move
        if move is not None:
            try:
                move(pointer, x, y, self.monotonic_ns() if time is None else time)
            except OverflowError as error:
                if (alias := self._alias(pointer, "touch_move")) is None:
                    self._telemetry.failed("touch_move", error)
                else:
                    self.move(alias, x, y, time)
            except Exception as error:  # noqa: BLE001 - as in down
                self._telemetry.failed("touch_move", error)

    def up(
        self,
        pointer: int,
        x: float,
        y: float,
        time: int | None,
        responsive: bool | Callable[[], bool | None] | None,
    ) -> Gesture | None:
        """As `Capture.touch_up`; `responsive` may also be a callable."""
        if self._move is None:
            return None
        if callable(responsive):
            try:
                responsive = self._telemetry.call("responsive", responsive)
            except BaseException:
                # As sys.exit() in a handler: the stroke is not lost by it.
                self.up(pointer, x, y, time, None)
                raise
        try:
            gesture, target = self.lock.call(self._up, pointer, x, y, time, responsive)
        except Exception as error:  # noqa: BLE001 - as in down
            gesture, target = self._again("touch_up", error, self._up, pointer, x, y, time, responsive)
        telemetry = self._telemetry
        if self._idle is None and telemetry.on_gesture is None and not telemetry.losses:
            return gesture
        return self._report(gesture, target)

    def _up(self, pointer: int, x: float, y: float, time: int | None, responsive: bool | None) -> _Ended:
        if self._move is None:
            return None, _ROOT
        now_ns = self.monotonic_ns()
        gesture = self._recognizer.up(pointer, x, y, now_ns if time is None else time)
        if gesture is None:
            return None, _ROOT
        opened = self._open.pop(pointer, None)
        scene, target = opened or (self._recorder.timeline.scene, _ROOT)
        if responsive is not None and responsive is not target.responsive:
            target = msgspec.structs.replace(target, responsive=bool(responsive))
        self._telemetry.count(gesture, target)
        age_ns = 0 if time is None else now_ns - gesture.time_up
        if not 0 <= age_ns <= _MAX_AGE_NS:
            age_ns = 0
        try:
            self._recorder.record_gesture(gesture, scene, target, age_ns)
        except Exception as error:  # noqa: BLE001 - the stroke is the host's all the same
            self._telemetry.failed("touch_up", error)
        if self._recognizer.chords:  # mostly none, and this runs while a finger lifts
            self._count_chords()
        return gesture, target

    def cancel(self, pointer: int, x: float | None, y: float | None, time: int | None) -> Gesture | None:
        """As `Capture.touch_cancel`."""
        if self._move is None:
            return None
        try:
            gesture, target = self.lock.call(self._cancel, pointer, x, y, time)
        except Exception as error:  # noqa: BLE001 - as in down
            gesture, target = self._again("touch_cancel", error, self._cancel, pointer, x, y, time)
        return self._report(gesture, target)

    def _cancel(self, pointer: int, x: float | None, y: float | None, time: int | None) -> _Ended:
        if self._move is None:
            return None, _ROOT
        place = (_NAN, _NAN) if x is None or y is None else (x, y)
        now_ns = self.monotonic_ns() if time is None else time
        gesture = self._recognizer.cancel(pointer, *place, now_ns)
        if gesture is None:
            return None, _ROOT
        self._placeless += x is None or y is None
        _, target = self._pop(pointer)
        self._telemetry.count(gesture, target)
        self._count_chords()
        return gesture, target

    def _again(
        self, name: str, error: Exception, work: Callable[..., _Ended], pointer: int, *values: object
    ) -> _Ended:
        """Repeat a call that failed, with an alias for its pointer; count the error if that is no help."""
        alias = self._alias(pointer, name) if isinstance(error, OverflowError) else None
        if alias is None:
            self._telemetry.failed(name, error)
            return None, _ROOT
        try:
            return self.lock.call(work, alias, *values)
        except Exception as failure:  # noqa: BLE001 - as in down
            return self._again(name, failure, work, alias, *values)

    def _report(self, gesture: Gesture | None, target: Target) -> Gesture | None:
        """Report a touch to the idle watch, and the stroke that it ended to the host; return the stroke."""
        telemetry = self._telemetry
        if self._idle is not None:
            self._idle.touched(len(self._open))
        if telemetry.losses or (gesture is not None and telemetry.on_gesture is not None):
            telemetry.report([] if gesture is None else [(gesture, target)])
        return gesture

    def _count_chords(self) -> None:
        if not self._recognizer.chords:
            return
        chords = self._recognizer.take_chords()
        self._telemetry.count_chords(chords)
        try:
            for chord in chords:
                self._recorder.record_chord(chord)
        except Exception as error:  # noqa: BLE001 - the strokes are the host's all the same
            self._telemetry.failed("touch_up", error)

    def _pop(self, pointer: int) -> tuple[Scene, Target]:
        """Return and forget the scene and target of a pointer's DOWN."""
        return self._open.pop(pointer, None) or (self._recorder.timeline.scene, _ROOT)

    def _detect_network(self, now_ns: int) -> None:
        self._detected_ns = now_ns
        if self.detects_network:
            connectivity = detection.connectivity()
            if connectivity != self._recorder.timeline.device.connectivity:
                self._recorder.change_device(connectivity=connectivity)

    def _alias(self, pointer: object, name: str) -> int | None:
        """Return the number by which the recognizer knows a pointer beyond 32 bits; None for another one.

        A finger that is not down gets one that nobody uses; it is remembered from its DOWN to its end.
        """
        if not isinstance(pointer, int) or -(2**31) <= pointer < 2**31:
            return None
        known = self._aliases.get(pointer)
        if known is None:
            used = {*self._aliases.values(), *self._open}
            known = next(number for number in range(-(2**31), 0) if number not in used)
        if name == "touch_down":
            self._aliases[pointer] = known
        elif name != "touch_move":
            self._aliases.pop(pointer, None)
        return known

    # For the other calls of a capture

    @property
    def ignored(self) -> dict[str, int]:
        """Samples without an effect, by cause."""
        counters = dict(self._recognizer.counters)
        counters["dropped_samples"] -= self._placeless
        return counters

    def set_density(self, density: float) -> None:
        """Set px per dp of the strokes from now on; the caller holds the lock."""
        self._recognizer.set_density(0, density)

    def watch_idle(self, after_s: float, on_idle: Callable[[], None]) -> None:
        """Call `on_idle` after each `after_s` seconds without a touch; replaces an earlier watch."""
        self.stop_idle()
        self._idle = IdleWatch(after_s, lambda: self._telemetry.call("on_idle", on_idle), self.monotonic_ns)
        self._idle.start()

    def stop_idle(self) -> None:
        """End the watch of `watch_idle`, if any."""
        if self._idle is not None:
            self._idle.stop()


def _encodable(target: Target | None) -> Target:
    """Return a target whose texts can be encoded as UTF-8."""
    if target is None:
        return _ROOT
    if not isinstance(target, Target):
        raise TypeError(f"target = {type(target).__name__}: expected a capture.Target")
    if target.path.isascii() and target.id.isascii():
        return target
    path, view_id = (text.encode("utf-8", "replace").decode() for text in (target.path, target.id))
    return msgspec.structs.replace(target, path=path, id=view_id)
