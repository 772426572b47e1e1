"""Logs that are made to harm: memory stays bounded, the answer is one line, control characters stay out."""

import gzip
import json
import lzma
import os
import subprocess
import sys
from pathlib import Path

import pytest

from capture import logs
from capture.errors import MESSAGE_CHARS, TouchLogError

#: A process that reads a hostile log may have so much memory (MiB).
MEMORY_MIB = 300
SOAK = bool(os.environ.get("CAPTURE_SOAK"))
#: `make soak` takes the whole size: 40 MB of lines, bombs of 1 GiB, a line of 1 GiB.
LINES_BYTES, BOMB_MIB, LINE_MIB = (40_000_000, 1024, 1024) if SOAK else (8_000_000, 300, 3)
READ = """
import sys
from capture import logs
from capture.errors import TouchLogError
try:
    for chunk in logs.open_log(sys.argv[1]).chunks():
        pass
except TouchLogError as error:
    print(error)
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
sys.stderr.write(peak)
"""


def many(path, line, size):
    with path.open("w", encoding="ascii") as file:
        for at in range(0, size // len(line(0)), 10_000):
            file.write("".join(map(line, range(at, at + 10_000))))


def csv_without_lifts(folder):
    path = folder / "a.csv"
    path.write_text("pointer,action,time,x,y\n", encoding="ascii")
    with path.open("a", encoding="ascii") as file:
        for at in range(0, LINES_BYTES // 25, 10_000):
            file.write("".join(f"{row},0,{row}000000,1,2\n" for row in range(at, at + 10_000)))
    return path


def lines_without_lifts(folder):
    path = folder / "a.touch.jsonl"
    many(path, lambda row: f'{{"pointer":{row},"action":0,"time":{row},"x":1,"y":2}}\n', LINES_BYTES)
    return path


def devices_without_end(folder):
    path = folder / "a.log"
    start = "MotionEvent { action=ACTION_DOWN, id[0]=0, x[0]=1, y[0]=2, eventTime=1000, deviceId="
    many(path, lambda row: f"{start}{row} }}\n", LINES_BYTES)
    return path


def numbers_without_end(folder):
    path = folder / "a.json"
    path.write_bytes(b'[{"x":1,"time":2},' + b"1," * (LINES_BYTES // 2) + b"1]")
    return path


def texts_that_grow(folder):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    text = pa.array(["x" * (64 << 20)]).dictionary_encode()
    action = pa.DictionaryArray.from_arrays(pa.array([0] * 20, pa.int32()), text.dictionary)
    times = pa.array(range(20), pa.int64())
    table = pa.table({"action": action, "time": times, "x": [1.0] * 20, "y": [1.0] * 20})
    parquet.write_table(table, folder / "a.parquet", compression="zstd")
    return folder / "a.parquet"


def bomb(folder, compress, unit=b"\0"):
    path = folder / "bomb"
    path.write_bytes(compress(unit * ((BOMB_MIB << 20) // len(unit))))
    return path


def zst(data):
    return pytest.importorskip("backports.zstd").compress(data)


def quick_xz(data):
    return lzma.compress(data, preset=0)


#: How a line begins that goes on without an end, and what it goes on with.
LINES = {
    "evemu": (b"# EVEMU 1.3\nE: 0.1 0003 0035 ", b"1"),
    "csv": (b"action,time,x,y\n0,1,2,", b"3"),
    "jsonl": (b'{"info":{}}\n{"action":0,"time":', b"1"),
    "strokes": (b'<Gesture><Stroke><Point X="', b"1"),
    "uitouch": (b"<UITouch: 0x1> phase: Began ", b"x"),
    "luatouch": (b"touchDown(1, ", b"2"),
    "kvi": (b"#RECORDER1.0\n(0.1, ", b"1"),
    "nothing": (b"", b"x"),
}


def endless(folder, head, unit):
    path = folder / "a.log"
    with path.open("wb") as file:
        file.write(head)
        for _ in range(LINE_MIB):
            file.write(unit * (1 << 20))
    return path


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(csv_without_lifts, "fingers are down at once", id="csv-of-fingers"),
        pytest.param(lines_without_lifts, "fingers are down at once", id="lines-of-fingers"),
        pytest.param(devices_without_end, "fingers are down at once", id="devices"),
        pytest.param(numbers_without_end, "", id="numbers"),
        pytest.param(texts_that_grow, "holds texts of 64 MiB", id="texts-of-parquet"),
        pytest.param(lambda folder: bomb(folder, gzip.compress), "a binary file", id="gz"),
        pytest.param(lambda folder: bomb(folder, quick_xz, b"["), "too large for one document", id="xz"),
        pytest.param(lambda folder: bomb(folder, zst), "a binary file", id="zst"),
        pytest.param(lambda folder: bomb(folder, zst, b"["), "too large for one document", id="zst-of-json"),
        pytest.param(
            lambda folder: bomb(folder, zst, b"E: 0.1 0003 0035 " + b"1" * 1000), "1 MiB", id="zst-of-a-line"
        ),
        *(
            pytest.param(
                lambda folder, line=line: endless(folder, *line),
                "longer than 1 MiB|known format",
                id=f"line-{name}",
            )
            for name, line in LINES.items()
        ),
    ],
)
def test_memory_is_bounded(tmp_path, make, message):
    path = make(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=True, timeout=600
    )

    assert int(done.stderr) >> 10 < MEMORY_MIB
    assert done.stdout.count("\n") <= 1
    assert not message or any(part in done.stdout for part in message.split("|"))


NASTY = "a\x1b[31m\x07\x9b2J\u202eb"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(f"{NASTY},{NASTY}x,t\n1,2,3\n4,5,6\n", id="columns"),
        pytest.param(json.dumps([{NASTY: 1, "y": 2}], ensure_ascii=False), id="keys"),
        pytest.param(
            ",".join(f"column{number}" for number in range(900)) + "\n" + "1," * 899 + "1\n", id="many"
        ),
    ],
)
def test_messages_are_short_and_plain(tmp_path, content):
    path = tmp_path / f"{NASTY}.txt"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(TouchLogError) as caught:
        logs.open_log(path)
    said = str(caught.value)

    assert len(said) <= MESSAGE_CHARS
    assert not set(said) & set("\x1b\x07\x9b\u202e\n")


def test_names_reach_no_terminal_and_no_json_raw(tmp_path):
    folder = tmp_path / NASTY
    folder.mkdir()
    (folder / f"{NASTY}.csv").write_text("action,time,x,y\n0,1,2,3\n1,80000001,2,3\n", encoding="ascii")
    (folder / f"b{NASTY}.txt").write_text(f"{NASTY} hello\n", encoding="utf-8")
    (folder / "c.csv").write_text("action,time,x,y\n0,1,2,3\n", encoding="ascii")
    call = [sys.executable, "-m", "capture"]
    for arguments in (["classify", folder, "-o", tmp_path / "o.jsonl", "--json"], ["classify", folder]):
        done = subprocess.run([*call, *map(str, arguments)], capture_output=True, text=True, check=False)

        assert done.returncode == 1
        assert not set(done.stdout + done.stderr) & set("\x1b\x07\x9b\u202e")
    assert not set(Path(tmp_path / "o.jsonl").read_text(encoding="utf-8")) & set("\x1b\x07\x9b\u202e")
