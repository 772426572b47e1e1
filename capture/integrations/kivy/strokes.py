"""From a toolkit's merged motion events back to strokes: raw samples, their times, pointers, twins.

Kivy delivers one event per touch and frame, and a frame's position replaces the earlier ones, the
origin included. So the raw samples are queued as they are polled, and a stroke is opened, moved and ended
from the queue when Kivy dispatches the matching event. Nothing here knows Kivy's classes.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

from capture.integrations.kivy.touches import OpenTouch, Sample, is_no_finger, now_ns

if TYPE_CHECKING:
    from capture.engine.capture import Capture
    from capture.engine.dispatch import UpDispatch
    from capture.events.targets import Target
    from capture.integrations.kivy.touches import Listener

__all__ = ["OpenTouches"]

#: Samples of one poll are spread over this long (ns) at most: a hanging frame makes no press of a tap.
_LONGEST_FRAME_NS = 100_000_000
#: A touch so soon (ns) after, and so near (dp) to, one of another device is the same finger.
_TWIN_NS = 100_000_000
_TWIN_DP = 12.0
#: Ended strokes that a late twin is compared with.
_REMEMBERED = 8
#: Raw samples that wait for their dispatch, at most.
_QUEUE_LENGTH = 4096


class Surroundings(Protocol):
    """What strokes ask about the app and its screen: `capture.integrations.kivy.host.KivyHooks`."""

    def place(self, sx: float, sy: float) -> tuple[float, float]:
        """Return a place of the screen in px, y downwards."""

    def find_target(self, sx: float, sy: float) -> Target:
        """Return the target under a place of the screen."""

    def judge(self, stroke: OpenTouch) -> bool | None:
        """Return whether the target of a stroke reacts, after its UP was dispatched."""

    def is_due(self, kind: str, event: Any) -> bool:
        """Return whether an event is still to be dispatched in this frame."""

    def frame_ns(self) -> int:
        """Return the length of the last frame."""


class OpenTouches:
    """Opens, moves and ends strokes.

    Parameters
    ----------
    capture : Capture
        Where they go.
    around : Surroundings

    Attributes
    ----------
    open : dict
        uid of the motion event -> its stroke.
    listeners : list of Listener
    twins : int
        Touches left out because another device reported the same finger.
    """

    def __init__(self, capture: Capture, around: Surroundings) -> None:
        self.open: dict[int, OpenTouch] = {}
        self.listeners: list[Listener] = []
        self.twins = 0
        self.density = 1.0
        self._capture = capture
        self._around = around
        self._place = around.place
        self._queue: deque[Sample] = deque(maxlen=_QUEUE_LENGTH)
        self._untimed: deque[Sample] = deque(maxlen=_QUEUE_LENGTH)
        self._last_poll_ns = 0
        self._recent: deque[OpenTouch] = deque(maxlen=_REMEMBERED)
        #: Strokes whose listeners are being told of the UP: one of them may begin another stroke.
        self._ending: list[OpenTouch] = []

    def poll(self, sample: Sample) -> None:
        """Queue a raw sample as it is polled."""
        self._queue.append(sample)
        if not sample.exact:
            self._untimed.append(sample)

    def before(self, kind: str, event: Any) -> None:
        """Process an event before its dispatch: DOWN with its true origin, and every raw MOVE."""
        was_polled = bool(self._queue) and self._drain(kind, event)
        stroke = self.open.get(event.uid)
        if kind == "end":
            if stroke is not None and not getattr(event, "capture_canceled", False):
                self._dispatch(stroke, event)
        elif kind == "begin":
            if not was_polled and stroke is None and not is_no_finger(event):
                self._begin(Sample(kind, event, event.sx, event.sy, now_ns()))
        elif kind == "update" and stroke is not None and not stroke.is_raw:
            # A driver of tests dispatches directly: its event is its only sample.
            self._move(stroke, Sample(kind, event, event.sx, event.sy, now_ns()))

    def end(self, event: Any) -> None:
        """End a stroke after its UP was dispatched to the app."""
        stroke = self.open.pop(event.uid, None)
        if stroke is None:
            return
        if stroke.dispatch is None and getattr(event, "capture_canceled", False):
            self._cancel(stroke, now_ns() if stroke.end is None else stroke.end.time)
            return
        dispatch = stroke.dispatch or self._dispatch(stroke, event)
        self._ending.append(stroke)
        dispatch.finish()
        up = stroke.end
        if up is not None:
            x, y = self._place(up.sx, up.sy)
            for listener in self.listeners:
                listener.up(stroke, x, y, up.time)
        self._ending.remove(stroke)
        self._recent.append(stroke)

    def _dispatch(self, stroke: OpenTouch, event: Any) -> UpDispatch:
        """Begin the dispatch of an UP: events that the app records now come after the gesture."""
        up = stroke.end = stroke.end or Sample("end", event, event.sx, event.sy, now_ns())

        def judge() -> bool | None:
            stroke.responsive = self._around.judge(stroke)
            return stroke.responsive

        x, y = self._place(up.sx, up.sy)
        stroke.dispatch = self._capture.touch_dispatch(stroke.pointer, x, y, up.time, judge)
        return stroke.dispatch.begin()

    def cancel_all(self) -> None:
        """End every open stroke without an UP: the app hides, stops, or its touches are not seen any more."""
        time = now_ns()
        for stroke in self.open.values():
            if stroke.dispatch is None:
                self._cancel(stroke, time)
            else:
                # It was lifted, and a handler ended the app.
                stroke.dispatch.finish()
        self.open.clear()
        self._queue.clear()
        self._untimed.clear()

    def _cancel(self, stroke: OpenTouch, time: int) -> None:
        self._capture.touch_cancel(stroke.pointer, time=time)
        for listener in self.listeners:
            listener.cancel(stroke, time)

    # The queue

    def _drain(self, kind: str, event: Any) -> bool:
        """Pass on raw samples up to the event's dispatch; return whether its own sample was there."""
        was_there = False
        if self._untimed:
            self._spread()
        queue = self._queue
        while queue:
            sample = queue[0]
            if sample.kind == "update":
                stroke = self.open.get(sample.event.uid)
                if stroke is not None:
                    self._move(stroke, sample)
            elif sample.event is event and sample.kind == kind:
                queue.popleft()
                was_there = True
                if kind == "end":
                    self._hold_end(sample)
                    break
                if not is_no_finger(event):
                    self._begin(sample, is_raw=True)
                continue
            elif self._around.is_due(sample.kind, sample.event):
                break
            elif sample.kind == "end":
                # Kivy keeps it back (a retained touch): it is used when its dispatch comes.
                self._hold_end(sample)
            queue.popleft()
        return was_there

    def _hold_end(self, sample: Sample) -> None:
        stroke = self.open.get(sample.event.uid)
        if stroke is not None:
            stroke.end = sample

    def _spread(self) -> None:
        """Spread the samples of one poll evenly over the frame before it: they share one time else."""
        samples = list(self._untimed)
        self._untimed.clear()
        end = samples[-1].time
        count = len(samples)
        if count > 1:
            span = min(self._around.frame_ns(), end - self._last_poll_ns, _LONGEST_FRAME_NS)
            for index, sample in enumerate(samples):
                sample.time = end - span * (count - 1 - index) // count
        self._last_poll_ns = end

    # Strokes

    def _begin(self, sample: Sample, *, is_raw: bool = False) -> None:
        if not (self._capture.is_recording or self.listeners):
            return
        x, y = self._place(sample.sx, sample.sy)
        if self._is_twin(sample, x, y):
            self.twins += 1
            return
        if is_raw:
            self._forget_lost(sample.event)
        used = {stroke.pointer for stroke in (*self.open.values(), *self._ending)}
        pointer = next(number for number in range(len(used) + 1) if number not in used)
        event, target = sample.event, self._around.find_target(sample.sx, sample.sy)
        stroke = OpenTouch(pointer, event, sample.time, x, y, target, _device_of(event), is_raw=is_raw)
        self.open[event.uid] = stroke
        self._capture.touch_down(pointer, x, y, sample.time, stroke.target)
        for listener in self.listeners:
            listener.down(stroke)

    def _forget_lost(self, event: Any) -> None:
        """Cancel the open stroke of a finger that comes down again: its UP was lost."""
        finger = getattr(event, "id", None)
        if finger is None:
            return
        device = _device_of(event)
        for uid, stroke in list(self.open.items()):
            is_same = stroke.device == device and getattr(stroke.event, "id", None) == finger
            # An UP that Kivy keeps back was not lost.
            if is_same and stroke.end is None:
                self._cancel(self.open.pop(uid), now_ns())

    def _move(self, stroke: OpenTouch, sample: Sample) -> None:
        x, y = self._place(sample.sx, sample.sy)
        self._capture.touch_move(stroke.pointer, x, y, sample.time)
        for listener in self.listeners:
            listener.move(stroke, x, y, sample.time)

    def _is_twin(self, sample: Sample, x: float, y: float) -> bool:
        """Return whether another device reported the same finger a moment ago (mouse and mtdev on a Pi)."""
        device = _device_of(sample.event)
        reach = _TWIN_DP * self.density
        return any(
            stroke.device != device
            and abs(stroke.x - x) <= reach
            and abs(stroke.y - y) <= reach
            and abs(sample.time - stroke.time) <= _TWIN_NS
            for strokes in (self.open.values(), self._recent)
            for stroke in strokes
        )


def _device_of(event: Any) -> str:
    return getattr(event, "device", "")
