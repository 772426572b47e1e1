"""Tables whose names do not tell enough: the map that the error has to copy is right."""

import json
import re
from itertools import chain

import pytest

from capture import Action, Recognizer, classify, logs
from capture.errors import TouchLogError
from capture.logs import csv

D, U, M = int(Action.DOWN), int(Action.UP), int(Action.MOVE)
#: Milliseconds, x, y, action.
STROKES = [
    (1000, 320, 480, "down"),
    (1045, 321, 480, "move"),
    (1090, 321, 480, "up"),
    (2300, 100, 120, "down"),
    (2700, 101, 120, "move"),
    (3100, 101, 120, "up"),
]


def table(*columns, rows=STROKES, header=True, separator=","):
    """Return a table with columns of (name, function of a row)."""
    lines = [separator.join(name for name, _ in columns)] if header else []
    lines += [separator.join(str(cell(*row)) for _, cell in columns) for row in rows]
    return "\n".join(lines) + "\n"


def time(ms, *_):
    return ms


def x(_, value, *__):
    return value


def y(_, __, value, *___):
    return value


def codes(down, move, up):
    return lambda *row: {"down": down, "move": move, "up": up}[row[3]]


WORDS = codes("down", "move", "up")
#: Two drags that end in the corner.
CORNER = [
    (at + ms, place, place, word)
    for at in (0, 2000)
    for ms, place, word in ((0, 500, "down"), (16, 200, "move"), (32, 0, "up"))
]
ONE_ROW_EACH = (
    "No.,Who,Start (s),End (s),Start X,Start Y,End X,End Y,Remark\n"
    "1,P03,1.0,1.09,320,480,321,480,\n2,P03,2.3,3.1,100,120,101,121,slow\n3,P03,4.0,4.1,100,900,100,300,\n"
)


def suggested(path):
    with pytest.raises(TouchLogError) as caught:
        logs.open_log(path)
    return re.search(r"--columns '(.*)' \(presets", str(caught.value))[1]


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        pytest.param(
            table(("", lambda ms, *_: f"{ms / 1000:.3f}"), ("", WORDS), ("", x), ("", y), header=False),
            "header=no,time=#1,x=#3,y=#4,action=#2:down=down|move=move|up=up,time-unit=s",
            id="no-names",
        ),
        pytest.param(
            table(("", time), ("", x), ("", y), ("", codes(0, 2, 1)), header=False, separator=";"),
            "header=no,time=#1,x=#2,y=#3,action=#4:0=down|2=move|1=up,time-unit=ms",
            id="no-names-and-codes",
        ),
        pytest.param(
            table(("Zeit", time), ("links", x), ("oben", y), ("Was", codes("ab", "hin", "auf"))),
            "time=Zeit,x=links,y=oben,action=Was:ab=down|hin=move|auf=up,time-unit=ms",
            id="other-language",
        ),
        pytest.param(
            table(
                ("Zeit", lambda ms, *_: f"2026-05-02 10:11:{ms / 1000:06.3f}"),
                ("x", x),
                ("y", y),
                ("Was", WORDS),
            ),
            "time=Zeit,x=x,y=y,action=Was:down=down|move=move|up=up",
            id="dates-have-no-unit",
        ),
        pytest.param(
            table(("t", time), ("x", x), ("y", y), ("state", codes(1, 2, 0))),
            "time=t,x=x,y=y,action=state:1=down|2=move|0=up,time-unit=ms",
            id="other-codes",
        ),
        pytest.param(
            table(("stroke", lambda ms, *_: ms // 2000), ("t", time), ("x", x), ("y", y)),
            "time=t,x=x,y=y,stroke=stroke,time-unit=ms",
            id="numbers-of-strokes",
        ),
        pytest.param(
            table(("time_ms", time), ("x", x), ("y", y), ("pressed", codes("true", "true", "false"))),
            "time=time_ms,x=x,y=y,action=pressed:true=down|false=up,time-unit=ms",
            id="pressed",
        ),
    ],
)
def test_the_suggestion_reads_the_table(tmp_path, text, suggestion):
    path = tmp_path / "a.csv"
    path.write_text(text, encoding="ascii")

    assert suggested(path) == suggestion
    log = logs.open_log(path, options=logs.ReadOptions(columns=suggestion))
    rows = [row for chunk in log.chunks() for row in chunk.rows()]
    first = rows[0][3]
    assert [
        ((row[3] - first) // 10**6 + 1000, *row[4:], Action(row[2]).name.lower()) for row in rows
    ] == STROKES


def test_a_table_with_a_row_for_each_stroke_has_both_ends(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(ONE_ROW_EACH, encoding="ascii")
    suggestion = suggested(path)
    log = logs.open_log(path, options=logs.ReadOptions(columns=suggestion))

    assert suggestion == ("down=Start (s),up=End (s),x=Start X,y=Start Y,x-up=End X,y-up=End Y,time-unit=s")
    assert [row[3:] for chunk in log.chunks() for row in chunk.rows()][:2] == [
        (1_000_000_000, 320, 480),
        (1_090_000_000, 321, 480),
    ]
    kinds = [gesture.kind.name for chunk in log.chunks() for gesture in classify(chunk)]
    assert kinds == ["TAP", "LONG_PRESS", "FLING"]


def test_a_row_for_each_stroke_may_have_its_duration(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(
        "start,duration,x0,y0,x1,y1\n1000,90,320,480,321,480\n2300,800,100,120,101,121\n", "ascii"
    )
    suggestion = suggested(path)
    log = logs.open_log(path, options=logs.ReadOptions(columns=suggestion))

    assert suggestion == "down=start,duration=duration,x=x0,y=y0,x-up=x1,y-up=y1,time-unit=ms"
    assert [(row[3] // 10**6, *row[4:]) for chunk in log.chunks() for row in chunk.rows()] == [
        (1000, 320, 480),
        (1090, 321, 480),
        (2300, 100, 120),
        (3100, 101, 121),
    ]


#: A log that begins with a tap, so that the word of an UP comes before that of a MOVE.
TAP_FIRST = [
    (0, 5, 5, "down"),
    (90, 5, 5, "up"),
    *STROKES[3:4],
    *((2300 + 9 * n, 100, 120, "move") for n in range(9)),
]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(
            ("Druck", "Bewegung", "Loslassen"), "Druck=down|Bewegung=move|Loslassen=up", id="unknown"
        ),
        pytest.param(("begin", "weiter", "end"), "begin=down|weiter=move|end=up", id="known-in-part"),
        pytest.param((0, 1, 3), "0=down|1=move|3=up", id="codes"),
    ],
)
def test_most_words_are_moves(tmp_path, words, said):
    path = tmp_path / "a.csv"
    path.write_text(table(("t", time), ("x", x), ("y", y), ("z", codes(*words)), rows=TAP_FIRST), "utf-8")

    assert f"action=z:{said}," in suggested(path)


def test_codes_that_an_up_cannot_follow_are_not_those_of_android(tmp_path):
    path = tmp_path / "a.csv"
    columns = (("t", time), ("fingerId", lambda *_: 0), ("x", x), ("y", y), ("phase", codes(0, 1, 3)))
    path.write_text(table(*columns, rows=TAP_FIRST), "utf-8")

    assert "pointer=fingerId,action=phase:0=down|1=move|3=up," in suggested(path)


def test_json_may_say_whether_a_finger_is_down(tmp_path):
    path = tmp_path / "a.json"
    rows = [(0, 1, 2, True), (16, 3, 4, True), (32, 3, 4, False), (48, 3, 4, False)]
    path.write_text(
        json.dumps([dict(zip(("t", "x", "y", "pressed"), row, strict=True)) for row in rows]), "utf-8"
    )
    suggestion = suggested(path)
    log = logs.open_log(path, options=logs.ReadOptions(columns=suggestion))

    assert suggestion == "time=t,x=x,y=y,action=pressed:True=down|False=up,time-unit=ms"
    assert [row[2] for chunk in log.chunks() for row in chunk.rows()] == [D, M, U, M]


def test_the_number_of_a_touch_makes_strokes_where_no_column_has_actions(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(table(("touch_id", lambda ms, *_: ms // 2000), ("t", time), ("x", x), ("y", y)), "utf-8")

    assert suggested(path) == "time=t,x=x,y=y,stroke=touch_id,time-unit=ms"


def test_a_finger_of_a_polled_table_is_lifted_where_it_was_last_down(tmp_path):
    path = tmp_path / "a.csv"
    rows = [(0, 0, 0, 0), (20, 5, 6, 1), (40, 7, 8, 1), (60, 0, 0, 0), (80, 0, 0, 0), (100, 1, 2, 1)]
    path.write_text("t,x,y,p\n" + "".join(",".join(map(str, row)) + "\n" for row in rows), encoding="ascii")
    columns = "time=t,x=x,y=y,action=p:1=down|0=up,time-unit=ms"
    log = logs.open_log(path, options=logs.ReadOptions(columns=columns))

    assert [(row[2], *row[4:]) for chunk in log.chunks() for row in chunk.rows()] == [
        (M, 0, 0),
        (D, 5, 6),
        (M, 7, 8),
        (U, 7, 8),
        (M, 0, 0),
        (D, 1, 2),
    ]


def test_settings_alone_are_added_to_the_columns_that_the_names_tell(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(table(("time", time), ("action", WORDS), ("x", x), ("y", y)), encoding="ascii")
    log = logs.open_log(path, options=logs.ReadOptions(columns="time-unit=ms"))

    assert [row[3] // 10**6 for chunk in log.chunks() for row in chunk.rows()] == [row[0] for row in STROKES]


@pytest.mark.parametrize("suffix", ["csv", "json"])
def test_places_from_0_to_1_are_parts_of_the_screen(tmp_path, suffix):
    rows = [(ms, x / 1000, y / 1000, action) for ms, x, y, action in STROKES]
    path = tmp_path / f"a.{suffix}"
    text = table(("t", time), ("x", x), ("y", y), ("type", WORDS), rows=rows)
    if suffix == "json":
        lines = (
            f'{{"t": {ms}, "x": {left}, "y": {top}, "type": "{action}"}}' for ms, left, top, action in rows
        )
        text = "[" + ", ".join(lines) + "]"
    path.write_text(text, encoding="ascii")
    log = logs.open_log(path, options=logs.ReadOptions(screen=(1000, 2000)))
    places = [row[4:] for chunk in log.chunks() for row in chunk.rows()]

    assert places == [(pytest.approx(row[1]), pytest.approx(2 * row[2])) for row in STROKES]


def test_a_touch_that_pointer_and_mouse_events_repeat_is_one(tmp_path):
    path = tmp_path / "a.csv"
    events = [
        (ms, left, top, device + word)
        for ms, left, top, action in STROKES
        for device, words in {
            "pointer": {"down": "down", "move": "move", "up": "up"},
            "touch": {"down": "start", "move": "move", "up": "end"},
            "mouse": {"down": "down", "move": "move", "up": "up"},
        }.items()
        for word in [words[action]]
    ]
    path.write_text(
        table(("t", time), ("x", x), ("y", y), ("type", lambda *row: row[3]), rows=events), "ascii"
    )
    log = logs.open_log(path)

    assert [row[2] for chunk in log.chunks() for row in chunk.rows()] == [D, M, U, D, M, U]
    assert log.counts["skipped_rows"] == 12


def read(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    log = logs.open_log(path)
    return log, [row for chunk in log.chunks() for row in chunk.rows()]


@pytest.mark.parametrize("sign", [0, -1])
def test_where_ups_note_no_place_the_finger_is_lifted_where_it_was_last(tmp_path, sign):
    rows = [(ms, *((sign, sign) if action == "up" else place), action) for ms, *place, action in STROKES]
    text = table(("t", time), ("x", x), ("y", y), ("type", WORDS), rows=rows)
    log, _ = read(tmp_path / "a.csv", text)

    assert [(each.kind.name, each.x_up) for chunk in log.chunks() for each in classify(chunk)] == [
        ("TAP", 321),
        ("LONG_PRESS", 101),
    ]


def test_users_have_streams_of_their_own(tmp_path):
    users = table(
        ("user_id", lambda *row: row[4]),
        ("t", time),
        ("x", x),
        ("y", y),
        ("type", lambda *row: row[3]),
        rows=[(*row, user) for row in STROKES for user in ("anna", "ben")],
    )
    log, rows = read(tmp_path / "a.csv", users)

    assert [row[0] for row in rows] == [0, 1] * len(STROKES)
    assert log.info.streams == {0: "anna", 1: "ben"}


def test_a_table_of_excel_in_western_europe(tmp_path):
    text = "sep=;\n" + table(
        ("Zeit (s)", lambda ms, *_: f"{ms / 1000:.3f}".replace(".", ",")),
        ("x", x),
        ("y", y),
        ("Ereignis", codes("gedrückt", "bewegt", "losgelassen")),
        separator=";",
    )
    path = tmp_path / "a.csv"
    path.write_text(text, encoding="cp1252")
    suggestion = suggested(path)
    log = logs.open_log(path, options=logs.ReadOptions(columns=suggestion))

    assert suggestion == (
        "time=Zeit (s),x=x,y=y,action=Ereignis:gedrückt=down|bewegt=move|losgelassen=up,time-unit=s"
    )
    assert [row[3] // 10**6 for chunk in log.chunks() for row in chunk.rows()] == [row[0] for row in STROKES]


@pytest.mark.parametrize(
    ("name", "unit"),
    [("time_ms", 10**6), ("timestampMs", 10**6), ("Time (s)", 10**9), ("time_us", 1000), ("tNs", 1)],
)
def test_the_name_of_a_column_tells_the_unit(tmp_path, name, unit):
    text = table((name, time), ("x", x), ("y", y), ("type", WORDS))
    log, rows = read(tmp_path / "a.csv", text)

    assert rows[1][3] - rows[0][3] == 45 * unit
    assert not {"time_unit_guessed", "time_unit_doubtful"} & log.warnings.keys()


def test_whole_seconds_are_doubted(tmp_path):
    text = table(
        ("time", lambda ms, *_: f"2026-05-02 10:11:{ms // 1000:02d}"), ("x", x), ("y", y), ("type", WORDS)
    )
    log, _ = read(tmp_path / "a.csv", text)

    assert log.warnings["whole_seconds"] == 1


def test_the_newest_first_is_refused(tmp_path):
    later = [(ms + 5000, *rest) for ms, *rest in STROKES]
    text = table(("t", time), ("x", x), ("y", y), ("type", WORDS), rows=[*STROKES, *later][::-1])
    with pytest.raises(TouchLogError, match="the newest first: sort them by time"):
        read(tmp_path / "a.csv", text)


def test_the_number_of_a_row_is_neither_time_nor_place(tmp_path):
    text = table(
        ("", lambda *row: row[4]),
        ("", time),
        ("", codes(0, 2, 1)),
        ("", lambda *_: 0),
        ("", x),
        ("", y),
        rows=[(*row, number) for number, row in enumerate(STROKES, 4411)],
        header=False,
        separator="|",
    )
    path = tmp_path / "a.txt"
    path.write_text(text, encoding="ascii")

    assert suggested(path) == "header=no,time=#2,x=#5,y=#6,action=#3:0=down|2=move|1=up,time-unit=ms"


def many(kind):
    """Return a large table whose rows hang on others."""
    rows = [(6000 * number + ms, *rest) for number in range(500) for ms, *rest in STROKES]
    if kind == "polled":
        return table(("t", time), ("x", x), ("y", y), ("type", codes(1, 1, 0)), rows=rows)
    if kind == "no-place":
        rows = [(ms, *((0, 0) if action == "up" else place), action) for ms, *place, action in rows]
        return table(("t", time), ("x", x), ("y", y), ("type", WORDS), rows=rows)
    twice = [(*row[:3], device + words[row[3]]) for row in rows for device, words in BY_DEVICE.items()]
    return table(("t", time), ("x", x), ("y", y), ("type", lambda *row: row[3]), rows=twice)


BY_DEVICE = {
    "touch": {"down": "start", "move": "move", "up": "end"},
    "mouse": {"down": "down", "move": "move", "up": "up"},
}


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("kind", ["polled", "no-place", "devices"])
def test_rows_that_hang_on_others_are_not_read_by_columns(tmp_path, monkeypatch, suffix, kind):
    pytest.importorskip("pyarrow")
    from pyarrow import csv as arrow_csv, parquet

    monkeypatch.setattr(csv, "_LARGE_BYTES", 1)
    path = tmp_path / "a.csv"
    path.write_text(many(kind), encoding="ascii")
    if suffix == "parquet":
        parquet.write_table(arrow_csv.read_csv(path), tmp_path / "a.parquet")
        path = tmp_path / "a.parquet"
    columns = "time=t,x=x,y=y,action=type:1=down|0=up,time-unit=ms" if kind == "polled" else None
    log = logs.open_log(path, options=logs.ReadOptions(columns=columns))
    recognizer = Recognizer()
    tables = [*(recognizer.feed(chunk) for chunk in log.chunks()), recognizer.finish()]

    assert [each.kind.name for each in chain(*tables)] == ["TAP", "LONG_PRESS"] * 500


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(table(("t", time), ("x", x), ("y", y), ("type", WORDS), rows=CORNER[:3]), id="one"),
        pytest.param(
            table(("action", WORDS), ("time", time), ("x", x), ("y", y), rows=CORNER), id="common-form"
        ),
    ],
)
def test_a_drag_may_end_in_the_corner(tmp_path, text):
    _, rows = read(tmp_path / "a.csv", text)

    assert rows[2][4:] == (0, 0)


@pytest.mark.parametrize("time", ["9999-12-31 23:59:59-12:00", "0001-01-01 00:00:00+12:00"])
def test_a_time_beyond_the_calendar_is_none(tmp_path, time):
    path = tmp_path / "a.log"
    path.write_text("".join(f"{time} action={code} x=1 y=2\n" for code in (0, 1)), encoding="ascii")
    with pytest.raises(TouchLogError):
        logs.open_log(path)


def test_settings_alone_may_name_the_path_of_the_records(tmp_path):
    def records(left):
        return [
            {"t": at, "x": left, "y": 2, "type": word} for at, word in ((0, "down"), (16, "move"), (32, "up"))
        ]

    path = tmp_path / "a.json"
    path.write_text(json.dumps({"mouse": records(1), "finger": records(9)}), encoding="ascii")
    log = logs.open_log(path, options=logs.ReadOptions(columns="records=finger,time-unit=ms"))

    assert [row[4] for chunk in log.chunks() for row in chunk.rows()] == [9, 9, 9]
