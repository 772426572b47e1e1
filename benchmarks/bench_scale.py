"""The adapters beside their basis: `classify` on the same columns, DuckDB's own Arrow export."""

import os
import subprocess
import sys

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from ratios import interleaved, report
from touches import interleaved as crowded

from capture import GestureConfig, classify
from capture.gestures.arrow import sample_schema
from capture.scale import classify_stream, duckdb as of_duckdb, polars as of_polars
from capture.scale.sweep import Strokes, sweep

SAMPLES = int(float(os.environ.get("CAPTURE_BENCH_SAMPLES", "5e6")))
GESTURES = int(float(os.environ.get("CAPTURE_BENCH_GESTURES", "1e7")))
DEVICES = 200
STATS = """
import sys, time
began = time.perf_counter()
from capture.scale.stats import VIEWS, open_stats
with open_stats(sys.argv[1]) as connection:
    for name in VIEWS:
        if name != "funnel":  # shown where its steps are named
            connection.execute(f"from {name}").fetchall()
seconds = time.perf_counter() - began
# Not getrusage: that begins with the parent's peak.
[peak] = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
import duckdb
began = time.perf_counter()
duckdb.execute(
    "select device_id, stream, time_down, time_up, target from read_parquet(?) order by 1, 2, 3 offset 9e18",
    [sys.argv[1] + "/*.parquet"],
).fetchall()
print(seconds, int(peak) / 1024, time.perf_counter() - began)
"""


def touches():
    columns = dict(zip(sample_schema().names, crowded(SAMPLES, streams=300), strict=True))
    return pa.table(columns, schema=sample_schema())


def test_polars(benchmark):
    """The adapter copies nothing: it costs as much as classify."""
    table = touches()
    frame = pl.DataFrame(table)
    contenders = {
        "classify, pyarrow": lambda: classify(table),
        "classify, polars": lambda: classify(frame),
        "scale.polars.classify": lambda: of_polars.classify(frame),
        "scale.polars.classify, lazy": lambda: of_polars.classify(frame.lazy()).collect(),
        "classify_stream": lambda: list(classify_stream(table.to_batches(1 << 17))),
    }
    report(benchmark, "classify, pyarrow", interleaved(contenders), SAMPLES, "ns a sample")
    benchmark.pedantic(contenders["scale.polars.classify"], rounds=1)


def test_duckdb(benchmark):
    """The adapter costs DuckDB's export of the relation and classify, or less: nothing waits whole."""
    connection = duckdb.connect()
    connection.register("given", touches())
    connection.execute("create table kept as from given")
    exported = connection.sql("from kept").to_arrow_table()
    contenders = {
        "export, then classify": lambda: classify(connection.sql("from kept").to_arrow_table()),
        "scale.duckdb.classify": lambda: of_duckdb.classify(connection.sql("from kept")),
        "export": lambda: connection.sql("from kept").to_arrow_table(),
        "classify": lambda: classify(exported),
    }
    report(benchmark, "export, then classify", interleaved(contenders), SAMPLES, "ns a sample")
    benchmark.pedantic(contenders["scale.duckdb.classify"], rounds=1)


def test_sweep(benchmark):
    """A setting of a sweep beside recognising everything again with it."""
    table = touches()
    strokes = Strokes([(classify(table), 1.0)])
    gestures = GestureConfig(touch_slop_dp=16)
    values = list(range(8, 33))
    contenders = {
        "a setting of a sweep": lambda: strokes.classify(gestures),
        "classify again": lambda: classify(table, gestures=gestures),
    }
    seconds = interleaved(contenders)
    benchmark.extra_info["strokes"] = len(strokes)
    report(benchmark, "classify again", seconds, len(strokes), "ns a stroke")
    benchmark.pedantic(sweep, args=(strokes, {"touch_slop_dp": values}), rounds=1)


def gestures_of(device, count):
    """Return strokes of one device: taps and flings on 60 targets of 12 screens."""
    chance = np.random.default_rng(device)
    down = np.cumsum(chance.integers(200, 3000, count)) * 1_000_000 + 1_700_000_000_000_000_000
    up = down + chance.integers(30, 190, count) * 1_000_000
    moves = chance.random(count) < 0.3
    texts = {
        "kind": np.where(moves, "fling", "tap"),
        "reason": np.full(count, "recognized"),
        "direction": np.where(moves, "up", "none"),
        "device_id": np.full(count, f"0d9d2c1a-5f61-4c9b-8d7b-{device:012d}"),
        "screen": np.array([f"screen {number}" for number in range(12)])[chance.integers(0, 12, count)],
        "target": np.array([f"button_{number}" for number in range(60)])[chance.integers(0, 60, count)],
    }
    return pa.table(
        {
            "stream": np.sort(chance.integers(0, 5, count)),
            "time_down": down,
            "time_up": up,
            "velocity": np.where(moves, chance.random(count) * 4000, 0).astype(np.float32),
            "tap_count": np.where(moves, 0, 1).astype(np.int32),
            "rage": ~moves & (chance.random(count) < 0.01),
            "responsive": chance.random(count) < 0.95,
            **{name: pa.array(values).dictionary_encode() for name, values in texts.items()},
        }
    )


def test_stats(benchmark, tmp_path):
    """All views over 10 million gestures of 200 devices, in a process of their own: time and peak memory.

    Beside DuckDB sorting the same files once, by device, stream and time: two of the views need that order.
    """
    for device in range(DEVICES):
        pq.write_table(gestures_of(device, GESTURES // DEVICES), tmp_path / f"{device}.parquet")

    def shown():
        return subprocess.run(
            [sys.executable, "-c", STATS, tmp_path], capture_output=True, check=True, text=True
        )

    # DuckDB may draw a progress bar before them.
    seconds, peak_mib, sort = map(float, benchmark.pedantic(shown, rounds=1).stdout.split()[-3:])
    benchmark.extra_info.update(
        seconds=round(seconds, 1), peak_mib=round(peak_mib), by_a_sort=round(seconds / sort, 2)
    )
    print(benchmark.extra_info)
