"""The project's own recording holds everything that the engine tells apart, and is what its script makes."""

import subprocess
import sys
from pathlib import Path

from capture import logs
from capture.gestures import Recognizer

ROOT = Path(__file__).parents[1]
DATA = ROOT / "tests" / "data"


def test_script_makes_the_files_that_are_in_the_repository(tmp_path):
    subprocess.run([sys.executable, ROOT / "scripts" / "make_recording.py", tmp_path], check=True)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    assert made == {name: (DATA / name).read_bytes() for name in made}
    assert set(made) == {"session.touch.jsonl", "phone.getevent.txt", "session.kvi"}
    assert sum(map(len, made.values())) < 500_000


def test_recording_has_every_gesture_and_every_reason_that_a_person_can_give():
    log = logs.open_log(DATA / "session.touch.jsonl")
    recognizer = Recognizer(density=log.info.density)
    found = []
    for chunk in log.chunks():
        table = recognizer.feed(chunk)
        found += [table[row] for row in range(len(table))]

    assert len(recognizer.finish()) == 0
    assert [
        f"{gesture.kind.name} {gesture.direction.name}" if gesture.kind else gesture.reason.name
        for gesture in found
    ] == [
        "TAP NONE",
        "TAP NONE",
        "TAP NONE",
        "LONG_PRESS NONE",
        "FLING UP",
        "FLING DOWN",
        "FLING LEFT",
        "FLING RIGHT",
        "DRAG UP",
        "DRAG DOWN",
        "DRAG LEFT",
        "DRAG RIGHT",
        "BETWEEN_SLOP_AND_DRAG",
        "FLING COMPLEX_PATTERN",
        "FLING COMPLEX_PATTERN",
        "MULTI_TOUCH",
        "MULTI_TOUCH",
        "TAP NONE",
        "TAP NONE",
        "TAP NONE",
        "TAP NONE",
        "CANCELED",
        "TAP NONE",
    ]
