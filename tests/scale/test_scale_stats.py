"""Aggregations: each view on rows of which the answer is known."""

import json
import math
from collections import Counter
from itertools import pairwise

import pyarrow as pa
import pytest
from pyarrow import parquet

from capture import ConfigError, TouchSamples, classify
from capture.cli import run
from capture.scale import classify_dataset
from capture.scale.stats import VIEWS, open_stats

pytest.importorskip("duckdb")
MS = 1_000_000
SESSION = "tests/data/session.touch.jsonl"
#: stream, kind, reason, direction, down (ms), up (ms), velocity, rage, screen, target, responsive
ROWS = [
    (1, "tap", "recognized", "none", 0, 50, 10, False, "home", "start", True),
    (1, "tap", "recognized", "none", 150, 200, 10, False, "home", "start", False),
    (1, "tap", "recognized", "none", 500, 550, 10, True, "home", "start", False),
    (1, "fling", "recognized", "left", 1000, 1100, 400, False, "list", "items", None),
    (1, "tap", "recognized", "none", 2000, 2050, 10, False, "list", "buy", True),
    (2, "tap", "recognized", "none", 0, 50, 10, False, "home", "start", True),
    (2, "fling", "recognized", "left", 100, 200, 600, False, "list", "items", None),
    (2, "none", "multi_touch", "none", 300, 400, 600, False, "list", "buy", None),
    (3, "drag", "recognized", "up", 0, 900, 80, False, "list", "items", None),
    (3, "long_press", "recognized", "none", 1000, 1900, 0, False, "home", "start", None),
    (3, "fling", "recognized", "left", 2000, 2100, math.inf, False, "list", None, None),
]
NAMES = (
    "stream", "kind", "reason", "direction", "time_down", "time_up", "velocity", "rage", "screen", "target",
    "responsive",
)  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    columns = dict(zip(NAMES, (list(column) for column in zip(*ROWS, strict=True)), strict=True))
    for name in ("time_down", "time_up"):
        columns[name] = [value * MS for value in columns[name]]
    parquet.write_table(pa.table(columns), tmp_path / "gestures.parquet")
    return tmp_path


def rows(folder, view, columns="*", funnel=()):
    with open_stats(folder, funnel) as connection:
        return connection.execute(f"select {columns} from {view}").fetchall()  # noqa: S608 - the tests' own


def test_kinds(folder):
    found = rows(folder, "kinds")

    assert found[0] == ("tap", "recognized", 5, pytest.approx(5 / 11))
    assert ("none", "multi_touch", 1, pytest.approx(1 / 11)) in found
    assert sum(row[3] for row in found) == pytest.approx(1)


def test_screens_with_dead_and_rage_rates(folder):
    found = rows(folder, "screens", "screen, taps, flings, dead_taps, dead_rate, rage_runs, rage_rate")

    assert found == [
        ("list", 1, 3, 0, 0.0, 0, 0.0),
        ("home", 4, 0, 2, 0.5, 1, 0.25),
    ]


def test_targets(folder):
    found = rows(folder, "targets", "target, strokes, taps, swipes, dead_taps, dead_rate")

    assert found == [("start", 5, 4, 0, 2, 0.5), ("items", 3, 0, 3, 0, None), ("buy", 2, 1, 0, 0, 0.0)]


def test_time_between_taps(folder):
    """Only stream 1 has taps one after the other: 100 and 300 ms; a fling stands before its last one."""
    assert rows(folder, "tap_gaps order by time_down", "gap_ms") == [(100.0,), (300.0,)]
    assert rows(folder, "time_between_taps") == [(2, 120.0, 200.0, 280.0, 1.0)]


def test_strokes_of_one_time_follow_each_other_as_in_their_files(tmp_path):
    """Rows are numbered through all files; strokes of a stream may lie in several."""
    targets = [*"abcabdcaebcdbeacdabe"]
    for file, names in enumerate((targets[:9], [], targets[9:])):
        table = {"stream": [1] * len(names), "kind": ["tap"] * len(names), "target": names}
        times = pa.array([5 * MS] * len(names), pa.int64())
        parquet.write_table(
            pa.table({**table, "time_down": times, "time_up": times}),
            tmp_path / f"{file}.parquet",
            row_group_size=4,
        )
    follow = [pair for pair in pairwise(targets) if pair[0] != pair[1]]

    assert rows(tmp_path, "gestures order by row", "row, target") == list(enumerate(targets, 1))
    assert {row[:2]: row[2] for row in rows(tmp_path, "steps")} == Counter(follow)
    assert rows(tmp_path, "time_between_taps", "pairs, p90_ms") == [(len(targets) - 1, 0.0)]


def test_a_target_on_several_screens_is_shown_with_the_same_one_each_time(tmp_path):
    count = 3000
    table = {
        "stream": [1] * count,
        "kind": ["tap"] * count,
        "time_down": range(count),
        "time_up": range(count),
    }
    screens = [f"screen {number % 7}" for number in range(1, count + 1)]
    parquet.write_table(
        pa.table({**table, "target": ["buy"] * count, "screen": screens}),
        tmp_path / "g.parquet",
        row_group_size=64,
    )

    assert rows(tmp_path, "targets", "target, screen, strokes") == [("buy", "screen 0", count)]


def test_speeds_leave_out_what_overflowed(folder):
    found = rows(folder, "speeds", "kind, direction, strokes, p50")

    assert found == [("drag", "up", 1, 80.0), ("fling", "left", 2, 500.0)]


def test_steps(folder):
    assert rows(folder, "steps") == [("start", "items", 2), ("items", "buy", 1), ("items", "start", 1)]


def test_funnel_counts_streams_that_reach_steps_in_order(folder):
    """Stream 3 touches items before start; the stroke of stream 2 on buy was not recognised."""
    found = rows(folder, "funnel", funnel=["start", "items", "buy"])

    assert found == [
        (1, "start", 3, 1.0, None),
        (2, "items", 2, pytest.approx(2 / 3), pytest.approx(2 / 3)),
        (3, "buy", 1, pytest.approx(1 / 3), 0.5),
    ]


def test_a_funnel_to_what_nobody_touched(folder):
    assert [row[2] for row in rows(folder, "funnel", funnel=["nothing", "start"])] == [0, 0]


def test_records_of_classify_need_nothing_else(tmp_path, samples, table):
    parquet.write_table(table, tmp_path / "touches.parquet")
    classify_dataset(str(tmp_path / "touches.parquet"), str(tmp_path / "named"))
    (tmp_path / "numbered").mkdir()
    parquet.write_table(classify(samples).to_arrow(), tmp_path / "numbered" / "g.parquet")

    assert rows(tmp_path / "named", "kinds") == rows(tmp_path / "numbered", "kinds")
    assert rows(tmp_path / "named", "speeds") == rows(tmp_path / "numbered", "speeds")
    assert rows(tmp_path / "named", "screens")[0][0] is None


def test_marks_say_screens_and_targets(tmp_path):
    taps = [
        (0, 0, action, (start + 50 * action) * MS, 5.0, 5.0) for start in (100, 300, 500) for action in (0, 1)
    ]
    (tmp_path / "out").mkdir()
    parquet.write_table(classify(TouchSamples.from_rows(taps)).to_arrow(), tmp_path / "out" / "g.parquet")
    marks = [
        {"mark": "screen", "time": 0, "stream": 0, "name": "home"},
        {"mark": "target", "time": 100 * MS, "stream": 0, "pointer": 0, "id": "start", "responsive": False},
        {"mark": "target", "time": 100 * MS, "stream": 0, "pointer": 1, "id": "other"},
        {"mark": "screen", "time": 400 * MS, "stream": 0, "name": "list"},
        {"mark": "target", "time": 490 * MS, "stream": 0, "pointer": 0, "path": "list>item"},
        {"mark": "screen", "time": 10, "stream": 7, "name": "elsewhere"},
    ]
    lines = "".join(json.dumps(mark) + "\n" for mark in marks)
    (tmp_path / "out" / "log.marks.jsonl").write_text(lines)

    assert rows(tmp_path / "out", "gestures order by time_down", "screen, target, responsive") == [
        ("home", "start", False), ("home", None, None), ("list", "list>item", None),
    ]  # fmt: skip


def test_touch_samples_beside_gestures_are_no_strokes(tmp_path, capsys):
    """`convert` writes the marks beside the samples, and so the samples lie there too."""
    for arguments in (
        ["convert", SESSION, "-o", "session.parquet"],
        ["classify", SESSION, "-o", "g.parquet"],
    ):
        assert run([*arguments[:-1], str(tmp_path / arguments[-1])]) == 0
    capsys.readouterr()

    assert sum(row[2] for row in rows(tmp_path, "kinds")) == 23
    assert rows(tmp_path, "screens", "count(*)") == [(3,)]


def test_a_file_in_place_of_its_folder_is_refused(tmp_path):
    file = tmp_path / "batches.jsonl"
    file.touch()

    with pytest.raises(ConfigError, match=r"batches\.jsonl: is a file: expected its folder"):
        open_stats(file)


def test_touch_samples_alone_are_refused(tmp_path, table):
    parquet.write_table(table, tmp_path / "touches.parquet")

    with pytest.raises(ConfigError, match=r"no Parquet files of gestures there, .*: touch samples alone, cl"):
        open_stats(tmp_path)


def test_a_file_of_something_else_is_named(folder):
    parquet.write_table(pa.table({"stream": [1], "kind": ["tap"]}), folder / "other.parquet")

    with pytest.raises(
        ConfigError, match=r"other\.parquet: not a file of gestures: the columns time_down, time_up"
    ):
        open_stats(folder)


def test_batches_of_a_replay(tmp_path, capsys):
    assert run(["replay", SESSION, "-o", str(tmp_path)]) == 0
    capsys.readouterr()
    assert run(["stats", str(tmp_path), "--json", "--funnel", "button_start,button_buy"]) == 0
    shown = json.loads(capsys.readouterr().out)

    assert shown["kinds"][0] == {"kind": "tap", "reason": "recognized", "strokes": 8, "share": 8 / 19}
    assert [row["screen"] for row in shown["screens"]] == ["Product", "Catalogue", "Home"]
    assert shown["screens"][0]["dead_rate"] == 0.8
    assert shown["screens"][0]["rage_runs"] is None
    assert [row["streams"] for row in shown["funnel"]] == [1, 1]


def test_a_kind_that_the_table_does_not_have_is_its_number(tmp_path):
    event = {"ea": 11, "t": 5, "url": "app://a/", "tvp": "[root]>", "tvid": "", "fd": 7, "tvd": 30, "tvv": 9}
    (tmp_path / "batches.jsonl").write_text(json.dumps({"uid": "u", "pl": [event]}) + "\n")
    numbered = {"stream": [1], "kind": [11], "time_down": [0], "time_up": [1]}
    (tmp_path / "numbered").mkdir()
    parquet.write_table(pa.table(numbered), tmp_path / "numbered" / "gestures.parquet")

    assert rows(tmp_path / "numbered", "kinds", "kind") == [("11",)]
    (tmp_path / "numbered" / "gestures.parquet").unlink()
    assert rows(tmp_path, "gestures", "kind, direction") == [("11", "7")]


def test_the_command_shows_tables(folder, capsys):
    assert run(["stats", str(folder)]) == 0
    shown = capsys.readouterr().out

    assert all(title in shown for name, title in VIEWS.items() if name != "funnel")
    assert VIEWS["funnel"] not in shown
    assert "50.0%" in shown


@pytest.mark.parametrize("width", [None, 80, 40], ids=["piped", "80", "40"])
def test_the_tables_are_cut_nowhere(tmp_path, capsys, monkeypatch, width):
    assert run(["replay", SESSION, "-o", str(tmp_path)]) == 0
    capsys.readouterr()
    monkeypatch.delenv("COLUMNS", raising=False)
    if width is not None:
        monkeypatch.setenv("COLUMNS", str(width))
    assert run(["stats", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    words = shown.split()

    assert "…" not in shown
    assert {"unrecognised", "presses", "list_catalogue", "Catalogue", "80.0%", "pager_catalogue"} <= set(
        words
    )
    assert max(map(len, shown.splitlines())) <= (80 if width else 120)


def test_a_long_name_is_folded(tmp_path, folder, capsys, monkeypatch):
    table = parquet.read_table(folder / "gestures.parquet")
    name = "".join(chr(ord("a") + place % 26) for place in range(100))
    targets = pa.array([name] * len(table))
    place = table.schema.get_field_index("target")
    parquet.write_table(table.set_column(place, "target", targets), folder / "gestures.parquet")
    monkeypatch.setenv("COLUMNS", "80")
    assert run(["stats", str(folder), "--sql", "select distinct target, 1 as n, screen from gestures"]) == 0
    folded = [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:] if line.strip()]

    assert name in "".join(folded)


def test_the_command_takes_a_query(folder, capsys):
    assert run(["stats", str(folder), "--sql", "select count(*) as n from gestures", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"query": [{"n": 11}]}


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda path: None, "no Parquet files of gestures there"),
        (lambda path: (path / "a.parquet").write_bytes(b"nothing"), "a.parquet"),
        (
            lambda path: parquet.write_table(pa.table({"x": [1]}), path / "a.parquet"),
            "stream, kind, time_down",
        ),
    ],
    ids=["empty", "damaged", "other"],
)
def test_other_folders_are_refused(tmp_path, prepare, message):
    prepare(tmp_path)

    with pytest.raises(ConfigError, match=message):
        open_stats(tmp_path)


def test_a_wrong_query_is_refused(folder):
    with pytest.raises(ConfigError, match="nowhere"):
        run(["stats", str(folder), "--sql", "from nowhere"])
