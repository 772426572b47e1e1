"""The demo page in headless Chromium, with real touch input. Skipped where there is no Chromium."""

import math
import os
import shutil
import statistics
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("uvicorn", reason="needs the extra [demo]")
webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium to drive a browser")

from selenium.webdriver.chrome.service import Service  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

from capture.demo.server import DemoServer  # noqa: E402

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
if not CHROMIUM or not DRIVER:
    pytest.skip("there is no chromium with its chromedriver on this machine", allow_module_level=True)

PICTURE = Path(__file__).parents[2] / "docs" / "demo.png"
WITHIN_S = 60


class Page:
    """The page, and fingers on it, with times of their own: a busy machine changes no stroke."""

    def __init__(self, browser):
        self.browser = browser
        self._now_s = time.time()

    def touch(self, kind, *points, after_ms=10.0):
        self._now_s += after_ms / 1000
        touches = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        values = {"type": kind, "touchPoints": touches, "timestamp": self._now_s}
        self.browser.execute_cdp_cmd("Input.dispatchTouchEvent", values)

    def stroke(self, *paths, step_ms=10.0, hold_ms=0.0, after_ms=500.0):
        """Move one finger for each path at once."""
        self.touch("touchStart", *(path[0] for path in paths), after_ms=after_ms)
        self._now_s += hold_ms / 1000
        for places in zip(*(path[1:] for path in paths), strict=True):
            self.touch("touchMove", *places, after_ms=step_ms)
        before = self.gestures()
        self.touch("touchEnd", after_ms=0)
        wanted = len(before) + len(paths)
        WebDriverWait(self.browser, WITHIN_S, poll_frequency=0.02).until(
            lambda _: len(self.gestures()) >= wanted
        )
        return self.gestures()[len(before) :]

    def gestures(self):
        return self.browser.execute_script("return window.demo.gestures")

    def chords(self):
        return self.browser.execute_script("return window.demo.chords")

    def text(self, element):
        return self.browser.execute_script(
            "return document.getElementById(arguments[0]).textContent", element
        )


def line(start, end, steps):
    (x0, y0), (x1, y1) = start, end
    return [(x0 + (x1 - x0) * at / steps, y0 + (y1 - y0) * at / steps) for at in range(steps + 1)]


def circle(x, y, radius, steps):
    turns = [2 * math.pi * at / steps for at in range(steps + 1)]
    return [(x + radius * math.cos(turn), y + radius * math.sin(turn)) for turn in turns]


@pytest.fixture(scope="module")
def page():
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with DemoServer() as server:
        browser = webdriver.Chrome(options=options, service=Service(DRIVER))
        try:
            size = {"width": 1240, "height": 760, "deviceScaleFactor": 1, "mobile": False}
            browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            browser.execute_cdp_cmd(
                "Emulation.setTouchEmulationEnabled", {"enabled": True, "maxTouchPoints": 5}
            )
            browser.get(server.url)
            opened = Page(browser)
            WebDriverWait(browser, WITHIN_S).until(lambda _: opened.text("state") == "connected")
            yield opened
        finally:
            browser.quit()


def classes(gestures):
    return [(gesture["kind"], gesture["reason"], gesture["direction"]) for gesture in gestures]


def test_a_tap(page):
    found = page.stroke([(120, 160)], hold_ms=40)

    assert classes(found) == [("tap", "recognized", "none")]
    assert page.text("kind") == "tap"


def test_a_long_press(page):
    found = page.stroke([(120, 260)], hold_ms=620)

    assert classes(found) == [("long_press", "recognized", "none")]
    assert page.text("kind") == "long press"


def test_a_drag(page):
    found = page.stroke(line((250, 160), (310, 160), 30), step_ms=30)

    assert classes(found) == [("drag", "recognized", "right")]
    assert page.text("reason") == "right"


def test_a_fling(page):
    found = page.stroke(line((420, 420), (420, 180), 8))

    assert classes(found) == [("fling", "recognized", "up")]


def test_a_circle(page):
    found = page.stroke(circle(640, 280, 70, 24))

    assert classes(found) == [("fling", "recognized", "complex_pattern")]
    assert page.text("reason") == "complex pattern"


def test_three_taps_are_a_run_and_a_rage_tap(page):
    for _ in range(3):
        found = page.stroke([(700, 200)], hold_ms=20, after_ms=100)

    assert (found[0]["rage"], found[0]["tap_count"]) == (True, 3)
    assert page.text("marks") == "rage" + "tap 3 of a run"


def test_a_two_finger_pinch(page):
    found = page.stroke(line((180, 420), (240, 500), 10), line((340, 620), (280, 540), 10))

    assert classes(found) == [("none", "multi_touch", "none")] * 2
    chord = page.chords()[-1]
    assert (chord["kind"], chord["fingers"]) == ("pinch", 2)
    assert page.text("kind").startswith("pinch \N{MULTIPLICATION SIGN}0.")


def test_a_rotation_is_shown_while_it_lasts(page):
    turns = [math.pi * at / 40 for at in range(21)]
    places = [(300 + 90 * math.cos(turn), 400 + 90 * math.sin(turn)) for turn in turns]
    others = [(600 - x, 800 - y) for x, y in places]
    page.touch("touchStart", places[0], others[0])
    for pair in zip(places[1:], others[1:], strict=True):
        page.touch("touchMove", *pair)
    WebDriverWait(page.browser, WITHIN_S).until(lambda _: page.text("reason") == "2 fingers down")
    WebDriverWait(page.browser, WITHIN_S).until(lambda _: page.text("kind").endswith(" 90°"))
    known = len(page.chords())
    page.touch("touchEnd")
    WebDriverWait(page.browser, WITHIN_S).until(lambda _: len(page.chords()) > known)

    chord = page.chords()[-1]
    assert chord["kind"] == "rotate"
    assert chord["rotation"] == pytest.approx(90, abs=6)


def test_the_target_and_a_dead_tap_are_known(page):
    box = page.browser.find_element("id", "card").rect
    [tap] = page.stroke([(box["x"] + 20, box["y"] + 20)], hold_ms=30)

    assert (tap["event"]["tvid"], tap["event"]["ur"]) == ("card", False)
    assert page.text("marks") == "dead tap"
    assert "target" + "card" in page.text("measures")
    assert tap["event"]["tvp"] == "[root]>main>section#pad>div>div#card>"


def test_the_batch_fills_and_is_delivered(page):
    def delivered(_):
        return page.browser.execute_script("return window.demo.batches.some((batch) => batch.sent)")

    for number in range(10):
        page.stroke([(480 + 15 * number, 560)], hold_ms=20)
    WebDriverWait(page.browser, WITHIN_S).until(delivered)


def test_the_class_is_shown_within_100_ms_in_the_median_of_20(page):
    page.browser.execute_script("window.demo.latencies.length = 0")
    for number in range(20):
        page.stroke(line((60 + 30 * number, 640), (80 + 30 * number, 700), 5), step_ms=4)
    latencies = page.browser.execute_script("return window.demo.latencies")
    if "CAPTURE_PICTURES" in os.environ:
        sys.stdout.write(f"class shown after {statistics.median(latencies):.1f} ms in the median\n")

    assert len(latencies) == 20
    assert statistics.median(latencies) <= 100


def test_another_dialect_calls_it_otherwise(page):
    choose = "const d = document.getElementById('dialect'); d.value = arguments[0];"
    choose += "d.dispatchEvent(new Event('change'))"
    way = line((250, 160), (268, 160), 6)

    def called(dialect):
        page.browser.execute_script(choose, dialect)
        WebDriverWait(page.browser, WITHIN_S).until(lambda _: page.text("state") == "connected")
        return page.stroke(way, step_ms=12)[0]["kind"]

    assert called("android") in {"drag", "fling"}
    assert called("contentsquare") == "tap"


def test_no_error_on_the_console(page):
    assert [entry for entry in page.browser.get_log("browser") if entry["level"] != "INFO"] == []


@pytest.mark.skipif(
    "CAPTURE_PICTURES" not in os.environ, reason="CAPTURE_PICTURES=1 makes the README's picture anew"
)
def test_the_picture_of_the_readme(page):
    page.browser.refresh()
    WebDriverWait(page.browser, WITHIN_S).until(lambda _: page.text("state") == "connected")
    page.stroke([(90, 190)], hold_ms=60)
    page.stroke([(90, 330)], hold_ms=640)
    page.stroke(line((200, 190), (262, 210), 30), step_ms=28)
    page.stroke(line((200, 330), (200, 480), 30), step_ms=60)
    page.stroke(line((330, 480), (420, 180), 9))
    page.stroke(line((140, 560), (190, 610), 9), line((270, 690), (220, 640), 9))
    page.stroke(circle(560, 330, 90, 30))
    assert page.browser.save_screenshot(str(PICTURE))
    assert PICTURE.stat().st_size > 10_000


@pytest.mark.skipif(
    "CAPTURE_PICTURES" not in os.environ, reason="CAPTURE_PICTURES=1 makes the pictures of the demo anew"
)
@pytest.mark.parametrize(
    ("name", "width", "height", "scheme"),
    [
        ("demo-dark", 1240, 760, "dark"),
        ("demo-phone", 390, 844, "light"),
        ("demo-phone-dark", 390, 844, "dark"),
    ],
)
def test_pictures_of_the_demo(page, name, width, height, scheme):
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    page.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    page.browser.refresh()
    WebDriverWait(page.browser, WITHIN_S).until(lambda _: page.text("state") == "connected")
    page.stroke([(90, 120)], hold_ms=60)
    page.stroke(line((60, 330), (60, 200), 9))
    box = page.browser.find_element("id", "card").rect
    for _ in range(3):
        page.stroke([(box["x"] + 20, box["y"] + 20)], hold_ms=20)
    page.stroke(line((200, 230), (150, 180), 9), line((260, 290), (330, 350), 9))
    path = PICTURE.parent / "images" / f"{name}.png"
    assert page.browser.save_screenshot(str(path))
