"""A day in the shop with a real mouse: over HTTP into the collector, with a kill in the middle."""

import signal
import subprocess
import sys
import threading

import msgspec
import pytest
from host_processes import ROOT, environment

from capture.collector import Collector, Fault
from capture.formats import native
from capture.store import buffer

pytest.importorskip("kivy", reason="kivy is not installed")

CONFIG = """
[project]
id = 8
app_id = "boats"
[buffer]
path = "{folder}/store"
flush_interval_s = 0.3
[privacy]
opted_in = true
[[sinks]]
type = "http"
url = "{url}"
"""

#: The shop, with a file that is there after a frame in which no screen slides in.
SHOP = """
import runpy, sys
from pathlib import Path
from kivy.app import App
from kivy.clock import Clock
still, shop = Path(sys.argv.pop()), sys.argv.pop()
def look(_):
    root = getattr(App.get_running_app(), "root", None)
    if root is not None and not root.transition.is_active:
        still.touch()
Clock.schedule_interval(look, 0)
runpy.run_path(shop, run_name="__main__")
"""

#: Places in the window, whose corner is at (50, 50).
HOME, CATALOGUE, BASKET = (183, 622), (450, 622), (716, 622)
MIDDLE, HOURS, ADD, CONFIRM = (450, 350), (450, 460), (450, 565), (600, 350)


def until(condition, seconds=120.0):
    waiting = threading.Event()
    for _ in range(int(seconds / 0.05)):
        if condition():
            return
        waiting.wait(0.05)
    pytest.fail("it did not happen in time")


decode = msgspec.json.Decoder(native.WireEvent).decode


class Day:
    def __init__(self, display, folder, collector):
        self.display = display
        self.collector = collector
        self.config = folder / "capture.toml"
        self.config.write_text(CONFIG.format(folder=folder, url=collector.url))
        self.store = folder / "store"
        self.still = folder / "still"

    def events(self):
        return [decode(payload) for payload in list(self.collector.events.values())]

    def open(self):
        before = self.count("AppStart")
        shop = ROOT / "examples" / "kivy_shop"
        process = subprocess.Popen(
            [sys.executable, "-c", SHOP, "--config", self.config, shop, self.still],
            env=environment(KIVY_HOME=str(self.config.parent), **self.display.environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        until(lambda: self.count("AppStart") > before and "ScreenView" in self.names_since_start())
        return process

    def count(self, name):
        return sum(type(event).__name__.removesuffix("Wire") == name for event in self.events())

    def names_since_start(self):
        names = [type(event).__name__.removesuffix("Wire") for event in self.events()]
        return names[len(names) - names[::-1].index("AppStart") :]

    def recorded(self):
        """Return the ids of everything that was recorded: delivered, or in the store."""
        pending = {event.event_id for event in buffer.export(self.store)}
        return pending | set(self.collector.events)

    def click(self, *places):
        """Click at places; each with the number of events that come of it."""
        for (x, y), count in places:
            expected = len(self.recorded()) + count
            self.display.mouse("mousemove", x, y, "mousedown", 1, "sleep", 0.05, "mouseup", 1)
            until(lambda expected=expected: len(self.recorded()) >= expected)
            # A screen slides in; the mock of a person waits for it.
            self.still.unlink(missing_ok=True)
            until(self.still.exists)


@pytest.fixture(scope="module")
def day(displays, tmp_path_factory):
    with Collector() as collector:
        day = Day(displays[0], tmp_path_factory.mktemp("day"), collector)
        morning = day.open()
        try:
            day.click((HOURS, 1), (CATALOGUE, 2))
            until(lambda: day.count("Tap") == 2)
            # The network goes, a boat is bought, and the app is killed.
            collector.fail(Fault(status=503))
            day.click((MIDDLE, 2), (ADD, 2), (MIDDLE, 1), (CONFIRM, 3))
            morning.send_signal(signal.SIGKILL)
        finally:
            morning.kill()
            morning.communicate()
        day.before_kill = len(collector.events)
        collector.fail(None)
        evening = day.open()
        try:
            day.click((BASKET, 2))
            day.display.mouse("key", "Escape")
            output, errors = evening.communicate(timeout=300)
            assert evening.returncode == 0, errors
            day.output = output.decode()
        finally:
            evening.kill()
        yield day


def test_nothing_is_lost_and_nothing_comes_twice(day):
    seen = [
        (type(event).__name__.removesuffix("Wire"), event.url.partition("title=")[2])
        for event in day.events()
    ]

    assert seen == [
        ("AppStart", ""),
        ("AppShow", ""),
        ("ScreenView", "home"),
        ("Tap", "home"),
        ("Tap", "home"),  # what a tap causes comes after it
        ("ScreenView", "catalogue"),
        ("Tap", "catalogue"),
        ("ScreenView", "product"),
        ("Tap", "product"),
        ("ScreenView", "checkout"),
        ("Tap", "checkout"),
        ("Tap", "checkout"),
        ("Transaction", "checkout"),
        ("ScreenView", "home"),
        # killed here
        ("AppStart", ""),
        ("AppShow", ""),
        ("ScreenView", "home"),
        ("Tap", "home"),
        ("ScreenView", "checkout"),
        ("AppHide", "checkout"),
    ]


def test_the_kill_was_in_the_middle_of_it(day):
    assert day.before_kill == 6


def test_targets(day):
    taps = [event for event in day.events() if type(event).__name__.removesuffix("Wire") == "Tap"]
    ids = [tap.target_id for tap in taps]

    assert ids == ["opening_hours", "go_catalogue", ids[2], "add", "buy", "confirm", "go_checkout"]
    assert ids[2].startswith("boat_")
    assert [tap.responsive for tap in taps] == [False, True, True, True, True, True, True]
    assert taps[3].target_path == "[root]>ScreenManager>ProductScreen#product>BoxLayout>Button#add>"


def test_one_session_goes_on_after_the_kill(day):
    events = day.events()

    assert {event.session_number for event in events} == {1}
    # Screens are counted on: five before the kill, two after it.
    assert [
        event.screen_count for event in events if type(event).__name__.removesuffix("Wire") == "ScreenView"
    ] == [*range(1, 8)]


def test_the_app_says_at_its_end_that_everything_was_delivered(day):
    assert "delivered" in day.output
