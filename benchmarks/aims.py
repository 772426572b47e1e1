"""The project's aims, number by number; `scripts/bench.py` sets them beside the measurements.

An aim may be out of reach on a machine: `docs/reliability.md` names the reasons for those that were.
"""

from typing import Any, NamedTuple

from capture.gestures.dialects import DEFAULT, names


class Aim(NamedTuple):
    """A figure of a benchmark, and the bound that it is to keep."""

    what: str
    benchmark: str
    path: tuple[str, ...]
    least: float | None = None
    most: float | None = None

    def measured(self, benchmarks: dict[str, dict[str, Any]]) -> float | None:
        """Return the figure; None where the benchmark did not run or did not have it."""
        found: Any = benchmarks.get(self.benchmark)
        for name in self.path:
            found = found.get(name) if isinstance(found, dict) else None
        return found if isinstance(found, int | float) else None

    def holds(self, value: float) -> bool:
        """Tell whether a figure keeps the bound."""
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)


def _gateway(
    what: str, benchmark: str, figure: str, *, least: float | None = None, most: float | None = None
) -> Aim:
    return Aim(f"gateway: {what}", f"test_gateway_{benchmark}", (figure,), least=least, most=most)


AIMS = (
    Aim(
        "whole logs: reading the same bytes, times ours",
        "test_batch",
        ("times_ours", "reading the same bytes"),
        least=0.2,
    ),
    Aim("whole logs: NumPy, times ours", "test_batch", ("times_ours", "NumPy"), least=6),
    # 5 % and 15 % better than before dialects and chords came, when it was 1.53.
    Aim(
        "whole logs: a plain C loop, times ours", "test_batch", ("times_ours", "plain C loop, -O3"), least=1.6
    ),
    Aim("the same, a table filled anew", "test_batch", ("c_loop_by_filled_anew",), least=1.8),
    Aim(
        "chords of a finger alone, times ours",
        "test_batch",
        ("times_ours", "touchcapture, chords"),
        most=1.05,
    ),
    *(
        Aim(f"in the words of {name}, times ours", "test_dialects", ("times_ours", name), most=1.6)
        for name in names()
        if name != DEFAULT
    ),
    *(
        Aim(
            f"lens of {name}, by ours with the same columns",
            "test_dialects",
            ("by_the_default_with_the_same_columns", name),
            most=1.6,
        )
        for name in names()
        if name != DEFAULT
    ),
    *(
        Aim(f"two threads, {what}", f"test_threads{which}", ("speed_up",), least=1.6)
        for what, which in (
            ("one stream", "_on_ranges[None]"),
            ("30 strokes a stream", "_on_ranges[30]"),
            ("1,000 strokes a stream", "_on_ranges[1000]"),
            ("100,000 strokes a stream", "_on_ranges[100000]"),
            ("1,000 interleaved streams", ""),
        )
    ),
    Aim(
        "`touch_up` to written, p50 by that of a bare INSERT",
        "test_closed_loop",
        ("p50_by_a_bare_insert",),
        most=0.5,
    ),
    Aim(
        "the same, p99 by the p50 of a bare INSERT",
        "test_closed_loop",
        ("p99_by_p50_of_a_bare_insert",),
        most=3,
    ),
    Aim(
        "processor time of an event, delivered, by the p50 of a bare INSERT",
        "test_cost",
        ("processor_time_by_a_bare_insert",),
        most=1.2,
    ),
    Aim("bytes written for a tap of 271 bytes", "test_cost", ("bytes_written",), most=400),
    Aim("`touch_move`, times an empty call", "test_touch_move", ("times_an_empty_call",), most=20),
    Aim("live delivery, times the fastest client", "test_live", ("times_the_fastest_rival",), least=2.7),
    Aim(
        "replay into files, events/s", "test_replay_with_recognition[file]", ("events_per_s",), least=120_000
    ),
    Aim(
        "replay to a server, events/s", "test_replay_with_recognition[http]", ("events_per_s",), least=90_000
    ),
    Aim(
        "native events to Avro files, records/s",
        "test_events_to_avro_files",
        ("records_per_s",),
        least=50_000,
    ),
    Aim(
        "native events to Amplitude's shape, records/s",
        "test_events_to_partner_shapes[amplitude-prefixed]",
        ("records_per_s",),
        least=50_000,
    ),
    *(
        Aim(
            f"native events to {partner}'s shape, by msgspec on one event of its own",
            f"test_events_to_partner_shapes[{partner.lower()}-prefixed]",
            ("times_ours", "msgspec, one event"),
            least=least,
        )
        for partner, least in (("Amplitude", 0.27), ("Mixpanel", 0.25))
    ),
    Aim(
        "Avro files, by fastavro on ready records",
        "test_avro_files_by_fastavro",
        ("times_ours", "fastavro, ready records"),
        least=0.4,
    ),
    Aim(
        "gestures from Avro files, by fastavro with properties decoded",
        "test_reading_avro_by_fastavro",
        ("times_ours", "fastavro, properties decoded"),
        least=0.7,
    ),
    Aim("statistics of 10 million gestures (s)", "test_stats", ("seconds",), most=10),
    Aim("the same, by one sort of them in DuckDB", "test_stats", ("by_a_sort",), most=4),
    Aim("the same, memory (MiB)", "test_stats", ("peak_mib",), most=950),
    Aim(
        "Polars adapter, by `classify` on the same columns",
        "test_polars",
        ("times_ours", "scale.polars.classify"),
        most=1.15,
    ),
    Aim(
        "DuckDB adapter, by its export and `classify`",
        "test_duckdb",
        ("times_ours", "scale.duckdb.classify"),
        most=1.15,
    ),
    _gateway(
        "acceptance on disk, by a bare application of the same work",
        "door",
        "by_bare_application",
        least=0.65,
    ),
    _gateway("a Kafka topic, by the journal", "kafka", "by_journal", least=0.8),
    _gateway("syncs of 10 ms more, 256 connections: events/s", "slow_sync", "events_per_s", least=100_000),
    _gateway("the same, p99 (ms)", "slow_sync", "p99_ms", most=250),
    _gateway("1,000 devices at once, 20 batches each: p99 (ms)", "herd", "p99_ms", most=1000),
    _gateway("the same, the longest answer (ms)", "herd", "longest_ms", most=10_000),
    _gateway("the same, memory (MiB)", "herd", "peak_mib", most=150),
    _gateway("writer, by one statement of DuckDB on the segment", "writer", "by_one_statement", least=0.45),
    _gateway("the same, memory (MiB)", "writer", "peak_mib", most=450),
    _gateway("the same, bytes an event", "writer", "bytes_an_event", most=32),
    _gateway("index of ids, us an id", "ids", "us_an_id", most=0.6),
    _gateway("the same, bytes an id", "ids", "bytes_an_id", most=17),
    _gateway("the same, anonymous memory (MiB)", "ids", "anonymous_mib", most=300),
    Aim("CSV, by pyarrow's own reading", "test_tables_against_pyarrow[csv]", ("of_pyarrow",), least=0.5),
    Aim(
        "CSV without pyarrow, by `csv.reader`", "test_rows_against_csv_reader", ("of_csv_reader",), least=0.3
    ),
    *(
        Aim(
            f"JSON of touches, {shape}, by one decoding",
            f"test_json_against_msgspec[{key}]",
            ("of_msgspec",),
            least=0.15,
        )
        for key, shape in (
            ("map", "with a map"),
            ("guessed", "guessed"),
            ("seconds", "in seconds"),
            ("nested", "nested"),
            ("columns", "by columns"),
            ("header", "rows under a header"),
        )
    ),
    Aim(
        "UITouch prints, by one pattern a line",
        "test_uitouch_against_one_pattern",
        ("of_one_pattern",),
        least=0.5,
    ),
    Aim("adb scripts, samples/s", "test_scripts[adb]", ("samples_per_s",), least=1_000_000),
    Aim("W3C actions, samples/s", "test_scripts[w3c]", ("samples_per_s",), least=1_000_000),
    Aim("report page of 10,000 strokes: ready (ms)", "test_browser", ("ready_ms",), most=1000),
    Aim("the same, 247,000 samples (bytes)", "test_page", ("bytes",), most=300_000),
)
