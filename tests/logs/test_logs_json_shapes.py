"""JSON of touches in many shapes: alike records are read by columns, odd ones among them one by one."""

import json
from decimal import Decimal

import pytest
from hypothesis import given, settings, strategies as st

from capture import logs

NAMES = ("time", "x", "y", "phase")
WORDS = ("began", "moved", "moved", "ended")


def record(number, time=lambda number: number * 16):
    return dict(zip(NAMES, (time(number), number + 0.25, number + 0.5, WORDS[number % 4]), strict=True))


def read(tmp_path, text):
    path = tmp_path / "a.json"
    path.write_text(text, encoding="utf-8")
    log = logs.open_log(path)
    return [row for chunk in log.chunks() for row in chunk.rows()], log


def nested(row):
    return {"time": row["time"], "phase": row["phase"], "position": {"x": row["x"], "y": row["y"]}}


def paired(row):
    return {"time": row["time"], "phase": row["phase"], "position": [row["x"], row["y"]]}


def touched(row):
    words = {"began": "touchstart", "moved": "touchmove", "ended": "touchend"}
    touch = {"clientX": row["x"], "clientY": row["y"]}
    return {"type": words[row["phase"]], "timeStamp": row["time"], "changedTouches": [touch], "touches": []}


def by_columns(rows):
    return {name: [row[name] for row in rows] for name in NAMES}


SHAPES = {
    "list": json.dumps,
    "lines": lambda rows: "\n".join(map(json.dumps, rows)),
    "nested": lambda rows: json.dumps([nested(row) for row in rows]),
    "nested-lines": lambda rows: "\n".join(json.dumps(nested(row)) for row in rows) + "\n",
    "pairs": lambda rows: json.dumps([paired(row) for row in rows]),
    "touches": lambda rows: json.dumps({"session": 1, "events": [touched(row) for row in rows]}),
    "columns": lambda rows: json.dumps(by_columns(rows)),
    "names": lambda rows: json.dumps({"columns": NAMES, "data": [list(row.values()) for row in rows]}),
    "header": lambda rows: json.dumps([NAMES, *(list(row.values()) for row in rows)]),
    "strokes": lambda rows: json.dumps(
        {"strokes": [{"id": at, "points": rows[at : at + 4]} for at in range(0, len(rows), 4)]}
    ),
    "numbered": lambda rows: json.dumps({str(at): row for at, row in enumerate(rows)}),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("count", [8, 9000])
def test_every_shape_gives_the_same_samples(tmp_path, shape, count):
    rows = [record(number) for number in range(count)]

    found, log = read(tmp_path, SHAPES[shape](rows))

    assert [row[3:] for row in found] == [(at * 16_000_000, at + 0.25, at + 0.5) for at in range(count)]
    assert [row[2] for row in found] == [{"began": 0, "moved": 2, "ended": 1}[row["phase"]] for row in rows]
    assert log.counts["used"] == count


@pytest.mark.parametrize("shape", ["list", "lines", "nested", "nested-lines", "pairs", "numbered"])
@pytest.mark.parametrize("odd", [{"time": None}, {"x": {"a": 1}}, {"time": "soon"}])
def test_an_odd_record_is_left_out_of_a_long_list(tmp_path, shape, odd):
    rows = [record(number) for number in range(9000)]
    rows[8501] |= odd

    found, log = read(tmp_path, SHAPES[shape](rows))

    assert [row[3] for row in found] == [at * 16_000_000 for at in range(9000) if at != 8501]
    assert log.counts["skipped_rows"] == 1


def test_records_that_lack_a_key_or_have_more(tmp_path):
    rows = [record(number) for number in range(40)]
    del rows[21]["y"]
    rows[3]["note"] = {"x": 1, "y": 2}
    rows[5]["more"] = [1, 2, 3]

    found, log = read(tmp_path, json.dumps(rows))

    assert [row[3] for row in found] == [at * 16_000_000 for at in range(40) if at != 21]
    assert log.counts["skipped_rows"] == 1


def test_lines_and_documents_stay_in_their_order(tmp_path):
    rows = [record(number) for number in range(40)]
    lines = [json.dumps(row) for row in rows[:10]]
    lines += [json.dumps({"part": 2, "points": rows[10:20]}), "", "what is this"]
    lines += [json.dumps(row) for row in rows[20:]]

    found, log = read(tmp_path, "\n".join(lines))

    assert [row[3] for row in found] == [at * 16_000_000 for at in range(40)]
    assert log.counts == {"read": 42, "used": 40, "context": 1, "unknown_lines": 1}


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.decimals(0, 4_000_000_000, places=6) | st.integers(0, 1 << 40) | st.floats(0, 1e9),
        min_size=1,
        max_size=7,  # from 8 on, rows that go back all the way are refused
    )
)
def test_decimals_are_exact(tmp_path_factory, times):
    texts = [repr(float(time)) if isinstance(time, Decimal) else repr(time) for time in times]
    rows = [
        f'{{"time":{text},"x":1,"y":2,"phase":"{"began" if at == 0 else "moved"}"}}'
        for at, text in enumerate(texts)
    ]
    path = tmp_path_factory.mktemp("json") / "a.json"
    path.write_text("[" + ",".join(rows) + "]", encoding="ascii")
    columns = "time=time,x=x,y=y,action=phase,time-unit="

    for unit, ns in (("s", 10**9), ("ms", 10**6), ("us", 10**3), ("ns", 1)):
        if max(map(Decimal, texts)) * ns >= 1 << 63:
            continue
        log = logs.open_log(path, options=logs.ReadOptions(columns=columns + unit))
        found = [row[3] for chunk in log.chunks() for row in chunk.rows()]
        # To a billionth of the unit, then down to a whole ns.
        assert found == [int(Decimal(text) * 10**9) * ns // 10**9 for text in texts]
