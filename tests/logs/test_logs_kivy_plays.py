"""Kivy's own recorder plays what is written as .kvi."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from capture import logs

SESSION = Path(__file__).parents[1] / "data" / "session.touch.jsonl"
WIDTH, HEIGHT = 1080, 2340

# Plays a file with a clock of its own and prints what an app would see: [kind, uid, x, y] with y up.
PLAY = """
import json, sys
from kivy.event import EventDispatcher
import kivy.input.recorder as recorder

class Window(EventDispatcher):
    __events__ = ("on_motion", "on_key_up", "on_key_down", "on_keyboard")
    def on_motion(self, *_): pass
    on_key_up = on_key_down = on_keyboard = on_motion

now = [0.0]
recorder.time = lambda: now[0]
player = recorder.Recorder(window=Window(), filename=sys.argv[1])
player.play = True
seen = []
def dispatch(kind, touch):
    seen.append([kind, touch.id, touch.sx, touch.sy, touch.is_touch])
while player.play:
    now[0] += 0.005
    player.update(dispatch)
print("SEEN" + json.dumps(seen))
"""


@pytest.mark.skipif(importlib.util.find_spec("kivy") is None, reason="kivy is not installed")
def test_kivys_recorder_plays_a_converted_log(tmp_path):
    logs.write(logs.open_log(SESSION), tmp_path / "a.kvi")
    quiet = {
        "KIVY_NO_ARGS": "1",
        "KIVY_NO_CONSOLELOG": "1",
        "KIVY_NO_FILELOG": "1",
        "KIVY_HOME": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-c", PLAY, tmp_path / "a.kvi"],
        env=os.environ | quiet,
        capture_output=True,
        text=True,
        check=True,
    )
    seen = json.loads(done.stdout.partition("SEEN")[2])
    rows = [row for chunk in logs.open_log(SESSION).chunks() for row in chunk.rows()]
    kinds = {0: "begin", 1: "end", 2: "update", 3: "end"}

    assert [(kind, uid) for kind, uid, *_ in seen] == [(kinds[row[2]], row[1]) for row in rows]
    assert all(is_touch for *_, is_touch in seen)
    assert [(round(x * WIDTH, 3), round((1 - y) * HEIGHT, 3)) for _, _, x, y, _ in seen] == [
        (round(row[4], 3), round(row[5], 3)) for row in rows
    ]
