"""The hooks into Kivy's event loop: two wraps and the mouse's events, else plain ``on_motion``.

Every hook leaves the app's own call as it is: the same arguments, the same result, the same exceptions,
once. An exception in a hook ends the capturing and is logged once.
"""

from __future__ import annotations

import logging
from collections import deque
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from capture.integrations.kivy.touches import Sample, new_touch, now_ns

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture.integrations.kivy.guard import Guard
    from capture.integrations.kivy.strokes import OpenTouches

__all__ = ["Hooks", "sees_raw_samples"]

_log = logging.getLogger("capture.kivy")
#: The window's events of the mouse, and the kind of touch event that Kivy makes of each.
_MOUSE = {"on_mouse_down": "begin", "on_mouse_move": "update", "on_mouse_up": "end"}


class Hooks:
    """The hooks of one process.

    Parameters
    ----------
    strokes : OpenTouches
        Where touches go.
    before_begin : callable
        Called before each DOWN is taken.
    guard : Guard
        Handles the exceptions of hooks.
    """

    def __init__(self, strokes: OpenTouches, *, before_begin: Callable[[], None], guard: Guard) -> None:
        self._strokes = strokes
        self._before_begin = before_begin
        self._guard = guard
        self._loop: Any = None
        self._is_raw = False
        self._mouse = MouseSamples()
        self._wraps: dict[tuple[Any, str], Any] = {}

    def install(self, loop: Any) -> str:
        """Install the hooks in an event loop; return how touches are seen: ``raw`` or ``merged``."""
        self._loop = loop
        self._is_raw = sees_raw_samples()
        if self._is_raw:
            self._wrap(loop, "_dispatch_input", self._make_poll)
            self._wrap(loop, "post_dispatch_input", self._make_dispatch)
        if loop.window is not None:
            self._attach()
        else:
            self._guard.bind(loop, "on_start", self._attach)
        return "raw" if self._is_raw else "merged"

    def uninstall(self) -> None:
        """Remove the wraps; those that something else has wrapped stay and do nothing."""
        for (owner, name), wrap in self._wraps.items():
            if owner.__dict__.get(name) is wrap:
                # The former attribute is the class's own method, or an earlier wrap of somebody else.
                if wrap.earlier is None:
                    delattr(owner, name)
                else:
                    setattr(owner, name, wrap.earlier)
        self._wraps.clear()

    def _attach(self, *_: Any) -> None:
        """Wrap and bind the window, which may come later."""
        window = self._loop.window
        if window is None or (window, "on_touch_down") in self._wraps:
            return
        self._wrap(window, "on_touch_down", self._make_touch_down)
        if self._is_raw:
            for name, kind in _MOUSE.items():
                self._guard.bind(window, name, partial(self._mouse.note, kind))
        else:
            self._guard.bind(window, "on_motion", self._on_motion)

    def _wrap(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        wrap = make(getattr(owner, name))
        wrap.earlier = owner.__dict__.get(name)
        self._wraps[owner, name] = wrap
        setattr(owner, name, wrap)

    # Raw samples

    def _make_poll(self, original: Any) -> Any:
        poll = self._guard(self._poll)

        def _dispatch_input(*event: Any) -> Any:
            poll(*event)
            return original(*event)

        return _dispatch_input

    def _poll(self, kind: str, event: Any) -> None:
        if event.is_touch:
            sample = self._mouse.take(kind, event) if event.device == "mouse" else None
            self._strokes.poll(sample or _sample(kind, event))

    def _make_dispatch(self, original: Any) -> Any:
        before, after = self._guard(self._before), self._guard(self._after)

        def post_dispatch_input(etype: str, me: Any) -> Any:
            if me.is_touch:
                before(etype, me)
            try:
                return original(etype, me)
            finally:
                # Also where a handler raised: the user's gesture is recorded, then the error continues.
                if etype != "update" and me.is_touch:
                    after(etype, me)

        return post_dispatch_input

    def _before(self, kind: str, event: Any) -> None:
        if kind == "begin":
            self._before_begin()
        self._strokes.before(kind, event)
        if kind == "end":
            self._note_owners(event)

    def _after(self, kind: str, event: Any) -> None:
        self._note_owners(event)
        if kind == "end":
            self._strokes.end(event)

    def _note_owners(self, event: Any) -> None:
        """Note who holds the touch: grabs are let go by the end."""
        stroke = self._strokes.open.get(event.uid)
        if stroke is not None:
            stroke.owners.extend(widget for grab in event.grab_list if (widget := grab()) is not None)

    def _make_touch_down(self, original: Any) -> Any:
        def on_touch_down(touch: Any) -> Any:
            result = original(touch)
            stroke = self._strokes.open.get(touch.uid)
            if stroke is not None:
                stroke.consumed = bool(result)
            return result

        return on_touch_down

    # Merged samples

    def _on_motion(self, _window: Any, kind: str, event: Any) -> None:
        """Process a merged event before the app does; an UP is judged after the app had it."""
        if not event.is_touch:
            return
        if kind == "begin":
            self._end_unseen()
        self._before(kind, event)
        if kind == "end":
            clock = import_module("kivy.clock").Clock
            end = self._guard(self._after)
            # Before the next frame is drawn: the dispatch of this event is over by then.
            clock.schedule_once(lambda _: end("end", event), -1)

    def _end_unseen(self) -> None:
        """End touches whose UP went to an exclusive grab alone: ``on_motion`` never sees it."""
        down = {touch.uid for touch in self._loop.touches}
        for uid, stroke in list(self._strokes.open.items()):
            if uid not in down:
                self._strokes.end(stroke.event)


class MouseSamples:
    """The mouse's true positions: its motion event is changed before it is polled."""

    def __init__(self) -> None:
        self._samples: deque[tuple[str, float, float, Any, int]] = deque(maxlen=1024)

    def note(self, kind: str, window: Any, x: float, y: float, button: Any, *_: Any) -> None:
        """Note where and when the mouse was moved or its button changed (px of the window, y downwards)."""
        sx, down = window.to_normalized_pos(x, y)
        self._samples.append((kind, sx, 1.0 - down, button, now_ns()))

    def take(self, kind: str, event: Any) -> Sample | None:
        """Return the sample of a polled mouse event; None if missing.

        Samples that made no event (a click while a finger was down) are left out.
        """
        while self._samples:
            found, sx, sy, button, time = self._samples.popleft()
            if found == kind and (kind != "begin" or button == event.button):
                return Sample(kind, event, sx, sy, time)
        return None


def sees_raw_samples() -> bool:
    """Return whether the wraps see the events that Kivy merges, tried on a separate event loop.

    Three samples of one frame go in; the wrap of ``_dispatch_input`` must see three positions, and that of
    ``post_dispatch_input`` the events.
    """
    polled: list[float] = []
    dispatched: list[str] = []
    try:
        loop = import_module("kivy.base").EventLoopBase()
        poll, dispatch = loop._dispatch_input, loop.post_dispatch_input  # noqa: SLF001 - tested as the loop calls it

        def polling(kind: str, me: Any) -> None:
            polled.append(me.sx)
            poll(kind, me)

        def dispatching(kind: str, me: Any) -> None:
            dispatched.append(kind)
            dispatch(kind, me)

        loop._dispatch_input, loop.post_dispatch_input = polling, dispatching  # noqa: SLF001 - as above
        loop.add_input_provider(_TestProvider())
        loop.dispatch_input()
    except Exception:  # noqa: BLE001 - another Kivy may differ in any way; then on_motion serves
        _log.debug("the self-test failed", exc_info=True)
        return False
    return polled == [0.25, 0.5, 0.75] and dispatched == ["begin", "update", "end"]


class _TestProvider:
    def update(self, dispatch_fn: Callable[[str, Any], None]) -> None:
        touch = new_touch("capture self-test", 0, (0.25, 0.5))
        dispatch_fn("begin", touch)
        for kind, sx in (("update", 0.5), ("end", 0.75)):
            touch.move((sx, 0.5))
            dispatch_fn(kind, touch)


def _sample(kind: str, event: Any) -> Sample:
    exact = getattr(event, "capture_time_ns", None)
    if exact is not None:
        return Sample(kind, event, event.sx, event.sy, exact, exact=True)
    return Sample(kind, event, event.sx, event.sy, now_ns())
