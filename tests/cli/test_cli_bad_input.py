"""Whatever is given as a log: a clear error or a correct result, never a traceback, never an endless loop."""

import gzip
import random
import subprocess
import sys
from pathlib import Path

import pytest

from capture.__main__ import main

DATA = Path(__file__).parents[1] / "data"
GETEVENT = (DATA / "phone.getevent.txt").read_bytes()
JSONL = (DATA / "session.touch.jsonl").read_bytes()
KVI = (DATA / "session.kvi").read_bytes()
#: A contact that was down before the log began, then a whole tap.
MID_CONTACT = b"""\
[   10.000000] EV_ABS       ABS_MT_POSITION_X    00000010
[   10.000000] EV_SYN       SYN_REPORT           00000000
[   10.100000] EV_ABS       ABS_MT_TRACKING_ID   ffffffff
[   10.100000] EV_SYN       SYN_REPORT           00000000
[   11.000000] EV_ABS       ABS_MT_TRACKING_ID   00000001
[   11.000000] EV_ABS       ABS_MT_POSITION_X    00000010
[   11.000000] EV_ABS       ABS_MT_POSITION_Y    00000010
[   11.000000] EV_SYN       SYN_REPORT           00000000
[   11.100000] EV_ABS       ABS_MT_TRACKING_ID   ffffffff
[   11.100000] EV_SYN       SYN_REPORT           00000000
"""
#: name -> (content, exit status of classify, records or None where that is not the point)
CASES = {
    "empty": (b"", 2, 0),
    "blank-lines": (b"\n\n  \n", 2, 0),
    "one-byte": (b"[", 2, 0),
    "zeros": (bytes(100_000), 2, 0),
    "prose": (b"Dear diary,\ntoday I touched a screen.\n", 2, 0),
    "random-bytes": (random.Random(1).randbytes(200_000), 2, 0),
    "an-elf-file": (b"\x7fELF\x02\x01\x01" + bytes(300), 2, 0),
    "a-png": (b"\x89PNG\r\n\x1a\n" + bytes(300), 2, 0),
    "parquet-magic-alone": (b"PAR1" + bytes(100) + b"PAR1", 2, 0),
    "json-of-somebody-else": (b'{"hello": [1, 2, 3]}', 2, 0),
    "deep-json": (b"[" * 100_000, 2, 0),
    "csv-of-somebody-else": (b"name,age\nann,5\n", 2, 0),
    "csv-header-alone": (b"action,time,x,y\n", 0, 0),
    "csv-wrong-cell": (b"action,time,x,y\n0,now,1,1\n", None, None),
    "damaged-gzip": (gzip.compress(GETEVENT)[:-2000], None, None),
    "gzip-of-nothing": (gzip.compress(b""), 2, 0),
    "truncated-getevent": (GETEVENT[: len(GETEVENT) // 2], 0, None),
    "truncated-jsonl": (JSONL[:-7], 0, 23),
    "truncated-kvi": (KVI[:-7], None, None),
    "crlf-getevent": (GETEVENT.replace(b"\n", b"\r\n"), 0, 23),
    "crlf-jsonl": (JSONL.replace(b"\n", b"\r\n"), 0, 23),
    "crlf-kvi": (KVI.replace(b"\n", b"\r\n"), 0, 22),
    "mid-contact": (MID_CONTACT, 0, 1),
    "utf-16": (GETEVENT.decode().encode("utf-16"), 0, 23),
    "long-line": (b"[    1.000000] " + b"x" * 3_000_000, 2, 0),
}


def run(*arguments, given=b""):
    return subprocess.run(
        [sys.executable, "-m", "capture", *map(str, arguments)],
        input=given,
        capture_output=True,
        timeout=300,
        check=False,
    )


def check(done, statuses):
    error = done.stderr.decode()
    assert "Traceback" not in error
    assert "internal error" not in error
    assert done.returncode in statuses
    if done.returncode:
        assert error.startswith("capture: ")
        assert len(error.splitlines()) == 1


@pytest.mark.parametrize("name", CASES)
def test_a_strange_log(name, tmp_path):
    content, status, records = CASES[name]
    path = tmp_path / "log"
    path.write_bytes(content)
    done = run("classify", path)

    check(done, {0, 2} if status is None else {status})
    if records is not None:
        assert len(done.stdout.splitlines()) == records


@pytest.mark.parametrize("name", ["empty", "random-bytes", "prose", "crlf-getevent", "mid-contact"])
def test_a_strange_log_on_standard_input(name):
    content, status, records = CASES[name]
    done = run("classify", "-", given=content)

    check(done, {status})
    assert len(done.stdout.splitlines()) == records


@pytest.mark.parametrize("command", ["replay", "classify", "convert", "explain"])
@pytest.mark.parametrize("given", ["missing", "directory", "binary"])
def test_what_is_no_log_at_all(command, given, tmp_path):
    path = {
        "missing": tmp_path / "missing.txt",
        "directory": tmp_path,
        "binary": Path(sys.executable).resolve(),
    }[given]
    more = {
        "replay": ["-o", tmp_path / "out"],
        "convert": ["-o", tmp_path / "samples.csv"],
        "explain": ["--stroke", "0"],
    }
    done = run(command, path, *more.get(command, []))

    check(done, {2})
    assert done.stdout == b""
    assert list(tmp_path.iterdir()) == []


def test_a_truncated_jsonl_says_so(tmp_path):
    path = tmp_path / "log.touch.jsonl"
    path.write_bytes(JSONL[:-7])

    assert f"{path}: 1 x the log ends too early" in run("classify", path).stderr.decode()


@pytest.mark.parametrize(
    "command",
    [
        ["classify"],
        ["compare-dialects"],
        ["diff", "--set", "hold_ms=400"],
        ["report"],
        ["sweep", "--hold", "400"],
    ],
    ids=lambda command: command[0],
)
def test_a_wrong_suffix_of_the_output_names_the_option_and_the_help(command, tmp_path, capsys):
    status = main([*command, str(DATA / "session.touch.jsonl"), "-o", str(tmp_path / "x.pdf")])
    said = capsys.readouterr().err

    assert status == 2
    assert "Invalid value for -o: " in said
    assert said.endswith(f" (see: capture {command[0]} --help)\n")
    assert said.count("\n") == 1
