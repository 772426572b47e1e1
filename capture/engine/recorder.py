"""From what happened to stored bytes: session, common section, encoding, one append.

The engine calls a recorder with its lock held; nothing here locks.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from typing import TYPE_CHECKING, Any

import msgspec

from capture import formats
from capture.errors import StoreError
from capture.events import domain as events
from capture.events.privacy import Masks, is_sampled
from capture.events.session import SessionState
from capture.formats import native
from capture.ids import random_ids

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from capture.clock import Clock
    from capture.config.run import RunConfig
    from capture.engine.app_data import AppData
    from capture.events.device import Device
    from capture.events.targets import Target
    from capture.gestures.recognizer import Gesture
    from capture.store.store import Store

__all__ = ["Recorder"]

_log = logging.getLogger("capture.engine")
_MS = 1_000_000
_CLAIM_TRIES = 1000


class Recorder:
    """Records the events of one process.

    Parameters
    ----------
    config : RunConfig
    clock : Clock
    device : Device
        Facts for header and common section; `set_device` replaces them.
    wires : iterable of str
        Wire formats that the sinks want.

    Attributes
    ----------
    before_send : callable or None
        Sees every event before it is stored; returns it, another of the same type, or None to drop it.
    on_stored, on_opened : callable
        Called with the session number after each append, and when a session opens; cheap.
    debug : bool
        Whether every event is printed to standard error.
    """

    def __init__(self, config: RunConfig, clock: Clock, device: Device, wires: Iterable[str]) -> None:
        self.before_send: Callable[[events.Event], events.Event | None] | None = None
        self.on_stored: Callable[[int], None] = _nothing
        self.on_opened: Callable[[int], None] = _nothing
        self.debug = False
        self.reset_counts()
        #: Whether the store is appending: what it loses then is told later, without the lock.
        self.appending = False
        self.session = SessionState()
        self.device = device
        self._config = config
        self._clock = clock
        self._timeout_ms = round(config.session.timeout_s * 1000)
        self._unknown_responsive = config.gestures.unknown_responsive
        self._encoders = [(name, formats.get(name).encode) for name in wires]
        self._version = events.version_origin(config.project)
        self._started = False
        self._filtering = False
        self.detach()

    def reset_counts(self) -> None:
        """Forget what was counted."""
        self.collected = 0
        self.dropped: dict[str, int] = {}
        self.ignored: dict[str, int] = {}

    # What events are made from

    def attach(self, data: AppData) -> None:
        """Record into an installation's open store from now on."""
        state = data.state
        self._store = data.store
        self._masks = Masks(self._config.privacy, state.get("salt", ""))
        self._sampled = is_sampled(state["user_id"], self._config.privacy.sampling)
        self.session = _session_of(state)
        self._claimed = False
        self._refresh()

    def stop(self) -> None:
        """Record nothing any more; what there was stays readable."""
        self._store = None

    def detach(self) -> None:
        """Forget the store, the session and the screen: nothing is recorded until `attach`."""
        self._new_id = random_ids()
        self._store = None
        self._masks = Masks(self._config.privacy, "")
        self._sampled = True
        self._claimed = False
        self._title = ""
        self._path: tuple[str, ...] = ()
        self.session = SessionState()
        self._refresh()

    def after_fork(self) -> None:
        """Go on in a forked child: no app start, ids and a session of its own."""
        self._new_id = random_ids()
        self._started = True
        self._claimed = False
        self._filtering = False

    def change_facts(self, **facts: Any) -> None:
        """Use other facts about the user from now on, for the formats that have them."""

    def set_device(self, device: Device) -> None:
        """Use other facts from now on."""
        self.device = device
        self._refresh()

    def _refresh(self) -> None:
        device = self.device
        self.scene = events.Scene(
            url=events.screen_url(self._config.project, self._title, self._path),
            screen_count=self.session.screen_count,
            connectivity=device.connectivity,
            carrier_id=device.carrier,
            orientation=device.orientation,
            version_origin=self._version,
            session_number=self.session.number,
        )

    # Recording

    def record(
        self, build: Callable[[events.CommonSection], events.Event], *, action: bool = False
    ) -> str | None:
        """Record what happens now; return the event id, None where it was not recorded."""
        time_ms, uptime_ms = self._now()
        if not self._ready(time_ms, uptime_ms):
            return None
        state = self._session_at(time_ms)
        common = self.scene.common(uptime_ms, self._new_id(), time_ms)
        return self._put(build(common), state.recorded(time_ms, action=action))

    def record_start(self) -> str | None:
        """Record the app start, unless that was done already."""
        if self._started:
            self.ignore("app_start")
            return None
        return self._start(*self._now())

    def record_screen(self, title: str, path: tuple[str, ...]) -> str | None:
        """Record a screen view and make it the current screen."""
        time_ms, uptime_ms = self._now()
        if not self._ready(time_ms, uptime_ms):
            return None
        state = self._session_at(time_ms)
        self._title, self._path = self._masks.title(title), self._masks.path(path)
        self._refresh()
        shown = msgspec.structs.replace(self.scene, screen_count=state.screen_count + 1)
        common = shown.common(uptime_ms, self._new_id(), time_ms)
        view = events.ScreenView(common, self._title, state.load_time_ms(time_ms))
        return self._put(view, state.recorded(time_ms, screen=True))

    def record_gesture(
        self, gesture: Gesture, scene: events.Scene, target: Target, age_ns: int
    ) -> str | None:
        """Record a gesture whose UP was `age_ns` ago; any other stroke only moves load times."""
        time_ms = (self._clock.wall_ns() - age_ns) // _MS
        if not gesture.kind:
            if not self.session.is_over(time_ms, self._timeout_ms):
                self.session = self.session.acted(time_ms)
            return None
        uptime_ms = (self._clock.boot_ns() - age_ns) // _MS
        if not self._ready(time_ms, uptime_ms):
            return None
        state = self._session_at(time_ms)
        if scene.session_number != state.number:
            # Screens are counted per session: those of an earlier one do not count in this.
            scene = msgspec.structs.replace(scene, session_number=state.number, screen_count=0)
        common = scene.common(uptime_ms, self._new_id(), time_ms)
        event = events.gesture_event(gesture, common, self._masks.target(target), self._unknown_responsive)
        return None if event is None else self._put(event, state.recorded(time_ms, action=True))

    def ignore(self, cause: str) -> None:
        """Count a call or a sample without an effect."""
        self.ignored[cause] = self.ignored.get(cause, 0) + 1

    def _now(self) -> tuple[int, int]:
        return self._clock.wall_ns() // _MS, self._clock.boot_ns() // _MS

    def _ready(self, time_ms: int, uptime_ms: int) -> bool:
        """Tell whether an event may be recorded; an app start goes before the first one."""
        if self._store is None:
            return False
        if self._filtering:
            self.ignore("in_before_send")
            return False
        if not self._sampled:
            self.ignore("sampled_out")
            return False
        if not self._started:
            self._start(time_ms, uptime_ms)
        return True

    def _start(self, time_ms: int, uptime_ms: int) -> str | None:
        self._started = True
        if not self._ready(time_ms, uptime_ms):
            return None
        state = self._session_at(time_ms)
        common = self.scene.common(uptime_ms, self._new_id(), time_ms)
        return self._put(events.AppStart(common), state.recorded(time_ms, action=True))

    def _session_at(self, time_ms: int) -> SessionState:
        """Return the session of an event at `time_ms`, held by this process: continued or newly opened."""
        state, timeout_ms = self.session, self._timeout_ms
        if self._claimed and not state.is_over(time_ms, timeout_ms):
            return state
        try:
            state = self._take_session(state, time_ms)
        except StoreError as error:
            _log.warning("the session could not be locked: %s", error)
            state = state.at(time_ms, timeout_ms)
        self._claimed = True
        self.session = state
        self._refresh()
        return state

    def _take_session(self, state: SessionState, time_ms: int) -> SessionState:
        """Return the last session of the store where this process can have it, else the next."""
        store = self._store
        if store is None:
            return state.at(time_ms, self._timeout_ms)
        if not self._claimed:
            # Another process may have gone on with it since this one was started.
            with contextlib.suppress(StoreError):
                state = _session_of(store.read_state(quickly=True) or {})
        last = max(state.number, store.last_session())
        over = state.is_over(time_ms, self._timeout_ms)
        if not over and state.number == last and store.claim_session(last):
            return state
        return self._open_session(last, time_ms)

    def _open_session(self, last: int, time_ms: int) -> SessionState:
        for number in range(last + 1, last + _CLAIM_TRIES):
            if self._store is not None and self._store.claim_session(number):
                self.on_opened(number)
                return SessionState.opened(number, time_ms)
        raise StoreError(f"no session from {last + 1} on is free")

    def _put(self, event: events.Event, state: SessionState) -> str | None:
        """Store an event; the session moves on only where it was kept."""
        store = self._store
        if store is None:
            return None
        if self.before_send is not None:
            kept = self._filter(event)
            if kept is None:
                return None
            event = kept
        common = event.common
        payloads = []
        for name, encode in self._encoders:
            payload = encode(event)
            if payload is not None:
                payloads.append((name, payload))
        if self.debug and payloads:
            sys.stderr.write(payloads[0][1].decode() + "\n")
        moved = state.screen_count != self.session.screen_count
        self.appending = True
        try:
            self._append(store, event, payloads, state)
        finally:
            self.appending = False
        self.session = state
        if moved:
            self._refresh()
        self.collected += 1
        self.on_stored(state.number)
        return common.event_id

    def _append(
        self, store: Store, event: events.Event, payloads: list[tuple[str, bytes]], state: SessionState
    ) -> None:
        common = event.common
        store.append(
            common.session_number,
            payloads,
            time_ms=common.time_ms,
            event_id=common.event_id,
            # A struct is encoded as the mapping of its fields, without a dict in between.
            state=state,  # type: ignore[arg-type]
        )

    def carried(self, state: SessionState) -> dict[str, Any]:
        """Return what the store remembers of a session."""
        known: dict[str, Any] = msgspec.to_builtins(state)
        return known

    # The host's filter

    def _filter(self, event: events.Event) -> events.Event | None:
        """Return what the host makes of an event; what is no event of the same kind is dropped."""
        if self.before_send is None:
            return event
        self._filtering = True
        try:
            result = self.before_send(event)
            if result is event:
                return event
            if result is not None:
                return _same_event(event, result)
        except Exception:  # noqa: BLE001 - the host's code may raise anything; it could not judge the event
            _log.exception("before_send failed; the event is dropped")
        finally:
            self._filtering = False
        self.dropped["before_send"] = self.dropped.get("before_send", 0) + 1
        return None


def _same_event(event: events.Event, changed: object) -> events.Event:
    """Return `changed` as the same event: what makes it this one stays, and it can be encoded."""
    if type(changed) is not type(event):
        raise TypeError(f"before_send gave a {type(changed).__name__} for a {type(event).__name__}")
    common = event.common
    kept = msgspec.structs.replace(
        changed.common,
        event_id=common.event_id,
        session_number=common.session_number,
        time_ms=common.time_ms,
    )
    result = msgspec.structs.replace(changed, common=kept)
    native.check(result)
    return result


def _session_of(stored: dict[str, Any]) -> SessionState:
    """Return the session that the store remembers; a new chain where it cannot be read."""
    try:
        return msgspec.convert(stored, SessionState)
    except msgspec.ValidationError as error:
        _log.warning("the session of the store cannot be continued: %s", error)
        return SessionState()


def _nothing(session: int) -> None:
    """Stand in until a delivery listens."""
