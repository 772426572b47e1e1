"""The hooks into Kivy's event loop: two wraps and the mouse's events, else plain ``on_motion``.

Every hook leaves the app's own call as it is: the same arguments, the same result, the same exceptions,
once. An exception in a hook ends the capturing and is logged once.
"""

from __future__ import annotations

import logging
from collections import deque
from importlib import import_module
from typing import TYPE_CHECKING, Any

from capture.integrations.kivy.touches import Sample, now_ns

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture.integrations.kivy.guard import Guard
    from capture.integrations.kivy.strokes import OpenTouches

__all__ = ["Hooks", "sees_raw_samples"]

_log = logging.getLogger("capture.kivy")
_WRAPPED = ("_dispatch_input", "post_dispatch_input")


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

    Attributes
    ----------
    mode : {"raw", "merged", None}
        How touches are seen; None when they are not.
    """

    def __init__(self, strokes: OpenTouches, *, before_begin: Callable[[], None], guard: Guard) -> None:
        self.mode: str | None = None
        self._strokes = strokes
        self._before_begin = before_begin
        self._guard = guard
        self._loop: Any = None
        self._window: Any = None
        self._mouse = MouseSamples()
        self._wraps: dict[tuple[Any, str], Any] = {}
        self._bound: list[tuple[Any, str, Any]] = []

    def install(self, loop: Any) -> str:
        """Install the hooks in an event loop; return the mode."""
        self._loop = loop
        self.mode = "raw" if sees_raw_samples() else "merged"
        if self.mode == "raw":
            self._wrap(loop, "_dispatch_input", self._make_poll)
            self._wrap(loop, "post_dispatch_input", self._make_dispatch)
        if loop.window is not None:
            self._attach()
        else:
            self._bind(loop, "on_start", self._guard(self._attach))
        return self.mode

    def uninstall(self) -> None:
        """Remove the hooks; those that something else has wrapped stay and do nothing."""
        self.mode = None
        for owner, name, function in self._bound:
            owner.funbind(name, function)
        self._bound.clear()
        for (owner, name), wrap in self._wraps.items():
            if owner.__dict__.get(name) is wrap:
                # The former attribute is the class's own method, or an earlier wrap of somebody else.
                if wrap.earlier is None:
                    delattr(owner, name)
                else:
                    setattr(owner, name, wrap.earlier)
        self._wraps.clear()
        self._window = None

    def _attach(self, *_: Any) -> None:
        """Bind to the window, which may come later."""
        window = self._loop.window
        if window is None or self._window is not None or self.mode is None:
            return
        self._window = window
        self._wrap(window, "on_touch_down", self._make_touch_down)
        if self.mode == "raw":
            for name in ("on_mouse_down", "on_mouse_move", "on_mouse_up"):
                self._bind(window, name, self._guard(getattr(self._mouse, name)))
        else:
            self._bind(window, "on_motion", self._guard(self._on_motion))

    def _bind(self, owner: Any, name: str, function: Any) -> None:
        owner.fbind(name, function)
        self._bound.append((owner, name, function))

    def _wrap(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        wrap = make(getattr(owner, name))
        wrap.earlier = owner.__dict__.get(name)
        self._wraps[owner, name] = wrap
        setattr(owner, name, wrap)

    # Raw samples

    def _make_poll(self, original: Any) -> Any:
        poll, mouse = self._strokes.poll, self._mouse

        def _dispatch_input(*event: Any) -> Any:
            if self.mode is not None:
                try:
                    kind, me = event
                    if me.is_touch:
                        sample = mouse.take(kind, me) if me.device == "mouse" else None
                        poll(sample or _sample(kind, me))
                except Exception as error:  # noqa: BLE001 - any error: the app's main loop continues
                    self._guard.trip(error)
            return original(*event)

        return _dispatch_input

    def _make_dispatch(self, original: Any) -> Any:
        def post_dispatch_input(etype: str, me: Any) -> Any:
            if self.mode is not None and me.is_touch:
                try:
                    self._before(etype, me)
                except Exception as error:  # noqa: BLE001 - as above
                    self._guard.trip(error)
            try:
                return original(etype, me)
            finally:
                # Also where a handler raised: the user's gesture is recorded, then the error continues.
                if etype != "update" and self.mode is not None and me.is_touch:
                    try:
                        self._after(etype, me)
                    except Exception as error:  # noqa: BLE001 - as above
                        self._guard.trip(error)

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
            if self.mode is not None:
                stroke = self._strokes.open.get(touch.uid)
                if stroke is not None:
                    stroke.consumed = bool(result)
            return result

        return on_touch_down

    # Merged samples

    def _on_motion(self, _window: Any, kind: str, event: Any) -> None:
        """Process a merged event before the app does; an UP is judged after the app had it."""
        if self.mode is None or not event.is_touch:
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
        self._samples: deque[tuple[str, float, float, str, int]] = deque(maxlen=1024)

    def on_mouse_down(self, window: Any, x: float, y: float, button: str, _modifiers: Any) -> None:
        """Note where and when the button went down (px of the window, y downwards)."""
        self._samples.append(("begin", *_fraction(window, x, y), button, now_ns()))

    def on_mouse_move(self, window: Any, x: float, y: float, _modifiers: Any) -> None:
        """Note where the mouse went."""
        self._samples.append(("update", *_fraction(window, x, y), "", now_ns()))

    def on_mouse_up(self, window: Any, x: float, y: float, button: str, _modifiers: Any) -> None:
        """Note where the button was released."""
        self._samples.append(("end", *_fraction(window, x, y), button, now_ns()))

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
        for name in _WRAPPED:
            getattr(loop, name)
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
        base = import_module("kivy.input.motionevent").MotionEvent

        def depack(self: Any, args: tuple[float, float]) -> None:
            self.sx, self.sy = args
            base.depack(self, args)

        touch = type("Touch", (base,), {"depack": depack})(
            "capture self-test", 0, (0.25, 0.5), is_touch=True, type_id="touch"
        )
        dispatch_fn("begin", touch)
        touch.move((0.5, 0.5))
        dispatch_fn("update", touch)
        touch.move((0.75, 0.5))
        dispatch_fn("end", touch)


def _sample(kind: str, event: Any) -> Sample:
    exact = getattr(event, "capture_time_ns", None)
    if exact is not None:
        return Sample(kind, event, event.sx, event.sy, exact, exact=True)
    return Sample(kind, event, event.sx, event.sy, now_ns())


def _fraction(window: Any, x: float, y: float) -> tuple[float, float]:
    sx, down = window.to_normalized_pos(x, y)
    return sx, 1.0 - down
