"""Slow, plain readings of the logs that are not evdev, to compare the readers with.

Each returns (pointer, action, time in ns, x, y) rows. Written from the grammars alone; it shares no code
with `capture.logs`.
"""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree as ET

import reference_evdev

DOWN, UP, MOVE, CANCEL = range(4)
MS = 1_000_000


def howweswipe(text):
    actions = {"touchstart": DOWN, "touchmove": MOVE, "touchend": UP}
    rows = []
    for line in text.split("\n")[1:]:
        if line:
            _, stamp, _, _, event, x, y = line.split(" ")[:7]
            rows.append((0, actions[event], int(stamp) * MS, float(x), float(y)))
    return rows


def strokes(text):
    rows = []
    for stroke in ET.fromstring(text.encode()).iter("Stroke"):  # noqa: S314 - a recording that was looked at
        points = [(int(p.get("T")) * MS, float(p.get("X")), float(p.get("Y"))) for p in stroke.iter("Point")]
        rows.append((0, DOWN, *points[0]))
        rows += [(0, MOVE, *point) for point in points[1:-1]]
        rows.append((0, UP, *points[-1]))
    return rows


def monkeyrecorder(text):
    rows, now = [], 0
    for line in text.splitlines():
        verb, _, rest = line.partition("|")
        numbers = [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", rest)]
        if verb == "TOUCH":
            x, y = numbers
            rows += [(0, DOWN, now, x, y), (0, UP, now + 50 * MS, x, y)]
            now += 1050 * MS
        elif verb == "DRAG":
            x0, y0, x1, y1, seconds, steps = numbers
            count = int(steps)
            for step in range(count + 1):
                action = DOWN if step == 0 else UP if step == count else MOVE
                part = step / count
                time = now + int(seconds * 1e9) * step // count
                rows.append((0, action, time, x0 + (x1 - x0) * part, y0 + (y1 - y0) * part))
            now += int(seconds * 1e9) + 1000 * MS
        elif verb == "WAIT":
            now += int(numbers[0] * 1e9)
        elif verb in {"PRESS", "TYPE"}:
            now += 1000 * MS
    return rows


def motionevent(text):
    actions = {"ACTION_DOWN": DOWN, "ACTION_UP": UP, "ACTION_MOVE": MOVE}
    rows = []
    for body in re.findall(r"MotionEvent \{(.*?)\}", text):
        field = dict(part.split("=", 1) for part in body.strip().split(", "))
        row = (
            int(field["id[0]"]),
            actions[field["action"]],
            int(field["eventTime"]) * MS,
            float(field["x[0]"]),
            float(field["y[0]"]),
        )
        if row not in rows:
            rows.append(row)
    return rows


def rrweb(text):
    rows = []
    for event in json.loads(text):
        data, stamp = event["data"], event["timestamp"]
        if event["type"] != 3:
            continue
        if data["source"] == 2 and data["type"] in {7, 9, 10}:
            action = {7: DOWN, 9: UP, 10: CANCEL}[data["type"]]
            rows.append((0, action, stamp * MS, data["x"], data["y"]))
        elif data["source"] == 6:
            rows += [(0, MOVE, (stamp + p["timeOffset"]) * MS, p["x"], p["y"]) for p in data["positions"]]
    return sorted(rows, key=lambda row: row[2])


def testfairy(text):
    rows = json.loads(text)["input"]
    return [(0, row["act"], round(row["ts"] * 1e9), row["x"], row["y"]) for row in rows if row["t"] == 0]


def sendevent(text):
    body = re.search(r"\{(.*?)\}", text, re.DOTALL)[1]
    events, now = [], 0
    for line in re.sub(r"function.*?\}", "", text, flags=re.DOTALL).splitlines():
        words = line.split()
        if words[:1] == ["usleep"]:
            now += int(words[1]) * 1000
        elif words[:1] == ["sleep"]:
            now += int(float(words[1]) * 1e9)
        elif words[:1] == ["touchev"]:
            for command in body.replace("$1", words[1]).replace("$2", words[2]).splitlines():
                numbers = command.split()[2:]
                if numbers:
                    kind, code, value = map(int, numbers)
                    value = value - 2**32 if value >= 2**31 else value
                    events.append(reference_evdev.Event(now, kind, code, value))
                    now += 10 * MS * ((kind, code) == (0, 0))
    return reference_evdev.of_events(events)
