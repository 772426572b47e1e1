"""The shop of the examples, driven a frame at a time: ``kivy_shop.py with|without|record|play FOLDER``.

Every call of a widget's touch handler is written down, and what the app did.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "examples" / "kivy_shop"))

from kivy.base import EventLoop
from kivy.clock import Clock
from kivy.config import Config
from kivy.core.window import Window
from kivy.uix.widget import Widget
from lab import Touch, collect, config, give
from shop import ShopApp

from capture.integrations import kivy as integration

mode, folder = sys.argv[1], Path(sys.argv[2])
# By the clock, a loaded machine would scroll where another presses.
Config.set("widgets", "scroll_timeout", "2000")
calls, actions, frames = [], [], []


def watch(name):
    original = getattr(Widget, name)

    def handler(self, touch):
        calls.append([name, type(self).__name__, round(touch.x), round(touch.y), len(touch.grab_list)])
        return original(self, touch)

    setattr(Widget, name, handler)


class Steady:
    """A clock that goes by frames, a sixtieth of a second each, however busy the machine is."""

    def __init__(self):
        self.now = Clock.time()
        Clock.time, Clock.idle = self.time, self.idle

    def time(self):
        return self.now

    def idle(self):
        self.now += 1 / 60
        Clock._dt, Clock._last_tick = 1 / 60, self.now
        return self.now


class Frames:
    """Gives a plan of events a frame at a time; several events of a frame are merged by Kivy."""

    def __init__(self, plan):
        self.plan = plan
        self.wait = 20

    def start(self):
        pass

    def stop(self):
        pass

    def update(self, dispatch_fn):
        if self.wait:
            self.wait -= 1
            return
        step = next(self.plan, None)
        if step is None:
            Clock.schedule_once(lambda _: app.stop(), 0)
        elif isinstance(step, int):
            self.wait = step
        else:
            for kind, touch, place in step:
                if kind != "begin":
                    touch.move(place)
                dispatch_fn(kind, touch)


def stroke(points):
    """Return a stroke's events, two a frame."""
    width, height = Window.size
    places = [(x / (width - 1), y / (height - 1)) for x, y in points]
    touch = Touch("finger", 1, places[0], is_touch=True, type_id="touch")
    kinds = ["begin", *["update"] * (len(places) - 2), "end"]
    events = [(kind, touch, place) for kind, place in zip(kinds, places, strict=True)]
    return [events[start : start + 2] for start in range(0, len(events), 2)]


def tap(widget):
    x, y = widget.to_window(*widget.center)
    return [*stroke([(x, y), (x, y), (x, y)]), 25]


def swipe(widget, dx, dy):
    x, y = widget.to_window(*widget.center)
    return [*stroke([(x + dx * step / 9, y + dy * step / 9) for step in range(10)]), 40]


def named(analytics_id):
    return next(
        each for each in app.root.current_screen.walk() if getattr(each, "analytics_id", "") == analytics_id
    )


def visit():
    def ids(screen):
        return app.root.get_screen(screen).ids

    # No kinetic scrolling: it goes by the time between frames, which is never the same.
    ids("catalogue").feed.effect_x = ids("catalogue").feed.effect_y = None
    ids("home").offers.scroll_timeout = 2000
    if mode == "record":
        yield from swipe(ids("home").offers, -100, 0)
        yield from tap(named("go_catalogue"))
        yield from tap(ids("catalogue").feed)
        return
    yield from tap(ids("home").opening_hours)
    yield from swipe(ids("home").offers, -300, 0)
    yield from tap(named("go_catalogue"))
    yield from swipe(ids("catalogue").feed, 0, 200)
    yield from tap(ids("catalogue").feed)
    yield from swipe(ids("product").amount, 150, 0)
    yield from tap(ids("product").add)
    yield from tap(ids("checkout").buy)
    yield from tap(app.root_window.children[0].ids.confirm)


class Shop(ShopApp):
    kv_directory = str(Path(__file__).parents[3] / "examples" / "kivy_shop")

    def get_application_name(self):
        return "Shop"

    def show(self, screen):
        actions.append(["show", screen])
        super().show(screen)

    def add(self, price, amount):
        actions.append(["add", price, amount])
        super().add(price, amount)


for name in ("on_touch_down", "on_touch_move", "on_touch_up"):
    watch(name)
if mode in {"with", "without"}:
    Steady()
app = Shop(on_sale=lambda total: actions.append(["sale", total]))
result = {}
if mode != "without":
    cap = integration.capture_app(app, config())
    strokes = collect(cap)
if mode == "record":
    Window.clearcolor = (0, 0.3, 0, 1)  # so that black is what was blacked out
    recording = integration.record(cap, folder / "visit.touch.jsonl", screenshots=True)
    overlay = integration.show_overlay(cap)
if mode == "play":
    speed = float(sys.argv[3])
    integration.play(
        folder / "visit.touch.jsonl", speed=speed, on_end=lambda: Clock.schedule_once(app.stop, 0.3)
    )
else:
    EventLoop.add_input_provider(Frames(visit()))
# After the first frames, which load pictures and fonts.
Clock.schedule_once(lambda _: Clock.schedule_interval(frames.append, 0), 0.3)
app.run()
if mode != "without":
    result["strokes"] = strokes
if mode == "record":
    result["overlay"] = overlay.text
give(calls=calls, actions=actions, slowest_frame_s=max(frames, default=0), **result)
