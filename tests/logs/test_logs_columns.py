"""Tables by a column map: CSV, TSV and Parquet with any columns."""

import msgspec
import pytest

from capture import logs
from capture.errors import TouchLogError
from capture.logs import csv

MAP = "time=ts,x=posX,y=posY,action=event:touchstart=down|touchmove=move|touchend=up,time-unit=ms"


def read(tmp_path, content, columns=None, **options):
    path = tmp_path / "log.csv"
    path.write_text(content, encoding="utf-8", newline="")
    log = logs.open_log(path, options=logs.ReadOptions(columns=columns, **options))
    return [row for chunk in log.chunks() for row in chunk.rows()], log


def test_a_column_map(tmp_path):
    content = "ts,event,posX,posY,more\n10,touchstart,1,2,a\n12.5,TouchMove,3,4,b\n20,touchend,5,6,\n"
    rows, log = read(tmp_path, content, MAP)

    assert rows == [(0, 0, 0, 10_000_000, 1, 2), (0, 0, 2, 12_500_000, 3, 4), (0, 0, 1, 20_000_000, 5, 6)]
    assert log.warnings == {}


def test_rows_with_other_events_are_left_out_and_counted(tmp_path):
    content = "ts,event,posX,posY\n10,touchstart,1,2\n11,keydown,0,0\n,touchmove,1,1\n20,touchend,5,6\n"
    rows, log = read(tmp_path, content, MAP)

    assert [row[3] for row in rows] == [10_000_000, 20_000_000]
    assert log.warnings == {"skipped_rows": 2}
    assert log.counts == {"read": 5, "context": 1, "used": 2, "skipped_rows": 2}


@pytest.mark.parametrize(
    ("separator", "option"),
    [
        pytest.param("\t", "", id="tab"),
        pytest.param(";", "", id="semicolon"),
        pytest.param(" ", "", id="blank"),
        pytest.param(",", ",separator=comma", id="named"),
    ],
)
def test_separators(tmp_path, separator, option):
    content = "ts,event,posX,posY\n10,touchstart,1,2\n".replace(",", separator)

    assert read(tmp_path, content, MAP + option)[0] == [(0, 0, 0, 10_000_000, 1, 2)]


@pytest.mark.parametrize(
    ("unit", "text", "time"),
    [
        pytest.param("ns", "1634125446090123456", 1634125446090123456, id="ns"),
        pytest.param("us", "1634125446090123.5", 1634125446090123500, id="us"),
        pytest.param("ms", "1634125446090.25", 1634125446090250000, id="ms"),
        pytest.param("s", "1634125446.090123", 1634125446090123000, id="s-exact-to-the-microsecond"),
        pytest.param("s", "-0.000000001", -1, id="negative"),
    ],
)
def test_time_units(tmp_path, unit, text, time):
    columns = f"time=t,x=x,y=y,action=a,time-unit={unit}"

    assert read(tmp_path, f"t,a,x,y\n{text},0,1,2\n", columns)[0] == [(0, 0, 0, time, 1, 2)]


def test_columns_by_number_without_a_header(tmp_path):
    columns = "header=no,time=#1,action=#2,x=#3,y=#4,pointer=#5,time-unit=ns"

    assert read(tmp_path, "5,0,1,2,7\n6,1,1,2,7\n", columns)[0] == [(0, 7, 0, 5, 1, 2), (0, 7, 1, 6, 1, 2)]


def test_words_and_pairs_make_streams_in_the_order_they_come(tmp_path):
    content = "who,where,t,a,x,y\nann,1,1,0,1,2\nbob,1,2,0,1,2\nann,2,3,0,1,2\nann,1,4,1,1,2\n"
    pairs = read(tmp_path, content, "stream=who+where,time=t,action=a,x=x,y=y")[0]
    words = read(tmp_path, content, "stream=who,time=t,action=a,x=x,y=y")[0]

    assert [row[0] for row in pairs] == [0, 1, 2, 0]
    assert [row[0] for row in words] == [0, 1, 0, 0]


def test_fractions_of_the_screen(tmp_path):
    columns = "time=t,action=a,x=x,y=y,position=fraction,time-unit=ns"

    assert read(tmp_path, "t,a,x,y\n1,0,0.5,0.25\n", columns, screen=(400, 800))[0] == [
        (0, 0, 0, 1, 200, 200)
    ]


@pytest.mark.parametrize(
    ("unit", "cells"),
    [
        pytest.param("position=fraction", "0.5,0.25", id="position"),
        pytest.param("x-unit=fraction", "0.5,0.25", id="fraction"),
        pytest.param("x-unit=percent", "50,25", id="percent"),
        pytest.param("x-unit=percent,y-unit=px", "50,150", id="each-its-own"),
    ],
)
def test_parts_of_a_screen_that_is_not_known_are_guessed_as_those_of_kivy(tmp_path, unit, cells):
    rows, log = read(tmp_path, f"t,a,x,y\n1,0,{cells}\n", f"time=t,action=a,x=x,y=y,time-unit=ms,{unit}")

    assert rows == [(0, 0, 0, 1_000_000, 400, 150)]
    assert log.warnings == {"guessed_screen": 1}


def test_touchalytics(tmp_path):
    content = "1,12,3,1354000000000,0,1,100.5,200.25,0.4,0.1,1\n1,12,4,1354000000016,1,1,101,201,0.4,0.1,1\n"

    assert read(tmp_path, content, "touchalytics")[0] == [
        (0, 0, 0, 1354000000000000000, 100.5, 200.25),
        (1, 0, 1, 1354000000016000000, 101, 201),
    ]


def test_hmog(tmp_path):
    content = "1398000000000,5000,11,1,0,0,10,20,0.5,0.1,0\n1398000000010,5010,11,2,1,5,30,40,0.5,0.1,0\n"

    assert read(tmp_path, content, "hmog")[0] == [
        (11, 0, 0, 5000000000, 10, 20),
        (11, 1, 0, 5010000000, 30, 40),
    ]


def test_unknown_actions_of_the_common_form_stay_for_the_recognizer_to_count(tmp_path):
    rows, _ = read(tmp_path, "action,time,x,y\n7,1,2,3\n300,1,2,3\n-1,1,2,3\n")

    assert [row[2] for row in rows] == [7, 255, 255]


def test_blanks_empty_cells_and_line_ends(tmp_path):
    rows, _ = read(tmp_path, "action, time, x, y\r\r\n0, 1, 2, \r\r\n1, 2, nan, inf\r\r\n")

    assert [row[:4] for row in rows] == [(0, 0, 0, 1), (0, 0, 1, 2)]
    assert str(rows[0][5]) == "nan"
    assert rows[1][5] == float("inf")


def test_rows_of_another_length_are_left_out_and_counted(tmp_path):
    rows, log = read(tmp_path, "action,time,x,y\n0,1,2,3\n0,1\n1,2,3,4,5\n1,2,2,3")

    assert [row[3] for row in rows] == [1, 2]
    assert log.warnings == {"skipped_rows": 2, "time_unit_doubtful": 1}


def test_time_going_back_is_counted(tmp_path):
    _, log = read(tmp_path, "action,time,x,y\n0,5,2,3\n2,4,2,3\n1,6,2,3\n")

    assert log.warnings == {"time_went_back": 1, "time_unit_doubtful": 1}
    assert msgspec.json.decode(msgspec.json.encode(log.warnings)) == log.warnings


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        pytest.param("time=t,x=x,y=y", "down and up\\) missing", id="missing"),
        pytest.param("tim=t", "tim=t: expected", id="unknown-key"),
        pytest.param("nonsense", "expected KEY=COLUMN", id="no-map"),
        pytest.param("time=t,x=x,y=y,action=a,time-unit=min", "time-unit=min: expected", id="unit"),
        pytest.param("time=t,x=x,y=y,action=a:fly=hop", "action 'fly=hop'", id="action"),
        pytest.param(
            "time=when,x=x,y=y,action=a", "no column 'when' for time; there are: t, a, x, y", id="column"
        ),
    ],
)
def test_wrong_maps(tmp_path, columns, message):
    with pytest.raises(TouchLogError, match=message):
        read(tmp_path, "t,a,x,y\n1,0,1,2\n", columns)


@pytest.mark.parametrize(
    "row",
    [
        pytest.param("0,1,abc,3", id="word-for-x"),
        pytest.param("0,one,2,3", id="word-for-a-time"),
        pytest.param("0,99999999999999999999,2,3", id="time-too-large"),
    ],
)
@pytest.mark.parametrize("large", [False, True], ids=["small", "large-enough-for-pyarrow"])
def test_an_odd_cell_leaves_its_row_out(tmp_path, monkeypatch, row, large):
    monkeypatch.setattr(csv, "_LARGE_BYTES", 0 if large else 1 << 30)
    rows, log = read(tmp_path, f"action,time,x,y\n0,1,2,3\n{row}\n1,2000000,2,3\n")

    assert [row[3] for row in rows] == [1, 2000000]
    assert log.warnings == {"skipped_rows": 1}
    assert log.counts == {"read": 4, "context": 1, "used": 2, "skipped_rows": 1}


def test_parquet_by_a_column_map(tmp_path):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    table = pa.table(
        {
            "ts": pa.array([1_000_000, 2_000_000], pa.timestamp("us")),
            "event": pa.array(["touchstart", "touchend"]).dictionary_encode(),
            "posX": pa.array([1, 2], pa.int16()),
            "posY": pa.array([1.5, 2.5], pa.float64()),
        }
    )
    parquet.write_table(table, tmp_path / "a.parquet")
    log = logs.open_log(tmp_path / "a.parquet", options=logs.ReadOptions(columns=MAP))

    assert [row for chunk in log.chunks() for row in chunk.rows()] == [
        (0, 0, 0, 1_000_000_000, 1, 1.5),
        (0, 0, 1, 2_000_000_000, 2, 2.5),
    ]


def test_bytes_that_are_no_utf8_are_replaced(tmp_path):
    path = tmp_path / "log.csv"
    path.write_bytes(b"action,time,x,y\n0,1,2,3\n\xff\xfe\n1,2,2,3\n\xc3")
    log = logs.open_log(path)

    assert [row[3] for chunk in log.chunks() for row in chunk.rows()] == [1, 2]
    assert log.warnings == {"skipped_rows": 2, "time_unit_doubtful": 1}


@pytest.mark.parametrize("names", ["action,time,x,y,x", "event,timestamp,posX,posY,posX"])
def test_two_columns_of_one_name_are_refused(tmp_path, names):
    path = tmp_path / "a.csv"
    path.write_text(f"{names}\n0,0,1,1,5\n1,80,2,2,6\n", encoding="ascii")

    with pytest.raises(TouchLogError, match=rf"a\.csv:1: the column {names.split(',')[2]!r} occurs twice"):
        logs.open_log(path)


def test_columns_of_one_name_that_nobody_reads_are_left_out(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("action,time,x,y,note,note\n0,0,1,1,a,b\n1,80000000,2,2,a,b\n", encoding="ascii")

    assert [len(chunk) for chunk in logs.open_log(path).chunks()] == [2]


@pytest.mark.parametrize("large", [False, True], ids=["small", "large-enough-for-pyarrow"])
def test_rows_without_a_name_are_a_stream_of_their_own(tmp_path, monkeypatch, large):
    monkeypatch.setattr(csv, "_LARGE_BYTES", 0 if large else 1 << 30)
    content = "action,time,x,y,user\n0,1,1,1,a\n0,2,2,2,\n1,3,1,1,a\n1,4,2,2,\n"
    rows, log = read(tmp_path, content, "action=action,time=time,x=x,y=y,stream=user,time-unit=ms")

    assert [row[0] for row in rows] == [0, 1, 0, 1]
    assert log.info.streams == {0: "a", 1: "0"}


@pytest.mark.parametrize("value", ["finger", " finger "])
def test_only_takes_no_blanks_around_a_value(tmp_path, value):
    content = "kind,action,time,x,y\nfinger,0,1,1,1\n finger ,1,2,1,1\nmouse,0,3,1,1\n"
    rows, _ = read(tmp_path, content, f"action=action,time=time,x=x,y=y,time-unit=ms,only=kind:{value}")

    assert [row[2] for row in rows] == [0, 1]
