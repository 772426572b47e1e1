"""The adapters beside what they stand on: `classify` on the same columns, DuckDB's own Arrow export."""

import os

import duckdb
import polars as pl
import pyarrow as pa
from ratios import interleaved, report
from touches import interleaved as crowded

from capture import GestureConfig, classify
from capture.gestures.arrow import sample_schema
from capture.scale import classify_stream, duckdb as of_duckdb, polars as of_polars
from capture.scale.sweep import Strokes, sweep

SAMPLES = int(float(os.environ.get("CAPTURE_BENCH_SAMPLES", "5e6")))


def touches():
    columns = dict(zip(sample_schema().names, crowded(SAMPLES, streams=300), strict=True))
    return pa.table(columns, schema=sample_schema())


def test_polars(benchmark):
    """The adapter copies nothing: it costs what classify costs."""
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
