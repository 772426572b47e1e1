"""Small logs of every kind that were read wrong once, and recordings whose strokes were counted by others.

Both are beside the repository; without them only what is made here is read.
"""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from capture import logs
from capture.config.run import RunConfig
from capture.gestures.recognizer import classify
from capture.replay.log import device_of

SHARED = Path(__file__).parents[3] / "shared"
CASES, MORE = SHARED / "cases" / "logs", SHARED / "touchlogs-more"

TAP, FLING = ("tap", "none"), ("fling", "none")


def strokes(path, **options):
    """Return (kind or reason, direction) of each stroke, and the log."""
    given = logs.ReadOptions(**options)
    log = logs.open_log(path, options=given)
    density = device_of(log, RunConfig.load(default_project_id=0), given).density
    found = list(log.chunks())
    samples = [row for chunk in found for row in chunk.rows()]
    table = classify(found[0], density=density) if len(found) == 1 else []
    names = [(gesture.kind.name if gesture.kind.value else gesture.reason.name).lower() for gesture in table]
    return names, log, table, samples


@pytest.mark.parametrize(
    ("name", "options", "expected", "warnings"),
    [
        pytest.param(
            "evtest_syn_dropped.evtest", {}, ["canceled"], {"dropped_by_device": 1}, id="syn-dropped"
        ),
        pytest.param("tslib140.evtest", {}, ["tap", "tap"], {}, id="marks-say-what-a-sync-is"),
        pytest.param("evtest_cut_lines.txt", {}, ["incomplete"], {"unknown_lines": 3}, id="cut-lines"),
        pytest.param("getevent_cut_value.txt", {}, ["tap"], {"unknown_lines": 1}, id="cut-value"),
        pytest.param("getevent_indented.txt", {}, ["tap"], {}, id="indented"),
        pytest.param("getevent_indented.txt", {"format": "getevent"}, ["tap"], {}, id="indented-by-name"),
        pytest.param("ansi.txt", {}, ["tap"], {}, id="escape-sequences"),
        pytest.param("old_dash.txt", {}, ["tap"], {}, id="getevent-before-4.2"),
        pytest.param("input_events.txt", {}, ["tap"], {}, id="input-events"),
        pytest.param("typeA_pressure0.txt", {}, ["tap", "tap"], {}, id="pressure-0-lifts"),
        pytest.param("hover_pressure.txt", {}, [], {"hovering": 1}, id="hovering"),
        pytest.param("palm_mid.txt", {}, ["canceled"], {"palms": 1}, id="palm"),
        pytest.param("btn_left_tap.evemu", {}, ["tap"], {}, id="left-button"),
        pytest.param(
            "panel32767_tap.evemu",
            {},
            ["between_slop_and_drag"],
            {"density_from_resolution": 1},
            id="size-by-resolution",
        ),
        pytest.param("land.txt", {"screen": (2340, 1080)}, ["fling"], {}, id="not-turned"),
        pytest.param("land.txt", {"screen": (2340, 1080), "rotate": 90}, ["fling"], {}, id="turned"),
        pytest.param("motionevent_two_devices.txt", {}, ["tap", "tap"], {}, id="two-devices"),
        pytest.param("rr_nullxy.json", {}, ["tap", "tap"], {"skipped_rows": 1}, id="place-of-null"),
        pytest.param("rr_noxy_up.json", {}, ["tap", "tap"], {}, id="lift-without-a-place"),
        pytest.param("rr_posthog.json", {}, ["tap"], {}, id="posthog"),
        pytest.param("tf1.json", {}, ["tap"], {"skipped_rows": 1}, id="row-of-nulls"),
        pytest.param("cut.touch.jsonl", {}, None, {"cut_off": 1}, id="cut-off"),
        pytest.param("longpress_duration_us.parquet", {}, ["long_press"], {}, id="unit-of-its-own"),
        pytest.param(
            "ms_as_ns.csv",
            {"columns": "time=ts,x=posX,y=posY,action=event"},
            ["fling", "long_press"],
            {"time_unit_guessed": 1},
            id="unit-guessed",
        ),
        pytest.param(
            "ms_as_ns.csv",
            {},
            ["fling", "long_press"],
            {"time_unit_guessed": 1, "guessed_columns": 1},
            id="columns-guessed",
        ),
    ],
)
def test_a_case(name, options, expected, warnings):
    if not CASES.is_dir():
        pytest.skip(f"no cases in {CASES}")
    names, log, _, _ = strokes(CASES / name, **options)

    assert expected is None or names == expected
    assert {cause: log.warnings[cause] for cause in warnings} == warnings
    told = {"raw_units", "panel_units", "missing_lift", "positions_without_contact", "no_clock"}
    assert set(log.warnings) <= set(warnings) | told
    assert sum(log.counts.values()) == 2 * log.counts["read"]


def test_measures_of_cases():
    if not CASES.is_dir():
        pytest.skip(f"no cases in {CASES}")
    panel = strokes(CASES / "panel32767_tap.evemu")[2][0]
    turned = strokes(CASES / "land.txt", screen=(2340, 1080), rotate=90)[2][0]
    plain = strokes(CASES / "land.txt", screen=(2340, 1080))[2][0]
    cut = strokes(CASES / "cut.touch.jsonl")

    assert round(panel.distance, 1) == 29.9
    assert (turned.direction.name.lower(), round(turned.distance)) == ("right", 512)
    assert (plain.direction.name.lower(), round(plain.distance)) == ("down", 236)
    assert cut[1].counts["read"] == 35


def test_a_folder_names_what_it_leaves_out(tmp_path):
    if not CASES.is_dir():
        pytest.skip(f"no cases in {CASES}")
    call = ["-m", "capture", "classify", str(CASES / "folder_silent"), "-o", "o.jsonl", "--json"]
    done = subprocess.run([sys.executable, *call], capture_output=True, text=True, check=False, cwd=tmp_path)
    said = json.loads(done.stdout)
    records = [json.loads(line) for line in (tmp_path / "o.jsonl").read_text().splitlines()]

    assert done.returncode == 1
    assert said["complete"] is False
    assert {Path(path).name: reason.split(":")[0] for path, reason in said["left_out"].items()} == {
        "b.txt": "unknown format",
        "d.csv": "is a table with the columns t, x, y, a",
    }
    assert [Path(record["log"]).name for record in records] == ["a.txt", "c.txt", "c.txt"]
    assert next(iter(records[0])) == "log"
    assert "b.txt: left out: unknown format" in done.stderr


def test_a_finger_that_comes_down_twice_is_canceled_in_evemu(tmp_path):
    path = tmp_path / "twice.touch.jsonl"
    rows = [(0, 10**9, 100), (0, 9 * 10**9, 500), (1, 9_080_000_000, 500)]
    path.write_text(
        '{"info":{"width":1080,"height":1920}}\n'
        + "".join(f'{{"action":{action},"time":{time},"x":{at},"y":{at}}}\n' for action, time, at in rows),
        encoding="ascii",
    )
    log = logs.open_log(path)
    logs.write(log, tmp_path / "x.evemu")
    _, _, table, samples = strokes(tmp_path / "x.evemu")

    assert log.lost == {"ended_as_canceled": 1}
    assert [row[2:4] for row in samples] == [(0, 10**9), (3, 10**9), (0, 9 * 10**9), (1, 9_080_000_000)]
    assert [(gesture.kind.name, gesture.reason.name) for gesture in table] == [
        ("NONE", "CANCELED"),
        ("TAP", "RECOGNIZED"),
    ]


COUNTED = MORE / "STROKES.json"


def counted():
    if not COUNTED.is_file():
        return [pytest.param("", {}, marks=pytest.mark.skip(f"no {COUNTED}"))]
    entries = json.loads(COUNTED.read_text(encoding="utf-8"))
    return [pytest.param(name, entry, id=name) for name, entry in entries.items() if name != "how"]


@pytest.mark.parametrize(("name", "entry"), counted())
def test_strokes_are_those_that_were_counted(name, entry):
    given = dict(zip(entry.get("options", [])[::2], entry.get("options", [])[1::2], strict=True))
    names, log, _, samples = strokes(MORE / name, columns=given.get("--columns"))

    assert Counter(row[2] for row in samples)[0] == entry["strokes"]
    assert "kinds" not in entry or names == entry["kinds"]
    assert sum(log.counts.values()) == 2 * log.counts["read"]
