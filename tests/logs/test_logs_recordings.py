"""Every recording of others is read as an independent slow reading does."""

from pathlib import Path

import numpy as np
import pytest
import reference_evdev as reference

from capture import logs

RECORDINGS = Path(__file__).parents[3] / "shared" / "touchlogs"
EVDEV = {"getevent_lt": "getevent", "getevent_t_hex": "getevent", "evemu": "evemu", "evtest": "evtest"}


def recordings(*folders):
    found = [
        pytest.param(path, id=f"{folder}-{path.name}")
        for folder in folders
        for path in sorted((RECORDINGS / folder).glob("*"))
        if path.suffix not in {".md", ".desc", ".prop"}
    ]
    if not found:
        return [pytest.param(None, marks=pytest.mark.skip(f"no recordings in {RECORDINGS}"))]
    return found


def read(path, **options):
    log = logs.open_log(path, options=logs.ReadOptions(**options))
    return log, [row for chunk in log.chunks() for row in chunk.rows()]


@pytest.mark.parametrize("path", recordings("getevent_lt", "getevent_t_hex", "evemu", "evtest"))
def test_samples_equal_the_slow_reading(path):
    dialect = EVDEV[path.parent.name]
    expected = reference.samples(path.read_text(encoding="utf-8", errors="replace"), dialect)
    log, rows = read(path)
    low_x, low_y = (log.ranges[0][0], log.ranges[1][0]) if log.ranges else (0, 0)

    assert [row[1:] for row in rows] == [
        (sample.pointer, sample.action, sample.time, sample.x - low_x, sample.y - low_y)
        for sample in expected
    ]
    assert sum(1 for row in rows if row[2] == reference.DOWN) == reference.strokes(expected)


@pytest.mark.parametrize("path", recordings("kivy_kvi"))
def test_kivy_recording_equals_the_slow_reading(path):
    expected = reference.kvi_samples(path.read_text(encoding="utf-8"), 640, 480)
    _, rows = read(path, screen=(640, 480))

    assert [row[1:4] for row in rows] == [row[:3] for row in expected]
    assert [row[4:] for row in rows] == [
        (float(np.float32(x)), float(np.float32(y))) for *_, x, y in expected
    ]
    assert sum(1 for row in rows if row[2] == reference.DOWN) == 7
