"""Times of every kind give a sane time line: epochs, marks of another clock, logs that start again."""

import json

import pytest

from capture import ProjectConfig, RunConfig, TouchLogError, logs
from capture.replay import Replay
from capture.sinks.memory import MemorySink
from capture.testing import FakeClock

EPOCH_NS = 1_300_000_000_000_000_000
HOUR_NS = 3_600_000_000_000
STARTS = {"epoch": EPOCH_NS, "far-future": 4_000_000_000_000_000_000, "uptime": 90_000_000_000_000, "zero": 0}


def touch(start, at_ms):
    begun = start + at_ms * 1_000_000
    return [
        {"action": 0, "time": begun, "x": 1, "y": 2},
        {"action": 1, "time": begun + 80_000_000, "x": 1, "y": 2},
    ]


def write(path, lines):
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="ascii")


def spans(path):
    """Return the first time, the times of marks and those of samples, from the first on."""
    log = logs.open_log(path)
    rows = [row for chunk in log.chunks() for row in chunk.rows()]
    first = log.first_ns
    return [mark.time_ns - first for mark in log.marks], [row[3] - first for row in rows]


@pytest.mark.parametrize(
    "text",
    [
        "adb shell input tap 1 2\n",
        '<Gesture Name="x"><Point X="1" Y="2"/><Point X="3" Y="4"/></Gesture>',
        "TOUCH|{'x':536,'y':1708,'type':'downAndUp',}\n",
    ],
)
def test_times_that_are_made_up_are_told_with_the_first_samples(tmp_path, text):
    path = tmp_path / "log.txt"
    path.write_text(text, encoding="ascii")
    log = logs.open_log(path)
    assert len(next(log.chunks()))
    assert log.warnings["no_clock"] == 1
    config, sink = RunConfig(project=ProjectConfig(id=0)), MemorySink("records", formats=("currents",))
    job = Replay([path], config=config, sinks=[sink], needs_epoch=True)
    with pytest.raises(TouchLogError, match="not since the epoch"):
        job.run()
    assert [each.warnings["no_clock"] for each in job.summary.logs] == [1]


@pytest.mark.parametrize("marked", STARTS)
@pytest.mark.parametrize("sampled", STARTS)
def test_marks_of_another_clock_stand_at_their_samples(tmp_path, sampled, marked):
    path = tmp_path / "a.touch.jsonl"
    mark = STARTS[marked]
    write(
        path,
        [
            {"mark": "screen", "time": mark, "name": "Home"},
            *touch(STARTS[sampled], 0),
            {"mark": "transaction", "time": mark + 1_000_000_000, "value": 1},
            *touch(STARTS[sampled], 5000),
        ],
    )
    marks, samples = spans(path)

    assert all(0 <= time < 48 * HOUR_NS for time in [*marks, *samples])
    sink = MemorySink(formats=("native",))
    config = RunConfig(project=ProjectConfig(id=8, app_name="Shop", app_id="shop"))
    summary = Replay([path], config=config, sinks=[sink], clock=FakeClock()).run()
    assert summary.strokes == 2


def test_marks_alone_are_a_log_without_a_touch(tmp_path):
    path = tmp_path / "a.touch.jsonl"
    write(
        path,
        [{"mark": "screen", "time": EPOCH_NS, "name": "Home"}, {"mark": "screen", "time": 0, "name": "B"}],
    )

    log = logs.open_log(path)
    assert list(log.chunks()) == []
    assert [mark.time_ns for mark in log.marks] == [EPOCH_NS, 0]


def test_a_log_that_starts_again_keeps_its_marks_beside_their_samples(tmp_path):
    path = tmp_path / "a.touch.jsonl"
    write(
        path,
        [
            *touch(EPOCH_NS, 0),
            {"mark": "screen", "time": EPOCH_NS + 90_000_000, "name": "Home"},
            *touch(0, 0),
            {"mark": "screen", "time": 90_000_000, "name": "Basket"},
        ],
    )
    log = logs.open_log(path)
    for _ in log.chunks():
        pass

    assert [mark.time_ns for mark in log.marks] == [EPOCH_NS + 90_000_000, 90_000_000]
    assert log.warnings == {"time_went_back": 1}


@pytest.mark.parametrize("start", STARTS.values())
@pytest.mark.parametrize("unit", [1_000_000_000, 1_000_000, 1000, 1])
def test_a_table_in_any_unit(tmp_path, start, unit):
    path = tmp_path / "a.csv"
    rows = [*touch(start, 0), *touch(start, 2000)]
    cells = [f"{row['time'] / unit:.3f}" if unit == 10**9 else row["time"] // unit for row in rows]
    words = ("down", "up")
    lines = [f"{cell},1,2,{words[row['action']]}" for cell, row in zip(cells, rows, strict=True)]
    path.write_text("\n".join(["t,x,y,event", *lines]) + "\n", encoding="ascii")
    _, samples = spans(path)

    assert samples == pytest.approx([0, 80_000_000, 2_000_000_000, 2_080_000_000], abs=1_000_000)


@pytest.mark.parametrize("words", [["up"] * 12, ["cancel"] * 12, ["up"] * 11 + ["down"]])
@pytest.mark.parametrize(("step", "unit"), [(16_000, 1000), (16, 1_000_000), (0.016, 1_000_000_000)])
def test_the_unit_of_a_table_whose_strokes_have_one_row_each(tmp_path, words, step, unit):
    path = tmp_path / "a.csv"
    lines = [f"{100 + step * at:.3f},1,2,{word}" for at, word in enumerate(words)]
    lines = [line.replace(".000", "") for line in lines]
    path.write_text("\n".join(["ts,posX,posY,event", *lines]) + "\n", encoding="ascii")
    log = logs.open_log(path)
    times = [row[3] for chunk in log.chunks() for row in chunk.rows()]

    assert times[0] == 100 * unit
    assert times[1] - times[0] == 16_000_000
    assert log.warnings == {"guessed_columns": 1, "time_unit_guessed": 1}
