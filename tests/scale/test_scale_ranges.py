"""Large partitions in several threads: the records of one recogniser, wherever row groups begin."""

import random
import threading
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from adverse_logs import adverse, taps
from hypothesis import HealthCheck, given, settings, strategies as st
from pyarrow import parquet

from capture import GestureConfig, TouchLogError, TouchSamples, classify
from capture.gestures import threads
from capture.gestures.arrow import named
from capture.gestures.dialects import ROWS
from capture.scale import classify_dataset, files, jobs, ranges

MS = 1_000_000


def table_of(rows):
    samples = TouchSamples.from_rows(rows)
    names = ("stream", "pointer", "action", "time", "x", "y")
    return pa.table({name: np.asarray(memoryview(getattr(samples, name))) for name in names})


def write_files(folder, table, places, group):
    """Write a table as files of one folder, cut at some rows, with so many rows a row group."""
    folder.mkdir()
    ends = [0, *sorted(min(place, len(table)) for place in places), len(table)]
    for number, (begin, end) in enumerate(pairwise(ends)):
        parquet.write_table(
            table.slice(begin, end - begin), folder / f"{number}.parquet", row_group_size=group
        )


@pytest.fixture
def small(monkeypatch):
    """Cut logs of a few samples as if they were large."""
    monkeypatch.setattr(ranges, "PIECE_SAMPLES", 30)
    monkeypatch.setattr(threads, "WINDOW_SAMPLES", 20)
    monkeypatch.setattr(files, "BATCH_SAMPLES", 16)
    monkeypatch.setattr(jobs, "GROUP_GESTURES", 11)
    monkeypatch.setattr(ranges, "GROUP_GESTURES", 11)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 20),
    dialect=st.sampled_from(sorted(ROWS)),
    places=st.lists(st.integers(0, 400), max_size=3),
    group=st.integers(1, 70),
    multi=st.booleans(),
    verdicts=st.booleans(),
)
def test_row_groups_that_begin_anywhere_change_nothing(
    tmp_path_factory, small, seed, dialect, places, group, multi, verdicts
):
    folder = tmp_path_factory.mktemp("log")
    config = GestureConfig(dialect=dialect, verdict_columns=verdicts)
    table = table_of(adverse(ROWS["contentsquare"] | ROWS[dialect], seed))
    write_files(folder / "in", table, places, group)
    expected = classify(table, 2.0, config, multi=multi)

    options = {"density": 2.0, "gestures": config, "multi": multi}
    summary = classify_dataset(str(folder / "in"), str(folder / "out"), workers=4, **options)

    found = parquet.read_table(folder / "out" / "gestures.parquet")
    # As bytes: NaN is NaN.
    wanted = named((expected.multi if multi else expected).to_arrow())
    assert found.schema == wanted.schema
    assert [str(row) for row in found.to_pylist()] == [str(row) for row in wanted.to_pylist()]
    assert summary.gestures == len(expected)
    assert summary.chords == (len(expected.multi) if multi else None)
    assert summary.samples == len(table)
    assert summary.counters == {name: count for name, count in expected.counters.items() if count}


def read_in(monkeypatch):
    """Note which threads read row groups."""
    names = set()
    read = ranges.sample_batches

    def noted(*given, **options):
        names.add(threading.current_thread().name.rpartition("_")[0])
        return read(*given, **options)

    monkeypatch.setattr(ranges, "sample_batches", noted)
    return names


def test_workers_without_a_partition_share_a_large_one(tmp_path, small, monkeypatch):
    names = read_in(monkeypatch)
    write_files(tmp_path / "in", table_of(taps(random.Random(1), 0, 200)), [], 40)

    classify_dataset(str(tmp_path / "in"), str(tmp_path / "out"), workers=2)
    assert "capture-range" in names


@pytest.mark.parametrize(
    ("change", "workers"),
    [
        pytest.param(lambda table: table, 1, id="one-worker"),
        pytest.param(lambda table: table.slice(0, 20), 2, id="small"),
        pytest.param(
            lambda table: table.set_column(0, "stream", table["stream"].cast(pa.string())), 2, id="text"
        ),
    ],
)
def test_other_partitions_are_read_in_one_thread(tmp_path, small, monkeypatch, change, workers):
    names = read_in(monkeypatch)
    table = change(table_of(taps(random.Random(1), 0, 200)))
    write_files(tmp_path / "in", table, [], 40)

    classify_dataset(str(tmp_path / "in"), str(tmp_path / "out"), workers=workers)
    assert not names
    found = parquet.read_table(tmp_path / "out" / "gestures.parquet")
    assert found["first_sample"].to_pylist() == classify(table).first_sample.tolist()


def test_a_log_without_a_place_to_cut_is_recognised_all_the_same(tmp_path, small):
    rows = [(0, 0, 0, 0, 1.0, 1.0), *((0, 0, 2, time * MS, 1.0, 1.0) for time in range(300))]
    table = table_of([*rows, *taps(random.Random(2), 1, 60), (0, 0, 1, 10**12, 1.0, 1.0)])
    write_files(tmp_path / "in", table, [100], 25)

    classify_dataset(str(tmp_path / "in"), str(tmp_path / "out"), workers=3)
    found = parquet.read_table(tmp_path / "out" / "gestures.parquet")
    assert found.equals(named(classify(table).to_arrow()))


def test_a_damaged_row_group_is_named_and_leaves_nothing(tmp_path, small):
    write_files(tmp_path / "in", table_of(taps(random.Random(1), 0, 200)), [300], 40)
    path = tmp_path / "in" / "1.parquet"
    data = bytearray(path.read_bytes())
    data[4 : len(data) // 2] = bytes(len(data) // 2 - 4)
    path.write_bytes(data)

    with pytest.raises(TouchLogError, match=r"1\.parquet: "):
        classify_dataset(str(tmp_path / "in"), str(tmp_path / "out"), workers=3)
    assert not list(tmp_path.glob("out/*"))
