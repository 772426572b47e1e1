"""A Qt window without a display: mouse and touch, as QTest and the window system give them."""

import json
import sys

from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QSlider, QVBoxLayout, QWidget

from capture.integrations.pyside6 import QtHost
from capture.testing import memory_capture

app = QApplication([])
window = QWidget()
layout = QVBoxLayout(window)
label, button, slider = QLabel("dead"), QPushButton("alive"), QSlider(Qt.Orientation.Horizontal)
second = QPushButton("no name")
button.setObjectName("buy")
for widget in (label, button, second, slider):
    layout.addWidget(widget)
window.resize(400, 300)
window.show()
QTest.qWaitForWindowExposed(window)

pressed = []
button.clicked.connect(lambda: pressed.append("clicked"))
cap, sink = memory_capture(sys.argv[1])
host = QtHost(cap, app)
found = []
cap.on_gesture = lambda gesture, target: found.append(
    [gesture.kind.name, gesture.direction.name, target.path, target.id, target.responsive, gesture.duration]
)
handle = window.windowHandle()


def middle(widget):
    return widget.mapTo(window, widget.rect().center())


for widget in (label, button, second):
    QTest.mouseClick(handle, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, middle(widget))
QTest.mousePress(handle, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(50, 20))
for step in range(1, 10):
    QTest.mouseMove(handle, QPoint(50 + 20 * step, 20))
QTest.mouseRelease(handle, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(230, 20))

panel = QTest.createTouchDevice()
touch = QTest.touchEvent(handle, panel)
touch.press(0, middle(button), handle).commit()
QTest.qWait(30)
QTest.touchEvent(handle, panel).release(0, middle(button), handle).commit()
QTest.qWait(30)
normal = len(found)


def click(target, mouse_button=Qt.MouseButton.LeftButton):
    QTest.mouseClick(handle, mouse_button, Qt.KeyboardModifier.NoModifier, middle(target))


# Other buttons touch nothing, a disabled widget is dead, and a lost UP spoils nothing.
click(button, Qt.MouseButton.RightButton)
click(button, Qt.MouseButton.MiddleButton)
others = len(found) - normal
second.setEnabled(False)
click(second)
disabled = found[-1]
second.setEnabled(True)
touch = QTest.touchEvent(handle, panel)
touch.press(3, middle(label), handle).commit()
QTest.qWait(30)
QTest.touchEvent(handle, panel).press(4, middle(button), handle).commit()
QTest.qWait(30)
QTest.touchEvent(handle, panel).release(4, middle(button), handle).commit()
QTest.qWait(30)
odd = [stroke[:2] + stroke[3:4] for stroke in found[normal + 1 :]]
QTest.touchEvent(handle, panel).press(5, middle(label), handle).press(6, middle(button), handle).commit()
QTest.touchEvent(handle, panel).release(5, middle(label), handle).release(6, middle(button), handle).commit()
QTest.qWait(30)
# The release of a mouse may be lost: a drag and drop, a native menu.
chords, with_mouse = dict(cap.stats.chords), len(found)
QTest.mousePress(handle, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, middle(label))
for widget in (button, label):
    QTest.touchEvent(handle, panel).press(7, middle(widget), handle).commit()
    QTest.qWait(30)
    QTest.touchEvent(handle, panel).release(7, middle(widget), handle).commit()
    QTest.qWait(30)
QTest.mouseRelease(handle, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, middle(label))
verdicts = [stroke[2:5:2] for stroke in found[with_mouse:]]
del pressed[2:]
before = len(found)
host.uninstall()
host.uninstall()
QTest.mouseClick(handle, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, middle(button))
device = cap.device
result = {
    "found": found[:normal],
    "others": others,
    "disabled": disabled[3:5],
    "odd": odd,
    "verdicts": verdicts,
    "after": len(found) - before,
    "pressed": pressed,
    "screen": [device.width, device.height, device.orientation],
    "ignored": cap.stats.ignored,
    "chords": chords,
}
sys.stdout.write("RESULT " + json.dumps(result) + "\n")
cap.close()
