"""Every recording of others is read as an independent slow reading does, and its doubts are known."""

import json
from pathlib import Path

import numpy as np
import pytest
import reference_evdev
import reference_logs

from capture import logs

RECORDINGS = Path(__file__).parents[3] / "shared" / "touchlogs"
GOLDEN = Path(__file__).parents[1] / "data" / "golden" / "recordings.json"
EVDEV = {"getevent_lt": "getevent", "getevent_t_hex": "getevent", "evemu": "evemu", "evtest": "evtest"}
OTHERS = {
    "howweswipe_log": reference_logs.howweswipe,
    "mmg_xml": reference_logs.strokes,
    "monkeyrecorder_mr": reference_logs.monkeyrecorder,
    "motionevent_log": reference_logs.motionevent,
    "rrweb_json": reference_logs.rrweb,
    "testfairy_json": reference_logs.testfairy,
    "sendevent_sh": reference_logs.sendevent,
}
NO_LOGS = {".md", ".desc", ".prop"}


def recordings(*folders):
    found = [
        pytest.param(path, id=f"{folder}-{path.name}")
        for folder in folders
        for path in sorted((RECORDINGS / folder).glob("*"))
        if path.suffix not in NO_LOGS
    ]
    return found or [pytest.param(None, marks=pytest.mark.skip(f"no recordings in {RECORDINGS}"))]


def read(path, **options):
    log = logs.open_log(path, options=logs.ReadOptions(**options))
    return log, [row for chunk in log.chunks() for row in chunk.rows()]


def text_of(path):
    return path.read_text(encoding="utf-8", errors="replace")


@pytest.mark.parametrize("path", recordings(*EVDEV))
def test_evdev_samples_equal_the_slow_reading(path):
    expected = reference_evdev.samples(text_of(path), EVDEV[path.parent.name])
    ranges = logs.open_log(path).ranges
    # A screen of as many px as the panel has units: no resolution changes the places then.
    screen = ranges and tuple(high - low + 1 for low, high in ranges)
    _, rows = read(path, screen=screen)
    low_x, low_y = (ranges[0][0], ranges[1][0]) if ranges else (0, 0)

    assert [row[1:] for row in rows] == [
        (sample.pointer, sample.action, sample.time, sample.x - low_x, sample.y - low_y)
        for sample in expected
    ]
    assert sum(1 for row in rows if row[2] == reference_evdev.DOWN) == reference_evdev.strokes(expected)


@pytest.mark.parametrize("path", recordings(*OTHERS))
def test_other_samples_equal_the_slow_reading(path):
    expected = OTHERS[path.parent.name](text_of(path))
    _, rows = read(path)

    assert [row[1:4] for row in rows] == [tuple(row[:3]) for row in expected]
    assert [row[4:] for row in rows] == [
        (float(np.float32(x)), float(np.float32(y))) for *_, x, y in expected
    ]


@pytest.mark.parametrize("path", recordings("kivy_kvi"))
def test_kivy_recording_equals_the_slow_reading(path):
    expected = reference_evdev.kvi_samples(text_of(path), 640, 480)
    _, rows = read(path, screen=(640, 480))

    assert [row[1:4] for row in rows] == [row[:3] for row in expected]
    assert [row[4:] for row in rows] == [
        (float(np.float32(x)), float(np.float32(y))) for *_, x, y in expected
    ]
    assert sum(1 for row in rows if row[2] == reference_evdev.DOWN) == 7


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason=f"no recordings in {RECORDINGS}")
def test_strokes_spans_and_doubts_are_those_that_were_looked_at(golden):
    found = {}
    for path in sorted(RECORDINGS.glob("*/*")):
        if path.suffix in NO_LOGS:
            continue
        log, rows = read(path)
        times = [row[3] for row in rows]
        found[f"{path.parent.name}/{path.name}"] = {
            "format": log.info.format,
            "strokes": sum(1 for row in rows if row[2] == reference_evdev.DOWN),
            "samples": len(rows),
            "span_ms": round((max(times) - min(times)) / 1e6),
            "warnings": dict(sorted(log.warnings.items())),
        }
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(entry)}" for name, entry in found.items())

    golden(GOLDEN, f"{{\n{lines}\n}}\n")
