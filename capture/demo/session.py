"""One visitor of the demo page: touches in, gestures and the filling batch out."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta

from capture.config import BufferConfig, DeviceConfig, GestureConfig, ProjectConfig
from capture.events.targets import Target
from capture.formats.native import FORMAT
from capture.gestures.kinds import Reason
from capture.gestures.recognizer import Recognizer
from capture.testing import memory_capture

if TYPE_CHECKING:
    from capture.events.domain import Event
    from capture.gestures.chords import MultiGesture
    from capture.gestures.recognizer import Gesture

__all__ = ["BATCH_SIZE", "DemoSession", "Touch"]

#: Events in a batch of the demo: few, so that one sees it being sent.
BATCH_SIZE = 10
#: Messages of the page are shorter than this (bytes).
MAX_MESSAGE_BYTES = 4096

_Name = Annotated[str, Meta(max_length=512)]


class Touch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A pointer event of the page; `ms` is the page's monotonic time, `x` and `y` are CSS px."""

    do: Literal["down", "move", "up", "cancel"]
    id: Annotated[int, Meta(ge=-(2**31), lt=2**31)]
    x: float
    y: float
    ms: Annotated[float, Meta(ge=0, lt=2**43)]
    path: _Name = "[root]>"
    view: _Name = ""
    responsive: bool | None = None


class DemoSession:
    """An app of its own for each visitor: a store in a temporary folder, a sink in memory.

    Parameters
    ----------
    gestures : GestureConfig, optional
        The thresholds to try.
    """

    def __init__(self, gestures: GestureConfig | None = None) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="touchcapture-demo-")
        self._filling: list[Any] = []
        self._last: dict[str, Any] | None = None
        self._encode = FORMAT.encode
        self._touches = msgspec.json.Decoder(list[Touch])
        gestures = gestures or GestureConfig()
        # Gestures of several fingers are in no event of the native format: the page gets them from here.
        self._fingers = Recognizer(1.0, gestures)
        self._down: dict[int, Target] = {}
        # The consent is of this page alone: nothing leaves it.
        self._capture, self._sink = memory_capture(
            self._folder.name,
            project=ProjectConfig(id=0, app_name="demo", app_id="demo"),
            device=DeviceConfig(density=1.0),  # CSS px are dp already
            gestures=gestures,
            buffer=BufferConfig(path=self._folder.name, batch_size=BATCH_SIZE),
        )
        self._capture.before_send = self._see
        self._capture.screen_view("Demo")

    def handle(self, message: str | bytes) -> list[dict[str, Any]]:
        """Feed the touches of a message; return the answers for the page.

        Raises
        ------
        msgspec.DecodeError
            When the message is not a list of touches.
        """
        answers = []
        for touch in self._touches.decode(message):
            chords = self._chords(touch)
            target = self._down.get(touch.id, Target())
            gesture = self._feed(touch)
            if gesture is not None:
                answers.append({"type": "gesture", **self._shown(gesture, target)})
            answers += [{"type": "chord", **chord.to_dict()} for chord in chords]
        return answers

    def batch(self) -> dict[str, Any]:
        """Return the batch that is being filled; a full one is sent and returned once. May wait 1 s."""
        sent = None
        if len(self._filling) >= BATCH_SIZE and self._capture.flush(1.0):
            sent = msgspec.json.decode(self._sink.batches[-1].body)
            self._filling.clear()
        return {
            "type": "batch",
            "size": BATCH_SIZE,
            "filling": list(self._filling),
            "sent": sent,
            "delivered": self._capture.stats.delivered,
        }

    def close(self) -> None:
        """Close the capture and delete its store."""
        self._capture.close()
        self._folder.cleanup()

    def _chords(self, touch: Touch) -> list[MultiGesture]:
        """Return the gestures of several fingers that end with a touch."""
        call = getattr(self._fingers, touch.do)
        call(touch.id, touch.x, touch.y, round(touch.ms * 1e6))
        return self._fingers.take_chords()

    def _feed(self, touch: Touch) -> Gesture | None:
        time_ns = round(touch.ms * 1e6)
        self._last = None
        if touch.do == "down":
            target = Target(path=touch.path, id=touch.view, responsive=touch.responsive)
            self._down[touch.id] = target
            return self._capture.touch_down(touch.id, touch.x, touch.y, time_ns, target)
        if touch.do == "move":
            self._capture.touch_move(touch.id, touch.x, touch.y, time_ns)
            return None
        if touch.do == "up":
            return self._capture.touch_up(touch.id, touch.x, touch.y, time_ns)
        return self._capture.touch_cancel(touch.id, time=time_ns)

    def _see(self, event: Event) -> Event:
        """Keep the stored form of an event for the page."""
        payload = self._encode(event)
        if payload is not None:
            self._last = msgspec.json.decode(payload)
            self._filling.append(self._last)
        return event

    def _shown(self, gesture: Gesture, target: Target) -> dict[str, Any]:
        named = {"target_path": target.path, "target_id": target.id, "responsive": target.responsive}
        in_chord = gesture.reason is Reason.MULTI_TOUCH
        return {**gesture.to_dict(), **named, "in_chord": in_chord, "event": self._last}
