"""Touches of a live app: the recognizer, the target at DOWN, the scene that a gesture belongs to.

Nothing here raises into the host app: what goes wrong is counted and logged once per kind.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from capture.engine import device as devices
from capture.engine.lifecycle import EngineCore
from capture.events.targets import Target

if TYPE_CHECKING:
    from capture.events.domain import Scene
    from capture.gestures.recognizer import Gesture

__all__ = ["TouchCalls"]

_NOWHERE = Target()
#: A touch is told to be older than this (ns) by another clock, not by a delay.
_OLDEST_NS = 60 * 10**9
#: How often (ns) a DOWN looks whether there is a network.
_LOOK_NS = 30 * 10**9


class TouchCalls(EngineCore):
    """The touch calls of a `capture.Capture`."""

    _looked_ns = 0

    def touch_down(
        self, pointer: int, x: float, y: float, time: int | None = None, target: Target | None = None
    ) -> Gesture | None:
        """Take a DOWN.

        Parameters
        ----------
        pointer : int
            Which finger, until its UP or CANCEL.
        x, y : float
            px, y downwards.
        time : int, optional
            ns of a monotonic clock; now when not given.
        target : Target, optional
            What is under the finger; the root where nothing is.

        Returns
        -------
        Gesture or None
            The INCOMPLETE stroke that this DOWN ended, if there was one.
        """
        if self._move is None:
            return None
        try:
            now_ns = self._monotonic_ns()
            with self._lock:
                if self._move is None:
                    return None
                if isinstance(time, float):
                    # Seconds, most likely: as ns they would make a tap of every stroke.
                    raise TypeError(f"time = {time}: expected int nanoseconds")  # noqa: TRY301
                if now_ns - self._looked_ns > _LOOK_NS:
                    self._look_at_network(now_ns)
                ended: Gesture | None = self._recognizer.down(pointer, x, y, now_ns if time is None else time)
                before = self._down.get(pointer)
                self._down[pointer] = (self._recorder.scene, _checked(target))
                if ended is not None and before is not None:
                    self._count(ended, before[1])
            if self._idle is not None:
                self._idle.touched(len(self._down))
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not reach the host's touch handling
            self._failed("touch_down", error)
            return None
        if ended is not None and before is not None:
            self._tell([(ended, before[1])])
        return ended

    def touch_move(self, pointer: int, x: float, y: float, time: int | None = None) -> None:
        """Take a MOVE; parameters as in `touch_down`."""
        move = self._move
        if move is not None:
            try:
                move(pointer, x, y, self._monotonic_ns() if time is None else time)
            except Exception as error:  # noqa: BLE001 - as in touch_down
                self._failed("touch_move", error)

    def touch_up(
        self, pointer: int, x: float, y: float, time: int | None = None, responsive: bool | None = None
    ) -> Gesture | None:
        """Take an UP, which ends the stroke; a recognised one is recorded.

        Parameters
        ----------
        pointer, x, y, time
            As in `touch_down`.
        responsive : bool, optional
            Whether the target turned out to react; None leaves what its `Target` says.

        Returns
        -------
        Gesture or None
            The stroke's record, recognised or not; None where there was no DOWN.
        """
        if self._move is None:
            return None
        gesture, target = None, _NOWHERE
        try:
            with self._lock:
                if self._move is None:
                    return None
                now_ns = self._monotonic_ns()
                gesture = self._recognizer.up(pointer, x, y, now_ns if time is None else time)
                if gesture is None:
                    return None
                scene, target = self._seen(pointer)
                if responsive is not None and responsive is not target.responsive:
                    target = msgspec.structs.replace(target, responsive=bool(responsive))
                self._count(gesture, target)
                age_ns = 0 if time is None else now_ns - gesture.time_up
                if not 0 <= age_ns <= _OLDEST_NS:
                    age_ns = 0
                self._recorder.record_gesture(gesture, scene, target, age_ns)
            if self._idle is not None:
                self._idle.touched(len(self._down))
        except Exception as error:  # noqa: BLE001 - as in touch_down
            self._failed("touch_up", error)
        if self._losses or (gesture is not None and self.on_gesture is not None):
            self._tell([] if gesture is None else [(gesture, target)])
        return gesture

    def touch_cancel(
        self, pointer: int, x: float | None = None, y: float | None = None, time: int | None = None
    ) -> Gesture | None:
        """Take a CANCEL: the stroke ends without an event.

        Parameters
        ----------
        pointer, time
            As in `touch_down`.
        x, y : float, optional
            Where; the last position when not given.

        Returns
        -------
        Gesture or None
            The stroke's record; None where there was no DOWN.
        """
        if self._move is None:
            return None
        gesture, target = None, _NOWHERE
        try:
            with self._lock:
                if self._move is None:
                    return None
                known = x is not None and y is not None
                place = (x, y) if x is not None and y is not None else (math.nan, math.nan)
                now_ns = self._monotonic_ns() if time is None else time
                gesture = self._recognizer.cancel(pointer, *place, now_ns)
                if gesture is None:
                    return None
                self._own_cancels += not known
                _, target = self._seen(pointer)
                self._count(gesture, target)
            if self._idle is not None:
                self._idle.touched(len(self._down))
        except Exception as error:  # noqa: BLE001 - as in touch_down
            self._failed("touch_cancel", error)
        if gesture is not None:
            self._tell([(gesture, target)])
        return gesture

    def _seen(self, pointer: int) -> tuple[Scene, Target]:
        """Return and forget what a pointer went down on."""
        return self._down.pop(pointer, None) or (self._recorder.scene, _NOWHERE)

    def _look_at_network(self, now_ns: int) -> None:
        """Detect the connectivity anew, unless the host or the configuration says what it is."""
        self._looked_ns = now_ns
        if self._connectivity_given:
            return
        facts = self._recorder.device
        found = devices.connectivity()
        if found != facts.connectivity:
            self._recorder.set_device(msgspec.structs.replace(facts, connectivity=found))


def _checked(target: Target | None) -> Target:
    """Return a target whose texts can be encoded, whatever the host gave."""
    if target is None:
        return _NOWHERE
    if not isinstance(target, Target):
        raise TypeError(f"target = {type(target).__name__}: expected a capture.Target")
    if target.path.isascii() and target.id.isascii():
        return target
    path, view_id = (text.encode("utf-8", "replace").decode() for text in (target.path, target.id))
    return msgspec.structs.replace(target, path=path, id=view_id)
