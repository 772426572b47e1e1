"""What the project aims at, number by number; `scripts/bench.py` sets it beside what was measured.

An aim may be out of reach on a machine: `docs/reliability.md` says what holds back those that were.
"""

from typing import Any, NamedTuple


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


AIMS = (
    Aim(
        "whole logs: reading the same bytes, times ours",
        "test_batch",
        ("times_ours", "reading the same bytes"),
        least=0.2,
    ),
    Aim("whole logs: NumPy, times ours", "test_batch", ("times_ours", "NumPy"), least=6),
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
)
