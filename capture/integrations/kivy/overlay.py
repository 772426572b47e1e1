"""Touches drawn over the app, for its developers: trails, class and reason, target, verdict."""

from __future__ import annotations

import contextlib
from importlib import import_module
from typing import TYPE_CHECKING, Any

from capture.gestures.explain import explain
from capture.gestures.recognizer import Recognizer

if TYPE_CHECKING:
    from capture.gestures.recognizer import Gesture
    from capture.integrations.kivy.host import KivyHooks
    from capture.integrations.kivy.touches import OpenTouch

__all__ = ["Overlay"]

#: Strokes whose trails stay.
_KEPT = 5
_TRAIL = (0.1, 0.8, 1.0, 0.9)
_DEAD = (1.0, 0.3, 0.2, 0.9)
_WORDS = {True: "responsive", False: "dead", None: "responsiveness unknown"}


class Overlay:
    """A listener of strokes that draws them; it recognises by itself, so that it needs no consent.

    Parameters
    ----------
    host : KivyHooks

    Attributes
    ----------
    text : str
        The displayed text: of the open stroke, else of the last one.
    """

    def __init__(self, host: KivyHooks) -> None:
        self.text = ""
        self._host = host
        self._config = host.capture.config.gestures.with_verdicts()
        self._recognizer = Recognizer(host.strokes.density, self._config)
        self._graphics = import_module("kivy.graphics")
        self._label = import_module("kivy.core.text").Label
        self._window: Any = None
        self._group: Any = None
        self._board: Any = None
        self._trails: dict[int, tuple[Any, Any]] = {}
        self._old: list[Any] = []
        host.strokes.listeners.append(self)

    def hide(self) -> None:
        """Remove the overlay; may be called again."""
        with contextlib.suppress(ValueError):
            self._host.strokes.listeners.remove(self)
        if self._window is not None:
            self._window.canvas.after.remove(self._group)
            self._window = None

    stop = hide

    def down(self, stroke: OpenTouch) -> None:
        """Begin a trail."""
        self._show()
        self._recognizer.set_density(0, self._host.strokes.density)
        self._recognizer.down(stroke.pointer, stroke.x, stroke.y, stroke.time)
        trail = self._graphics.InstructionGroup()
        color = self._graphics.Color(*_TRAIL)
        line = self._graphics.Line(points=self._point(stroke.x, stroke.y), width=1.5)
        trail.add(color)
        trail.add(line)
        self._group.insert(0, trail)
        self._trails[stroke.pointer] = (line, color)
        self._old.append(trail)
        if len(self._old) > _KEPT:
            self._group.remove(self._old.pop(0))
        self._write(f"down {stroke.x:.0f}, {stroke.y:.0f}\n{stroke.target.path}")

    def move(self, stroke: OpenTouch, x: float, y: float, time: int) -> None:
        """Lengthen the trail."""
        self._recognizer.move(stroke.pointer, x, y, time)
        trail = self._trails.get(stroke.pointer)
        if trail is not None:
            trail[0].points = [*trail[0].points, *self._point(x, y)]

    def up(self, stroke: OpenTouch, x: float, y: float, time: int) -> None:
        """Show the class of the stroke, and its reason."""
        self._end(stroke, self._recognizer.up(stroke.pointer, x, y, time))
        self._recognizer.take_chords()

    def cancel(self, stroke: OpenTouch, time: int) -> None:
        """Show that the stroke was canceled."""
        nowhere = float("nan")
        self._end(stroke, self._recognizer.cancel(stroke.pointer, nowhere, nowhere, time))

    def _end(self, stroke: OpenTouch, gesture: Gesture | None) -> None:
        _, color = self._trails.pop(stroke.pointer, (None, None))
        if gesture is None:
            return
        if color is not None and stroke.responsive is False:
            color.rgba = _DEAD
        why = explain(gesture, self._config, density=self._host.strokes.density)
        measures = f"{gesture.duration:.0f} ms, {gesture.distance:.0f} dp, {gesture.velocity:.0f} dp/s"
        verdict = _WORDS[stroke.responsive]
        self._write(f"{why.kind} ({why.reason}): {why.verdict}\n{measures}\n{stroke.target.path}\n{verdict}")

    # Drawing

    def _show(self) -> None:
        if self._window is None:
            self._window = self._host.window
            self._group = self._graphics.InstructionGroup()
            self._board = self._graphics.Rectangle()
            self._group.add(self._graphics.Color(1, 1, 1, 1))
            self._group.add(self._board)
            self._window.canvas.after.add(self._group)

    def _write(self, text: str) -> None:
        self.text = text
        label = self._label(text=text, font_size=14 * self._host.strokes.density, outline_width=2)
        label.refresh()
        self._board.texture = label.texture
        self._board.size = label.texture.size
        self._board.pos = (0, self._window.height - label.texture.height)

    def _point(self, x: float, y: float) -> tuple[float, float]:
        return x, self._window.height - 1 - y
