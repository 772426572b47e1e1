"""The life of a capture: consent, store, delivery, the end of the process, and forks."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import uuid
import weakref
from typing import TYPE_CHECKING, Any

from capture import formats, sinks as sink_table
from capture._native.guard import BusyError
from capture.clock import NS_PER_MS, Clock
from capture.delivery.delivery import Delivery
from capture.engine.app_data import AppData
from capture.errors import SinkError, StoreError
from capture.events.privacy import new_salt
from capture.formats.header import make_header
from capture.process import run_in_forked_child
from capture.settings import is_disabled
from capture.sinks import configure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from capture.config.run import RunConfig
    from capture.engine.recorder import Recorder
    from capture.engine.telemetry import Telemetry
    from capture.engine.touches import Touches
    from capture.sinks import Sink
    from capture.store.store import Store

__all__ = ["Lifecycle", "make_sinks"]

#: Seconds between two attempts to open a store that could not be read at the start.
_OPEN_AGAIN_S = 2.0
_log = logging.getLogger("capture.engine")


def make_sinks(config: RunConfig, given: Sequence[Sink] | None) -> list[Sink]:
    """Return the `given` sinks, or those of the configuration, configured."""
    sinks = [sink_table.create(sink) for sink in config.sinks] if given is None else list(given)
    configure(sinks, config)
    return sinks


class Lifecycle:
    """Opens and closes the store of an app by the user's consent, and delivers from it.

    Parameters
    ----------
    config : RunConfig
        The run configuration.
    clock : Clock
        Time.
    sinks : list of Sink
        Where the events go.
    make_sinks : callable
        Returns new sinks after an opt-out, which closes the old ones.
    recorder, touches, telemetry
        The other parts: the gate of `touches` is open while events are recorded.
    """

    def __init__(
        self,
        config: RunConfig,
        clock: Clock,
        sinks: list[Sink],
        *,
        make_sinks: Callable[[], list[Sink]],
        recorder: Recorder,
        touches: Touches,
        telemetry: Telemetry,
    ) -> None:
        self.config = config
        self.sinks = sinks
        queues = {sink.name: sink.formats[0] for sink in sinks}
        self.app_data = AppData(config, clock, queues, self._dropped, self._revoked)
        self.closed = False
        self._clock = clock
        self._make_sinks = make_sinks
        self._recorder = recorder
        self._touches = touches
        self._telemetry = telemetry
        self.delivery: Delivery | None = None
        self._paused = False
        #: Whether there is a store of a user who opted in, which cannot be opened.
        self._shut_out = False
        #: Whether another process opted out, and the pending events are gone.
        self._withdrawn = False
        self._ended = threading.Event()
        touches.why_closed = lambda: self.recording
        #: Whether `close` delivered everything, and the events by queue that it left.
        self._delivered = False
        self._left: dict[str, int] | None = None
        _live.add(self)

    # Consent

    @property
    def opted_in(self) -> bool:
        """Whether there is consent, and a store to record into."""
        store = self.app_data.store
        return store is not None and not store.revoked

    @property
    def recording(self) -> str:
        """Whether events are recorded now (``yes``), or why not; see `Stats.recording`."""
        if self.config.disabled or is_disabled(os.environ):
            return "disabled"
        if self.closed:
            return "closed"
        if not self.opted_in:
            return "store" if self._shut_out else "not_opted_in"
        if self._paused:
            return "paused"
        return "yes" if self._recorder.is_sampled else "sampled_out"

    def resume_consent(self) -> None:
        """Record if the last run did, or by the configuration; an opt-out overrides both."""
        try:
            if not self.app_data.consent.is_withdrawn():
                self._resume_with(self.app_data.read_existing())
        except StoreError as error:
            # The app must start all the same. The user's ids are in that store, which is tried again.
            _log.error("nothing is recorded until the store can be read: %s", error)
            self._shut_out = True
            threading.Thread(target=self._resume_later, name="touchcapture-open", daemon=True).start()

    def _resume_later(self) -> None:
        """Try again to open the store that could not be read at the start."""
        while not self._ended.wait(_OPEN_AGAIN_S):
            try:
                # Without the lock: this waits for another process.
                existing = self.app_data.read_existing()
                with self._touches.lock:
                    self._resume_with(existing)
            except StoreError as error:
                _log.debug("%s", error)
            else:
                return

    def _resume_with(self, existing: tuple[Store, dict[str, Any]] | None) -> None:
        data = self.app_data
        if self.closed or self.opted_in or data.consent.is_withdrawn():
            if existing is not None:
                existing[0].close()
        elif existing is not None:
            data.store, data.state = existing
            self._begin()
        elif self.config.privacy.opted_in:
            data.open()
            self._begin()

    def opt_in(self) -> None:
        """As `Capture.opt_in`."""
        data = self.app_data
        with self._touches.lock:
            # Another thread may have met an opt-out, and wait for the lock to say so.
            self._revoked()
            if self.closed or data.store is not None:
                return
            data.open()
            try:
                # Last: only a store that can be recorded into ends an opt-out.
                data.consent.give()
            except OSError as error:
                data.release()
                raise StoreError(f"{data.folder}: the opt-out cannot be ended: {error}") from error
            self._begin()

    def opt_out(self) -> None:
        """As `Capture.opt_out`."""
        with self._touches.canceled():
            self._cut_off()
            self._touches.set_gate(False)
            try:
                self.app_data.forget()
            finally:
                self.sinks = self._make_sinks()
                self._recorder.reset_counts()
                self._telemetry.reset()
                self._touches.reset()
                self._set_gate()

    def _revoked(self) -> None:
        """Stop, for another process opted out; called by the store, from any thread."""
        store = self.app_data.store
        if store is None or not store.revoked:
            return  # it was the store before, whose user opted out here meanwhile
        with self._touches.canceled():
            if self.app_data.store is not store:
                return
            self._withdrawn = True
            self._cut_off()
            self.app_data.release()
            self.sinks = self._make_sinks()
            self._set_gate()

    def _cut_off(self) -> None:
        """Stop to record and to deliver, deliveries under way included."""
        self._recorder.detach(self._recorder.timeline.device)
        delivery, self.delivery = self.delivery, None
        if delivery is not None:
            delivery.abort()

    def identify(self, external_user_id: str | None) -> None:
        """As `Capture.identify`."""
        self._touches.finish_dispatched()
        self._touches.note_closed()
        if self.app_data.state.get("external_user_id") == external_user_id:
            return
        if self.config.session.per_user:
            self.end_session()
        with self._touches.lock:
            store, recorder = self.app_data.store, self._recorder
            if store is None or self.closed:
                return
            self.app_data.state["external_user_id"] = external_user_id
            store.write_state(self.app_data.state)
            recorder.change_facts(external_user_id=external_user_id)

    def end_session(self) -> bool:
        """As `Capture.end_session`."""
        self._touches.note_closed()
        with self._touches.canceled():
            store, delivery = self.app_data.store, self.delivery
            if store is None or self.closed:
                return False
            number = self._recorder.end_session()
            if not number:
                return False
            # Remembered beside the events: a restart within the timeout must not continue it.
            self.app_data.state["ended_session"] = number
            store.write_state(self.app_data.state)
            store.release_session()
        if delivery is not None:
            # It is over, and its events are due.
            delivery.notify(number + 1, self.config.buffer.batch_size)
        return True

    def new_user(self) -> None:
        """As `Capture.new_user`."""
        self.end_session()
        with self._touches.lock:
            data = self.app_data
            if data.store is None or self.closed:
                return
            data.change_user(str(uuid.uuid4()), new_salt())
            self._recorder.attach(data.store, data.state)

    # Recording and delivery

    def _begin(self) -> None:
        """Record into the open store, and deliver from it."""
        store = self.app_data.store
        if store is None or self.app_data.user_id is None:
            return
        delivery = Delivery(store, self.sinks, config=self.config, compose=self._compose, clock=self._clock)
        full = self.config.buffer.batch_size
        self._recorder.attach(store, self.app_data.state)
        self._recorder.on_stored = delivery.notify
        # As if a batch were full: the workers look at the store at once, and find the last session over.
        self._recorder.on_opened = lambda session: delivery.notify(session, full)
        self.delivery = delivery
        self._shut_out = self._withdrawn = False
        delivery.start()
        self._set_gate()

    def _compose(self, wire: str, payloads: Sequence[bytes], owner: bytes = b"") -> bytes:
        """Return a batch of a user's events with the header of now; called by the workers."""
        store, user_id = self.app_data.store, self.app_data.user_id
        if store is None or user_id is None or not store.check_presence():
            # Perhaps in another process of the app: nothing leaves the device any more.
            raise SinkError("the user opted out")
        user_id = str(uuid.UUID(bytes=owner)) if owner else user_id
        header = make_header(self.config.project, self._recorder.timeline.device, user_id)
        return formats.get(wire).compose(header, payloads, self._clock.wall_ns() // NS_PER_MS)

    def _dropped(self, cause: str, count: int) -> None:
        """Report a loss of the store to the host; called by a worker, or within an append."""
        self._telemetry.add_loss(cause, count)
        if not self._recorder.appending:
            self._telemetry.report()

    def pause(self) -> None:
        """As `Capture.pause`."""
        with self._touches.canceled():
            self._paused = True
            self._set_gate()

    def resume(self) -> None:
        """As `Capture.resume`."""
        with self._touches.lock:
            self._paused = False
            self._set_gate()

    def _set_gate(self) -> None:
        self._touches.set_gate(self.opted_in and not self._paused and not self.closed)

    def pending(self) -> dict[str, int]:
        """Return the number of events not acknowledged by queue; after `close`, those that it left."""
        store = self.app_data.store
        if self._left is not None or store is None:
            return self._left or {}
        try:
            return {queue: store.pending(queue).count for queue in store.formats}
        except StoreError as error:
            _log.debug("pending events could not be counted: %s", error)
            return {}

    # The end

    def flush(self, timeout_s: float) -> bool:
        """As `Capture.flush`."""
        self._touches.finish_dispatched()
        delivery = self.delivery
        if self.closed:
            return self._delivered
        if delivery is None:
            return not self._withdrawn
        return delivery.flush(timeout_s) and self._nothing_waits()

    def _nothing_waits(self) -> bool:
        """Return whether there is a sink, or no event that waits for one."""
        return bool(self.sinks) or not any(self.pending().values())

    def close(self, timeout_s: float) -> bool:
        """As `Capture.close`, within `timeout_s`."""
        end_ns = self._clock.monotonic_ns() + int(timeout_s * 1e9)
        if self.closed:
            return self._delivered
        try:
            with self._touches.canceled():
                if self.closed:
                    return self._delivered
                self._stop_recording()
        except BusyError:
            # A call of the host's that hangs must not keep the process.
            self._stop_recording()
        delivery = self.delivery
        self._touches.stop_idle()
        # Without the lock: a flush may take its time, and other threads' calls return at once.
        try:
            left_s = max(0.0, (end_ns - self._clock.monotonic_ns()) / 1e9)
            delivered = not self._withdrawn if delivery is None else delivery.close(left_s)
            self._left = left = self.pending()
        finally:
            self.app_data.close()
        self._delivered = delivered and self._nothing_waits()
        store = self.app_data.store
        if store is not None:
            # Events that were still in memory are dropped by now.
            self._left = {name: max(0, left[name] - store.dropped_of(name, "close")) for name in left}
        return self._delivered

    def _stop_recording(self) -> None:
        self.closed = True
        self._ended.set()
        self._set_gate()
        self._recorder.stop()

    def after_fork(self) -> None:
        """Continue in a forked child without locks, strokes and session of the parent."""
        self._telemetry.after_fork()
        self._recorder.after_fork()
        self._touches.after_fork()


#: Captures that are not closed, for the end of the process and for forks.
_live: weakref.WeakSet[Lifecycle] = weakref.WeakSet()


def _close_at_exit() -> None:
    """Close captures that the host left open; the deadlines run side by side."""
    clock = Clock()
    started_ns = clock.monotonic_ns()
    for lifecycle in list(_live):
        passed_s = (clock.monotonic_ns() - started_ns) / 1e9
        lifecycle.close(max(0.0, lifecycle.config.delivery.exit_timeout_s - passed_s))


def _after_fork_in_child() -> None:
    for lifecycle in list(_live):
        lifecycle.after_fork()


atexit.register(_close_at_exit)
run_in_forked_child(_after_fork_in_child)
