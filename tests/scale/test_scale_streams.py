"""Logs that come in pieces give the records of the whole log."""

import itertools
import tracemalloc

import pyarrow as pa
import pytest
from hypothesis import given, settings, strategies as st

from capture import GestureConfig, Recognizer, TouchSamples, classify
from capture.gestures.arrow import gesture_schema
from capture.scale import classify_stream


def joined(batches):
    found = list(batches)
    return pa.Table.from_batches(found, gesture_schema())


@settings(max_examples=50, deadline=None)
@given(cuts=st.lists(st.integers(0, 700), max_size=12), strategy=st.sampled_from(["mean", "lsq2", "impulse"]))
def test_cut_anywhere_gives_the_same(table, samples, cuts, strategy):
    gestures = GestureConfig(velocity_strategy=strategy)
    ends = [0, *sorted(min(cut, len(table)) for cut in cuts), len(table)]
    pieces = [table.slice(first, end - first) for first, end in itertools.pairwise(ends)]

    assert joined(classify_stream(pieces, 2.0, gestures)).equals(
        classify(samples, 2.0, gestures).to_arrow().combine_chunks()
    )


def test_a_reader_is_taken_batch_by_batch(table, samples):
    reader = pa.RecordBatchReader.from_batches(table.schema, table.to_batches(max_chunksize=50))
    first = next(classify_stream(reader))

    assert reader.read_next_batch().num_rows == 50
    assert first.num_rows < len(classify(samples))


def test_a_table_is_taken_too(table, samples):
    assert joined(classify_stream(table)).equals(classify(samples).to_arrow())


def test_nothing_in_nothing_out():
    assert list(classify_stream([])) == []


def test_what_was_ignored_is_counted():
    recognizer = Recognizer()
    orphan = TouchSamples(action=[1], time=[0], x=[0.0], y=[0.0])

    assert list(classify_stream([orphan], recognizer=recognizer)) == []
    assert recognizer.counters["orphan_samples"] == 1


def test_a_wrong_piece_is_refused(table):
    with pytest.raises(ValueError, match="columns y are missing"):
        list(classify_stream([table, table.drop_columns("y")]))


def test_memory_does_not_grow_with_the_log(table):
    def pieces(count):
        for _ in range(count):
            yield table

    def peak(count):
        pool = pa.default_memory_pool()
        tracemalloc.start()
        for _ in classify_stream(pieces(count)):
            assert pool.bytes_allocated() < 1 << 24
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(2)
    assert peak(200) < 2 * peak(20) + 65_536
