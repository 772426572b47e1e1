"""One stream of a recorded log as the events that it stands for: sessions, screens, targets.

A chain is given, in the order of the log, the strokes that ended and what the log says besides them
(its marks); what they become goes to the `Maker`. No clock is read: time is the log's.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from capture.errors import InvalidEventError
from capture.events import checks as tracking, domain as events
from capture.events.session import SessionState
from capture.events.targets import Target
from capture.ids import derived_ids
from capture.replay.native import Recognized
from capture.replay.strokes import Stroke

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from capture.events.device import Device
    from capture.logs import Mark
    from capture.replay.maker import Maker

__all__ = ["Chain"]

_T = TypeVar("_T")
_MS = 1_000_000
#: Kinds of marks that say no more than that something happened.
_MOMENTS: dict[str, Callable[[events.CommonSection], events.Event]] = {
    "app_start": events.AppStart,
    "app_show": events.AppShow,
    "app_hide": events.AppHide,
}
#: Kinds of marks that events stand for; logs have others of their own.
_EVENTS = frozenset({"screen", "transaction", "variable", *_MOMENTS})
#: Kinds of marks that say something of a stroke's target.
_NOTES = frozenset({"target", "verdict"})
_NOWHERE = Target()
#: Strokes whose events are made at once.
_BLOCK = 500


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
        self.waiting: list[Stroke | Mark] | None = []
        self.unused_marks = 0
        self.session = SessionState()
        self._maker = maker
        self._device = device
        self._new_ids = derived_ids(f"{seed}/{stream}/")
        self._shift_ns = shift_ns
        self._marks = 0
        self._screens = [_Screen(-1, events.screen_url(maker.config.project), 0, 0)]
        #: Of each pointer: the samples before which its target was named, and which; the same of verdicts.
        self._targets: dict[int, deque[tuple[int, Target]]] = {}
        self._verdicts: dict[int, deque[tuple[int, bool]]] = {}

    def begin(self) -> None:
        """Take its turn, and what waited for it."""
        waiting, self.waiting = self.waiting or [], None
        self.take(waiting)

    def take(self, items: Iterable[Stroke | Mark]) -> None:
        """Take what comes next: strokes that ended and marks, in the order of the log."""
        if self.waiting is not None:
            self.waiting += items
            return
        strokes: list[Stroke] = []
        for item in items:
            if type(item) is Stroke:
                strokes.append(item)
                if len(strokes) == _BLOCK:
                    self._take_strokes(strokes)
                    strokes = []
                continue
            self._marks += 1
            if item.kind in _NOTES:
                # Strokes look for theirs by the number of the sample.
                self._note(item)
            elif item.kind in _EVENTS:
                self._take_strokes(strokes)
                strokes = []
                self._take_mark(item)
        self._take_strokes(strokes)

    def _take_strokes(self, strokes: Sequence[Stroke]) -> None:
        maker, device, targets, verdicts = self._maker, self._device, self._targets, self._verdicts
        state, timeout_ms, shift_ns = self.session, maker.timeout_ms, self._shift_ns
        scene, since, until = None, 0.0, 0.0
        gestures: list[Recognized] = []
        ids = self._new_ids([f"{stroke.pointer}/{stroke.row}" for stroke in strokes])
        for stroke, event_id in zip(strokes, ids, strict=True):
            target = self._target_of(stroke) if targets or verdicts else _NOWHERE
            time_ms = (stroke.time_up + shift_ns) // _MS
            is_over = state.is_over(time_ms, timeout_ms)
            if not stroke.kind:
                state = state if is_over else state.acted(time_ms)
                continue
            if is_over:
                state = SessionState.opened(maker.next_session(), time_ms)
            if is_over or scene is None or not since <= stroke.first_sample < until:
                if scene is not None:
                    maker.put_gestures(scene, gestures, device)
                    gestures = []
                scene, since, until = self._scene_at(stroke.first_sample, state.number)
            gestures.append(Recognized(stroke, event_id, time_ms, target))
            state = state.recorded(time_ms, action=True)
        if scene is not None:
            maker.put_gestures(scene, gestures, device)
        self.session = state

    # Marks

    def _note(self, mark: Mark) -> None:
        """Keep what a mark says of the target of a stroke."""
        try:
            pointer = int(mark.fields.get("pointer", 0))
            target = _target(mark.fields)
        except (InvalidEventError, TypeError, ValueError):
            self.unused_marks += 1
            return
        if mark.kind == "target":
            known = self._targets.setdefault(pointer, deque())
            known.append((mark.sample, self._maker.masks.target(target)))
        elif target.responsive is not None:
            self._verdicts.setdefault(pointer, deque()).append((mark.sample, target.responsive))

    def _take_mark(self, mark: Mark) -> None:
        try:
            event = self._event_of(mark)
        except (InvalidEventError, KeyError, TypeError, ValueError):
            self.unused_marks += 1
        else:
            self._maker.put(event, self._device)

    def _event_of(self, mark: Mark) -> events.Event:
        match mark.kind:
            case "screen":
                return self._screen_view(mark)
            case "transaction":
                return self._transaction(mark)
            case "variable":
                return self._variable(mark)
        return self._plain(mark, _MOMENTS[mark.kind])

    def _plain(self, mark: Mark, build: Callable[[events.CommonSection], events.Event]) -> events.Event:
        time_ms = (mark.time_ns + self._shift_ns) // _MS
        action = mark.kind in {"app_start", "app_show"}
        state = self._session_at(time_ms)
        count = self._screens[-1].count if self._screens[-1].session == state.number else 0
        event = build(self._common(self._screens[-1].url, count, mark.time_ns))
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
        common = self._common(screen.url, screen.count, mark.time_ns)
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

    def _common(self, url: str, screen_count: int, time_ns: int) -> events.CommonSection:
        """Return the common section of a mark's event."""
        scene = self._scene(url, screen_count, self.session.number)
        (event_id,) = self._new_ids([f"mark/{self._marks}"])
        return scene.common(time_ns // _MS, event_id, (time_ns + self._shift_ns) // _MS)

    def _scene(self, url: str, screen_count: int, session: int) -> events.Scene:
        device = self._device
        return events.Scene(
            url,
            screen_count,
            device.connectivity,
            device.carrier,
            device.orientation,
            self._maker.version,
            session,
        )

    def _scene_at(self, sample: int, session: int) -> tuple[events.Scene, float, float]:
        """Return the scene of a DOWN in a session, and from which sample to below which it is that."""
        screens = self._screens
        index = bisect_right(screens, sample, key=_sample)
        screen = screens[index - 1]
        # Screens are counted per session: those of an earlier one do not count in this.
        count = screen.count if screen.session == session else 0
        until = screens[index].sample if index < len(screens) else float("inf")
        return self._scene(screen.url, count, session), screen.sample, until

    def _target_of(self, stroke: Stroke) -> Target:
        """Return the target that the log gives for the stroke's DOWN, with what it learnt until the UP."""
        found = _latest(self._targets.get(stroke.pointer), stroke.first_sample) or _NOWHERE
        verdicts = self._verdicts.get(stroke.pointer)
        # A verdict stands behind the DOWN; one before it was of a stroke that there is not.
        _latest(verdicts, stroke.first_sample)
        responsive = _latest(verdicts, stroke.last_sample)
        return found if responsive is None else msgspec.structs.replace(found, responsive=responsive)


def _latest(known: deque[tuple[int, _T]] | None, sample: int) -> _T | None:
    """Take out what is known up to a sample, and return the last of it."""
    found = None
    while known and known[0][0] <= sample:
        found = known.popleft()[1]
    return found


def _sample(screen: _Screen) -> int:
    return screen.sample


def _target(fields: dict[str, Any]) -> Target:
    try:
        return msgspec.convert(
            {name: fields[name] for name in ("path", "id", "responsive") if name in fields}, Target
        )
    except msgspec.ValidationError as error:
        raise InvalidEventError(str(error)) from None
