"""How fast touch logs are read, against the slow reference and against pyarrow's own reading.

Run ``pytest benchmarks/bench_logs.py -o python_files='bench_*.py' -o pythonpath=tests``. The logs are made by
repeating the project's own recording; ``CAPTURE_BENCH_MB`` sets their size (100 MB unless given), and with
``../shared/touchlogs`` there, real recordings are repeated instead. Ratios are taken in one process.
"""

import csv
import json
import os
import re
import subprocess
import sys
import time
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import msgspec
import pytest
import reference_evdev

from capture import logs

ROOT = Path(__file__).parents[1]
RECORDINGS = ROOT.parent / "shared" / "touchlogs"
SIZE_BYTES = int(os.environ.get("CAPTURE_BENCH_MB", "100")) * 1_000_000
REFERENCE_BYTES = 2_000_000
#: Times the reference, share of pyarrow's own speed, peak memory: the limits of a reader.
TEXT_RATIO, TABLE_RATIO, RSS_MB = 10, 0.5, 200
#: Shares of the speed of the least that a reader must do: `csv.reader`, one decoding, one pattern a line.
ROWS_RATIO, JSON_RATIO, PATTERN_RATIO = 0.3, 0.15, 0.5
#: Samples a second of scripts, which are made up of a few numbers.
SCRIPT_SAMPLES_PER_S = 1_000_000
ROWS = 200_000

TEXTS = {
    "getevent-t": ("getevent", "getevent_t_hex/GP_1.com.echangecadeaux.replay.txt"),
    "getevent-lt": ("getevent", "getevent_lt/galaxys-paint.txt"),
    "evemu": ("evemu", "evemu/QUANTA_OpticalTouchScreen.events"),
    "evtest": ("evtest", "evtest/cros_drag_edge_thumb.horizontal.dat"),
}


def seconds(work, repeats=3, clock=time.perf_counter):
    """Return the shortest of a few runs."""
    times = []
    for _ in range(repeats):
        start = clock()
        work()
        times.append(clock() - start)
    return min(times)


def read(path, columns=None, **options):
    given = logs.ReadOptions(columns=columns)
    return sum(len(chunk) for chunk in logs.open_log(path, options=given, **options).chunks())


def peak_rss_mb(path):
    """Return the peak memory of a process that reads the log."""
    code = (
        "import sys; from capture import logs\n"
        "for chunk in logs.open_log(sys.argv[1]).chunks(): pass\n"
        # Not ru_maxrss: a child starts with its parent's.
        "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    return int(done.stdout) // 1024


@pytest.mark.parametrize("name", TEXTS)
def test_evdev_text(benchmark, tmp_path, name):
    dialect, recording = TEXTS[name]
    source = RECORDINGS / recording
    if not source.exists():
        if dialect != "getevent":
            pytest.skip(f"no {source}")
        source = ROOT / "tests" / "data" / "phone.getevent.txt"
    content = source.read_bytes().rstrip(b"\r\n") + b"\n"
    path = tmp_path / "big"
    with path.open("wb") as file:
        for _ in range(SIZE_BYTES // len(content)):
            file.write(content)
    slow_text = (content * (REFERENCE_BYTES // len(content) + 1)).decode("utf-8", "replace")

    fast = path.stat().st_size / seconds(lambda: read(path, format=dialect)) / 1e6
    slow = len(slow_text) / seconds(lambda: reference_evdev.samples(slow_text, dialect)) / 1e6
    rss = peak_rss_mb(path)
    benchmark.pedantic(read, (path,), {"format": dialect}, rounds=1)
    benchmark.extra_info.update(mb_per_s=round(fast), times_the_reference=fast / slow, peak_rss_mb=rss)
    print(f"\n{name}: {fast:.0f} MB/s, reference {slow:.1f} MB/s, {fast / slow:.0f} times, RSS {rss} MB")

    assert fast / slow >= TEXT_RATIO
    assert rss < RSS_MB


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_tables_against_pyarrow(benchmark, tmp_path, suffix):
    import numpy as np
    import pyarrow as pa
    from pyarrow import csv as arrow_csv, parquet

    rows = SIZE_BYTES // 45
    random = np.random.default_rng(1)
    table = pa.table(
        {
            "stream": np.zeros(rows, np.int64),
            "pointer": np.zeros(rows, np.int32),
            "action": np.full(rows, 2, np.uint8),
            "time": np.arange(rows) * 8_000_000 + 1_600_000_000_000_000_000,
            "x": (random.random(rows) * 1080).astype(np.float32),
            "y": (random.random(rows) * 2340).astype(np.float32),
        }
    )
    path = tmp_path / f"big.{suffix}"
    if suffix == "csv":
        arrow_csv.write_csv(table, path)
        floats = arrow_csv.ConvertOptions(column_types={"x": pa.float32(), "y": pa.float32()})
        own = partial(arrow_csv.read_csv, path, convert_options=floats)
    else:
        parquet.write_table(table, path, row_group_size=1_000_000)
        own = partial(parquet.read_table, path)
    turns = [[seconds(work, 1) for work in (own, partial(read, path))] for _ in range(7)]
    theirs, ours = (min(each) for each in zip(*turns, strict=True))
    rss, mb_per_s = peak_rss_mb(path), round(path.stat().st_size / ours / 1e6)
    benchmark.pedantic(read, (path,), rounds=1)
    benchmark.extra_info.update(mb_per_s=mb_per_s, of_pyarrow=theirs / ours, peak_rss_mb=rss)
    print(f"\n{suffix}: {mb_per_s} MB/s, {theirs / ours:.2f} of pyarrow, RSS {rss} MB")

    assert theirs / ours >= TABLE_RATIO
    assert rss < RSS_MB


def row(number):
    action = "down" if number % 20 == 0 else "up" if number % 20 == 19 else "move"
    return 1_700_000_000_000 + number * 16, number % 1080 + 0.25, number % 2340 + 0.5, action


def against(benchmark, ours, baseline, least, name):
    """Hold a reading to a share of the speed of a baseline, in turns."""
    # One thread each: the other programs of the machine are not counted. The shortest of times of one length:
    # of shorter ones one is likelier to lie between two disturbances.
    times = max(1, round(seconds(ours, 1, time.process_time) / seconds(baseline, 1, time.process_time)))

    def baselines():
        for _ in range(times):
            baseline()

    turns = [[seconds(work, 1, time.process_time) for work in (baselines, ours)] for _ in range(7)]
    shortest = [min(each) for each in zip(*turns, strict=True)]
    ratio = shortest[0] / times / shortest[1]
    benchmark.pedantic(ours, rounds=1)
    benchmark.extra_info[name] = ratio
    print(f"\n{name}: {ratio:.2f}")
    assert ratio >= least


def test_rows_against_csv_reader(benchmark, tmp_path, monkeypatch):
    from capture.logs import csv as reader

    # As in a plain installation, without pyarrow.
    monkeypatch.setattr(reader, "find_spec", lambda name: None if name == "pyarrow" else find_spec(name))
    path = tmp_path / "a.csv"
    lines = [
        f"0,0,{number % 3},{1_600_000_000_000_000_000 + number * 8_000_000},1.25,2.5\n"
        for number in range(ROWS)
    ]
    path.write_text("stream,pointer,action,time,x,y\n" + "".join(lines), encoding="ascii")

    def baseline():
        with path.open(newline="", encoding="ascii") as file:
            return sum(1 for _ in csv.reader(file))

    against(benchmark, lambda: read(path), baseline, ROWS_RATIO, "of_csv_reader")


NAMES = ("time", "x", "y", "phase")
MAP = "time=time,x=x,y=y,action=phase,time-unit=ms"


def json_rows(seconds=False):
    rows = [dict(zip(NAMES, row(number), strict=True)) for number in range(ROWS)]
    return [each | {"time": each["time"] / 1000} for each in rows] if seconds else rows


def nested(rows):
    return [
        {"time": each["time"], "phase": each["phase"], "position": {"x": each["x"], "y": each["y"]}}
        for each in rows
    ]


#: Document or lines, and the column map: without one the keys are guessed.
JSON = {
    "map": (json_rows, MAP),
    "guessed": (json_rows, None),
    "seconds": (lambda: json_rows(seconds=True), None),
    "nested": (lambda: nested(json_rows()), None),
    "columns": (lambda: dict(zip(NAMES, zip(*map(row, range(ROWS)), strict=True), strict=True)), None),
    "header": (lambda: [NAMES, *map(row, range(ROWS))], None),
}


@pytest.mark.parametrize("shape", JSON)
def test_json_against_msgspec(benchmark, tmp_path, shape):
    path = tmp_path / "a.json"
    rows, columns = JSON[shape]
    data = json.dumps(rows()).encode()
    path.write_bytes(data)
    against(
        benchmark, lambda: read(path, columns), lambda: msgspec.json.decode(data), JSON_RATIO, "of_msgspec"
    )


@pytest.mark.parametrize("columns", [MAP, None], ids=["map", "guessed"])
def test_json_lines_against_msgspec(benchmark, tmp_path, columns):
    path = tmp_path / "a.jsonl"
    lines = [json.dumps(each).encode() for each in json_rows()]
    path.write_bytes(b"\n".join(lines))
    against(
        benchmark,
        lambda: read(path, columns),
        lambda: list(map(msgspec.json.decode, lines)),
        JSON_RATIO,
        "of_msgspec",
    )


def test_uitouch_against_one_pattern(benchmark, tmp_path):
    path = tmp_path / "a.log"
    phases = {"down": "Began", "move": "Moved", "up": "Ended"}
    with path.open("w", encoding="ascii") as file:
        for number in range(ROWS // 2):
            time_ms, x, y, action = row(number)
            at = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time_ms // 1000))
            file.write(
                f"{at}.{time_ms % 1000:03d}678+0200 Demo[812:9911] touch: {{(<UITouch: 0x105e08a10> "
                f"type: Direct; phase: {phases[action]}; tap count: 1; force: 0.000; "
                "window: <UIWindow: 0x105d07c50; frame = (0 0; 1080 2340)>; responder: <CardView: 0x105f0>; "
                f"location in window: {{{x}, {y}}}; "
                "previous location in window: {1, 2}; location in view: {20, 30})}\n"
            )
    pattern = re.compile(
        r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+\S*).*?<UITouch: (0x[0-9a-f]+)>.*?phase: (\w+)"
        r".*?location in window: \{([-\d.]+), ([-\d.]+)\}"
    )

    def baseline():
        with path.open(encoding="ascii") as file:
            found = filter(None, map(pattern.search, file))
            return [(each[1], each[2], each[3], float(each[4]), float(each[5])) for each in found]

    against(benchmark, lambda: read(path), baseline, PATTERN_RATIO, "of_one_pattern")


SWIPES = "adb shell input swipe 500 1500 500 500 300\n" * 20_000
FINGER = [
    {"type": "pointerMove", "duration": 0, "x": 1, "y": 2},
    {"type": "pointerDown"},
    {"type": "pointerMove", "duration": 1000, "x": 1, "y": 900},
    {"type": "pointerUp"},
]
BODY = {"actions": [{"type": "pointer", "id": name, "actions": FINGER} for name in ("f1", "f2")]}


@pytest.mark.parametrize(
    "text", [pytest.param(SWIPES, id="adb"), pytest.param((json.dumps(BODY) + "\n") * 3000, id="w3c")]
)
def test_scripts(benchmark, tmp_path, text):
    path = tmp_path / "script"
    path.write_text(text, encoding="ascii")
    rate = read(path) / seconds(lambda: read(path), 5, time.process_time)
    benchmark.pedantic(read, (path,), rounds=1)
    benchmark.extra_info["samples_per_s"] = round(rate)
    print(f"\n{rate / 1e6:.2f} million samples/s")

    assert rate >= SCRIPT_SAMPLES_PER_S
