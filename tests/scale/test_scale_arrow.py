"""Arrow in and out: no copies, stream keys of any kind, one clear error per wrong column."""

import itertools

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings, strategies as st

from capture import GestureTable, Recognizer, classify
from capture.gestures import FIELDS
from capture.gestures.arrow import GESTURES_VERSION, SCHEMA_KEY, gesture_schema, sample_schema
from capture.gestures.samples import TouchSamples

NAMES = np.array(["anna", "bert", "cleo", "dana"])
KEYED = {
    "string": lambda numbers: pa.array(NAMES[numbers]),
    "large string": lambda numbers: pa.array(NAMES[numbers], pa.large_string()),
    "string view": lambda numbers: pa.array(NAMES[numbers].tolist(), pa.string_view()),
    "dictionary": lambda numbers: pa.array(NAMES[numbers]).dictionary_encode(),
    "dictionary in another order": lambda numbers: pa.DictionaryArray.from_arrays(
        pa.array(3 - numbers), pa.array(NAMES[::-1].tolist())
    ),
    "dictionary with spares": lambda numbers: pa.DictionaryArray.from_arrays(
        pa.array(numbers + 1), pa.array(["nobody", *NAMES.tolist(), "no one"])
    ),
}


def renamed(gestures):
    """Return a table's records with the streams by name."""
    names = gestures.stream_keys.to_pylist()
    return [(names[each.stream], *(getattr(each, field) for field in FIELDS[1:])) for each in gestures]


@pytest.mark.parametrize("encode", KEYED.values(), ids=KEYED.keys())
@pytest.mark.parametrize("threads", [1, 2])
def test_text_names_streams(columns, encode, threads):
    keyed = pa.table({**columns, "stream": encode(columns["stream"])})
    expected = [
        (str(NAMES[each.stream]), *(getattr(each, field) for field in FIELDS[1:]))
        for each in classify(TouchSamples(**columns))
    ]

    assert renamed(classify(keyed, threads=threads)) == expected


def test_numbers_do_not_depend_on_the_dictionary(columns):
    tables = [pa.table({**columns, "stream": encode(columns["stream"])}) for encode in KEYED.values()]

    assert len({classify(table).to_arrow().to_pandas().to_csv() for table in tables}) == 1


def test_names_come_back_in_arrow(columns):
    keyed = pa.table({**columns, "stream": pa.array(NAMES[columns["stream"]])})
    found = classify(keyed).to_arrow()

    assert found.schema.equals(gesture_schema(keyed=True), check_metadata=True)
    assert found["stream"].to_pylist() == NAMES[classify(TouchSamples(**columns)).stream].tolist()


def test_integers_in_a_dictionary_are_integers(columns, samples):
    encoded = pa.table({**columns, "stream": pa.array(columns["stream"]).dictionary_encode()})
    found = classify(encoded)

    assert found.stream_keys is None
    assert list(found) == list(classify(samples))


@pytest.mark.parametrize("threads", [1, 2])
def test_densities_by_name(columns, threads):
    keyed = pa.table({**columns, "stream": pa.array(NAMES[columns["stream"]])})
    by_name = {"anna": 2.0, "cleo": 3.5, "nobody": 1.5}
    found = classify(keyed, by_name, threads=threads)
    expected = classify(TouchSamples(**columns), {0: 2.0, 2: 3.5})

    assert found.distance.tolist() == expected.distance.tolist()
    assert Recognizer(by_name).feed(keyed).distance.tolist() == expected.distance.tolist()


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, 700), max_size=6), kind=st.sampled_from(list(KEYED)))
def test_names_survive_any_cut(columns, cuts, kind):
    keyed = pa.table({**columns, "stream": KEYED[kind](columns["stream"])})
    whole = classify(keyed)
    recognizer = Recognizer()
    ends = sorted({min(cut, len(keyed)) for cut in cuts} | {0, len(keyed)})
    found = []
    for first, end in itertools.pairwise(ends):
        found += recognizer.feed(keyed.slice(first, end - first).combine_chunks())
    found += recognizer.finish()

    assert found == list(whole)
    assert recognizer.stream_keys.equals(whole.stream_keys)


def test_text_after_numbers_is_refused(columns, table):
    recognizer = Recognizer()
    recognizer.feed(table)

    with pytest.raises(TypeError, match="'stream': text and numbers"):
        recognizer.feed(pa.table({**columns, "stream": pa.array(NAMES[columns["stream"]])}))


WRONG = [
    pytest.param({"action": ["down"]}, TypeError, "'action': expected uint8.*got string", id="action"),
    pytest.param({"time": [0.5]}, TypeError, r"'time': expected int64 \(ns\).*got double", id="time"),
    pytest.param({"x": ["1"]}, TypeError, "'x': expected float32.*got string", id="x"),
    pytest.param({"pointer": [1.0]}, TypeError, "'pointer': expected int32.*got double", id="pointer"),
    pytest.param({"stream": [1.0]}, TypeError, "'stream': expected int64.*text; got double", id="stream"),
    pytest.param({"x": ["1"], "time": [0.5]}, TypeError, "'time': .*; column 'x': ", id="two"),
    pytest.param({"stream": [None]}, TypeError, "'stream': expected .* got null", id="nothing"),
    pytest.param({"x": pa.array([None], "f4")}, ValueError, "'x': 1 values are null", id="null"),
    pytest.param({"stream": pa.array([None], "str")}, ValueError, "'stream': 1 values", id="null-name"),
    pytest.param({"action": [300]}, ValueError, "'action': a value does not fit uint8", id="too-large"),
    pytest.param(
        {"time": pa.array([2**60], pa.timestamp("s"))}, ValueError, "'time': .*out of bounds", id="too-late"
    ),
]


@pytest.mark.parametrize(("changed", "error", "message"), WRONG)
def test_one_clear_error_for_a_wrong_column(changed, error, message):
    columns = {"action": [0], "time": [0], "x": [0.0], "y": [0.0], **changed}

    with pytest.raises(error, match=message):
        classify(pa.table(columns))


def test_a_column_that_is_there_twice_is_refused():
    arrays = [pa.array([0])] * 5

    with pytest.raises(ValueError, match="columns x occur more than once"):
        classify(pa.Table.from_arrays(arrays, names=["action", "time", "x", "x", "y"]))


def test_gestures_are_no_samples(samples):
    with pytest.raises(ValueError, match="data are 'gestures/1'; expected 'touch-samples/1'"):
        classify(classify(samples))


@pytest.mark.parametrize("unit", ["ns", "us", "ms"])
def test_timestamps_are_times(columns, samples, unit):
    scale = {"ns": 1, "us": 1_000, "ms": 1_000_000}[unit]
    times = pa.array(columns["time"] // scale, pa.timestamp(unit, "UTC"))
    expected = classify(TouchSamples(**{**columns, "time": columns["time"] // scale * scale}))

    assert list(classify(pa.table({**columns, "time": times}))) == list(expected)


def test_the_schemas_say_their_versions(table, samples):
    assert classify(samples).to_arrow().schema.metadata == {SCHEMA_KEY: GESTURES_VERSION}
    assert list(classify(table.cast(sample_schema()))) == list(classify(samples))


def test_columns_of_gestures_are_handed_over_uncopied(samples):
    gestures = classify(samples)
    handed = pl.DataFrame(gestures)

    assert isinstance(gestures, GestureTable)
    assert handed.columns == list(FIELDS)
    assert handed["distance"].to_numpy().ctypes.data == gestures.distance.ctypes.data


def addresses(batch):
    return [np.asarray(getattr(batch, name)).ctypes.data for name in ("stream", "time", "x")]


def test_polars_columns_are_read_where_they_lie(columns):
    frame = pl.DataFrame(columns)
    (batch,) = TouchSamples.batches(frame)

    assert addresses(batch) == [frame[name].to_numpy().ctypes.data for name in ("stream", "time", "x")]


def test_pyarrow_columns_are_read_where_they_lie(table):
    (batch,) = TouchSamples.batches(table)

    assert addresses(batch) == [table[name].chunk(0).buffers()[1].address for name in ("stream", "time", "x")]


@pytest.mark.parametrize("library", ["pyarrow", "polars"])
def test_classify_takes_no_second_copy_of_the_columns(library):
    """16 MB of samples, one stroke: what pyarrow allocates meanwhile must be far less."""
    count = 1 << 19
    columns = {
        "stream": np.zeros(count, np.int64),
        "pointer": np.zeros(count, np.int32),
        "action": np.full(count, 2, np.uint8),
        "time": np.arange(count),
        "x": np.zeros(count, np.float32),
        "y": np.zeros(count, np.float32),
    }
    data = pa.table(columns) if library == "pyarrow" else pl.DataFrame(columns)
    pool = pa.default_memory_pool()
    before = pool.bytes_allocated()
    for batch in TouchSamples.batches(data):
        assert pool.bytes_allocated() - before < 1 << 16
        assert len(batch) == count
