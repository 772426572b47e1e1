"""Helpers for tests of host apps: a clock to set, touches by script, decoded batches, faulty receivers.

>>> from capture.testing import FakeClock, TouchScript, memory_capture
>>> cap, sink = memory_capture()  # doctest: +SKIP
>>> TouchScript(cap).tap(100, 200)  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from capture.clock import Clock
from capture.config import BufferConfig, DeviceConfig, PrivacyConfig, ProjectConfig, RunConfig
from capture.formats import native

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence
    from http.server import BaseHTTPRequestHandler

    from capture.engine.capture import Capture
    from capture.events.targets import Target
    from capture.gestures.recognizer import Gesture
    from capture.sinks.base import Batch
    from capture.sinks.memory import MemorySink

__all__ = ["START_NS", "FakeClock", "Fault", "TouchScript", "decode_batches", "memory_capture"]

#: Where a `FakeClock`'s wall clock starts: 14 November 2023, 22:13:20 UTC.
START_NS = 1_700_000_000 * 10**9


class FakeClock(Clock):
    """A clock that changes only when the test changes it.

    Deadlines pass on it alone: `flush` and `close` of a capture whose sink fails wait until it is moved.

    Parameters
    ----------
    wall_ns, monotonic_ns, boot_ns : int
        Initial values of the three clocks.
    """

    __slots__ = ("_boot_ns", "_monotonic_ns", "_wall_ns")

    def __init__(
        self, wall_ns: int = START_NS, monotonic_ns: int = 10**12, boot_ns: int = 5 * 10**12
    ) -> None:
        self._wall_ns = wall_ns
        self._monotonic_ns = monotonic_ns
        self._boot_ns = boot_ns

    def wall_ns(self) -> int:
        """Time since the epoch (ns)."""
        return self._wall_ns

    def monotonic_ns(self) -> int:
        """Monotonic time (ns)."""
        return self._monotonic_ns

    def boot_ns(self) -> int:
        """Uptime (ns)."""
        return self._boot_ns

    def advance(self, *, s: float = 0, ms: float = 0, ns: int = 0) -> None:
        """Advance all three clocks."""
        passed = round(s * 1e9) + round(ms * 1e6) + ns
        self._wall_ns += passed
        self._monotonic_ns += passed
        self._boot_ns += passed

    def suspend(self, *, s: float) -> None:
        """Advance the time while the machine sleeps: its monotonic clock does not run."""
        now_ns = self._monotonic_ns
        self.advance(s=s)
        self._monotonic_ns = now_ns

    def set_wall(self, wall_ns: int) -> None:
        """Set the wall clock, as a user or a time server does."""
        self._wall_ns = wall_ns


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One way in which a `capture.collector.Collector` fails a request.

    Attributes
    ----------
    status : int
        HTTP status; the batch is kept only below 300.
    headers : dict
        More headers of the answer: ``Retry-After``, ``Location``, ``Content-Type``.
    body : bytes
        Body of the answer.
    delay_s : float
        Wait (s) before the answer.
    cut : {"", "before", "half"}
        Close the connection before the answer, or amid it.
    length_error : int
        Added to the ``Content-Length`` of the answer.
    garbage : bytes
        Sent in place of an HTTP answer.
    """

    status: int = 200
    headers: dict[str, str] = {}
    body: bytes = b"{}"
    delay_s: float = 0.0
    cut: str = ""
    length_error: int = 0
    garbage: bytes = b""

    def answer(
        self, handler: BaseHTTPRequestHandler, *, keep: Callable[[], object], wait: Callable[[float], object]
    ) -> None:
        """Answer a request, and close its connection; `keep` stores the batch, `wait` waits (s)."""
        if self.delay_s:
            wait(self.delay_s)
        handler.close_connection = True
        if self.cut == "before":
            return
        if self.garbage:
            handler.wfile.write(self.garbage)
            return
        if self.status < 300:
            keep()
        length = len(self.body)
        handler.send_response(self.status)
        fields = {"Content-Type": "application/json", **self.headers}
        fields |= {"Content-Length": str(length + self.length_error), "Connection": "close"}
        for name, value in fields.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(self.body[: length // 2] if self.cut == "half" else self.body)


class TouchScript:
    """Feeds touches to a capture: each method is one complete gesture, which advances the clock.

    Parameters
    ----------
    capture : Capture
        Where the touches go.
    clock : FakeClock
        The capture's clock.
    density : float, default 1.0
        px per dp of the capture: distances here are in dp.
    """

    def __init__(self, capture: Capture, clock: FakeClock, density: float = 1.0) -> None:
        self._capture = capture
        self._clock = clock
        self._density = density

    def stroke(
        self,
        points: Sequence[tuple[float, float, float]],
        *,
        pointer: int = 0,
        target: Target | None = None,
        responsive: bool | None = None,
    ) -> Gesture | None:
        """Go DOWN at the first point, through the others, and UP at the last.

        Parameters
        ----------
        points : sequence of (ms, x, y)
            Times from the DOWN, px.
        pointer, target, responsive
            As in `Capture.touch_down` and `Capture.touch_up`.
        """
        passed = 0.0
        for index, (ms, x, y) in enumerate(points):
            self._clock.advance(ms=ms - passed)
            passed = ms
            if index == 0:
                self._capture.touch_down(pointer, x, y, target=target)
            elif index < len(points) - 1:
                self._capture.touch_move(pointer, x, y)
        return self._capture.touch_up(pointer, x, y, responsive=responsive)

    def tap(self, x: float = 100, y: float = 100, **touch: Any) -> Gesture | None:
        """Tap for 50 ms."""
        return self.stroke([(0, x, y), (50, x, y)], **touch)

    def long_press(self, x: float = 100, y: float = 100, **touch: Any) -> Gesture | None:
        """Press for 800 ms."""
        return self.stroke([(0, x, y), (800, x, y)], **touch)

    def drag(self, x: float = 100, y: float = 100, **touch: Any) -> Gesture | None:
        """Drag 60 dp to the right in 1000 ms."""
        return self._movement(x, y, 1000, **touch)

    def fling(self, x: float = 100, y: float = 100, **touch: Any) -> Gesture | None:
        """Fling 60 dp to the right in 100 ms."""
        return self._movement(x, y, 100, **touch)

    def _movement(self, x: float, y: float, ms: float, **touch: Any) -> Gesture | None:
        way = 60 * self._density
        return self.stroke([(0, x, y), (ms / 2, x + way / 2, y), (ms, x + way, y)], **touch)


def memory_capture(
    folder: str | os.PathLike[str], *, clock: Clock | None = None, **sections: Any
) -> tuple[Capture, MemorySink]:
    """Return a capture that has its consent and keeps its batches in memory.

    Parameters
    ----------
    folder : path-like
        Of the store: a test's temporary folder.
    clock : Clock, optional
        A `FakeClock`, where time matters.
    **sections
        Sections of the `RunConfig` in place of those made here; nothing of this machine gets into the
        events otherwise.
    """
    from capture.engine.capture import Capture
    from capture.sinks.memory import MemorySink

    known: dict[str, Any] = {
        "project": ProjectConfig(id=1, app_id="app"),
        "device": DeviceConfig(
            os_version="1", language="en_US", timezone="UTC", connectivity=1, orientation=0, density=1.0
        ),
        "buffer": BufferConfig(path=str(folder)),
        "privacy": PrivacyConfig(opted_in=True),
    }
    sink = MemorySink()
    return Capture(RunConfig(**{**known, **sections}), clock=clock, sinks=[sink]), sink


def decode_batches(batches: Sequence[Batch]) -> list[native.Batch]:
    """Return batches as structs with full names, checked against the format."""
    return [native.decode(batch.body) for batch in batches]
