"""From gestures and calls to stored bytes: timeline, encoders, one append.

The engine calls a recorder with its lock held; nothing here locks.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from capture.clock import NS_PER_MS
from capture.engine.encoders import Encoders
from capture.engine.filtering import filtered
from capture.engine.templates import TemplateEncoder
from capture.errors import StoreError
from capture.events import domain as events
from capture.events.chords import chord_event
from capture.events.privacy import Masks, is_sampled
from capture.events.session import SessionState
from capture.events.timeline import Timeline
from capture.formats import Source
from capture.gestures.recognizer import kind_number
from capture.ids import random_ids

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from capture.clock import Clock
    from capture.config import RunConfig
    from capture.events.device import Device
    from capture.events.targets import Target
    from capture.events.timeline import Moment
    from capture.gestures.chords import MultiGesture
    from capture.gestures.recognizer import Gesture
    from capture.store.store import Store

__all__ = ["Recorder"]

_log = logging.getLogger("capture.engine")
_CLAIM_TRIES = 1000


class Recorder:
    """Records the events of one process, in each of the wire formats `wires`.

    Attributes
    ----------
    before_send : callable or None
        Sees every event before it is stored; returns it, another of the same type, or None to drop it.
    on_stored, on_opened : callable
        Called with the session number after each append, and when a session opens; cheap.
    debug : bool
        Whether every event is printed to standard error.
    appending : bool
        Whether the store is appending: events that it loses then are reported later, without the lock.
    timeline : Timeline
        The session, the screen that is shown, and the facts of the device.
    is_sampled : bool
        Whether the events of this user are recorded (``[privacy] sampling``).
    """

    def __init__(self, config: RunConfig, clock: Clock, device: Device, wires: Iterable[str]) -> None:
        self.before_send: Callable[[events.Event], events.Event | None] | None = None
        self.on_stored: Callable[[int], None] = lambda _: None
        self.on_opened: Callable[[int], None] = lambda _: None
        self.debug = False
        self.appending = False
        self.reset_counts()
        self._config = config
        self._clock = clock
        self._wires = tuple(wires)
        #: The fast way of gestures, where all of them go and the native format is all that is wanted.
        self._templates: TemplateEncoder | None = None
        self._store: Store | None = None
        self._started = False
        self._filtering = False
        self.detach(device)

    def reset_counts(self) -> None:
        """Set all counts to zero."""
        self.collected = 0
        self.dropped: Counter[str] = Counter()
        self.ignored: Counter[str] = Counter()

    # Inputs of events

    def attach(self, store: Store, state: dict[str, Any]) -> None:
        """Record into an open store from now on; end the session that is left in it, if that is over."""
        self._store = store
        self._masks = Masks(self._config.privacy, state.get("salt", ""))
        self.is_sampled = is_sampled(state["user_id"], self._config.privacy.sampling)
        last = store.last_state()
        # From here on the boot clock gives the time: a wall clock that is set changes no session.
        self._offset_ms = (self._clock.wall_ns() - self._clock.boot_ns()) // NS_PER_MS
        self._ended = state.get("ended_session", 0)
        self.timeline.resume(self._session_of(last))
        known = {**state, **last}
        self._make_encoders(known)
        added = {key: value for key, value in known.items() if key not in state and key not in last}
        if added:
            state.update(added)
            store.write_state(state)
        if self.is_sampled:
            time_ms, uptime_ms, _ = self._moment()
            if last.get("is_empty"):
                # Held, it is the session of the first event, however late that comes.
                store.claim_session(last["session_number"])
            elif not self.timeline.session.number:
                claim = functools.partial(self._claim_new, store, store.last_session() + 1)
                self._encoders.begin(store, time_ms, uptime_ms, claim)
            if self.timeline.is_over(time_ms, uptime_ms):
                self._end_session(store)
            if self._wires == ("native",) and not self.debug:
                responsive = self._config.gestures.unknown_responsive
                self._templates = TemplateEncoder(self._masks.target, unknown_responsive=responsive)

    def stop(self) -> None:
        """Record nothing any more; a session that is over by now is ended."""
        if self._store is not None and self.timeline.is_over(*self._moment()[:2]):
            self._end_session(self._store)
        self._store = None
        self._templates = None

    def end_session(self) -> int:
        """End the session, if there is one; return its number, 0 for none. The next event opens another."""
        store, number = self._store, self.timeline.session.number
        if store is None or not number or self.timeline.session.ended:
            return 0
        self._end_session(store)
        self._ended = number
        self.timeline.end()
        return number

    def detach(self, device: Device) -> None:
        """Forget the store, the user, the session and the screen: nothing is recorded until `attach`."""
        self._store = None
        self._visible: type[events.Event] | None = None
        self._templates = None
        self._new_id = random_ids()
        self._offset_ms = self._ended = 0
        self._masks = Masks(self._config.privacy, "")
        self.is_sampled = True
        self.timeline = Timeline(
            self._config.project,
            self._config.session,
            device,
            unknown_responsive=self._config.gestures.unknown_responsive,
            open_session=self._open_session,
            steady=lambda _, uptime_ms: self._offset_ms + uptime_ms,
        )
        self._make_encoders({})

    def _make_encoders(self, state: dict[str, Any]) -> None:
        source = Source(
            config=self._config,
            device=self.timeline.device,
            user_id=state.get("user_id", ""),
            salt=state.get("salt", ""),
            new_id=lambda _: self._new_id(),
            on_drop=lambda cause: self.dropped.update([cause]),
            session=self.timeline.session,
            state=state,
        )
        self._encoders = Encoders(self._wires, source)

    def after_fork(self) -> None:
        """Continue in a forked child: no app start, ids and a session of its own."""
        self._new_id = random_ids()
        self._started = True
        self._filtering = False
        self.timeline.is_held = False
        self._encoders.forget()

    def change_device(self, **facts: Any) -> None:
        """Use other facts of the device from now on."""
        self.timeline.set_device(msgspec.structs.replace(self.timeline.device, **facts))
        self.change_facts()

    def change_facts(self, **facts: Any) -> None:
        """Use other facts about the user from now on; see `Encoder.change`."""
        self._encoders.change(self.timeline.device, **facts)

    # Recording

    def record(
        self, build: Callable[[events.CommonSection], events.Event], *, action: bool = False
    ) -> str | None:
        """Record an event at the present time; return its id, None if it was not recorded."""
        moment = self._moment()
        if not self._ready(moment):
            return None
        return self._put(*self.timeline.event(build, moment, action=action))

    def record_visible(self, kind: type[events.AppShow | events.AppHide]) -> str | None:
        """Record that the app is shown or hidden; once in a session, where host and app both report it."""
        if kind is self._visible and not self.timeline.is_over(*self._moment()[:2]):
            return None
        event_id = self.record(kind, action=kind is events.AppShow)
        if event_id is not None:
            self._visible = kind
        return event_id

    def record_start(self) -> str | None:
        """Record the app start, unless that was done already."""
        if self._started:
            self.ignored["app_start"] += 1
            return None
        return self._start(self._moment())

    def record_screen(self, title: str, path: tuple[str, ...]) -> str | None:
        """Record a screen view and make it the current screen."""
        moment = self._moment()
        if not self._ready(moment):
            return None
        title, path = self._masks.title(title), self._masks.path(path)
        return self._put(*self.timeline.screen(title, path, moment))

    def record_gesture(self, gesture: Gesture, scene: events.Scene, target: Target, age_ns: int) -> None:
        """Record a gesture whose UP was `age_ns` ago; any other stroke only moves load times."""
        clock = self._clock
        time_ms = (clock.wall_ns() - age_ns) // NS_PER_MS
        uptime_ms = (clock.boot_ns() - age_ns) // NS_PER_MS
        kind = kind_number(gesture)
        templates = self._templates
        if kind and templates is not None and self._started and self.before_send is None:
            placed, state = self.timeline.place(scene, time_ms, uptime_ms)
            payload = templates.encode(gesture, placed, target, uptime_ms, time_ms)
            if payload is not None:
                self._put_payload(payload, templates.native.event_id, state, time_ms, uptime_ms)
                return
        if kind and not self._ready((time_ms, uptime_ms, "")):
            return
        moment = (time_ms, uptime_ms, self._new_id())
        recorded = self.timeline.gesture(gesture, scene, self._masks.target(target), moment)
        if recorded is not None:
            self._put(*recorded)

    def record_chord(self, chord: MultiGesture) -> None:
        """Record a gesture of several fingers as a custom event, where ``[currents] chords`` asks for it."""
        asked = self._config.currents.chords and "currents" in self._wires
        if asked and (build := chord_event(chord)) is not None:
            self.record(build)

    def _put_payload(
        self, payload: bytes, event_id: bytes, state: SessionState, time_ms: int, uptime_ms: int
    ) -> None:
        """Store a gesture that is encoded already."""
        store = self._store
        if store is None:
            return
        self.appending = True
        try:
            store.append(
                state.number, (("native", payload),), time_ms, event_id, 0, state.screen_count, uptime_ms
            )
        finally:
            self.appending = False
        self.timeline.session = state
        self.collected += 1
        self.on_stored(state.number)

    def _moment(self) -> Moment:
        return self._clock.wall_ns() // NS_PER_MS, self._clock.boot_ns() // NS_PER_MS, self._new_id()

    def _ready(self, moment: Moment) -> bool:
        """Return whether an event may be recorded; an app start goes before the first one."""
        if self._store is None:
            return False
        if self._filtering:
            self.ignored["in_before_send"] += 1
            return False
        if not self.is_sampled:
            self.ignored["sampled_out"] += 1
            return False
        if not self._started:
            self._start((*moment[:2], self._new_id()))
        return True

    def _start(self, moment: Moment) -> str | None:
        self._started = True
        if not self._ready(moment):
            return None
        return self._put(*self.timeline.event(events.AppStart, moment, action=True))

    def _put(self, event: events.Event, state: SessionState) -> str | None:
        """Store an event; the session moves on only where it was kept."""
        store = self._store
        if store is None:
            return None
        if self.before_send is not None:
            self._filtering = True
            try:
                kept = filtered(self.before_send, event, self.dropped)
            finally:
                self._filtering = False
            if kept is None:
                return None
            event = kept
        self.appending = True
        try:
            text = self._encoders.append(store, event, self.timeline.session, state)
        finally:
            self.appending = False
        if self.debug and text is not None:
            sys.stderr.write(text.decode() + "\n")
        self.timeline.advance(state)
        self.collected += 1
        self.on_stored(state.number)
        return event.common.event_id

    # Sessions

    def _open_session(self, state: SessionState, time_ms: int) -> SessionState:
        """Return the session of an event at `time_ms`, held by this process: the last one, or the next."""
        try:
            return self._claim_session(state, time_ms)
        except StoreError as error:
            _log.warning("the session could not be locked: %s", error)
            return state.at(time_ms, self.timeline.timeout_ms)

    def _claim_session(self, state: SessionState, time_ms: int) -> SessionState:
        store, timeout_ms = self._store, self.timeline.timeout_ms
        if store is None:
            return state.at(time_ms, timeout_ms)
        if not self.timeline.is_held:
            # Another process may have continued it since this one was started.
            with contextlib.suppress(StoreError):
                state = self._session_of(store.last_state())
        last = max(state.number, store.last_session())
        over = state.is_over(time_ms, timeout_ms)
        if not over and state.number == last and store.claim_session(last):
            self._encoders.describe(store, state)
            return state
        if not self._ends_session(store) or (state.number and not self.timeline.session.number):
            self._encoders.forget()
        # The rows of a new user are in its first session already.
        is_empty = state.number == 0 and last > self._ended and store.holds_session(last)
        number = self._claim_new(store, last if is_empty else last + 1)
        opened = SessionState.opened(number, time_ms)
        self._encoders.describe(store, opened)
        self.on_opened(number)
        return opened

    @staticmethod
    def _claim_new(store: Store, first: int) -> int:
        """Return the first session number from `first` on that no process has used, held by this one."""
        for number in range(first, first + _CLAIM_TRIES):
            if store.claim_session(number, new=True):
                return number
        raise StoreError(f"no free session number from {first} on")

    def _ends_session(self, store: Store) -> bool:
        """Return whether the end of the session is this process's to record."""
        return (
            not self._encoders.have_state
            or self.timeline.is_held
            or not store.is_live(self.timeline.session.number)
        )

    def _end_session(self, store: Store) -> None:
        number = self.timeline.session.number
        if number and self._encoders.have_state and self._ends_session(store) and store.claim_session(number):
            self._encoders.end(store, self.timeline.session, self._moment()[1])

    def _session_of(self, stored: dict[str, Any]) -> SessionState:
        """Return the session that the store remembers; a new chain if it cannot be read.

        Where its last event is of this boot, the time since then is that of the boot clock.
        """
        if stored.get("is_empty"):
            return SessionState()
        try:
            state = msgspec.convert(stored, SessionState)
        except msgspec.ValidationError as error:
            _log.warning("the session of the store cannot be continued: %s", error)
            return SessionState()
        uptime_ms = stored.get("boot_ms")
        if stored.get("is_this_boot") and uptime_ms and uptime_ms <= self._clock.boot_ns() // NS_PER_MS:
            state = state.shifted(self._offset_ms + uptime_ms - state.last_event_ms)
        return msgspec.structs.replace(state, ended=True) if 0 < state.number <= self._ended else state
