"""Columns of gestures that are filled again, and batches whose schema was looked at before."""

import numpy as np
import pyarrow as pa
import pytest

from capture import GestureTable, Recognizer, classify
from capture._native.output import GestureColumns
from capture.gestures import FIELDS
from capture.scale.jobs import _empty_columns


def records(table):
    return {name: getattr(table, name).tobytes() for name in FIELDS}


def test_cleared_columns_hold_what_fresh_ones_would(samples):
    first, second = samples[: len(samples) // 2], samples[len(samples) // 2 :]
    reused, recognizer, other = GestureColumns(), Recognizer(), Recognizer()
    recognizer.feed_into(reused, first)
    reused.clear()
    recognizer.feed_into(reused, second)
    fresh = GestureColumns()
    other.feed(first)
    other.feed_into(fresh, second)

    assert len(reused) == len(fresh) > 0
    assert records(GestureTable(reused, {})) == records(GestureTable(fresh, {}))


def test_columns_without_streams_are_zero_again_after_others_with(samples):
    alone = {"action": samples.action, "time": samples.time, "x": samples.x, "y": samples.y}
    reused = GestureColumns()
    Recognizer().feed_into(reused, samples)
    reused.clear()
    Recognizer().feed_into(reused, pa.table(alone))

    assert not GestureTable(reused, {}).stream.any()
    assert not GestureTable(reused, {}).pointer.any()


def test_columns_that_are_looked_at_are_not_cleared(samples):
    columns = GestureColumns()
    Recognizer().feed_into(columns, samples)
    kinds = GestureTable(columns, {}).kind
    before = kinds.copy()
    with pytest.raises(BufferError, match="still in use"):
        columns.clear()

    assert np.array_equal(kinds, before)
    del kinds
    columns.clear()
    assert len(columns) == 0


def test_a_worker_fills_its_columns_again_unless_somebody_looks_at_them(samples):
    first = _empty_columns()
    Recognizer().feed_into(first, samples)
    again = _empty_columns()
    emptied = len(again)
    Recognizer().feed_into(again, samples)
    looked_at = GestureTable(again, {}).kind
    other = _empty_columns()

    assert again is first
    assert emptied == 0
    assert other is not first
    assert len(looked_at) == len(first) > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"time": np.float64}, "column 'time': expected"),
        ({"stream": str}, None),
        ({"x": np.float64, "pointer": np.int64}, None),
    ],
)
def test_a_batch_of_another_schema_is_looked_at_again(table, change, message):
    exact = table.combine_chunks().to_batches()[0]
    columns = {name: exact[name].to_numpy() for name in exact.schema.names}
    for name, kind in change.items():
        columns[name] = columns[name].astype(kind)
    other = pa.record_batch(columns)
    expected = records(classify(exact))
    if message is None:
        found = records(classify(other))
        assert {**found, "stream": b""} == {**expected, "stream": b""}
    else:
        with pytest.raises(TypeError, match=message):
            classify(other)

    assert records(classify(exact)) == expected


def test_nulls_are_refused_in_a_batch_of_a_known_schema(table):
    exact = pa.record_batch({name: table[name].combine_chunks() for name in table.schema.names})
    classify(exact)
    with_null = pa.record_batch(
        {
            name: pa.array([None, *exact[name].to_pylist()[1:]], exact[name].type)
            for name in exact.schema.names
        }
    )

    with pytest.raises(ValueError, match="'stream': 1 values are null"):
        classify(with_null)
