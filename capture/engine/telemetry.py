"""What a capture counts, and what it tells the host: strokes, losses, failures."""

from __future__ import annotations

import logging
import math
import threading
from collections import deque
from typing import TYPE_CHECKING, Any

from capture.engine.stats import Stats
from capture.errors import LogOnce, StoreError
from capture.gestures.kinds import GestureKind
from capture.gestures.recognizer import Recognizer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from capture.config.run import RunConfig
    from capture.delivery.delivery import Delivery
    from capture.engine.app_data import Installation
    from capture.engine.recorder import Recorder
    from capture.events.domain import Scene
    from capture.events.targets import Target
    from capture.gestures.recognizer import Gesture
    from capture.sinks import Sink

__all__ = ["EngineCounts"]

_NAN = math.nan
_NAMES = {kind: kind.name.lower() for kind in GestureKind}
_log = logging.getLogger("capture.engine")


class EngineCounts:
    """Open strokes, counts and callbacks of a `capture.Capture`; its documentation is there."""

    config: RunConfig
    _recorder: Recorder
    _installation: Installation
    _sinks: list[Sink]
    _monotonic_ns: Callable[[], int]

    def __init__(self) -> None:
        #: Called with (gesture, target) after each stroke, with no lock held.
        self.on_gesture: Callable[[Gesture, Target], None] | None = None
        #: Called with (cause, count) when stored events are lost, with no lock held.
        self.on_drop: Callable[[str, int], None] | None = None
        #: How a toolkit's touches reach the engine; its integration says so.
        self.hook: str | None = None
        self._lock = threading.RLock()
        self._delivery: Delivery | None = None
        self._log_once = LogOnce(_log)
        #: Losses that are still to be told, once no lock is held.
        self._losses: deque[tuple[str, int]] = deque()
        #: What was pending when the capture was closed.
        self._last_pending: int | None = None

    def _start_counting(self) -> None:
        """Start with a new recognizer and no counts: at construction, and after an opt-out."""
        self._recognizer = Recognizer(self._recorder.device.density, self.config.gestures)
        #: Pointer -> what it went down on.
        self._down: dict[int, tuple[Scene, Target]] = {}
        self._own_cancels = 0
        self._gestures: dict[str, int] = {}
        self._recorder.reset_counts()

    @property
    def stats(self) -> Stats:
        """What happened so far, frozen."""
        recorder, store = self._recorder, self._installation.store
        counters = list(self._delivery.counters.values()) if self._delivery is not None else []
        ignored = {**self._recognizer.counters, **recorder.ignored}
        ignored["dropped_samples"] -= self._own_cancels
        dropped = {**({} if store is None else store.dropped), **recorder.dropped}
        for sink in self._sinks:
            unsent: dict[str, int] = getattr(sink, "not_sent", {})
            dropped |= {f"{sink.name}_{cause}": count for cause, count in unsent.items()}
        return Stats(
            collected=recorder.collected,
            pending=self._pending() if self._last_pending is None else self._last_pending,
            delivered=sum(counter.delivered for counter in counters),
            retried=sum(counter.retried for counter in counters),
            deferred=0 if store is None else store.deferred_count,
            dead_letters=sum(counter.dead_letters for counter in counters),
            dropped=dropped,
            ignored={cause: count for cause, count in ignored.items() if count},
            gestures=dict(self._gestures),
            hook=self.hook,
        )

    def _pending(self) -> int:
        store = self._installation.store
        if store is None:
            return 0
        try:
            return max(store.pending(queue).count for queue in store.formats)
        except StoreError as error:
            _log.debug("pending events could not be counted: %s", error)
            return 0

    def _dropped(self, cause: str, count: int) -> None:
        """Pass a loss on to the host; called by the store, from a worker or in an append."""
        if self.on_drop is not None:
            self._losses.append((cause, count))
            if not self._recorder.appending:
                self._tell_losses()

    def _tell_losses(self) -> None:
        """Tell the host what was lost, with no lock held."""
        callback = self.on_drop
        while self._losses:
            cause, count = self._losses.popleft()
            if callback is not None:
                self._call("on_drop", callback, cause, count)

    def _tell(self, ended: Iterable[tuple[Gesture, Target]]) -> None:
        """Show strokes and losses to the host, with no lock held."""
        if self._losses:
            self._tell_losses()
        callback = self.on_gesture
        if callback is not None:
            for gesture, target in ended:
                self._call("on_gesture", callback, gesture, target)

    def _call(self, name: str, function: Callable[..., object], *values: Any) -> None:
        try:
            function(*values)
        except Exception as error:  # noqa: BLE001 - the host's function may raise anything; touches go on
            self._failed(name, error)

    def _failed(self, where: str, error: Exception) -> None:
        """Count a failure that must not reach the host app; log it once per kind."""
        with self._lock:
            self._recorder.ignore(where)
        kind = f"{where} {type(error).__name__}"
        self._log_once(kind, logging.ERROR, "%s failed: %s", where, error, error=error)

    # Strokes

    def _cancel_open(self) -> list[tuple[Gesture, Target]]:
        """End the open strokes as CANCELED."""
        canceled = []
        now_ns = self._monotonic_ns()
        for pointer, (_, target) in list(self._down.items()):
            # No position: the stroke ends where it was seen last.
            gesture = self._recognizer.cancel(pointer, _NAN, _NAN, now_ns)
            if gesture is not None:
                self._own_cancels += 1
                self._count(gesture, target)
                canceled.append((gesture, target))
        self._down.clear()
        return canceled

    def _count(self, gesture: Gesture, target: Target) -> None:
        counts = self._gestures
        kind = gesture.kind
        name = _NAMES[kind]
        counts[name] = counts.get(name, 0) + 1
        if kind is GestureKind.TAP:
            if gesture.rage:
                counts["rage"] = counts.get("rage", 0) + 1
            if target.responsive is False:
                counts["dead"] = counts.get("dead", 0) + 1
