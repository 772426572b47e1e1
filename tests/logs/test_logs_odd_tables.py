"""Tables and JSON whose units, separators or lists of touches are rarely met."""

import io
import json
import tarfile
import zipfile

import pytest

from capture import logs
from capture.errors import TouchLogError

WORDS = ["down", "move", "up", "down", "move", "up"]
TIMES_MS = [0, 16, 48, 1000, 1016, 1048]
XS = [980, 998, 1024, 10, 12, 14]
MAP = "action=action:down=down|move=move|up=up"
#: 2024-01-01 in ms since 1970.
NEW_YEAR_MS = 1_704_067_200_000


def write_table(path, names, *columns, separator=","):
    rows = [names, *zip(*columns, strict=True)]
    path.write_text("".join(separator.join(map(str, row)) + "\n" for row in rows))
    return path


def read(path, columns=None, **options):
    log = logs.open_log(path, options=logs.ReadOptions(columns=columns, **options))
    return log, [row for chunk in log.chunks() for row in chunk.rows()]


def of_times(path, name, times):
    return write_table(path / "a.csv", [name, "x", "y", "action"], times, XS, XS, WORDS)


@pytest.mark.parametrize(
    "times",
    [
        pytest.param([638_396_640_000_000_000 + ms * 10_000 for ms in TIMES_MS], id="ticks-of-net"),
        pytest.param([133_485_408_000_000_000 + ms * 10_000 for ms in TIMES_MS], id="ticks-of-windows"),
        pytest.param([f"{45292 + ms / 86_400_000:.10f}" for ms in TIMES_MS], id="days-of-spreadsheets"),
    ],
)
def test_dates_as_numbers(tmp_path, times):
    _, rows = read(of_times(tmp_path, "timestamp", times))

    assert [row[3] / 10**6 - NEW_YEAR_MS for row in rows] == pytest.approx(TIMES_MS, abs=0.2)


@pytest.mark.parametrize(
    ("name", "unit_ms", "unit"),
    [
        ("time_cs", 10, "cs"),
        ("elapsed days", 86_400_000, "days"),
        ("Ticks", 0.0001, "ticks"),
    ],
)
def test_a_rare_unit_in_a_name_is_in_the_suggestion_and_read(tmp_path, name, unit_ms, unit):
    path = of_times(tmp_path, name, [f"{ms / unit_ms:.9f}" for ms in TIMES_MS])

    with pytest.raises(TouchLogError, match=f"time-unit={unit}'"):
        logs.open_log(path)
    _, rows = read(path, f"time={name},x=x,y=y,{MAP},time-unit={unit}")

    assert [row[3] / 10**6 for row in rows] == pytest.approx(TIMES_MS, abs=0.2)


@pytest.mark.parametrize("name", ["dt", "deltaTime", "delta (ms)"])
def test_times_since_the_row_before(tmp_path, name):
    path = of_times(tmp_path, name, [0, 16, 32, 952, 16, 32])
    columns = f"delta={name},x=x,y=y,{MAP},time-unit=ms"

    with pytest.raises(TouchLogError) as error:
        logs.open_log(path)
    _, rows = read(path, columns)

    assert columns in str(error.value)
    assert [row[3] // 10**6 for row in rows] == TIMES_MS


@pytest.mark.parametrize(
    "times",
    [
        pytest.param([45_000, 45_000, 45_000, 50_000, 50_000, 50_000], id="equal"),
        pytest.param([45_000, 45_700, 46_400, 47_100, 47_800, 48_500], id="slow"),
        pytest.param([40_000.5, 40_000.5, 40_000.5, 40_020.5, 40_020.5, 40_020.5], id="equal-decimals"),
    ],
)
def test_times_without_gaps_of_a_finger_are_no_days(tmp_path, times):
    log, rows = read(of_times(tmp_path, "t", times))

    unit = 10**6 if isinstance(times[0], int) else 10**9
    assert [row[3] for row in rows] == [time * unit for time in times]
    assert log.warnings["time_unit_doubtful"] == 1


def test_one_odd_time_among_ticks_is_left_out_alone(tmp_path):
    times = [0, *(638_396_640_000_000_000 + ms * 10_000 for ms in TIMES_MS[1:])]
    log, rows = read(of_times(tmp_path, "t", times), f"time=t,x=x,y=y,{MAP},time-unit=ticks")

    assert [row[3] // 10**6 - NEW_YEAR_MS for row in rows] == TIMES_MS[1:]
    assert log.counts["skipped_rows"] == 1


def test_ticks_of_another_clock_are_no_ticks_of_windows(tmp_path):
    with pytest.raises(TouchLogError, match=r"time=ticks,.*time-unit=ms'"):
        logs.open_log(of_times(tmp_path, "ticks", TIMES_MS))


@pytest.mark.parametrize("first", ["", "nan", "NaN"])
def test_the_first_row_needs_no_time_since_the_row_before(tmp_path, first):
    path = of_times(tmp_path, "dt", [first, 16, 32, 952, "inf", 48])
    log, rows = read(path, f"delta=dt,x=x,y=y,{MAP},time-unit=ms")

    assert [row[3] // 10**6 for row in rows] == [0, 16, 48, 1000, 1048]
    assert log.counts["skipped_rows"] == 1


def test_of_a_time_and_a_delta_the_last_one_counts(tmp_path):
    _, rows = read(of_times(tmp_path, "t", TIMES_MS), f"delta=dt,time=t,x=x,y=y,{MAP},time-unit=ms")

    assert [row[3] // 10**6 for row in rows] == TIMES_MS


def test_times_since_the_row_before_count_rows_that_are_left_out(tmp_path):
    path = of_times(tmp_path, "dt", [0, 16, 32, 952, 16, 32])

    _, rows = read(path, f"delta=dt,x=x,y=y,{MAP},time-unit=ms,only=x:14")

    assert [row[3] // 10**6 for row in rows] == [1048]


def test_the_numbers_of_rows_are_no_times(tmp_path):
    with pytest.raises(TouchLogError, match="time=TIME"):
        logs.open_log(of_times(tmp_path, "frame", range(6)))


@pytest.mark.parametrize(
    ("xs", "separator"),
    [
        pytest.param([f'"{x:,}"' for x in XS], ",", id="quoted"),
        pytest.param([f"{x:,}" for x in XS], ";", id="semicolons"),
        pytest.param([f"{x * 1000:,}" for x in XS], ";", id="millions"),
        pytest.param([f'"{x:,}.5"' for x in XS], ",", id="with-decimals"),
    ],
)
def test_commas_between_thousands_are_refused(tmp_path, xs, separator):
    names = ["t", "x", "y", "action"]
    path = write_table(tmp_path / "a.csv", names, TIMES_MS, xs, XS, WORDS, separator=separator)

    with pytest.raises(TouchLogError, match="commas between thousands"):
        read(path)


def test_commas_in_another_column_hide_no_suggestion(tmp_path):
    path = write_table(
        tmp_path / "a.csv",
        ["t", "across", "y", "action", "price"],
        TIMES_MS,
        XS,
        XS,
        WORDS,
        ['"1,234,567"'] * 6,
    )

    with pytest.raises(TouchLogError, match="time=t,x=X,y=y,"):
        logs.open_log(path)


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        pytest.param(["980,125", "998", "1024,5"], [980.125, 998, 1024.5], id="mixed"),
        pytest.param(["1,125", "2,250", "3,375"], [1.125, 2.25, 3.375], id="three-decimals"),
        pytest.param(["0", "0,016", "1"], [0, 0.016, 1], id="small"),
    ],
)
def test_decimal_commas_are_read(tmp_path, cells, numbers):
    names = ["t", "x", "y", "action"]
    path = write_table(tmp_path / "a.csv", names, TIMES_MS[:3], cells, XS[:3], WORDS[:3], separator=";")

    _, rows = read(path)

    assert [row[4] for row in rows] == pytest.approx(numbers)


@pytest.mark.parametrize("whole", [pytest.param(1, id="percent"), pytest.param(100, id="fraction")])
def test_places_in_percent_by_the_names_of_columns(tmp_path, whole):
    names = ["t", "x (%)", "y (%)", "action"]
    places = [place / whole for place in (10, 20, 50)]
    path = write_table(tmp_path / "a.csv", names, TIMES_MS[:3], places, places, WORDS[:3])

    _, rows = read(path, screen=(1000, 2000))

    assert [row[4:] for row in rows] == [
        pytest.approx(place) for place in ((100, 200), (200, 400), (500, 1000))
    ]


@pytest.mark.parametrize(
    ("density", "px"), [pytest.param(None, 160, id="density-1"), pytest.param(2.0, 320, id="density-2")]
)
@pytest.mark.parametrize(("unit", "inch"), [("mm", 25.4), ("cm", 2.54)])
def test_places_in_mm_and_cm(tmp_path, unit, inch, density, px):
    names = ["t", f"x_{unit}", f"y_{unit}", "action"]
    path = write_table(tmp_path / "a.csv", names, TIMES_MS[:3], [0, inch, inch], [0, 0, inch], WORDS[:3])

    with pytest.raises(TouchLogError, match=f"x-unit={unit}"):
        logs.open_log(path)
    log, rows = read(path, f"time=t,x=x_{unit},y=y_{unit},{MAP},x-unit={unit}", density=density)

    assert [row[4:] for row in rows] == [(0, 0), (px, 0), (px, px)]
    assert log.info.density == (density or 1)
    assert log.warnings["density_from_resolution"] == 1


def event(kind, time, *fingers, **lists):
    touches = [{"identifier": number, "clientX": x, "clientY": 5} for number, x in fingers]
    return {"type": kind, "timeStamp": time, "touches": touches, **lists}


EVENTS = [
    event("touchstart", 100, (3, 10)),
    event("touchstart", 116, (3, 10), (7, 50)),
    event("touchmove", 132, (3, 20), (7, 60)),
    event("touchend", 148, (7, 60)),
    event("touchcancel", 164),
    event("touchstart", 200, (3, 1)),
    event("touchend", 216),
]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(json.dumps(EVENTS), id="document"),
        pytest.param("".join(json.dumps(each) + "\n" for each in EVENTS), id="lines"),
        pytest.param(
            json.dumps([{**each, "targetTouches": each["touches"]} for each in EVENTS]), id="targets"
        ),
        pytest.param(json.dumps([{**each, "clientX": 0} for each in EVENTS]), id="places-of-events"),
    ],
)
def test_events_with_the_touches_on_the_screen_alone(tmp_path, text):
    path = tmp_path / "a.json"
    path.write_text(text)

    _, rows = read(path)

    # stream, pointer, action, time, x, y
    assert [(row[1], row[2], row[3] // 10**6, row[4]) for row in rows] == [
        (3, 0, 100, 10),
        (7, 0, 116, 50),
        (3, 2, 132, 20),
        (7, 2, 132, 60),
        (3, 1, 148, 20),
        (7, 3, 164, 60),
        (3, 0, 200, 1),
        (3, 1, 216, 1),
    ]


def test_touches_that_changed_under_the_name_of_those_on_the_screen(tmp_path):
    path = tmp_path / "a.json"
    events = [
        event("touchstart", 100, (3, 10)),
        event("touchend", 116, (3, 10)),
        event("touchstart", 132, (3, 10)),
        event("touchstart", 148, (7, 50)),
        event("touchmove", 164, (3, 20)),
        event("touchend", 180, (7, 50)),
        event("touchend", 196, (3, 20)),
    ]
    path.write_text(json.dumps(events))

    _, rows = read(path)

    assert [(row[1], row[2]) for row in rows] == [(3, 0), (3, 1), (3, 0), (7, 0), (3, 2), (7, 1), (3, 1)]


def test_samples_of_one_finger_are_no_touches_on_the_screen(tmp_path):
    path = tmp_path / "a.json"
    samples = [
        {"t": ms, "x": at, "y": at, "action": word}
        for at, (ms, word) in enumerate(zip(TIMES_MS, WORDS, strict=True))
    ]
    path.write_text(
        json.dumps([{"type": "touchend", "touches": samples}, {"type": "touchend", "touches": samples[3:]}])
    )

    _, rows = read(path)

    assert [row[3] // 10**6 for row in rows] == TIMES_MS + TIMES_MS[3:]


def test_flutter_prints(tmp_path):
    path = tmp_path / "a.txt"
    line = (
        "I/flutter ( 42): {}#4f5a3(timeStamp: 0:00:01.{:03}000, pointer: 3, kind: touch, "
        "position: Offset({}.5, 20.0), localPosition: Offset(1.0, 2.0), down: true)\n"
    )
    names = ["PointerDownEvent", "_TransformedPointerMoveEvent", "PointerUpEvent"]
    path.write_text("".join(line.format(name, at * 16, at) for at, name in enumerate(names)))

    _, rows = read(path)

    assert [row[1:] for row in rows] == [
        (3, 0, 1_000_000_000, 0.5, 20),
        (3, 2, 1_016_000_000, 1.5, 20),
        (3, 1, 1_032_000_000, 2.5, 20),
    ]


def zipped():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.csv", "action,time,x,y\n")
    return packed.getvalue()


def tarred():
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("a.csv"))
    return packed.getvalue()


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        pytest.param(zipped(), "zip archive or a workbook", id="zip"),
        pytest.param(tarred(), "tar archive", id="tar"),
        pytest.param(b"BZh91AY&SY\x01\x02\x03\x04" * 9, "compressed by bzip2", id="bzip2"),
    ],
)
def test_archives_are_refused_by_name(tmp_path, data, kind):
    path = tmp_path / "a.bin"
    path.write_bytes(data)

    with pytest.raises(TouchLogError, match=kind):
        logs.open_log(path)


def test_a_pointer_on_an_element_has_no_place(tmp_path):
    path = tmp_path / "a.json"
    element = {"element-6066-11e4-a52e-4f735466cecf": "e"}
    actions = [
        {"type": "pointerMove", "x": 0, "y": 0, "origin": element},
        {"type": "pointerDown"},
        {"type": "pointerUp"},
        {"type": "pointerMove", "x": 3, "y": 4},
        {"type": "pointerDown"},
        {"type": "pointerUp"},
    ]
    path.write_text(json.dumps({"actions": [{"type": "pointer", "id": "f", "actions": actions}]}))

    log, rows = read(path)

    assert [str(row[4]) for row in rows] == ["nan", "nan", "3.0", "3.0"]
    assert log.warnings["skipped_rows"] == 1
