"""Gesture events of the native format by template: the bytes of `NativeFormat`, at a twentieth of its cost.

The JSON of a scene and of a target is kept while they stay the same; only numbers and the id are
printed for an event (`capture._native.encoder`). A kind whose event is not made of these parts is left to
`NativeFormat`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture._native.encoder import GestureEncoder
from capture.events.domain import Scene, VersionOrigin, gesture_event
from capture.events.targets import Target
from capture.formats.native import FORMAT
from capture.gestures.kinds import KINDS, GestureKind, Kind
from capture.gestures.recognizer import Gesture, direction_number, kind_number

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["TemplateEncoder"]

_ID = "00000000-0000-4000-8000-000000000000"
_MARK = f'"euid":"{_ID}'.encode()
#: Targets whose template is kept.
_MOST_TARGETS = 256


class TemplateEncoder:
    """Encodes gestures with ids of its own.

    Parameters
    ----------
    mask : callable
        Target -> the parts of its path and its id that may be recorded.
    unknown_responsive : bool
        Value of ``responsive`` in taps, if it is unknown whether the target reacts.

    Attributes
    ----------
    native : GestureEncoder
        Its `event_id` is that of the last event, as 16 bytes.
    """

    def __init__(self, mask: Callable[[Target], Target], *, unknown_responsive: bool) -> None:
        self._mask = mask
        self._unknown_responsive = unknown_responsive
        self.native = GestureEncoder()
        self._scene: tuple[Scene | None, bytes] = (None, b"")
        #: Empty for hidden targets: their events have another form.
        self._targets: dict[tuple[str, str, bool], bytes] = {}
        self._kinds = {
            int(row.kind): parts
            for row in KINDS
            if row.event is not None and (parts := _parts_of(row)) is not None
        }

    def encode(
        self, gesture: Gesture, scene: Scene, target: Target, uptime_ms: int, time_ms: int
    ) -> bytes | None:
        """Return the event of a gesture; None for a kind that has another form."""
        kind = kind_number(gesture)
        known = self._kinds.get(kind)
        if known is None:
            return None
        if self._scene[0] is not scene:
            self._scene = scene, scene_template(scene)
        key = target.path, target.id, target.hidden
        target_bytes = self._targets.get(key)
        if target_bytes is None:
            if len(self._targets) >= _MOST_TARGETS:
                self._targets.clear()
            masked = self._mask(target)
            target_bytes = self._targets[key] = b"" if masked.hidden else target_template(masked)
        if not target_bytes:
            return None
        moves, unresponsive, responsive = known
        reacts = self._unknown_responsive if target.responsive is None else target.responsive
        last = responsive if reacts else unresponsive
        if not moves:
            return self.native.encode(kind, uptime_ms, time_ms, self._scene[1], target_bytes, last)
        return self.native.encode(
            kind,
            uptime_ms,
            time_ms,
            self._scene[1],
            target_bytes,
            last,
            True,
            direction_number(gesture),
            gesture.distance,
            gesture.velocity,
        )


def scene_template(scene: Scene) -> bytes:
    """Return the bytes of a scene in an event: from behind its id to the value of its time."""
    event = _event(GestureKind.TAP, scene, Target(), responsive=True)
    behind = event.index(_MARK) + len(_MARK)
    return event[behind : event.index(b',"t":', behind) + 5]


def target_template(target: Target) -> bytes:
    """Return the bytes of a target in an event."""
    event = _event(GestureKind.TAP, _SCENE, Target(path=target.path, id=target.id), responsive=True)
    return event[event.index(b',"tvp":') : event.rindex(b',"ur":')]


def _parts_of(row: Kind) -> tuple[bool, bytes, bytes] | None:
    """Return whether a kind's events have a movement's numbers, and the bytes after them; None: other events.

    The ends are those of a target that does not react, and of one that does.
    """
    ends = []
    for responsive in (False, True):
        event = _event(row.kind, _SCENE, Target(), responsive=responsive)
        behind = event.partition(target_template(Target()))[2]
        moved = b',"fd":1,"tvd":5,"tvv":7' if row.moves else b""
        if not event.startswith(b'{"ea":%d,"upt":0,' % row.kind) or not behind.startswith(moved):
            return None
        ends.append(behind[len(moved) :])
    return row.moves, ends[0], ends[1]


def _event(kind: GestureKind, scene: Scene, target: Target, *, responsive: bool) -> bytes:
    gesture = Gesture(kind=int(kind), direction=1, distance=5.0, velocity=7.0)
    event = gesture_event(gesture, scene.common(0, _ID, 0), target, responsive)
    return b"" if event is None else FORMAT.encode(event) or b""


_SCENE = Scene(
    url="",
    screen_count=0,
    connectivity=0,
    carrier_id=None,
    orientation=0,
    version_origin=VersionOrigin(sdk_version="", sdk_build=0, app_version="", app_flavor="", app_build=0),
    session_number=1,
)
