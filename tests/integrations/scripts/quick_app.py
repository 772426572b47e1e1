"""A Qt Quick app without a display: items of many kinds, a list, pop-ups, pages, two fingers."""

import json
import sys

from PySide6.QtCore import QMetaObject, QObject, QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtQml import QQmlApplicationEngine
from PySide6.QtTest import QTest

from capture.integrations.pyside6 import QtHost
from capture.testing import memory_capture

#: In cells of 100 x 50, four a row: what is in each, and where in it (from its middle) it is touched.
ITEMS = (
    """
Rectangle { anchors.fill: parent; objectName: "plain" }
Rectangle { anchors.fill: parent; id: tapped; TapHandler { onTapped: win.count("tapped") } }
Rectangle { anchors.fill: parent; id: card; Area { onClicked: win.count("card") } }
Area { id: refusing; onPressed: mouse => mouse.accepted = false }
Rectangle { anchors.fill: parent; id: under; Area { enabled: false } }
Text { anchors.fill: parent; id: words; text: "words" }
Button { anchors.fill: parent; objectName: "buy"; text: "Buy"; onClicked: win.count("buy") }
Button { anchors.fill: parent; id: sold; enabled: false; text: "Sold" }
CheckBox { anchors.fill: parent; id: check; text: "Check" }
Switch { anchors.fill: parent; id: turn }
RadioButton { anchors.fill: parent; id: radio; text: "One" }
Slider { anchors.fill: parent; id: slide }
SpinBox { anchors.fill: parent; id: spin }
TextField { anchors.fill: parent; id: name }
TextArea { anchors.fill: parent; id: story }
Dial { anchors.fill: parent; id: dial }
ItemDelegate { anchors.fill: parent; id: entry; contentItem: Row { Button { id: remove; width: 100 } } }
Frame { anchors.fill: parent; id: frame; Label { id: note; anchors.fill: parent; text: "note" } }
Flickable { anchors.fill: parent; id: flick; Rectangle { id: long; width: 100; height: 50 } }
Rectangle { anchors.fill: parent; id: dragged; DragHandler { target: null } }
Item { anchors.fill: parent; Rectangle { anchors.fill: parent; id: seen } Item { anchors.fill: parent } }
Tile { anchors.fill: parent }
Row { Repeater { model: 2; Rectangle { width: 50; height: 50 } } }
MultiPointTouchArea { anchors.fill: parent; id: points }
Button { anchors.fill: parent; text: "no name" }
""".replace("anchors.fill: parent", "width: 100; height: 50")
    .strip()
    .splitlines()
)
CELLS = "\n".join(
    f"Item {{ x: {at % 4 * 100}; y: {at // 4 * 50}; width: 100; height: 50; {item} }}"
    for at, item in enumerate(ITEMS)
)
QML = f"""
import QtQuick
import QtQuick.Controls.Basic
ApplicationWindow {{
  id: win; width: 400; height: 750; visible: true
  property var counts: ({{}})
  function count(name) {{ counts[name] = (counts[name] || 0) + 1 }}
  function push() {{ stack.push(second) }}
  component Tile: Rectangle {{ TapHandler {{}} }}
  component Area: MouseArea {{ width: 100; height: 50 }}
  {CELLS}
  ListView {{ id: list; y: 350; width: 200; height: 100; clip: true; model: 50; cacheBuffer: 0
    delegate: ItemDelegate {{ width: 200; height: 40; text: "row " + index }} }}
  GridView {{ id: grid; x: 200; y: 350; width: 200; height: 100; clip: true; model: 6; cellHeight: 50
    delegate: Rectangle {{ required property int index; width: 100; height: 50; border.width: 1 }} }}
  StackView {{ id: stack; y: 450; width: 400; height: 150
    initialItem: Page {{ title: "First"
      Button {{ id: next; width: 100; height: 50; onClicked: win.push() }} }} }}
  Component {{ id: second; Page {{ objectName: "Second"
    SwipeView {{ id: swipe; objectName: "swipe"; anchors.fill: parent
      Page {{ title: "Left" }}
      Page {{ title: "Right"; Rectangle {{ id: inRight; anchors.fill: parent }} }} }} }} }}
  Popup {{ id: plainPopup; objectName: "plainPopup"; x: 200; y: 610; width: 100; height: 100; padding: 0
    closePolicy: Popup.NoAutoClose
    Button {{ id: ok; width: 100; height: 40; text: "ok" }} }}
  Popup {{ id: modalPopup; objectName: "modalPopup"; x: 0; y: 610; width: 100; height: 100; padding: 0
    modal: true
    Button {{ id: sure; width: 100; height: 40; text: "sure" }} }}
  Loader {{ objectName: "cover"; anchors.fill: parent; active: false
    sourceComponent: Rectangle {{ objectName: "Covered" }} }}
}}
"""
app = QGuiApplication([])
engine = QQmlApplicationEngine()
warnings = []
engine.warnings.connect(lambda found: warnings.extend(each.toString() for each in found))
engine.loadData(QML.encode())
window = engine.rootObjects()[0]
QTest.qWaitForWindowExposed(window)
cap, sink = memory_capture(sys.argv[1])
host = QtHost(cap, app)
found = []
cap.on_gesture = lambda gesture, target: found.append(
    [gesture.kind.name, target.path.removeprefix("[root]>"), target.id, target.responsive]
)


def click(x, y):
    QTest.mouseClick(window, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(x, y))
    QTest.qWait(5)
    return found[-1]


result = {"items": [click(at % 4 * 100 + 30, at // 4 * 50 + 25) for at in range(len(ITEMS))]}
result["rows"] = [click(50, 360), click(50, 440)]
result["rows"] += [click(250, 375), click(350, 425)]
QTest.mousePress(window, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(50, 440))
for step in range(1, 9):
    QTest.mouseMove(window, QPoint(50, 440 - 10 * step))
    QTest.qWait(10)
QTest.mouseRelease(window, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(50, 360))
result["scroll"] = found[-1]
QTest.qWait(50)

panel = QTest.createTouchDevice()
QTest.touchEvent(window, panel).press(0, QPoint(250, 75), window).commit()
QTest.touchEvent(window, panel).stationary(0).press(1, QPoint(280, 75), window).commit()
for step in range(1, 4):
    moved = QTest.touchEvent(window, panel)
    moved.move(0, QPoint(250 - 5 * step, 75), window).move(1, QPoint(280 + 5 * step, 75), window).commit()
before = len(found)
QTest.touchEvent(window, panel).release(0, QPoint(235, 75), window).release(
    1, QPoint(295, 75), window
).commit()
result["pinch"] = found[before:]
touch = QTest.touchEvent(window, panel)
touch.press(0, QPoint(250, 75), window).commit()
QTest.touchEvent(window, panel).release(0, QPoint(250, 75), window).commit()
result["finger"] = found[-1]

popups = {name: window.findChild(QObject, name) for name in ("plainPopup", "modalPopup")}
QMetaObject.invokeMethod(popups["plainPopup"], "open")
QTest.qWait(100)
result["popups"] = [click(250, 630), click(250, 700), click(50, 25)]
QMetaObject.invokeMethod(popups["plainPopup"], "close")
QMetaObject.invokeMethod(popups["modalPopup"], "open")
QTest.qWait(300)
result["popups"] += [click(50, 630), click(150, 25)]
QTest.qWait(300)

result["page"] = click(50, 475)
QTest.qWait(600)
window.findChild(QObject, "swipe").setProperty("currentIndex", 1)
QTest.qWait(400)
result["swiped"] = click(200, 550)
window.findChild(QObject, "cover").setProperty("active", True)
result["covered"] = click(30, 25)
cap.flush(timeout=5)
batches = [json.loads(batch.body) for batch in sink.batches]
titles = [event.get("url", "").partition("title=")[2] for batch in batches for event in batch["pl"]]
result["screens"] = [title for title, before in zip(titles, ["", *titles], strict=False) if title != before]

host.uninstall()
result["after"] = len(found)
click(50, 75)
result["after"] = len(found) - result["after"]
counts = window.property("counts")
result["counts"] = counts.toVariant() if hasattr(counts, "toVariant") else counts
result["warnings"] = warnings
cap.close()
print("RESULT " + json.dumps(result))
