"""TouchSamples: what columns may be made of, what is copied and what is refused."""

import array

import numpy as np
import pytest

from capture import TouchSamples, classify
from capture.gestures.samples import COLUMNS

pa = pytest.importorskip("pyarrow")

ROWS = [(0, 0, 0, 0, 1.0, 2.0), (0, 0, 1, 50_000_000, 1.5, 2.5)]
TYPES = {"stream": "i8", "pointer": "i4", "action": "u1", "time": "i8", "x": "f4", "y": "f4"}


def numpy_columns():
    values = zip(*ROWS, strict=True)
    return {name: np.array(column, TYPES[name]) for name, column in zip(COLUMNS, values, strict=True)}


def arrow_columns():
    return {name: pa.array(column) for name, column in numpy_columns().items()}


MAKERS = {
    "numpy": numpy_columns,
    "arrow": arrow_columns,
    "array.array": lambda: {
        name: array.array(COLUMNS[name][0], column.tolist()) for name, column in numpy_columns().items()
    },
    "memoryview": lambda: {name: memoryview(column) for name, column in numpy_columns().items()},
    "lists": lambda: {name: column.tolist() for name, column in numpy_columns().items()},
    "wider numpy": lambda: {
        name: column.astype("f8" if column.dtype.kind == "f" else "i8")
        for name, column in numpy_columns().items()
    },
    "strided numpy": lambda: {name: np.repeat(column, 2)[::2] for name, column in numpy_columns().items()},
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
def test_columns_may_be_any_of(make):
    samples = TouchSamples(**make())

    assert list(samples.rows()) == ROWS
    assert len(samples) == 2


@pytest.mark.parametrize("kind", ["numpy", "array.array", "memoryview"])
def test_columns_of_the_right_type_are_kept(kind):
    given = MAKERS[kind]()
    samples = TouchSamples(**given)

    assert all(getattr(samples, name) is given[name] for name in COLUMNS)


def test_arrow_columns_are_not_copied():
    given = arrow_columns()
    samples = TouchSamples(**given)

    for name in COLUMNS:
        assert np.asarray(getattr(samples, name)).ctypes.data == given[name].buffers()[1].address


@pytest.mark.parametrize(
    "wrap",
    [
        pytest.param(pa.table, id="table"),
        pytest.param(pa.record_batch, id="record-batch"),
        pytest.param(lambda columns: pa.concat_tables([pa.table(columns), pa.table(columns)]), id="chunked"),
        pytest.param(lambda columns: pa.table(columns).to_reader(), id="reader"),
    ],
)
def test_arrow_data_is_classified_batch_by_batch(wrap):
    table = classify(wrap(arrow_columns()))

    assert set(table.kind.tolist()) == {6}


def test_stream_and_pointer_may_be_left_out():
    columns = numpy_columns()
    del columns["stream"], columns["pointer"]
    samples = TouchSamples(**columns)

    assert samples.stream is None
    assert list(samples.rows()) == ROWS


def test_a_slice_shares_the_columns():
    samples = TouchSamples(**numpy_columns())

    assert list(samples[1:].rows()) == ROWS[1:]
    assert len(samples[5:]) == 0


def test_no_rows_make_empty_columns():
    assert len(TouchSamples.from_rows([])) == 0


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        pytest.param({"x": [1.0]}, ValueError, "differ in length: .*x 1", id="length"),
        pytest.param({"action": [0, 256]}, ValueError, "'action'.*uint8", id="list-too-large"),
        pytest.param({"action": np.array([0, 256])}, ValueError, "'action'.*uint8", id="numpy-too-large"),
        pytest.param({"pointer": [0, 2**31]}, ValueError, "'pointer'.*int32", id="pointer-too-large"),
        pytest.param({"time": [0.5, 1.5]}, TypeError, "'time'.*int64", id="time-of-floats"),
        pytest.param({"time": np.array([0.5, 1.5])}, TypeError, "'time'.*float64", id="time-of-numpy-floats"),
        pytest.param({"x": ["a", "b"]}, TypeError, "'x'.*float32", id="text"),
        pytest.param({"x": np.array(["a", "b"])}, TypeError, "'x'.*float32", id="numpy-text"),
        pytest.param({"x": np.zeros((2, 1), "f4")}, ValueError, "'x'.*one dimension", id="two-dimensions"),
        pytest.param({"x": pa.array([1.0, None])}, ValueError, "'x'.*1 values are null", id="null"),
        pytest.param({"action": None}, TypeError, "'action'", id="missing"),
    ],
)
def test_a_wrong_column_is_named(changed, error, message):
    with pytest.raises(error, match=message):
        TouchSamples(**{**numpy_columns(), **changed})


def test_arrow_data_without_a_column_is_refused():
    with pytest.raises(ValueError, match="columns time are missing"):
        classify(pa.table({name: column for name, column in arrow_columns().items() if name != "time"}))


@pytest.mark.parametrize("other", [None, 3, [1], "log.txt"])
def test_other_things_are_refused(other):
    with pytest.raises(TypeError, match="expected TouchSamples, or Arrow data"):
        classify(other)


def test_doubles_beyond_float32_become_infinite():
    samples = TouchSamples(action=[0], time=[0], x=np.array([1e300]), y=[-1e300])

    assert list(samples.rows()) == [(0, 0, 0, 0, float("inf"), float("-inf"))]
