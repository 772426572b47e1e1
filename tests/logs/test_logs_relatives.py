"""Relatives of the logs that were collected: other spellings of scripts, prints and recordings."""

import json

import pytest

from capture import logs

FINGER = [
    {"type": "pointerMove", "duration": 0, "x": 1, "y": 2},
    {"type": "pointerDown", "button": 0},
    {"type": "pointerMove", "duration": 500, "x": 1, "y": 200},
    {"type": "pointerUp", "button": 0},
]
SOURCES = json.dumps(
    [{"type": "pointer", "id": "f", "parameters": {"pointerType": "touch"}, "actions": FINGER}]
)
BODY = f'{{"actions":{SOURCES}}}'
SET = (
    "Set([<UITouch: 0x1> phase: {} tap count: 1 window: <UIWindow: 0x2> view: <UIView: 0x3> "
    "location in window: {{150.5, 300}} previous location in window: {{1, 2}} location in view: {{1, 2}}])\n"
)
AUTOTOUCH = 'CREATETIME="2018-05-22 15:10:17";\nSCREEN_RESOLUTION="320x480";\n\nappRun("com.example.a")\n'
CONSOLE = "app.js:12 {{type: 'touch{}', x: 12.5, y: 34, t: {}, target: undefined}}\n"
ADB = "adb shell input tap 1 2\n"
#: Text, and strokes in it.
RELATIVES = {
    "adb-in-quotes": ("adb -s emulator-5554 shell \"input tap 1 2\"\nadb shell 'input swipe 1 2 3 4'\n", 2),
    "adb-joined": (f'{ADB.strip()} && sleep 1\nadb shell "input tap 1 2; sleep 0.5; input tap 3 4"\n', 3),
    "adb-batch": (f"@echo off\n{ADB}timeout /t 1\nadb.exe shell input tap 3 4\n".replace("\n", "\r\n"), 2),
    "adb-comment": (f"{ADB}adb shell input swipe 1 2 1 2 1000 # long press\n", 2),
    "adb-python": (f'import os\nos.system("{ADB.strip()}")\ntime.sleep(1)\nos.system("{ADB.strip()}")\n', 2),
    "adb-words": (f'{ADB}subprocess.run(["adb", "shell", "input", "tap", "5", "6"])\n', 2),
    "appium": (f'[HTTP] {BODY}\n[debug] [W3C (abc)] performActions() with args: [{SOURCES},"abc"]\n', 1),
    "appium-twice": (f"[HTTP] {BODY}\n[W3C] args: [{SOURCES}]\n" * 2, 2),
    "curl": (f"curl -X POST http://127.0.0.1:4723/session/a/actions -d '{BODY}'\n", 1),
    "debug-events-with-tabs": (
        " event4\tTOUCH_DOWN\t+1.32s\t0 (0) 17.60/39.72 (45.41/57.59mm)\n event4\tTOUCH_UP\t+1.40s\t0 (0)\n",
        1,
    ),
    "touch-without-finger": ("touchDown(100, 200)\nmSleep(50)\ntouchUp(100, 200)\n", 1),
    "touch-taps": ("tap(100, 200)\nmSleep(500)\ntap(100.5,200,30);\nusleep(16000)\n", 2),
    "touch-head": (
        f"{AUTOTOUCH}touchDown(6, 157.0, 437.1);\nusleep(111400.25);\ntouchUp(6, 158.0, 435.6);\n",
        1,
    ),
    "javascript-lines": ("{x: 1, y: 2, t: 100, type: 'down'}\n{x: 1, y: 2, t: 180, type: 'up'}\n", 1),
    "javascript-console": (CONSOLE.format("start", 100) + CONSOLE.format("end", 180), 1),
    "javascript-list": (
        "[\n  {x: 1, y: 2, t: 0, type: 'down'},\n  {x: 1, y: 2, t: 80, type: 'up',},\n];\n",
        1,
    ),
    "set-of-touches": (SET.format("Began") + SET.format("Ended"), 1),
}


@pytest.mark.parametrize("name", RELATIVES)
def test_a_relative_is_read(tmp_path, name):
    text, strokes = RELATIVES[name]
    path = tmp_path / "a.txt"
    path.write_bytes(text.encode())

    log = logs.open_log(path)
    actions = [row[2] for chunk in log.chunks() for row in chunk.rows()]

    assert [actions.count(0), actions.count(1)] == [strokes, strokes]
    assert sum(log.counts.values()) == 2 * log.counts["read"]


@pytest.mark.parametrize("place", ["actions", "source", "loose"])
@pytest.mark.parametrize("kind", [["pointerDown"], {}, None, 1], ids=["list", "object", "null", "number"])
def test_types_of_actions_that_are_no_texts_are_skipped(tmp_path, place, kind):
    """The rest of the body is read, with any value in the place of a type."""
    odd = {"type": kind}
    body = {"actions": [{"type": "pointer", "id": "f", "actions": [*FINGER, odd]}]}
    if place == "source":
        body = {"actions": [*json.loads(SOURCES), odd | {"id": "g", "actions": []}]}
    bodies = [odd, body] if place == "loose" else body
    path = tmp_path / "a.json"
    path.write_text(json.dumps(bodies), encoding="ascii")

    log = logs.open_log(path)

    assert [row[2] for chunk in log.chunks() for row in chunk.rows()].count(1) == 1


@pytest.mark.parametrize("header", ["", "id,properties,event\n"])
def test_objects_in_cells_of_an_export_are_records(tmp_path, header):
    words = ("began", "moved", "ended")
    objects = [json.dumps({"phase": word, "t": 16 * at, "x": 1, "y": 2}) for at, word in enumerate(words)]
    cells = [each.replace('"', '""') for each in objects]
    path = tmp_path / "a.csv"
    rows = [f'"{at}","{cell}","touch"\n' for at, cell in enumerate(cells)]
    path.write_text(header + "".join(rows), encoding="ascii")

    assert [row[2] for chunk in logs.open_log(path).chunks() for row in chunk.rows()] == [0, 2, 1]


@pytest.mark.parametrize(
    "words",
    [
        ("PointerDownEvent", "PointerMoveEvent", "PointerUpEvent"),
        ("on_touch_down", "on_touch_move", "on_touch_up"),
        ("Qt.TouchPointPressed", "Qt.TouchPointMoved", "Qt.TouchPointReleased"),
        ("FINGERDOWN", "FINGERMOTION", "FINGERUP"),
    ],
)
def test_words_of_toolkits_are_known(tmp_path, words):
    path = tmp_path / "a.csv"
    rows = [f"{word},{1714644672000 + 16 * at},1,2\n" for at, word in enumerate(words)]
    path.write_text("event,timestamp,x,y\n" + "".join(rows), encoding="ascii")

    assert [row[2] for chunk in logs.open_log(path).chunks() for row in chunk.rows()] == [0, 2, 1]


def test_a_body_that_is_logged_again_is_counted(tmp_path):
    path = tmp_path / "a.log"
    path.write_text(RELATIVES["appium"][0], encoding="ascii")

    log = logs.open_log(path)
    list(log.chunks())

    assert log.counts["duplicate_events"] == len(FINGER)


def test_a_wait_of_a_batch_file_is_in_seconds(tmp_path):
    path = tmp_path / "a.bat"
    path.write_text(RELATIVES["adb-batch"][0], encoding="ascii")

    times = [row[3] for chunk in logs.open_log(path).chunks() for row in chunk.rows()]

    assert times[2] - times[1] >= 1_000_000_000


def test_a_recording_of_autotouch_names_its_screen(tmp_path):
    path = tmp_path / "a.lua"
    path.write_text(f"{AUTOTOUCH}touchDown(6, 1, 2);\ntouchUp(6, 1, 2);\n", encoding="ascii")
    log = logs.open_log(path)

    assert (log.info.width, log.info.height) == (320, 480)
    assert [len(chunk) for chunk in log.chunks()] == [2]
    assert log.counts == {"read": 6, "context": 4, "used": 2}


@pytest.mark.parametrize(
    "line",
    [
        pytest.param('toast("tap(ok)")', id="text"),
        pytest.param("function tap(x, y) end", id="definition"),
        pytest.param("tap(" + "9" * 401 + ",5)", id="no-place"),
        pytest.param("tap(1,1)" + " " * 200_000 + "x", id="blanks"),
        pytest.param("touchDown(" + "a" * 200_000, id="no-end"),
    ],
)
def test_another_line_of_lua_leaves_a_recording_one(tmp_path, line):
    stroke = "touchDown(1, 5, 5);\nusleep(50000);\ntouchUp(1, 5, 5);\n"
    path = tmp_path / "a.lua"
    path.write_text(f"{stroke}{line}\n{stroke}", encoding="ascii")
    log = logs.open_log(path)

    assert sum(len(chunk) for chunk in log.chunks()) == 4
    assert log.counts == {"read": 7, "used": 4, "context": 2, "unknown_lines": 1}


@pytest.mark.parametrize(
    ("step", "places", "times_s"),
    [
        pytest.param("TOUCH|{'x':'5','y':'6','type':'downAndUp',}", [(5, 6)] * 2, [1.05, 1.1], id="quoted"),
        pytest.param("WAIT|{'seconds':7200,}", [], [], id="two-hours"),
        pytest.param(
            "DRAG|{'start':(1,2),'end':(3,4),'duration':7200.0,'steps':1,}",
            [(1, 2), (3, 4)],
            [1.05, 7201.05],
            id="a-drag-of-two-hours",
        ),
    ],
)
def test_steps_of_monkeyrecorder_are_played_as_they_are_written(tmp_path, step, places, times_s):
    tap = "TOUCH|{'x':1,'y':2,'type':'downAndUp',}\n"
    path = tmp_path / "a.mr"
    path.write_text(f"{tap}{step}\n{tap}", encoding="ascii")
    log = logs.open_log(path)
    rows = [row for chunk in log.chunks() for row in chunk.rows()]

    assert [row[4:] for row in rows] == [(1, 2)] * 2 + places + [(1, 2)] * 2
    assert [row[3] / 1e9 for row in rows[2:-2]] == times_s
    assert rows[-2][3] / 1e9 == (7201.05 if "WAIT" in step else times_s[-1] + 1)
    assert log.warnings == {"no_clock": 1}
