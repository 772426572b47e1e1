"""How fast touch logs are read, against the slow reference and against pyarrow's own reading.

Run ``pytest benchmarks/bench_logs.py -o python_files='bench_*.py' -o pythonpath=tests``. The logs are made by
repeating the project's own recording; ``CAPTURE_BENCH_MB`` sets their size (100 MB unless given), and with
``../shared/touchlogs`` there, real recordings are repeated instead. Ratios are taken in one process.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import reference_evdev

from capture import logs

ROOT = Path(__file__).parents[1]
RECORDINGS = ROOT.parent / "shared" / "touchlogs"
SIZE_BYTES = int(os.environ.get("CAPTURE_BENCH_MB", "100")) * 1_000_000
REFERENCE_BYTES = 2_000_000
#: Times the reference, share of pyarrow's own speed, peak memory: what a reader is held to.
TEXT_RATIO, TABLE_RATIO, RSS_MB = 10, 0.5, 200

TEXTS = {
    "getevent-t": ("getevent", "getevent_t_hex/GP_1.com.echangecadeaux.replay.txt"),
    "getevent-lt": ("getevent", "getevent_lt/galaxys-paint.txt"),
    "evemu": ("evemu", "evemu/QUANTA_OpticalTouchScreen.events"),
    "evtest": ("evtest", "evtest/cros_drag_edge_thumb.horizontal.dat"),
}


def seconds(work, repeats=3):
    """Return the shortest of a few runs."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def read(path, **options):
    return sum(len(chunk) for chunk in logs.open_log(path, **options).chunks())


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
    from pyarrow import csv, parquet

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
        csv.write_csv(table, path)
        floats = csv.ConvertOptions(column_types={"x": pa.float32(), "y": pa.float32()})
        own = seconds(lambda: csv.read_csv(path, convert_options=floats))
    else:
        parquet.write_table(table, path, row_group_size=1_000_000)
        own = seconds(lambda: parquet.read_table(path))
    ours = seconds(lambda: read(path))
    rss = peak_rss_mb(path)
    benchmark.pedantic(read, (path,), rounds=1)
    benchmark.extra_info.update(
        mb_per_s=round(path.stat().st_size / ours / 1e6), of_pyarrow=own / ours, peak_rss_mb=rss
    )
    print(
        f"\n{suffix}: {path.stat().st_size / ours / 1e6:.0f} MB/s, {own / ours:.2f} of pyarrow, RSS {rss} MB"
    )

    assert own / ours >= TABLE_RATIO
    assert rss < RSS_MB
