"""A log inside of another file: records of a logging service, cells of an export, texts of JSON, a page."""

import csv
import html
import io
import json

import pytest
from log_seeds import SEEDS

from capture import logs
from capture.errors import TouchLogError


def cell(text):
    file = io.StringIO()
    csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="").writerow([text])
    return file.getvalue()


def time(number):
    return f"2024-05-02T10:11:{number % 60:02d}.{number % 1000:03d}456789Z"


#: Around a line, by its number.
LINES = {
    "of-docker": lambda line, at: json.dumps({"log": line + "\n", "stream": "stdout", "time": time(at)}),
    "of-journald": lambda line, at: json.dumps({"__REALTIME_TIMESTAMP": f"{10**15 + at}", "MESSAGE": line}),
    "of-journald-as-bytes": lambda line, _: json.dumps({"_PID": "1", "MESSAGE": list(line.encode())}),
    "of-elastic": lambda line, at: json.dumps({"@timestamp": time(at), "log.level": "info", "message": line}),
    "nested": lambda line, at: json.dumps({"time": at, "jsonPayload": {"message": line, "host": "kiosk 1"}}),
    "of-logrus": lambda line, at: f"time={time(at)!r} level=info msg={json.dumps(line)} source=a.go",
    "quoted": lambda line, _: cell(line),
    "as-texts": lambda line, _: f"  {json.dumps(line)},",
    "in-a-column": lambda line, at: f"{time(at)},host1,{cell(line)},INFO",
    "between-quotes": lambda line, _: f"'{line}'",
    "between-ticks": lambda line, _: f"`{line}`",
    "by-cat-a": lambda line, _: line.replace("\t", "^I") + "^M$",
    "by-logcat-process": lambda line, at: f"D(  {at}) {line}  (Touch)",
    "behind-a-bell": lambda line, _: "\x07" + line,
    "behind-nothing-to-see": lambda line, _: "\u200b\u200e" + line,
    "escaped-for-a-page": lambda line, _: html.escape(line),
    "of-syslog": lambda line, at: f"<34>1 {time(at)} host cat 123 ID47 - {line}",
    "of-cri": lambda line, at: f"{time(at)} stdout F {line}",
    "of-kubectl": lambda line, _: f"[pod/web-7d/app] {line}",
}
#: Around a text.
TEXTS = {
    "utf-32": lambda text: text.encode("utf-32"),
    "lf-cr": lambda text: text.replace("\n", "\n\r").encode(),
    "behind-zeros": lambda text: b"\0" * 200_000 + text.encode(),
    "a-list-of-texts": lambda text: json.dumps(text.split("\n")).encode(),
    "an-indented-list": lambda text: json.dumps(text.split("\n"), indent=1).encode(),
    "a-text": lambda text: json.dumps(text).encode(),
    "a-text-in-an-object": lambda text: json.dumps({"device": "a b", "log": text}).encode(),
    "of-ansible": lambda text: json.dumps({"stdout_lines": text.split("\n"), "stdout": text}).encode(),
    "of-a-search": lambda text: json.dumps(
        {"hits": {"hits": [{"source": {"message": line, "@timestamp": "x"}} for line in text.split("\n")]}}
    ).encode(),
    "an-export": lambda text: "\n".join(
        ["@timestamp,@message", *(f"2024-05-02,{cell(line)}" for line in text.split("\n"))]
    ).encode(),
    "fenced": lambda text: f"Here is the log:\n\n```\n{text}```\n".encode(),
}
#: A table or JSON of touches says nothing of itself, and a number alone is no line.
REFUSED = {
    "of-journald": {"reran"},
    "of-journald-as-bytes": {"reran"},
    "nested": {"reran"},
    "in-a-column": {"csv"},
    "an-export": {"csv"},
    "of-ansible": {"csv", "json", "jsonl"},
    "behind-a-bell": {"reran"},
    "escaped-for-a-page": {"json"},
}


def read(path, data, name=None):
    path.write_bytes(data)
    log = logs.open_log(path, format=name)
    found = [row for chunk in log.chunks() for row in chunk.rows()]
    assert sum(log.counts.values()) == 2 * log.counts["read"]
    return log, found


def wrapped(around, text):
    if around in TEXTS:
        return TEXTS[around](text)
    lines = text.rstrip("\n").split("\n")
    return "".join(LINES[around](line, at) + "\n" for at, line in enumerate(lines, 1)).encode()


@pytest.mark.parametrize("around", [*LINES, *TEXTS])
def test_a_log_in_another_file_is_read_as_it_is(tmp_path, around):
    refused = set()
    for seed, data in SEEDS.items():
        text = data.decode().replace("\r", "")
        _, rows = read(tmp_path / "log", text.encode())
        try:
            log, found = read(tmp_path / "log", wrapped(around, text))
        except TouchLogError:
            refused.add(seed)
        if seed in refused | REFUSED.get(around, set()):
            # What says nothing of itself may be taken for JSON of touches.
            continue
        if seed == "uitouch":
            # The time of the record may be that of the touch.
            found, rows = ([row[:3] + row[4:] for row in each] for each in (found, rows))

        assert (seed, log.name) == (seed, seed)
        assert str(found) == str(rows), seed
    assert refused <= REFUSED.get(around, set())


def test_the_named_format_is_looked_for_inside_too(tmp_path):
    data = SEEDS["evemu"].decode()

    assert (
        read(tmp_path / "log", wrapped("of-docker", data), "evemu")[1]
        == read(tmp_path / "log", data.encode())[1]
    )


def test_a_line_in_several_records_is_one(tmp_path):
    text = "E: 0.1 0003 0039 0001\nE: 0.1 0000 0000 0000\nE: 0.2 0003 0039 -001\nE: 0.2 0000 0000 0000\n"
    parts = [text[:30], text[30:50], text[50:]]
    data = "".join(json.dumps({"log": part, "stream": "stdout"}) + "\n" for part in parts)

    assert read(tmp_path / "log", data.encode())[1] == read(tmp_path / "log", text.encode())[1]


@pytest.mark.parametrize("around", ["of-docker", "of-elastic", "in-a-column", "of-logrus", "of-cri"])
def test_the_time_of_a_record_is_that_of_a_touch_without_one(tmp_path, around):
    line = "<UITouch: 0x1> phase: {}; location in window: {{{}, 2}}; previous location in window: {{0, 0}}"
    text = "\n".join(line.format(phase, at) for at, phase in enumerate(("Began", "Moved", "Ended"), 1))
    log, rows = read(tmp_path / "log", wrapped(around, text))

    assert [row[3] % 60_000_000_000 // 1_000_000 for row in rows] == [31001 % 60000 - 30000, 2002, 3003]
    assert not log.warnings


def test_texts_of_another_recording_are_left_alone(tmp_path):
    touch = {"type": 3, "timestamp": 1634125447759, "data": {"source": 2, "type": 7, "x": 1, "y": 2}}
    page = {"type": 2, "timestamp": 1634125447000, "data": {"node": {"text": "adb shell input tap 1 2"}}}
    log, rows = read(tmp_path / "log", json.dumps([page, touch]).encode())

    assert log.name == "rrweb"
    assert len(rows) == 1


def test_a_row_with_more_cells_than_the_others_is_no_wrapped_log(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('a,b\n1,2\n3,4,"getevent 0003 0035 000003f2 0003 0035"\n', encoding="utf-8")

    with pytest.raises(TouchLogError, match="is not a touch log of a known format"):
        logs.open_log(path)
