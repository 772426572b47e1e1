"""A Qt app without a display: each touch once, targets, verdicts, nothing consumed."""

import json
import subprocess
import sys

import pytest
from host_processes import SCRIPTS, environment

pytest.importorskip("PySide6.QtWidgets", reason="PySide6 is not installed", exc_type=ImportError)


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    done = subprocess.run(
        [sys.executable, SCRIPTS / "qt_app.py", tmp_path_factory.mktemp("qt")],
        env=environment(QT_QPA_PLATFORM="offscreen"),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1].removeprefix("RESULT "))


def test_each_touch_once_with_target_and_verdict(result):
    assert [stroke[:5] for stroke in result["found"]] == [
        ["TAP", "NONE", "[root]>QWidget>QLabel>", "", False],
        ["TAP", "NONE", "[root]>QWidget>QPushButton#buy>", "buy", True],
        ["TAP", "NONE", "[root]>QWidget>QPushButton[1]>", "", True],
        ["FLING", "RIGHT", "[root]>QWidget>QLabel>", "", False],
        # A finger: the mouse that Qt makes of it is not a second one.
        ["TAP", "NONE", "[root]>QWidget>QPushButton#buy>", "buy", True],
    ]


def test_times_are_the_stamps_of_the_events(result):
    # QTest moves its clock by 1 ms for each event of the mouse.
    assert result["found"][3][5] == 10.0


def test_the_app_gets_every_event(result):
    assert result["pressed"] == ["clicked"] * 3


def test_other_buttons_touch_nothing(result):
    assert result["others"] == 0


def test_a_disabled_widget_is_dead(result):
    assert result["disabled"] == ["", False]


def test_two_fingers_are_a_chord(result):
    assert result["chords"]["tap"] == 1


def test_a_lost_release_spoils_nothing(result):
    assert result["odd"][-1] == ["TAP", "NONE", "buy"]


def test_a_mouse_that_stays_down_changes_no_verdict_of_a_finger(result):
    label, button = "[root]>QWidget>QLabel>", "[root]>QWidget>QPushButton#buy>"

    assert result["verdicts"] == [[button, True], [label, False], [label, None]]


def test_uninstalled_it_sees_nothing(result):
    assert result["after"] == 0


def test_the_window_is_told(result):
    assert result["screen"] == [400, 300, 0]


ORDER = """
import json, sys
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton, QVBoxLayout, QWidget
from capture.integrations.pyside6 import QtHost
from capture.testing import decode_batches, memory_capture

app = QApplication([])
window = QWidget()
button = QPushButton("next")
QVBoxLayout(window).addWidget(button)
window.resize(400, 300)
window.show()
QTest.qWaitForWindowExposed(window)
cap, sink = memory_capture(sys.argv[1])
host = QtHost(cap, app)
cap.screen_view("start")
pages = []

def go():
    pages.append(1)
    cap.screen_view(f"page {len(pages)}")
    if len(pages) % 2 == 0:
        raise ValueError("a handler of the app")

button.clicked.connect(go)
handle, place = window.windowHandle(), button.mapTo(window, button.rect().center())
for _ in range(6):
    QTest.mouseClick(handle, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place)
panel = QTest.createTouchDevice()
for _ in range(4):
    QTest.touchEvent(handle, panel).press(0, place, handle).commit()
    QTest.touchEvent(handle, panel).release(0, place, handle).commit()
cap.flush(30.0)
events = [event for batch in decode_batches(sink.batches) for event in batch.events]
kinds = [type(event).__name__.removesuffix("Wire") for event in events]
sys.stdout.write("RESULT " + json.dumps([kind for kind in kinds if kind in ("Tap", "ScreenView")]) + "\\n")
cap.close()
"""


def test_what_a_tap_causes_comes_after_it(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", ORDER, tmp_path],
        env=environment(QT_QPA_PLATFORM="offscreen"),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1].removeprefix("RESULT "))

    assert found == ["ScreenView", *["Tap", "ScreenView"] * 10]
