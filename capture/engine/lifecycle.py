"""The life of a capture: consent, store, delivery, counters, and what happens at exit and in a fork."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import weakref
from typing import TYPE_CHECKING, Any

from capture import formats, sinks as sink_table
from capture.clock import Clock
from capture.config.run import RunConfig
from capture.delivery.delivery import Delivery
from capture.engine import device as detection
from capture.engine.app_data import Installation
from capture.engine.recorder import Recorder
from capture.engine.recorder_currents import CurrentsRecorder
from capture.engine.telemetry import EngineCounts
from capture.errors import SinkError, StoreError
from capture.events import checks as tracking
from capture.events.device import Device
from capture.formats.native import make_header
from capture.gestures.recognizer import Recognizer
from capture.process import run_in_forked_child
from capture.settings import is_disabled
from capture.sinks._configure import configure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from capture.engine.idle import IdleWatch
    from capture.events.domain import Event
    from capture.sinks import Sink
    from capture.store.store import Store

__all__ = ["EngineCore"]

#: How often (s) a store is tried again that could not be read at the start.
_OPEN_AGAIN_S = 2.0
_log = logging.getLogger("capture.engine")


class EngineCore(EngineCounts):
    """Consent, store and delivery of a `capture.Capture`; its documentation is there."""

    def __init__(
        self,
        config: RunConfig,
        *,
        clock: Clock | None = None,
        sinks: Sequence[Sink] | None = None,
        debug: bool = False,
    ) -> None:
        if not isinstance(config, RunConfig):
            raise TypeError(f"config = {config!r}: expected a RunConfig; RunConfig.load reads a file")
        self.config = config
        #: Whether every call is a no-op.
        self.disabled = config.disabled or is_disabled(os.environ)
        super().__init__()
        self._clock = clock or Clock()
        self._monotonic_ns = self._clock.monotonic_ns
        self._given_sinks = sinks
        self._closed = False
        self._ended = threading.Event()
        #: Whether `close` delivered everything.
        self._delivered = False
        self._paused = False
        self._idle: IdleWatch | None = None
        #: `Recognizer.move` while touches are taken, else None: one look decides for all touch calls.
        self._move: Callable[[int, float, float, int], None] | None = None
        self._sinks = self._make_sinks()
        queues = {sink.name: sink.formats[0] for sink in self._sinks}
        wires = sorted(set(queues.values()), key=lambda wire: (wire != "native", wire)) or ["native"]
        facts = Device() if self.disabled else detection.detect(config.device)
        recorder = CurrentsRecorder if "currents" in wires else Recorder
        self._recorder: Recorder = recorder(config, self._clock, facts, wires)
        self._recorder.debug = debug or os.environ.get("CAPTURE_DEBUG", "") not in {"", "0"}
        self._installation = Installation(config, self._clock, queues, self._dropped)
        self._connectivity_given = config.device.connectivity is not None
        self._start_counting()
        _live.add(self)
        self._resume_consent()

    def _make_sinks(self) -> list[Sink]:
        given = self._given_sinks
        sinks = [sink_table.create(sink) for sink in self.config.sinks] if given is None else list(given)
        configure(sinks, self.config)
        return sinks

    # Consent

    def _resume_consent(self) -> None:
        """Go on as the last start left off, or as the configuration says; an opt-out wins over both."""
        installation = self._installation
        if self.disabled or installation.consent.is_withdrawn():
            return
        try:
            if self.config.privacy.opted_in:
                installation.open()
            elif not installation.resume():
                return
        except StoreError as error:
            # The app must start all the same. The user's ids are in that store, which is tried again.
            _log.error("nothing is recorded until the store can be read: %s", error)
            threading.Thread(target=self._resume_later, name="touchcapture-open", daemon=True).start()
            return
        self._begin()

    def _resume_later(self) -> None:
        """Try again to open the store that could not be read at the start."""
        while not self._ended.wait(_OPEN_AGAIN_S):
            try:
                # Without the lock: this waits for another process.
                found = self._installation.find()
                with self._lock:
                    self._go_on_with(found)
            except StoreError as error:
                _log.debug("%s", error)
            else:
                return

    def _go_on_with(self, found: tuple[Store, dict[str, Any]] | None) -> None:
        installation = self._installation
        if self._closed or self.opted_in or installation.consent.is_withdrawn():
            if found is not None:
                found[0].close()
        elif found is not None:
            installation.adopt(*found)
            self._begin()
        elif self.config.privacy.opted_in:
            installation.open()
            self._begin()

    def opt_in(self) -> None:
        """Start to record: the user agreed. Makes the user id and the store; kept over restarts.

        Raises
        ------
        StoreError
            When the store cannot be opened, or an earlier opt-out not be ended; nothing is recorded then.
        """
        if self.disabled:
            return
        with self._lock:
            if self._closed or self.opted_in:
                return
            installation = self._installation
            installation.open()
            try:
                # Last: only what can be recorded ends an opt-out.
                installation.consent.give()
            except OSError as error:
                installation.close()
                installation.store, installation.state = None, {}
                raise StoreError(f"{installation.folder}: the opt-out cannot be ended: {error}") from error
            self._begin()

    def opt_out(self) -> None:
        """Stop at once, deliveries under way included; delete the store, the ids and the counters.

        It is remembered by one empty file in the store's folder, until the next `opt_in`.

        Raises
        ------
        StoreError
            When that file cannot be made; everything else is done.
        """
        if self.disabled:
            return
        with self._lock:
            canceled = self._cancel_open()
            self._recorder.detach()
            delivery, self._delivery = self._delivery, None
            if delivery is not None:
                delivery.abort()
            self._set_gate()
            try:
                self._installation.forget()
            finally:
                self._sinks = self._make_sinks()
                self._start_counting()
                self._set_gate()
        self._tell(canceled)

    def _begin(self) -> None:
        """Record into the open store, and deliver from it."""
        store = self._installation.store
        user_id = self._installation.user_id
        if store is None or user_id is None:
            return

        def compose(wire: str, payloads: Sequence[bytes]) -> bytes:
            return self._compose(wire, payloads, user_id)

        delivery = Delivery(store, self._sinks, config=self.config, compose=compose, clock=self._clock)
        full = self.config.buffer.batch_size
        self._recorder.attach(self._installation)
        self._recorder.on_stored = delivery.notify
        # As if a batch were full: the workers look at the store at once, and find the session before over.
        self._recorder.on_opened = lambda session: delivery.notify(session, full)
        self._delivery = delivery
        delivery.start()
        self._set_gate()

    def _compose(self, wire: str, payloads: Sequence[bytes], user_id: str) -> bytes:
        """Return a batch with the header of now; called by the workers."""
        if self._installation.consent.is_withdrawn():
            # Another process of the app opted out: nothing leaves the device any more.
            raise SinkError("the user opted out")
        header = make_header(self.config.project, self._recorder.device, user_id)
        return formats.get(wire).compose(header, payloads, self._clock.wall_ns() // 1_000_000)

    @property
    def opted_in(self) -> bool:
        """Whether there is consent, and a store to record into."""
        return self._installation.store is not None

    @property
    def is_recording(self) -> bool:
        """Whether events are recorded now: opted in, not paused, not closed."""
        return self._move is not None

    def pause(self) -> None:
        """Record nothing until `resume`; open strokes are canceled."""
        with self._lock:
            canceled = self._cancel_open()
            self._paused = True
            self._set_gate()
        self._tell(canceled)

    def resume(self) -> None:
        """Record again after a `pause`."""
        with self._lock:
            self._paused = False
            self._set_gate()

    def _set_gate(self) -> None:
        on = self.opted_in and not self._paused and not self._closed
        self._move = self._recognizer.move if on else None

    @property
    def user_id(self) -> str | None:
        """The random id of the user; None before the opt-in."""
        return self._installation.user_id

    @property
    def session_number(self) -> int:
        """Number of the session; 0 before the first."""
        return self._recorder.session.number

    @property
    def project_id(self) -> int:
        """Number of the project, from the run configuration."""
        return self.config.project.id

    @property
    def sinks(self) -> dict[str, Sink]:
        """The sinks by name."""
        return {sink.name: sink for sink in self._sinks}

    @property
    def before_send(self) -> Callable[[Event], Event | None] | None:
        """Sees every event before it is stored: returns it, a changed one, or None to drop it.

        It must not track anything itself. Event id, session and time stay what they are.
        """
        return self._recorder.before_send

    @before_send.setter
    def before_send(self, function: Callable[[Event], Event | None] | None) -> None:
        self._recorder.before_send = function

    # Delivery and the end

    def flush(self, timeout: float = 5.0) -> bool:
        """Send everything that is recorded; wait for it.

        Parameters
        ----------
        timeout : float, default 5.0
            Deadline in seconds.

        Returns
        -------
        bool
            Whether all of it was delivered. What was not stays in the store. After `close`, what that said.

        Raises
        ------
        InvalidEventError
            When the deadline is not a finite number.
        """
        if self.disabled:
            return True
        seconds = max(0.0, tracking.check_seconds("timeout", timeout))
        delivery = self._delivery
        if self._closed:
            return self._delivered
        if delivery is None:
            return True
        # Without a sink nothing can be delivered: what is recorded waits for one.
        return delivery.flush(seconds) and (bool(self._sinks) or self._pending() == 0)

    def close(self) -> bool:
        """Send what is recorded, within ``[delivery] shutdown_timeout_s``, and stop; may be called again.

        Returns
        -------
        bool
            Whether everything was delivered. What was not is sent at the next start. Called again, it
            returns what the first call did; False while that is under way.
        """
        return self._close(self.config.delivery.shutdown_timeout_s)

    def _close(self, timeout_s: float) -> bool:
        with self._lock:
            if self._closed:
                return self._delivered
            canceled = self._cancel_open()
            self._closed = True
            self._ended.set()
            self._set_gate()
            idle, delivery = self._idle, self._delivery
            self._recorder.stop()
        self._tell(canceled)
        if idle is not None:
            idle.stop()
        # Without the lock: a flush may take its time, and other threads' calls return at once.
        try:
            delivered = True if delivery is None else delivery.close(timeout_s)
            self._last_pending = self._pending()
        finally:
            self._installation.close()
        self._delivered = delivered and (bool(self._sinks) or self._last_pending == 0)
        return self._delivered

    def _after_fork(self) -> None:
        """Go on in a forked child: no lock, stroke or session of the parent's."""
        self._lock = threading.RLock()
        self._down.clear()
        self._recognizer = Recognizer(self._recorder.device.density, self.config.gestures)
        self._recorder.after_fork()
        self._set_gate()


#: Captures that are not closed, for the end of the process and for forks.
_live: weakref.WeakSet[EngineCore] = weakref.WeakSet()


def _close_at_exit() -> None:
    """Close what the host left open; the deadlines run side by side."""
    started_ns = Clock().monotonic_ns()
    for engine in list(_live):
        passed_s = (Clock().monotonic_ns() - started_ns) / 1e9
        engine._close(max(0.0, engine.config.delivery.exit_timeout_s - passed_s))  # noqa: SLF001 - one module


def _after_fork_in_child() -> None:
    for engine in list(_live):
        engine._after_fork()  # noqa: SLF001 - one module


atexit.register(_close_at_exit)
run_in_forked_child(_after_fork_in_child)
