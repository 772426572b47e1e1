"""Recorded, replayed from the log, played into the app again: the same gestures; and the overlay."""

import zlib

import pytest

from capture import classify
from capture.logs import open_log

pytest.importorskip("kivy", reason="kivy is not installed")


#: Frames longer than this turn a swipe into a tap: the widgets see its end too late.
LONG_FRAME_S = 0.05


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("recording")


@pytest.fixture(scope="module")
def recorded(run_script, folder):
    return run_script("kivy_shop.py", "record", folder, KIVY_GL_BACKEND="sdl2")


@pytest.fixture(scope="module")
def log(recorded, folder):
    return open_log(folder / "visit.touch.jsonl")


def kinds(strokes):
    return [(gesture["kind"], gesture["direction"]) for gesture, *_ in strokes]


def measures(strokes):
    return [{name: gesture[name] for name in ("duration", "distance", "velocity")} for gesture, *_ in strokes]


def test_the_log_says_what_the_screen_was(log):
    assert (log.info.width, log.info.height, log.info.density) == (800, 600, 1.0)
    assert log.info.device.startswith("Kivy ")
    assert log.info.start_ms > 1_700_000_000_000


def test_the_log_gives_the_gestures_that_were_captured(log, recorded):
    (chunk,) = log.chunks()
    table = classify(chunk, density=log.info.density)

    assert [(table[row].kind.name, table[row].direction.name) for row in range(len(table))] == kinds(
        recorded["strokes"]
    )
    assert [table[row].duration for row in range(len(table))] == [
        gesture["duration"] for gesture, *_ in recorded["strokes"]
    ]


def test_the_log_has_screens_targets_verdicts_and_pictures(log, recorded):
    list(log.chunks())
    marks = [(mark.kind, mark.fields) for mark in log.marks]

    assert [fields["name"] for kind, fields in marks if kind == "screen"] == ["home", "catalogue", "product"]
    assert [fields["id"] for kind, fields in marks if kind == "target"] == [
        own_id for _, _, own_id, _ in recorded["strokes"]
    ]
    assert [fields["responsive"] for kind, fields in marks if kind == "verdict"] == [
        responsive for *_, responsive in recorded["strokes"]
    ]
    assert len([kind for kind, _ in marks if kind == "screenshot"]) == 3


def test_the_log_has_the_bounds_of_targets(log):
    (chunk,) = log.chunks()
    for mark in log.marks:
        if mark.kind != "target":
            continue
        left, top, width, height = mark.fields["bounds"]
        x, y = next(
            (x, y)
            for pointer, time, x, y in zip(chunk.pointer, chunk.time, chunk.x, chunk.y, strict=True)
            if (pointer, time) == (mark.fields["pointer"], mark.time_ns)
        )

        assert left <= x <= left + width
        assert top <= y <= top + height
        assert "Button" not in mark.fields["path"] or (width, height) < (800, 600)


def pixels(path):
    """Return (width, height, rows) of one of our own PNGs, the top row first."""
    data = path.read_bytes()
    width, height = int.from_bytes(data[16:20]), int.from_bytes(data[20:24])
    start = data.index(b"IDAT") + 4
    plain = zlib.decompress(data[start : start + int.from_bytes(data[start - 8 : start - 4])])
    row = 3 * width + 1
    return width, height, [plain[each * row + 1 : (each + 1) * row] for each in range(height)]


def test_masked_widgets_are_black_in_pictures(recorded, folder):
    width, height, rows = pixels(folder / "visit-0003-product.png")
    black = [index for index, row in enumerate(rows) if row == bytes(3 * width)]

    assert (width, height) == (800, 600)
    # The note is 64 px high and as wide as the window.
    assert 64 <= len(black) <= 66
    assert black == list(range(black[0], black[-1] + 1))


def test_the_overlay_says_what_it_was_and_why(recorded):
    lines = recorded["overlay"].splitlines()

    assert lines[0] == "tap (recognized): a tap"
    assert lines[2].endswith(">Button#boat_4>")
    assert lines[3] == "responsive"


@pytest.fixture(scope="module")
def played(run_all, folder, recorded):
    speeds = ["1", "3", "inf"]
    found = run_all(*(("kivy_shop.py", "play", folder, speed) for speed in speeds))
    return dict(zip(speeds, found, strict=True))


@pytest.mark.parametrize("speed", ["1", "3", "inf"])
def test_played_again_at_any_speed(played, recorded, speed):
    assert kinds(played[speed]["strokes"]) == kinds(recorded["strokes"])
    assert measures(played[speed]["strokes"]) == measures(recorded["strokes"])


def test_played_at_its_pace_the_app_does_the_same(played, recorded):
    slowest = max(each["slowest_frame_s"] for each in (played["1"], recorded))
    if slowest > LONG_FRAME_S:
        pytest.skip(f"a frame took {slowest:.2f} s: this machine is too busy to keep the app's pace")

    assert played["1"]["actions"] == recorded["actions"]
    assert [target for _, *target in played["1"]["strokes"]] == [target for _, *target in recorded["strokes"]]
