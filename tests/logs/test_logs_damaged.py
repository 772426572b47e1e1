"""A damaged line or cell takes its line away, not the log; a line without an end names file and line."""

import pytest
from log_seeds import SEEDS

from capture import logs
from capture.errors import TouchLogError

DIGITS = b"7" * 5000
#: Digits of a number that is too large for the arithmetic of decimals.
OVERFLOW = b"1" * 1_048_500
DEEP = b"[" * 100_000 + b"]" * 100_000
LINE = b'{"action":%d,"time":%d000000,"x":1.0,"y":2.0%b}\n'
TABLE = b"action,time,x,y\n0,1000000,1,1\n2,%b,1,1\n1,60000000,1,1\n"
TAPS = b"a,b,x,y\n1,60,1,1\n2,%b,1,1\n"

DAMAGED = {
    "inputevents-value": ("a", SEEDS["inputevents"] + b"12:07:59.574693: EV_ABS ABS_Y " + DIGITS + b"\n"),
    "inputevents-code": ("a", SEEDS["inputevents"] + b"12:07:59.5: EV_ABS code=%b value=1\n" % DIGITS),
    "jsonl-key": ("a.touch.jsonl", LINE % (0, 1, b"") + LINE % (2, 9, b',"z":' + DEEP) + LINE % (1, 60, b"")),
    "jsonl-mark": ("a.touch.jsonl", LINE % (0, 1, b"") + b'{"mark":"m","time":2,"z":' + DEEP + b"}\n"),
    "csv-time": ("a.csv", TABLE % OVERFLOW),
}


def read(path, columns=None):
    log = logs.open_log(path, options=logs.ReadOptions(columns=columns))
    return log, [row for chunk in log.chunks() for row in chunk.rows()]


@pytest.mark.parametrize(("name", "content"), DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_line_is_left_out_and_counted(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    log, rows = read(path)

    assert rows
    assert log.counts["unknown_lines"] + log.counts["skipped_rows"] == 1


@pytest.mark.parametrize(
    ("name", "number"),
    [
        pytest.param("evtest", b"Event code 53", id="evtest-code"),
        pytest.param("libinput", b"  53", id="libinput-code"),
        pytest.param("libinput", b"4095", id="libinput-largest"),
        pytest.param("evemu", b"A: 35 0 799", id="evemu-largest"),
    ],
)
def test_endless_digits_in_a_header_stop_no_reading(tmp_path, name, number):
    path = tmp_path / "a"
    path.write_bytes(SEEDS[name].replace(number, number + DIGITS, 1))

    assert read(path)[1]


@pytest.mark.parametrize("columns", ["down=a,duration=b,x=x,y=y", "down=a,up=b,x=x,y=y"])
def test_a_tap_whose_time_overflows_is_left_out_and_counted(tmp_path, columns):
    path = tmp_path / "a.csv"
    path.write_bytes(TAPS % OVERFLOW)
    log, rows = read(path, columns)

    assert len(rows) == 2
    assert log.counts["skipped_rows"] == 1


@pytest.mark.parametrize("name", ["libinput", "getevent"])
def test_a_line_without_an_end_names_file_and_line(tmp_path, name):
    path = tmp_path / "long.log"
    seed = SEEDS[name]
    if name == "getevent":
        # Without a touch in the head: the whole log is looked through for the device with touches.
        seed = b"[    1.000000] /dev/input/event2: EV_SYN       SYN_REPORT           00000000\n" * 10
    path.write_bytes(seed + b"x" * (3 << 20))
    with pytest.raises(TouchLogError, match="longer than 1 MiB") as caught:
        read(path)

    assert (caught.value.path, caught.value.line) == (str(path), seed.count(b"\n") + 1)
