"""Counts of strokes and failures, and the callbacks of the host."""

from __future__ import annotations

import logging
import sys
import threading
from collections import deque
from typing import TYPE_CHECKING, Any

from capture.errors import LogOnce
from capture.gestures.kinds import GestureKind
from capture.gestures.recognizer import kind_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from capture.events.targets import Target
    from capture.gestures.chords import MultiGesture
    from capture.gestures.recognizer import Gesture

__all__ = ["Telemetry"]

_NAMES = {int(kind): kind.name.lower() for kind in GestureKind}
_TAP = int(GestureKind.TAP)
_log = logging.getLogger("capture.engine")


class Telemetry:
    """Counts strokes and failures, and calls the host's callbacks.

    Attributes
    ----------
    on_gesture, on_drop : callable or None
        As in `Capture`.
    hook : str or None
        As in `Capture`.
    debug : bool
        Whether log messages about consent go to standard error too.
    losses : deque of (str, int)
        Causes and counts that `report` will pass to `on_drop`.
    strokes : dict of str to int
        Strokes by kind, and rage and dead taps.
    chords : dict of str to int
        Gestures of several fingers, by kind.
    failures : dict of str to int
        Exceptions that did not reach the host, by the call that they come from.
    """

    def __init__(self) -> None:
        self.on_gesture: Callable[[Gesture, Target], None] | None = None
        self.on_drop: Callable[[str, int], None] | None = None
        self.hook: str | None = None
        self.losses: deque[tuple[str, int]] = deque()
        self.debug = False
        self._log_once = LogOnce(_log)
        self._said_nothing_recorded = False
        self.reset()
        self.after_fork()

    def reset(self) -> None:
        """Set all counts to zero."""
        self.strokes: dict[str, int] = {}
        self.chords: dict[str, int] = {}
        self.failures: dict[str, int] = {}

    def after_fork(self) -> None:
        """Replace the lock, which another thread of the parent may have held."""
        self._lock = threading.RLock()  # a signal handler may fail while its thread counts a failure

    def nothing_recorded(self, reason: str) -> None:
        """Log once that nothing is recorded without consent: new users look for the reason."""
        if self._said_nothing_recorded or reason != "not_opted_in":
            return
        self._said_nothing_recorded = True
        message = "nothing is recorded: the user has not opted in; call opt_in() once they have agreed"
        _log.info("%s", message)
        if self.debug:
            sys.stderr.write(f"touchcapture: {message}\n")

    def count(self, gesture: Gesture, target: Target) -> None:
        """Count a stroke; the caller holds the engine lock."""
        counts = self.strokes
        kind = kind_number(gesture)
        name = _NAMES[kind]
        counts[name] = counts.get(name, 0) + 1
        if kind == _TAP:
            if gesture.rage:
                counts["rage"] = counts.get("rage", 0) + 1
            if target.responsive is False:
                counts["dead"] = counts.get("dead", 0) + 1

    def count_chords(self, chords: Iterable[MultiGesture]) -> None:
        """Count chords; the caller holds the engine lock."""
        for chord in chords:
            name = chord.kind.name.lower()
            self.chords[name] = self.chords.get(name, 0) + 1

    def add_loss(self, cause: str, count: int) -> None:
        """Keep a loss for the next `report`, if the host asks for reports."""
        if self.on_drop is not None:
            self.losses.append((cause, count))

    def report(self, strokes: Iterable[tuple[Gesture, Target]] = ()) -> None:
        """Call the host's callbacks for all losses and for `strokes`; the caller holds no lock."""
        on_drop, on_gesture = self.on_drop, self.on_gesture
        while self.losses:
            cause, count = self.losses.popleft()
            if on_drop is not None:
                self.call("on_drop", on_drop, cause, count)
        if on_gesture is not None:
            for gesture, target in strokes:
                self.call("on_gesture", on_gesture, gesture, target)

    def call(self, name: str, function: Callable[..., Any], *values: Any) -> Any:
        """Call a function of the host; return its result, or None, counted and logged, if it raises."""
        try:
            return function(*values)
        except Exception as error:  # noqa: BLE001 - the host's function may raise anything; touches continue
            self.failed(name, error)
            return None

    def failed(self, where: str, error: Exception) -> None:
        """Count an exception that must not reach the host app; log it once per type."""
        with self._lock:
            self.failures[where] = self.failures.get(where, 0) + 1
        key = f"{where} {type(error).__name__}"
        self._log_once(key, logging.ERROR, "%s failed: %s", where, error, error=error)
