"""Recordings of others, end to end: strokes as an independent reading has them, batches by the schema."""

import json
from pathlib import Path

import jsonschema
import pytest
import reference_evdev

from capture.formats.schema import batch_schema
from capture.logs import ReadOptions
from capture.replay import replay

RECORDINGS = Path(__file__).parents[3] / "shared" / "touchlogs"
OWN = Path(__file__).parents[1] / "data"
VALIDATOR = jsonschema.Draft202012Validator(batch_schema())
GESTURES = {"tap": 6, "long_press": 8, "drag": 9, "fling": 10}


def recordings(*folders):
    found = [
        pytest.param(path, id=f"{folder}-{path.name}")
        for folder in folders
        for path in sorted((RECORDINGS / folder).glob("*"))
        if path.suffix != ".md"
    ]
    return found or [pytest.param(None, marks=pytest.mark.skip(f"no recordings in {RECORDINGS}"))]


def named(name):
    [path] = RECORDINGS.glob(f"getevent_*/{name}") or [None]
    return path


def read(folder):
    return [json.loads(line) for line in (folder / "batches.jsonl").read_bytes().splitlines()]


@pytest.mark.parametrize("path", recordings("getevent_lt", "getevent_t_hex"))
def test_getevent_recordings_are_replayed(path, tmp_path):
    summary = replay([path], tmp_path)
    expected = reference_evdev.strokes(
        reference_evdev.samples(path.read_text(encoding="utf-8", errors="replace"), "getevent")
    )

    assert summary.complete
    assert summary.strokes == expected > 0
    check(summary, read(tmp_path))


@pytest.mark.parametrize("path", recordings("kivy_kvi"))
def test_kivy_recordings_are_replayed(path, tmp_path):
    summary = replay([path], tmp_path, options=ReadOptions(screen=(640, 480)))
    begun = sum(
        "'begin'" in line and "'is_touch': True" in line
        for line in path.read_text(encoding="utf-8").splitlines()
    )

    assert summary.strokes == begun > 0
    check(summary, read(tmp_path))


@pytest.mark.parametrize("name", ["session.touch.jsonl", "session.kvi", "phone.getevent.txt"])
def test_own_recordings_are_replayed(name, tmp_path):
    summary = replay([OWN / name], tmp_path, options=ReadOptions(screen=(1080, 2340), density=2.75))

    assert summary.kinds == {
        "tap": 8,
        "long_press": 1,
        "drag": 4,
        "fling": 6,
        "none": 3 + (name != "session.kvi"),
    }
    check(summary, read(tmp_path))


def check(summary, batches):
    for batch in batches:
        VALIDATOR.validate(batch)
    events = [event for batch in batches for event in batch["pl"]]
    counted = {kind: sum(event["ea"] == code for event in events) for kind, code in GESTURES.items()}
    assert len({event["euid"] for event in events}) == len(events) == summary.events
    assert counted == {kind: summary.kinds.get(kind, 0) for kind in GESTURES}


@pytest.mark.parametrize(
    ("name", "kinds", "reasons"),
    [
        pytest.param("phone-single-touch.txt", [{"tap": 1}], {"recognized": 1}, id="one-tap"),
        pytest.param(
            "tablet-single-drag.txt", [{"drag": 1}, {"fling": 1}], {"recognized": 1}, id="one-movement"
        ),
        pytest.param("phone-two-finger-drag.txt", [{"none": 2}], {"multi_touch": 2}, id="only-multi-touch"),
    ],
)
def test_what_the_name_says_is_recognised(name, kinds, reasons, tmp_path):
    if not RECORDINGS.is_dir():
        pytest.skip(f"no recordings in {RECORDINGS}")
    summary = replay([named(name)], tmp_path)

    assert summary.kinds in kinds
    assert summary.reasons == reasons
