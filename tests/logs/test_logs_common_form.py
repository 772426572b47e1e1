"""The common form and the formats that are written: what is written is read back the same."""

import json
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from capture import logs
from capture.errors import TouchLogError

DATA = Path(__file__).parents[1] / "data"
SESSION = DATA / "session.touch.jsonl"


def read(path, **options):
    log = logs.open_log(path, options=logs.ReadOptions(**options))
    return log, [row for chunk in log.chunks() for row in chunk.rows()]


@pytest.mark.parametrize("name", ["a.touch.jsonl", "a.csv", "a.tsv", "a.parquet", "a.evemu"])
def test_recording_survives_a_round_trip(tmp_path, name):
    _, rows = read(SESSION)
    logs.write(logs.open_log(SESSION), tmp_path / name)
    _, again = read(tmp_path / name)

    assert again == rows


def test_recording_survives_kivys_format_but_for_the_start_and_the_cancel(tmp_path):
    _, rows = read(SESSION)
    logs.write(logs.open_log(SESSION), tmp_path / "a.kvi")
    _, again = read(tmp_path / "a.kvi", screen=(1080, 2340))
    start = rows[0][3]

    assert again == [
        (0, p, 1 if action == 3 else action, time - start, x, y) for _, p, action, time, x, y in rows
    ]


@pytest.mark.parametrize("name", ["b.touch.jsonl", "b.parquet"])
def test_info_and_marks_survive(tmp_path, name):
    first = logs.open_log(SESSION)
    list(first.chunks())
    logs.write(logs.open_log(SESSION), tmp_path / name)
    second = logs.open_log(tmp_path / name)
    list(second.chunks())

    assert second.info == first.info
    assert second.marks == first.marks
    assert {mark.kind for mark in first.marks} == {"screen", "target"}


def test_marks_stand_before_their_samples():
    log, rows = read(SESSION)
    targets = [mark for mark in log.marks if mark.kind == "target"]
    downs = [number for number, row in enumerate(rows) if row[2] == 0]

    assert sorted(mark.fields["pointer"] for mark in targets) == sorted(rows[number][1] for number in downs)
    assert all(mark.time_ns == rows[mark.sample][3] for mark in targets)


def test_writing_again_without_marks_takes_the_old_ones_away(tmp_path):
    logs.write(logs.open_log(SESSION), tmp_path / "c.parquet")
    assert (tmp_path / "c.marks.jsonl").exists()
    logs.write(logs.open_log(DATA / "phone.getevent.txt"), tmp_path / "c.parquet")

    assert not (tmp_path / "c.marks.jsonl").exists()


def test_the_three_recordings_are_the_same_touches():
    _, rows = read(SESSION)
    _, from_phone = read(DATA / "phone.getevent.txt", screen=(1080, 2340))
    kvi_log, from_kivy = read(DATA / "session.kvi", screen=(1080, 2340))
    cancelled = next(number for number, row in enumerate(rows) if row[2] == 3)
    began = max(number for number in range(cancelled) if rows[number][2] == 0)
    kept = rows[:began] + rows[cancelled + 1 :]

    assert from_phone == rows
    assert [row[:3] + row[4:] for row in from_kivy] == [row[:3] + row[4:] for row in kept]
    assert kvi_log.warnings == {}


def test_file_that_is_written_is_whole_or_not_there(tmp_path):
    bad = tmp_path / "bad.touch.jsonl"
    bad.write_bytes(b'{"time":1,"action":0,"x":1,"y":2}\n' + b"{" * (2 << 20))

    with pytest.raises(TouchLogError):
        logs.write(logs.open_log(bad), tmp_path / "out.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["bad.touch.jsonl"]


def test_name_that_no_format_has(tmp_path):
    with pytest.raises(TouchLogError, match=r"it ends in one of \.jsonl"):
        logs.write(logs.open_log(SESSION), tmp_path / "a.xlsx")


def test_screen_is_needed_for_kivy(tmp_path):
    raw = tmp_path / "raw.csv"
    raw.write_text("action,time,x,y\n0,1,2,3\n", encoding="ascii")

    with pytest.raises(TouchLogError, match="--screen"):
        logs.write(logs.open_log(raw), tmp_path / "a.kvi")


@pytest.mark.parametrize("name", ["s.kvi", "s.evemu"])
def test_several_streams_do_not_fit_one_device(tmp_path, name):
    raw = tmp_path / "raw.csv"
    raw.write_text("stream,action,time,x,y\n0,0,1,2,3\n1,0,1,2,3\n", encoding="ascii")

    with pytest.raises(TouchLogError, match="several streams"):
        logs.write(logs.open_log(raw, options=logs.ReadOptions(screen=(10, 10))), tmp_path / name)


def test_json_lines_need_no_info_and_take_words(tmp_path):
    path = tmp_path / "a.jsonl"
    lines = [
        {"time": 5, "action": "down", "x": 1, "y": None},
        {"time": 6, "action": 1, "x": "inf", "y": 2, "more": 3},
    ]
    path.write_text("\n\n".join(map(json.dumps, lines)), encoding="ascii")
    log, rows = read(path)

    assert [row[:5] for row in rows] == [(0, 0, 0, 5, 1.0), (0, 0, 1, 6, float("inf"))]
    assert log.info == logs.LogInfo(format="jsonl")


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        pytest.param('{"time": 5, "action": "fly", "x": 1, "y": 2}', "skipped_rows", id="action"),
        pytest.param('{"action": 0, "x": 1, "y": 2}', "skipped_rows", id="no-time"),
        pytest.param('{"time": 5, "x": 1, "y": 2}', "skipped_rows", id="no-action"),
        pytest.param('{"time": 5, "action": 0, "x": "one", "y": 2}', "skipped_rows", id="word-for-x"),
        pytest.param('{"time": 5, "action": 300, "x": 1, "y": 2}', "skipped_rows", id="action-too-large"),
        pytest.param(
            '{"time": 99999999999999999999, "action": 0, "x": 1, "y": 2}', "skipped_rows", id="time-too-large"
        ),
        pytest.param('{"time": null, "action": 0, "x": 1, "y": 2}', "skipped_rows", id="null"),
        pytest.param('{"time": 5', "unknown_lines", id="cut-in-the-middle"),
    ],
)
def test_an_odd_json_line_is_left_out_and_counted(tmp_path, line, cause):
    path = tmp_path / "a.jsonl"
    first, last = (
        '{"time": 1, "action": 0, "x": 1, "y": 2}',
        '{"time": 90000001, "action": 1, "x": 1, "y": 2}',
    )
    path.write_text(f"{first}\n{line}\n{last}\n", encoding="ascii")
    log, rows = read(path)

    assert [row[3] for row in rows] == [1, 90000001]
    assert log.warnings == {cause: 1}
    assert log.counts == {"read": 3, "used": 2, cause: 1}


def test_a_json_log_that_was_cut_off_keeps_its_whole_lines(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"time": 1, "action": 0, "x": 1, "y": 2}\n{"time": 2, "act', encoding="ascii")
    log, rows = read(path)

    assert [row[3] for row in rows] == [1]
    assert log.warnings == {"cut_off": 1, "missing_lift": 1}


def test_parquet_with_just_the_columns_needs_no_metadata(tmp_path):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    table = pa.table({"y": [2.0], "x": [1.0], "time": [7], "action": [0]})
    parquet.write_table(table, tmp_path / "a.parquet")
    log, rows = read(tmp_path / "a.parquet")

    assert rows == [(0, 0, 0, 7, 1.0, 2.0)]
    assert log.info == logs.LogInfo(format="parquet")


def test_parquet_without_a_column_or_damaged_is_an_error(tmp_path):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pa.table({"x": [1.0], "time": [7], "action": [0]}), tmp_path / "a.parquet")
    with pytest.raises(TouchLogError, match="is a table with the columns x, time, action: say which is what"):
        logs.open_log(tmp_path / "a.parquet")
    whole = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "b.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(TouchLogError, match=r"b\.parquet"):
        logs.open_log(tmp_path / "b.parquet")


def test_reading_text_imports_no_pyarrow():
    import subprocess

    code = (
        "import sys; from capture import logs\n"
        f"list(logs.open_log({str(DATA / 'phone.getevent.txt')!r}).chunks())\n"
        f"list(logs.open_log({str(SESSION)!r}).chunks())\n"
        "assert 'pyarrow' not in sys.modules and 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


FLOAT = st.floats(width=32, allow_nan=False, min_value=0, max_value=4000).map(
    lambda v: v if v > 1e-5 else 0.0
)
ROWS = st.lists(
    st.tuples(st.just(0), st.integers(0, 3), st.integers(0, 3), st.integers(0, 10**12), FLOAT, FLOAT),
    min_size=1,
)


@settings(max_examples=40, deadline=None)
@given(rows=ROWS, name=st.sampled_from(["h.touch.jsonl", "h.csv", "h.tsv", "h.parquet"]))
def test_any_samples_survive(tmp_path_factory, rows, name):
    folder = tmp_path_factory.mktemp("any")
    lines = [dict(zip(("stream", "pointer", "action", "time", "x", "y"), row, strict=True)) for row in rows]
    (folder / "in.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="ascii")
    logs.write(logs.open_log(folder / "in.jsonl"), folder / name)

    assert read(folder / name)[1] == rows
