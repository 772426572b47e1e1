"""One app, many checks: verdicts, targets, screens, the lifecycle, odd devices, failures."""

import sys

from kivy.base import EventLoop
from kivy.core.window import Window
from kivy.lang import Builder
from kivy.uix.label import Label
from kivy.uix.popup import Popup
from kivy.uix.screenmanager import NoTransition, Screen, ScreenManager
from lab import Finger, Lab, collect, config, give

from capture import DeviceConfig, PrivacyConfig
from capture.integrations import kivy as integration
from capture.integrations.kivy import hooks
from capture.testing import decode_batches

MERGED = "merged" in sys.argv
if MERGED:
    hooks.sees_raw_samples = lambda: False

KV = """
#:import NoTransition kivy.uix.screenmanager.NoTransition
ScreenManager:
    transition: NoTransition()
    Screen:
        name: 'home'
        BoxLayout:
            orientation: 'vertical'
            Label:
                id: dead
            Button:
                id: alive
            ScrollView:
                id: feed
                GridLayout:
                    id: rows
                    cols: 1
                    size_hint_y: None
                    height: 2000
                    Label:
                        analytics_id: 'row > #1'
                    Button:
            Slider:
                id: volume
            TextInput:
                id: secret
                password: True
            Switch:
                id: dark
            Button:
                id: off
                disabled: True
    Screen:
        name: 'nested'
        ScreenManager:
            id: inner
            transition: NoTransition()
            Screen:
                name: 'first'
            Screen:
                name: 'second'
"""
result = {}


def widget(name):
    return app.root.ids[name].__self__


def make_root():
    return Builder.load_string(KV)


def taps(lab):
    rows = app.root.ids.rows.children[::-1]
    everything = [widget(name) for name in ("dead", "alive")] + list(rows)
    everything += [widget(name) for name in ("volume", "secret", "dark", "off")]
    for each in everything:
        if each in rows:
            # The middle of a row is far below; its top is in the view.
            x, y = each.to_window(each.center_x, each.top)
            feed = app.root.ids.feed
            feed.scroll_y = 1.0 if each is rows[0] else 0.0
            yield 0.05
            x, y = feed.to_window(*feed.center)
            lab.finger.tap_at(x, y)
        else:
            lab.finger.tap(each)
        yield 0.2
    popup = Popup(title="Sure?", content=Label(text="?"), size_hint=(0.4, 0.4), auto_dismiss=False)
    popup.open(animation=False)
    yield 0.1
    lab.finger.tap(widget("alive"))
    yield 0.15
    popup.dismiss(animation=False)
    yield 0.1


def devices(lab):
    """Wheel, hover, twins, a driver of tests, an exclusive grab: (strokes after each)."""
    counts = result["devices"] = {}
    before = len(strokes)
    lab.finger.stroke([(50, 590), (50, 590)], 0.03, button="scrollup")
    yield 0.15
    counts["wheel"] = len(strokes) - before

    other = Finger("mtdev")
    lab.finger.tap(widget("dead"))
    other.tap(widget("dead"))
    yield 0.2
    counts["twins"] = len(strokes) - before

    from kivy.tests.common import UnitTestTouch

    touch = UnitTestTouch(*widget("dead").center)
    touch.touch_down()
    touch.touch_move(touch.x + 200, touch.y)
    touch.touch_up()
    yield 0.1
    counts["driver"] = len(strokes) - before
    result["driver"] = strokes[-1][0]["kind"]

    grabbing = Label(on_touch_down=lambda button, touch: touch.grab(button, exclusive=True) or True)
    Window.add_widget(grabbing)
    yield 0.05
    lab.finger.tap_at(100, 300)
    yield 0.15
    Window.remove_widget(grabbing)
    # In merged mode the UP is noticed with the next touch.
    lab.finger.tap(widget("dead"))
    yield 0.2
    counts["exclusive"] = len(strokes) - before


def screens(lab):
    app.root.current = "nested"
    yield 0.05
    app.root.ids.inner.current = "second"
    yield 0.05
    app.root.current = "home"
    app.root.ids.inner.current = "first"  # not shown: no screen view
    yield 0.05
    late = ScreenManager(transition=NoTransition())
    late.add_widget(Screen(name="popup page"))
    popup = Popup(content=late)
    popup.open(animation=False)
    yield 0.1
    late.add_widget(Screen(name="popup page 2"))
    late.current = "popup page 2"
    yield 0.05
    popup.dismiss(animation=False)
    yield 0.1


def lifecycle(lab):
    lab.finger.stroke([(50, 590), (50, 590)], 1.0)
    yield 0.1
    ended = cap.stats.gestures.get("none", 0)
    app.dispatch("on_pause")
    result["canceled_by_pause"] = cap.stats.gestures.get("none", 0) - ended
    yield 0.05
    app.dispatch("on_resume")
    yield 1.0
    Window.size = (300, 500)
    yield 0.1
    facts = cap.device
    result["turned"] = [facts.width, facts.height, facts.orientation]


def failure(lab):
    """The app's tree turns out to be strange: the capture stops, the app does not."""
    integration.show_overlay(cap)
    before = len(strokes)
    lab.finger.tap(widget("dead"))
    while len(strokes) == before:  # else a busy machine ends it behind the failure
        yield 0.05
    overlays = result["overlays"] = [len(Window.canvas.after.children)]

    class Strange(Label):
        def collide_point(self, *_):
            if strange.armed:
                strange.armed = False
                raise ZeroDivisionError("strange")
            return True

    strange = Strange()
    strange.armed = True
    Window.add_widget(strange)
    strange.bind(on_touch_down=lambda *_: result.setdefault("app_goes_on", True))
    before = len(strokes)
    lab.finger.tap_at(100, 300)
    yield 0.15
    lab.finger.tap_at(100, 300)
    yield 0.15
    result["after_failure"] = [cap.stats.hook, len(strokes) - before]
    integration.hide_overlay()
    overlays.append(len(Window.canvas.after.children))
    Window.remove_widget(strange)


def plan(lab):
    result["hook"] = cap.stats.hook
    yield from taps(lab)
    result["taps"] = strokes.copy()
    if not MERGED:
        yield from screens(lab)
        yield from lifecycle(lab)
    yield from devices(lab)
    result["ignored"] = host.strokes.twins
    if not MERGED:
        yield from failure(lab)
    integration.uninstall()
    result["attributes"] = sorted(
        {"_dispatch_input", "post_dispatch_input", "on_touch_down"}
        & (set(EventLoop.__dict__) | set(Window.__dict__))
    )
    yield 0.05


app = Lab(make_root, plan)
cap = integration.capture_app(
    app,
    config(
        device=DeviceConfig(os_version="1", connectivity=1, language="en_US", timezone="UTC"),
        privacy=PrivacyConfig(opted_in=False),
    ),
)
assert cap.stats.hook in {"raw", "merged"}
cap.opt_in()
host = integration._installed
strokes = collect(cap)
app.run()
batches = decode_batches(cap.sinks["memory"].batches)
result["events"] = [
    [type(each).__name__.removesuffix("Wire"), each.url] for batch in batches for each in batch.events
]
result["titles"] = [
    [each.title, each.url]
    for batch in batches
    for each in batch.events
    if type(each).__name__.removesuffix("Wire") == "ScreenView"
]
result["stops"] = app.calls.count("on_stop")
give(**result)
