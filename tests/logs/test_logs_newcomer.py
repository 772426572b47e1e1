"""Ten files of ten kinds, as newcomers have them: the first command is right, or it tells the second."""

import json

import pytest

from capture.__main__ import main

TAP, FLING = "tap", "fling"
#: A tap and a fling to the right: (phase, ms, x, y).
TOUCHES = [
    ("down", 0, 300, 800),
    ("move", 40, 301, 800),
    ("up", 80, 301, 800),
    ("down", 2000, 200, 900),
    *(("move", 2000 + 8 * at, 200 + 60 * at, 900) for at in range(1, 8)),
    ("up", 2064, 680, 900),
]


def evdev(line, scale=1, start=100):
    """Return the frames of the touches as lines: contact, places, report."""
    lines = []
    for phase, ms, x, y in TOUCHES:
        contact = {"down": [(3, 57, 7)], "up": [(3, 57, -1)], "move": []}[phase]
        places = [] if phase == "up" else [(3, 53, x * scale), (3, 54, y * scale)]
        lines += [line(start + ms / 1000, *event) for event in [*contact, *places, (0, 0, 0)]]
    return "\n".join(lines) + "\n"


def each(line, words):
    """Return a line for each touch, its phase as one of the words."""
    named = dict(zip(("down", "move", "up"), words.split("|"), strict=True))
    return "".join(line(named[phase], ms, x, y) for phase, ms, x, y in TOUCHES)


NAMES = {
    (3, 57): "ABS_MT_TRACKING_ID",
    (3, 53): "ABS_MT_POSITION_X",
    (3, 54): "ABS_MT_POSITION_Y",
    (0, 0): "SYN_REPORT",
}


def getevent(time, kind, code, value):
    label = "EV_ABS" if kind else "EV_SYN"
    return f"[{time:15.6f}] {label:12} {NAMES[kind, code]:20} {value & 0xFFFFFFFF:08x}"


def evtest(time, kind, code, value):
    if not kind:
        return f"Event: time {time:.6f}, -------------- SYN_REPORT ------------"
    return f"Event: time {time:.6f}, type {kind} (EV_ABS), code {code} (X), value {value}"


PHONE = """add device 1: /dev/input/event2
  name:     "sec_touchscreen"
  events:
    ABS (0003): ABS_MT_POSITION_X     : value 0, min 0, max 4319, fuzz 0, flat 0, resolution 0
                ABS_MT_POSITION_Y     : value 0, min 0, max 9359, fuzz 0, flat 0, resolution 0
"""
APP = [
    {"timestamp": 1_700_000_000_000 + ms, "x": x, "y": y, "phase": f"touch {phase}"}
    for phase, ms, x, y in TOUCHES
]
SOURCES = [
    {"type": "pointerMove", "duration": 0, "x": 300, "y": 800},
    {"type": "pointerDown"},
    {"type": "pause", "duration": 80},
    {"type": "pointerUp"},
    {"type": "pause", "duration": 1000},
    {"type": "pointerMove", "duration": 0, "x": 200, "y": 900},
    {"type": "pointerDown"},
    {"type": "pointerMove", "duration": 64, "x": 680, "y": 900},
    {"type": "pointerUp"},
]
UITOUCH = "2024-05-02 10:11:{:06.3f} Shop[1:2] <UITouch: 0x10> phase: {}; location in window: {{{}, {}}}\n"
#: File, its text, and the options of each command that the one before asks for.
FILES = {
    "phone.txt": (PHONE + evdev(getevent, 4), [["--screen", "1080x2340", "--density", "1"]]),
    "touchscreen.evemu": (
        "# EVEMU 1.3\nN: Kiosk\nA: 35 0 1079 0 0 0\nA: 36 0 2339 0 0 0\n"
        + evdev(lambda time, kind, code, value: f"E: {time:.6f} {kind:04x} {code:04x} {value}"),
        [[]],
    ),
    "event4.evtest": (evdev(evtest), [[]]),
    "study.csv": (
        "Zeit,Ort X,Ort Y,Ereignis\n" + each(lambda word, ms, x, y: f"{ms},{x},{y},{word}\n", "an|hin|ab"),
        [[], ["--columns", "time=Zeit,x=Ort X,y=Ort Y,action=Ereignis:an=down|hin=move|ab=up,time-unit=ms"]],
    ),
    "excel.csv": (
        "Time;X;Y;Event\r\n"
        + each(
            lambda word, ms, x, y: f"29.11.2026 10:11:{12 + ms / 1000:06.3f};{x},0;{y},0;{word}\r\n",
            "touchstart|touchmove|touchend",
        ),
        [[]],
    ),
    "app.json": (json.dumps({"session": "a", "touches": APP}), [[]]),
    "ios.log": (
        each(lambda word, ms, x, y: UITOUCH.format(ms / 1000, word, x, y), "Began|Moved|Ended"),
        [[]],
    ),
    "smoke.sh": ("adb shell input tap 300 800\nsleep 1\nadb shell input swipe 200 900 680 900 64\n", [[]]),
    "appium.json": (json.dumps({"actions": [{"type": "pointer", "id": "f", "actions": SOURCES}]}), [[]]),
    "docker.log": (
        "".join(
            json.dumps({"log": line + "\n", "stream": "stdout"}) + "\n"
            for line in evdev(getevent, 4).splitlines()
        ),
        [["--rotate", "90"], ["--rotate", "90", "--screen", "2340x1080", "--axis-max", "4319,9359"]],
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_the_first_command_is_right_or_tells_the_second(tmp_path, name, capfd):
    text, commands = FILES[name]
    path, out = tmp_path / name, tmp_path / "strokes.jsonl"
    path.write_text(text, encoding="utf-8")
    *tried, last = commands
    for options, following in zip(tried, commands[1:], strict=True):
        status = main(["classify", str(path), "-o", str(out), *options])
        said = capfd.readouterr().err

        assert status == 2
        assert following[-2] in said
        # The words of the file stand in the map to copy.
        assert following[-2] != "--columns" or "Ereignis:an=down|hin=move|ab=up,time-unit=ms" in said
    assert main(["classify", str(path), "-o", str(out), *last]) == 0

    strokes = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [stroke["kind"] for stroke in strokes] == [TAP, FLING]
    assert strokes[1]["direction"] == ("up" if "--rotate" in last else "right")
