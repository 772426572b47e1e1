"""One recording as tables and JSON of many kinds: other names, words, units, signs and wrappings."""

import gzip
import json
import lzma
from datetime import UTC, datetime, timedelta

import pytest

from capture import logs
from capture.errors import TouchLogError

#: A tap and a fling: (action, ms, x, y).
TOUCHES = [
    ("down", 0, 100, 200),
    ("move", 16, 100, 200),
    ("up", 60, 100, 200),
    ("down", 1000, 100, 800),
    ("move", 1016, 100, 700),
    ("move", 1032, 100, 550),
    ("move", 1048, 100, 400),
    ("up", 1064, 100, 300),
]
NUMBERS = {"down": 0, "up": 1, "move": 2}
EPOCH_MS = 1_700_000_000_000
NAMES = ("timestamp", "x", "y", "event")


def words(text):
    return dict(zip(("down", "move", "up"), text.split("|"), strict=True))


TOUCH = words("touchstart|touchmove|touchend")


def rows(time=lambda ms: EPOCH_MS + ms, place=lambda value: value, names=TOUCH):
    return [(time(ms), place(x), place(y), names[action]) for action, ms, x, y in TOUCHES]


def table(names=NAMES, content=None, separator=",", around="{}"):
    lines = [names, *(content or rows())]
    return "".join(separator.join(around.format(cell) for cell in line) + "\n" for line in lines)


def second(ms):
    return f"{12 + ms // 1000:02d}.{ms % 1000:03d}"


def written(form):
    """Return what writes a time of the recording in a form of `strftime`; ``%L`` are the milliseconds."""

    def time(ms):
        moment = datetime(2026, 11, 29, 10, 11, 12, tzinfo=UTC) + timedelta(milliseconds=ms)
        return moment.strftime(form.replace("%L", f"{moment.microsecond // 1000:03d}"))

    return time


#: Dates and times as locales, languages and tools write them.
TIMES = {
    "german": "%d.%m.%Y %H:%M:%S.%L",
    "german-short": "%d.%m.%y, %H:%M:%S.%L",
    "american": "%m/%d/%Y %H:%M:%S.%L",
    "american-with-halves": "%m/%d/%Y, %I:%M:%S.%L %p",
    "british": "%d/%m/%Y %H:%M:%S.%L",
    "dutch": "%d-%m-%Y %H:%M:%S.%L",
    "japanese": "%Y/%m/%d %H:%M:%S.%L",
    "decimal-comma": "%Y-%m-%d %H:%M:%S,%L",
    "named-month": "%d-%b-%Y %H:%M:%S.%L",
    "american-month": "%b %d, %Y %H:%M:%S.%L",
    "of-c": "%a %b %d %H:%M:%S.%L %Y",
    "of-a-mail": "%a, %d %b %Y %H:%M:%S.%L GMT",
    "of-javascript": "%a %b %d %Y %H:%M:%S.%L GMT+0100 (CET)",
    "of-java": "%Y-%m-%dT%H:%M:%S.%L+01:00[Europe/Berlin]",
    "of-logcat": "%m-%d %H:%M:%S.%L",
    "of-syslog": "%b %d %H:%M:%S.%L",
    "in-a-row": "%Y%m%dT%H%M%S.%LZ",
    "of-the-day-with-colons": "%H:%M:%S:%L",
    "of-the-day-with-halves": "%I:%M:%S.%L AM",
    "of-pandas": "0 days 00:%M:%S.%L000",
    "minutes": "%M:%S.%L",
}
TABLES = {
    **{
        f"date-{name}": table(content=rows(time=written(form)), separator="\t")
        for name, form in TIMES.items()
    },
    "times-with-ms": table(content=rows(time=lambda ms: f"{ms} ms")),
    "times-with-s": table(content=rows(time=lambda ms: f"{ms / 1000}s")),
    "times-with-an-exponent": table(content=rows(time=lambda ms: f"{EPOCH_MS + ms:.15E}")),
    "separators-at-the-end": table().replace("\n", ",\n"),
    "separators-behind-rows": table().replace("\n", ",\n").replace("event,\n", "event\n"),
    "between-lines": "+----+\n"
    + "".join(f"| {' | '.join(map(str, line))} |\n" for line in [NAMES, *rows()])
    + "+----+\n",
    "of-psql": "".join(f" {' | '.join(map(str, line))}\n" for line in [NAMES, *rows()]) + "(8 rows)\n",
    **{
        f"named-{names}": table(names.split(","))
        for names in (
            "Time,X,Y,Action",
            "TIMESTAMP,POS_X,POS_Y,EVENT_TYPE",
            "t,clientX,clientY,type",
            "Timestamp (ms),X (px),Y (px),Event",
            "event_time,raw_x,raw_y,action",
            "epoch_ms,xPos,yPos,TouchType",
            "t_ms,x_px,y_px,act",
            "time[ms],x[px],y[px],event",
            "elapsed,position.x,position.y,phase",
        )
    },
    **{
        f"words-{text}": table(content=rows(names=words(text)))
        for text in (
            "DOWN|MOVE|UP",
            "ACTION_DOWN|ACTION_MOVE|ACTION_UP",
            "0|2|1",
            "Began|Moved|Ended",
            "TOUCH_BEGAN|TOUCH_MOVED|TOUCH_ENDED",
            "touchesBegan|touchesMoved|touchesEnded",
            "TouchPhase.Began|TouchPhase.Moved|TouchPhase.Ended",
            "MotionEvent.ACTION_DOWN|MotionEvent.ACTION_MOVE|MotionEvent.ACTION_UP",
            "onTouchStart|onTouchMove|onTouchEnd",
            "finger down|finger move|finger up",
            "mousedown|mousemove|mouseup",
            "press|drag|release",
            "D|M|U",
        )
    },
    **{
        f"times-{name}": table(content=rows(time=time))
        for name, time in {
            "s": lambda ms: f"{(EPOCH_MS + ms) / 1000:.3f}",
            "us": lambda ms: (EPOCH_MS + ms) * 1000,
            "ns": lambda ms: (EPOCH_MS + ms) * 1_000_000,
            "from-0-ms": lambda ms: ms,
            "from-0-s": lambda ms: f"{ms / 1000:.3f}",
            "from-0-us": lambda ms: ms * 1000,
            "from-0-ns": lambda ms: ms * 1_000_000,
            "uptime": lambda ms: 8_123_456 + ms,
            "iso": lambda ms: f"2024-05-02T10:11:{second(ms)}Z",
            "iso-with-a-zone": lambda ms: f"2024-05-02 10:11:{second(ms)}+02:00",
            "of-the-day": lambda ms: f"10:11:{second(ms)}",
        }.items()
    },
    "semicolons": table(separator=";"),
    "tabs": table(separator="\t"),
    "pipes": table(separator="|"),
    "blanks": table(separator=" "),
    "many-blanks": table(separator="    "),
    "commas-and-blanks": table(separator=", "),
    "right-aligned": table(separator=" ", around="{:>14}"),
    "quoted": table(around='"{}"'),
    "quoted-behind-blanks": table(separator=", ", around='"{}"'),
    "decimal-commas": table(content=rows(place=lambda value: f"{value},0"), separator=";"),
    "hexadecimal": table(content=rows(place=hex)),
    "with-units": table(content=rows(place=lambda value: f"{value}px")),
    "of-markdown": table(separator=" | ").replace("\n", " |\n").replace("\nt", "\n|---|---|---|---|\nt"),
    "with-an-index": table(("", *NAMES), [(number, *row) for number, row in enumerate(rows())]),
    "with-other-columns": table((*NAMES, "pressure"), [(*row, 0.5) for row in rows()]),
    "behind-comments": "# of a study\n# version 2\n" + table(),
    "behind-a-title": "My recording of 2024\n\n" + table(),
    "with-a-footer": table() + "\nTotal: 8 rows\n",
    "with-the-header-again": table() + ",".join(NAMES) + "\n",
    "with-blank-lines": table().replace("\n", "\n\n"),
    "cr-lf": table().replace("\n", "\r\n"),
    "cr": table().replace("\n", "\r"),
    "in-a-mail": "".join(f">> {line}\n" for line in table().splitlines()),
    "in-a-diff": "".join(f"+ {line}\n" for line in table().splitlines()),
    "in-logcat": "".join(f"05-02 10:11:12.345  123  456 I touch : {line}\n" for line in table().splitlines()),
    "by-grep": "".join(f"a/b.csv:{number}:{line}\n" for number, line in enumerate(table().splitlines(), 1)),
    "of-compose": "".join(f"app_1  | {line}\n" for line in table().splitlines()),
}
RECORDS = [dict(zip(("time", "x", "y", "phase"), row, strict=True)) for row in rows()]
LINES = [json.dumps(record) for record in RECORDS]
#: The same as columns, as rows under names, and as a browser has them.
COLUMNS = {name: [record[name] for record in RECORDS] for name in RECORDS[0]}
ROWS = [list(record.values()) for record in RECORDS]
EVENTS = [
    {
        "timeStamp": each["time"],
        "type": each["phase"],
        "touches": [],
        "changedTouches": [
            {"identifier": 0, "clientX": each["x"], "clientY": each["y"], "pageX": 7, "pageY": 8}
        ],
    }
    for each in RECORDS
]


def typed(record):
    """Return a record as MongoDB exports it."""
    return {
        "key": {"$oid": "5f"},
        "time": {"$numberLong": str(record["time"])},
        "x": {"$numberInt": str(record["x"])},
        "y": {"$numberDouble": str(record["y"])},
        "phase": record["phase"],
    }


JSON = {
    "columns": json.dumps(COLUMNS),
    "columns-in-an-object": json.dumps({"meta": {"app": "x"}, "data": COLUMNS}, indent=1),
    "columns-named-shortly": json.dumps(
        {"t": COLUMNS["time"], "x": COLUMNS["x"], "y": COLUMNS["y"], "type": COLUMNS["phase"]}
    ),
    "columns-of-strokes": json.dumps(
        [
            {name: column[:3] for name, column in COLUMNS.items()},
            {name: column[3:] for name, column in COLUMNS.items()},
        ]
    ),
    "columns-a-line": "".join(
        json.dumps({name: column[at : at + 4] for name, column in COLUMNS.items()}) + "\n" for at in (0, 4)
    ),
    "columns-by-index": json.dumps(
        {name: {str(at): value for at, value in enumerate(column)} for name, column in COLUMNS.items()}
    ),
    "split": json.dumps({"columns": list(COLUMNS), "index": list(range(8)), "data": ROWS}),
    "rows-under-names": json.dumps([list(COLUMNS), *ROWS]),
    "rows-under-names-a-line": "".join(json.dumps(row) + "\n" for row in [list(COLUMNS), *ROWS]),
    "in-a-text": json.dumps({"user": "a", "payload": json.dumps(RECORDS)}),
    "in-a-text-in-a-text": json.dumps({"payload": json.dumps({"data": json.dumps(RECORDS)})}),
    "each-in-a-text": json.dumps(LINES),
    "a-text-a-line": "".join(json.dumps({"at": 1, "body": line}) + "\n" for line in LINES),
    "of-docker": "".join(json.dumps({"log": line + "\n", "stream": "stdout"}) + "\n" for line in LINES),
    "of-a-browser": json.dumps(EVENTS),
    "of-a-browser-a-line": "".join(json.dumps(event) + "\n" for event in EVENTS),
    "of-a-database": json.dumps([typed(record) for record in RECORDS]),
    "of-another-database": json.dumps(
        {
            "Items": [
                {name: {"SN"[name != "phase"]: str(value)} for name, value in each.items()}
                for each in RECORDS
            ]
        }
    ),
    "of-python": repr(RECORDS),
    "of-python-a-line": "".join(f"INFO:root:{record!r}\n" for record in RECORDS),
    "pairs": json.dumps(
        [
            {"time": each["time"], "phase": each["phase"], "position": [each["x"], each["y"]]}
            for each in RECORDS
        ]
    ),
    "points-as-text": json.dumps(
        [
            {"time": each["time"], "phase": each["phase"], "point": f"{{{each['x']}, {each['y']}}}"}
            for each in RECORDS
        ]
    ),
    "behind-a-separator": "".join(f"\x1e{line}\n" for line in LINES),
    "of-a-stream": "".join(f"data: {line}\n\n" for line in LINES),
    "of-an-answer": "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + json.dumps(RECORDS),
    "list": json.dumps(RECORDS),
    "in-an-object": json.dumps({"app": "x", "events": RECORDS}),
    "deep": json.dumps({"a": {"b": [{"c": RECORDS}]}}),
    "lists-of-strokes": json.dumps({"strokes": [RECORDS[:3], RECORDS[3:]]}),
    "by-numbers": json.dumps({str(number): record for number, record in enumerate(RECORDS)}),
    "lines": "\n".join(LINES),
    "several-documents": json.dumps(RECORDS[:3]) + "\n" + json.dumps(RECORDS[3:]) + "\n",
    "side-by-side": "".join(LINES),
    "lines-with-commas": ",\n".join(LINES),
    "indented": json.dumps(RECORDS, indent=2),
    "a-script": f"var log = {json.dumps(RECORDS)};\n",
    "behind-a-comment": "// my log\n" + json.dumps(RECORDS),
    "behind-an-odd-line": "null\n" + json.dumps(RECORDS),
    "a-trailing-comma": json.dumps(RECORDS)[:-1] + ",]",
    "null-among-them": json.dumps([None, *RECORDS]),
    "numbers-as-text": json.dumps([{name: str(value) for name, value in each.items()} for each in RECORDS]),
    "capital-keys": json.dumps([{name.upper(): value for name, value in each.items()} for each in RECORDS]),
    "places-in-objects": json.dumps(
        [
            {"time": each["time"], "phase": each["phase"], "position": {"x": each["x"], "y": each["y"]}}
            for each in RECORDS
        ]
    ),
    "in-a-cell-beside-its-time": table(
        ("id", "created_at", "payload"),
        [
            (
                at,
                each["time"],
                '"' + json.dumps({k: each[k] for k in ("x", "y", "phase")}).replace('"', '""') + '"',
            )
            for at, each in enumerate(RECORDS)
        ],
    ),
    "pairs-in-logcat": "".join(
        f"05-02 10:11:{12 + ms / 1000:06.3f} D/TOUCH ( 812): onTouch action={NUMBERS[action]} x={x} y={y}\n"
        for action, ms, x, y in TOUCHES
    ),
    "pairs-beside-a-word": "".join(
        f"[2026-05-02 10:11:{12 + ms / 1000:06.3f}] ACTION_{action.upper()} x: {x}.0, y: {y}.0\n"
        for action, ms, x, y in TOUCHES
    ),
    "pairs-of-a-sensor": "".join(
        f"T:{EPOCH_MS + ms} X:{x} Y:{y} event:{action} Z:1\n" for action, ms, x, y in TOUCHES
    ),
    "pairs-in-swift": "".join(
        f"touch(phase: {action}, t = {1e6 + ms / 1000:.3f}, x = {x}.0, y = {y}.0)\n"
        for action, ms, x, y in TOUCHES
    ),
    "in-logcat": "".join(f"05-02 10:11:12.345 D/Touch: {line}\n" for line in LINES),
}


def read(path, data):
    path.write_bytes(data)
    log = logs.open_log(path)
    found = [row for chunk in log.chunks() for row in chunk.rows()]
    assert sum(log.counts.values()) == 2 * log.counts["read"]
    first = found[0][3] if found else 0
    return [(action, round((time - first) / 1e6, 3), x, y) for _, _, action, time, x, y in found]


EXPECTED = [(NUMBERS[action], ms, x, y) for action, ms, x, y in TOUCHES]


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in (TABLES | JSON).items()])
def test_a_variant_gives_the_same_touches(tmp_path, text):
    assert read(tmp_path / "log", text.encode()) == EXPECTED


@pytest.mark.parametrize(
    "pack",
    [
        pytest.param(gzip.compress, id="gz"),
        pytest.param(lzma.compress, id="xz"),
        pytest.param(lambda data: data.decode().encode("utf-16"), id="utf-16"),
        pytest.param(lambda data: data.decode().encode("utf-16-be"), id="utf-16-be"),
        pytest.param(lambda data: b"\xef\xbb\xbf" + data, id="marked"),
    ],
)
@pytest.mark.parametrize("text", [pytest.param(table(), id="csv"), pytest.param(JSON["list"], id="json")])
def test_a_packed_variant_gives_the_same_touches(tmp_path, text, pack):
    assert read(tmp_path / "log", pack(text.encode())) == EXPECTED


def test_the_map_to_copy_names_what_stands_in_the_column(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text(table(("Zeit", "x", "y", "Aktion"), rows(names=words("an|hin|ab"))), encoding="ascii")
    with pytest.raises(TouchLogError) as caught:
        logs.open_log(path)
    said = "time=Zeit,x=x,y=y,action=Aktion:an=down|hin=move|ab=up,time-unit=ms"
    assert said in str(caught.value)
    log = logs.open_log(path, options=logs.ReadOptions(columns=said))

    assert [row[2] for chunk in log.chunks() for row in chunk.rows()] == [row[0] for row in EXPECTED]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(table(content=rows(time=lambda _: "1.70E+12")), "time '1.70E+12'", id="lost-digits"),
        pytest.param(table(content=rows(names=words("1|2|3"))), "1=down|2=move|3=up", id="other-numbers"),
        pytest.param(table(content=rows(place=lambda value: f"({value})")), "x '(100)'", id="odd-places"),
    ],
)
def test_what_would_be_read_wrong_is_refused(tmp_path, text, said):
    with pytest.raises(TouchLogError) as caught:
        read(tmp_path / "log", text.encode())

    assert said in str(caught.value)
    assert "--columns" in str(caught.value)


@pytest.mark.parametrize(
    ("first", "guessed", "month"),
    [("01/02/2026", 1, 1), ("01.02.2026", 1, 2), ("13/02/2026", 0, 2), ("02/13/2026", 0, 2)],
)
def test_the_order_of_day_and_month_is_said_where_it_was_guessed(tmp_path, first, guessed, month):
    path = tmp_path / "log.csv"
    path.write_text(f"time,x,y,action\n{first} 10:11:12.000,1,2,down\n{first} 10:11:12.050,1,2,up\n", "ascii")
    log = logs.open_log(path)
    times = [row[3] for chunk in log.chunks() for row in chunk.rows()]

    assert datetime.fromtimestamp(times[0] / 1e9, UTC).month == month
    assert times[1] - times[0] == 50_000_000
    assert log.warnings["date_order_guessed"] == guessed


def test_minutes_go_on_behind_the_hour(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("time,x,y,action\n59:59.990,1,2,down\n00:00.040,1,2,up\n", "ascii")

    assert [row[3] for chunk in logs.open_log(path).chunks() for row in chunk.rows()] == [
        3599990000000,
        3600040000000,
    ]
