"""One stream of a recorded log as events.

A `StreamTimeline` gets, in the order of the log, the strokes and chords that ended and the marks; the
events go to the `ReplayContext`. No clock is read: time is the log's.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import msgspec

from capture.clock import NS_PER_MS
from capture.events import checks, domain as events
from capture.events.chords import chord_event
from capture.events.targets import Target
from capture.events.timeline import Timeline
from capture.gestures.chords import MultiGesture
from capture.ids import derived_ids
from capture.replay.marks import BAD_MARK, call_of, note_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from capture.events.device import Device
    from capture.events.session import SessionState
    from capture.events.timeline import Moment
    from capture.gestures.recognizer import Gesture
    from capture.logs import Mark
    from capture.replay.context import ReplayContext
    from capture.replay.marks import Note

__all__ = ["Item", "StreamTimeline"]

_T = TypeVar("_T")
#: Calls without arguments.
_MOMENTS: dict[str, Callable[[events.CommonSection], events.Event]] = {
    "app_start": events.AppStart,
    "app_show": events.AppShow,
    "app_hide": events.AppHide,
}
_NOWHERE = Target()
#: An ended stroke, and its number in the log, which its id is derived from.
Stroke: TypeAlias = "tuple[int, Gesture]"
Item: TypeAlias = "Stroke | MultiGesture | Mark"
#: Strokes whose events are made at once.
_BLOCK = 500
_sample = itemgetter(0)


class StreamTimeline:
    """The timeline of one stream of one log.

    Parameters
    ----------
    context : ReplayContext
    device : Device
        Facts of the log's device.
    seed : str
        Of the log; ids are derived from it.
    stream : int
    shift_ns : int
        From the log's time to the time that events carry.

    Attributes
    ----------
    unused_marks : int
        Marks that could not become events: a value in them is out of bounds.
    """

    def __init__(self, context: ReplayContext, device: Device, seed: str, stream: int, shift_ns: int) -> None:
        self.unused_marks = 0
        self._context = context
        self._new_ids = derived_ids(f"{seed}/{stream}/")
        self._shift_ns = shift_ns
        self._marks = self._chords = 0
        config = context.config
        self._timeline = Timeline(
            config.project,
            config.session,
            device,
            unknown_responsive=config.gestures.unknown_responsive,
            open_session=context.open_session,
        )
        #: The sample from which on a screen is shown, and its scene.
        self._scenes = [(-1, self._timeline.scene)]
        #: Of each pointer: the samples before which its target was named, and which; the same of verdicts.
        self._targets: dict[int, deque[tuple[int, Target]]] = {}
        self._verdicts: dict[int, deque[tuple[int, bool]]] = {}

    @property
    def session(self) -> int:
        """Number of the current session; 0 before the first."""
        return self._timeline.session.number

    def process(self, items: Iterable[Item]) -> None:
        """Process strokes and chords that ended and marks, in the order of the log."""
        strokes: list[Stroke] = []
        for item in items:
            if isinstance(item, tuple):
                strokes.append(item)
            elif isinstance(item, MultiGesture):
                self.process_strokes(strokes)
                self._record_chord(item)
            elif (call := self._call_of(item)) is not None:
                self.process_strokes(strokes)
                self._record(item, *call)
        self.process_strokes(strokes)

    # Strokes

    def process_strokes(self, strokes: list[Stroke]) -> None:
        """Make the events of strokes that ended, and clear the list."""
        for start in range(0, len(strokes), _BLOCK):
            self._context.put(self._events_of(strokes[start : start + _BLOCK]), self._timeline.device)
        strokes.clear()

    def _events_of(self, strokes: Sequence[Stroke]) -> list[events.Event]:
        timeline, shift_ns = self._timeline, self._shift_ns
        gesture_of, has_targets = timeline.gesture, bool(self._targets or self._verdicts)
        shown_from = self._scenes[-1][0]
        recorded_events: list[events.Event] = []
        ids = self._new_ids([f"{gesture.pointer}/{row}" for row, gesture in strokes])
        on_stroke = self._context.on_stroke
        for (row, gesture), event_id in zip(strokes, ids, strict=True):
            target = self._target_of(gesture) if has_targets else _NOWHERE
            time_ns, sample = gesture.time_up, gesture.first_sample
            moment = (time_ns + shift_ns) // NS_PER_MS, time_ns // NS_PER_MS, event_id
            scene = timeline.scene if sample >= shown_from else self._scene_at(sample)
            if on_stroke is not None:
                on_stroke(row, gesture, scene, target)
            recorded = gesture_of(gesture, scene, target, moment)
            if recorded is not None:
                event, state = recorded
                timeline.advance(state)
                recorded_events.append(event)
        return recorded_events

    def _scene_at(self, sample: int) -> events.Scene:
        """Return the scene of a DOWN."""
        return self._scenes[bisect_right(self._scenes, sample, key=_sample) - 1][1]

    def _target_of(self, gesture: Gesture) -> Target:
        """Return the target that the log has for the DOWN of a stroke, with the verdict until its UP."""
        target = _latest(self._targets.get(gesture.pointer), gesture.first_sample) or _NOWHERE
        verdicts = self._verdicts.get(gesture.pointer)
        # A verdict stands behind its DOWN: one before this DOWN belongs to a stroke that was not recorded.
        _latest(verdicts, gesture.first_sample)
        responsive = _latest(verdicts, gesture.last_sample)
        return target if responsive is None else msgspec.structs.replace(target, responsive=responsive)

    def _record_chord(self, chord: MultiGesture) -> None:
        self._chords += 1
        if (build := chord_event(chord)) is not None:
            moment = self._moment(chord.time_up, f"chord/{self._chords}")
            self._put(*self._timeline.event(build, moment))

    def _moment(self, time_ns: int, name: str) -> Moment:
        """Return the moment of an event that is no stroke's; its id is derived from `name`."""
        (event_id,) = self._new_ids([name])
        return (time_ns + self._shift_ns) // NS_PER_MS, time_ns // NS_PER_MS, event_id

    def _put(self, event: events.Event, state: SessionState) -> None:
        self._timeline.advance(state)
        self._context.put((event,), self._timeline.device)

    # Marks

    def _call_of(self, mark: Mark) -> tuple[str, tuple[Any, ...]] | None:
        """Keep the note of a mark: strokes look for theirs by the sample; return the call of another mark."""
        self._marks += 1
        try:
            note, call = note_of(mark), call_of(mark)
        except BAD_MARK:
            self.unused_marks += 1
            return None
        if note is not None:
            self._note(mark.sample, note)
        return call

    def _note(self, sample: int, note: Note) -> None:
        """Keep a mark's note on the target of a stroke."""
        target = note.target
        if not note.is_verdict:
            known = self._targets.setdefault(note.pointer, deque())
            known.append((sample, self._context.masks.target(target)))
        elif target.responsive is not None:
            self._verdicts.setdefault(note.pointer, deque()).append((sample, target.responsive))

    def _record(self, mark: Mark, name: str, arguments: tuple[Any, ...]) -> None:
        moment = self._moment(mark.time_ns, f"mark/{self._marks}")
        try:
            recorded = self._event_of(name, arguments, moment)
        except BAD_MARK:
            self.unused_marks += 1
            return
        self._put(*recorded)
        if name == "screen_view":
            self._scenes.append((mark.sample, self._timeline.scene))

    def _event_of(
        self, name: str, arguments: tuple[Any, ...], moment: Moment
    ) -> tuple[events.Event, SessionState]:
        timeline = self._timeline
        match name:
            case "screen_view":
                title, path = arguments
                title = self._context.masks.title(checks.check_screen_name(title))
                return timeline.screen(title, self._context.masks.path(checks.check_path(path)), moment)
            case "track_transaction":
                return timeline.event(checks.transaction(*arguments), moment)
            case "track_variable":
                return timeline.event(checks.variable(*arguments), moment)
        return timeline.event(_MOMENTS[name], moment, action=name in {"app_start", "app_show"})


def _latest(known: deque[tuple[int, _T]] | None, sample: int) -> _T | None:
    """Remove the marks up to a sample, and return the last one."""
    last = None
    while known and known[0][0] <= sample:
        last = known.popleft()[1]
    return last
