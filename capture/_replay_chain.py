"""One stream of a recorded log as the events that it stands for: sessions, screens, targets.

A chain is told, in the order of the log, which gestures ended and what the log says besides them
(its marks); it answers with events ready to be stored. No clock is read: time is the log's.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from typing import TYPE_CHECKING, Any

import msgspec

from capture import events, formats, tracking
from capture._replay_currents import replay_records, stored_record, take
from capture._store_rows import StoredEvent
from capture.errors import InvalidEventError
from capture.ids import NAMESPACE
from capture.privacy import Masks
from capture.session import SessionState
from capture.targets import Target

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture.config import RunConfig
    from capture.device import Device
    from capture.gestures import Gesture
    from capture.logs import Mark

__all__ = ["Chain", "Maker"]

_MS = 1_000_000
#: Kinds of marks that say no more than that something happened.
_MOMENTS: dict[str, Callable[[events.CommonSection], events.Event]] = {
    "app_start": events.AppStart,
    "app_show": events.AppShow,
    "app_hide": events.AppHide,
}


class Maker:
    """What all chains of a replay share: configuration, wire formats, the counting of sessions.

    Parameters
    ----------
    config : RunConfig
    wires : sequence of str
        Wire formats that the sinks want.
    user_id : str
        Also the salt of what is hidden, so that it comes out the same each time.
    """

    def __init__(self, config: RunConfig, wires: tuple[str, ...], user_id: str) -> None:
        self.config = config
        self.masks = Masks(config.privacy, user_id)
        self.version = events.version_origin(config.project)
        self.timeout_ms = round(config.session.timeout_s * 1000)
        self.sessions = 0
        self._encoders = [(name, formats.get(name).encode) for name in wires if name != "currents"]
        self._records = replay_records(config, user_id) if "currents" in wires else None

    def next_session(self) -> int:
        """Return the number of a new session."""
        self.sessions += 1
        return self.sessions

    def stored(self, event: events.Event, device: Device) -> list[StoredEvent]:
        """Return an event as the store takes it, behind the records of sessions that it ends and opens."""
        payloads = []
        for name, encode in self._encoders:
            payload = encode(event)
            if payload is not None:
                payloads.append((name, payload))
        common = event.common
        made: list[StoredEvent] = []
        if self._records is not None:
            for record in take(self._records, event, device):
                if record.id == common.event_id:
                    payloads.append(("currents", record.payload))
                else:
                    made.append(stored_record(record))
        made.append(StoredEvent(common.session_number, payloads, common.time_ms, common.event_id))
        return made

    def end(self) -> list[StoredEvent]:
        """Return what the end of the last session makes due."""
        return [] if self._records is None else [stored_record(record) for record in self._records.end()]


class _Screen(msgspec.Struct, frozen=True):
    """What is shown from a sample on."""

    sample: int
    url: str
    session: int
    count: int


class Chain:
    """The session chain of one stream of one log.

    Parameters
    ----------
    maker : Maker
        What is shared with the other chains.
    device : Device
        Facts of the log's device.
    seed : str
        Of the log; ids are derived from it.
    stream : int
    shift_ns : int
        From the log's time to the time that events carry.

    Attributes
    ----------
    waiting : list or None
        Gestures and marks that wait until the chains before this one have ended; None when it is its turn.
    unused_marks : int
        Marks that could not become events: a value in them is out of bounds.
    """

    def __init__(self, maker: Maker, device: Device, seed: str, stream: int, shift_ns: int) -> None:
        self.waiting: list[tuple[int, Gesture] | Mark] | None = []
        self.unused_marks = 0
        self.session = SessionState()
        self._maker = maker
        self._device = device
        self._new_id = _ids_of(f"{seed}/{stream}/")
        self._shift_ns = shift_ns
        self._marks = 0
        self._screens = [_Screen(-1, events.screen_url(maker.config.project), 0, 0)]
        self._targets: dict[int, list[tuple[int, Target]]] = {}

    def begin(self) -> list[StoredEvent]:
        """Take its turn: return the events of what waited."""
        waiting, self.waiting = self.waiting or [], None
        made: list[StoredEvent] = []
        for item in waiting:
            made += self.gesture(*item) if isinstance(item, tuple) else self.mark(item)
        return made

    def gesture(self, row: int, gesture: Gesture) -> list[StoredEvent]:
        """Return the event of a gesture, if it becomes one.

        Parameters
        ----------
        row : int
            Number of the stroke in the log, which its id is derived from.
        gesture : Gesture
        """
        if self.waiting is not None:
            self.waiting.append((row, gesture))
            return []
        target = self._target_of(gesture)
        time_ms = (gesture.time_up + self._shift_ns) // _MS
        if not gesture.kind:
            if not self.session.is_over(time_ms, self._maker.timeout_ms):
                self.session = self.session.acted(time_ms)
            return []
        state = self._session_at(time_ms)
        screen = self._screens[bisect_right(self._screens, gesture.first_sample, key=_sample) - 1]
        common = self._common(
            screen.url,
            # Screens are counted per session: those of an earlier one do not count in this.
            screen.count if screen.session == state.number else 0,
            gesture.time_up,
            self._new_id(f"{gesture.pointer}/{row}"),
        )
        event = events.gesture_event(
            gesture,
            common,
            self._maker.masks.target(target),
            self._maker.config.gestures.unknown_responsive,
        )
        if event is None:
            return []
        self.session = state.recorded(time_ms, action=True)
        return self._maker.stored(event, self._device)

    def mark(self, mark: Mark) -> list[StoredEvent]:
        """Return the event of what the log says besides its touches, if it is one."""
        if self.waiting is not None:
            self.waiting.append(mark)
            return []
        self._marks += 1
        try:
            if mark.kind == "target":
                pointer = int(mark.fields.get("pointer", 0))
                self._targets.setdefault(pointer, []).append((mark.sample, _target(mark.fields)))
                return []
            event = self._event_of(mark)
        except (InvalidEventError, KeyError, TypeError, ValueError):
            self.unused_marks += 1
            return []
        return [] if event is None else self._maker.stored(event, self._device)

    # Events of marks

    def _event_of(self, mark: Mark) -> events.Event | None:
        if mark.kind in _MOMENTS:
            return self._plain(mark, _MOMENTS[mark.kind])
        match mark.kind:
            case "screen":
                return self._screen_view(mark)
            case "transaction":
                return self._transaction(mark)
            case "variable":
                return self._variable(mark)
        # Formats have marks of their own, which no event stands for.
        return None

    def _plain(self, mark: Mark, build: Callable[[events.CommonSection], events.Event]) -> events.Event:
        time_ms = (mark.time_ns + self._shift_ns) // _MS
        action = mark.kind in {"app_start", "app_show"}
        state = self._session_at(time_ms)
        count = self._screens[-1].count if self._screens[-1].session == state.number else 0
        event = build(self._common(self._screens[-1].url, count, mark.time_ns, self._mark_id()))
        self.session = state.recorded(time_ms, action=action)
        return event

    def _screen_view(self, mark: Mark) -> events.Event:
        masks, project = self._maker.masks, self._maker.config.project
        title = masks.title(tracking.check_screen_name(mark.fields["name"]))
        path = masks.path(tracking.check_path(mark.fields.get("path", ())))
        time_ms = (mark.time_ns + self._shift_ns) // _MS
        state = self._session_at(time_ms)
        screen = _Screen(
            mark.sample, events.screen_url(project, title, path), state.number, state.screen_count + 1
        )
        self._screens.append(screen)
        common = self._common(screen.url, screen.count, mark.time_ns, self._mark_id())
        self.session = state.recorded(time_ms, screen=True)
        return events.ScreenView(common, title, state.load_time_ms(time_ms))

    def _transaction(self, mark: Mark) -> events.Event:
        value = tracking.check_value(mark.fields["value"])
        letters, number = tracking.check_currency(mark.fields["currency"])
        own_id = tracking.check_optional_text("id", mark.fields.get("id"))
        return self._plain(mark, lambda common: events.Transaction(common, value, number, letters, own_id))

    def _variable(self, mark: Mark) -> events.Event:
        key = tracking.check_key(mark.fields["key"])
        value = tracking.check_variable(mark.fields["value"])
        if isinstance(value, str):
            return self._plain(mark, lambda common: events.StringVariable(common, key, value))
        return self._plain(mark, lambda common: events.NumberVariable(common, key, value))

    # What events are made from

    def _session_at(self, time_ms: int) -> SessionState:
        if self.session.is_over(time_ms, self._maker.timeout_ms):
            self.session = SessionState.opened(self._maker.next_session(), time_ms)
        return self.session

    def _common(self, url: str, screen_count: int, time_ns: int, event_id: str) -> events.CommonSection:
        device = self._device
        return events.CommonSection(
            time_ns // _MS,
            event_id,
            url,
            screen_count,
            device.connectivity,
            device.carrier,
            device.orientation,
            self._maker.version,
            self.session.number,
            (time_ns + self._shift_ns) // _MS,
        )

    def _mark_id(self) -> str:
        return self._new_id(f"mark/{self._marks}")

    def _target_of(self, gesture: Gesture) -> Target:
        """Return the target that the log gives for the gesture's DOWN."""
        known = self._targets.get(gesture.pointer)
        found = Target()
        while known and known[0][0] <= gesture.first_sample:
            found = known.pop(0)[1]
        return found


def _ids_of(place: str) -> Callable[[str], str]:
    """Return `capture.ids.derived_id` for names that begin with `place`, at a third of its cost."""
    begun = hashlib.sha1(NAMESPACE.bytes + place.encode(), usedforsecurity=False)

    def new_id(rest: str) -> str:
        digest = begun.copy()
        digest.update(rest.encode())
        text = digest.hexdigest()
        # Version nibble 5, variant bits 10 (RFC 9562, section 5.5).
        variant = "89ab"[int(text[16], 16) & 3]
        return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{variant}{text[17:20]}-{text[20:32]}"

    return new_id


def _sample(screen: _Screen) -> int:
    return screen.sample


def _target(fields: dict[str, Any]) -> Target:
    try:
        return msgspec.convert(
            {name: fields[name] for name in ("path", "id", "responsive") if name in fields}, Target
        )
    except msgspec.ValidationError as error:
        raise InvalidEventError(str(error)) from None
