"""A scripted visit of the shop: touches come in through an input provider, as those of a finger do."""

from collections.abc import Callable, Iterator
from typing import Any

from kivy.base import EventLoop
from kivy.clock import Clock
from kivy.input.motionevent import MotionEvent
from kivy.uix.widget import Widget
from shop import ShopApp

#: After each stroke: a screen has come to rest, and no tap is taken for a double one.
_PAUSE_S = 0.3


class Finger(MotionEvent):
    """A touch of the tour."""

    def depack(self, args: tuple[float, float]) -> None:
        """Take the position (0 to 1, y up)."""
        self.sx, self.sy = args
        self.profile = ["pos"]
        super().depack(args)


class Tour:
    """Visits every screen and buys two boats.

    Parameters
    ----------
    app : ShopApp
    """

    def __init__(self, app: ShopApp) -> None:
        self._app = app
        self._events: list[tuple[float, str, Finger, tuple[float, float]]] = []
        self._steps = self._visit()

    def start(self) -> None:
        """Visit the shop when it runs; it stops at the end."""
        EventLoop.add_input_provider(self)
        self._app.bind(on_start=lambda _: Clock.schedule_interval(self._next, _PAUSE_S))

    def stop(self) -> None:
        """End; the event loop calls this."""

    def update(self, dispatch_fn: Callable[[str, Any], None]) -> None:
        """Give the event loop what the finger did since the last frame."""
        while self._events and self._events[0][0] <= Clock.get_time():
            _, kind, touch, place = self._events.pop(0)
            if kind != "begin":
                touch.move(place)
            dispatch_fn(kind, touch)

    def _next(self, _: float) -> bool:
        if not self._events and next(self._steps, None) is None:
            self._app.stop()
            return False
        return True

    def _visit(self) -> Iterator[bool]:
        ids = self._ids
        yield self._tap(ids("home").opening_hours)
        yield self._swipe(ids("home").offers, -0.6, 0)
        yield self._tap(self._named("go_catalogue"))
        yield self._swipe(ids("catalogue").feed, 0, 0.4)
        yield self._press(ids("catalogue").feed)
        yield self._tap(self._named("go_catalogue"))
        yield self._tap(ids("catalogue").feed)
        yield self._drag(ids("product").amount, 0.08)
        yield self._tap(ids("product").add)
        yield self._tap(ids("checkout").buy)
        yield self._tap(self._app.root_window.children[0].ids.confirm)

    def _ids(self, screen: str) -> Any:
        return self._app.root.get_screen(screen).ids

    def _named(self, analytics_id: str) -> Widget:
        screen = self._app.root.current_screen
        return next(each for each in screen.walk() if getattr(each, "analytics_id", "") == analytics_id)

    def _tap(self, widget: Widget) -> bool:
        return self._stroke(widget, 0, 0, 0.08, 2)

    def _press(self, widget: Widget) -> bool:
        return self._stroke(widget, 0, 0, 0.8, 2)

    def _swipe(self, widget: Widget, dx: float, dy: float) -> bool:
        return self._stroke(widget, dx, dy, 0.07, 15)

    def _drag(self, widget: Widget, dx: float) -> bool:
        return self._stroke(widget, dx, 0, 0.8, 30)

    def _stroke(self, widget: Widget, dx: float, dy: float, seconds: float, count: int) -> bool:
        """Plan a stroke from the widget's middle; dx and dy are fractions of the window."""
        window = EventLoop.window
        x, y = widget.to_window(*widget.center)
        sx, sy = x / (window.width - 1) - dx / 2, y / (window.height - 1) - dy / 2
        touch = Finger("tour", 1, (sx, sy), is_touch=True, type_id="touch")
        start = Clock.get_time()
        for step in range(count):
            part = step / (count - 1)
            kind = "begin" if step == 0 else "end" if step == count - 1 else "update"
            self._events.append((start + part * seconds, kind, touch, (sx + part * dx, sy + part * dy)))
        return True
