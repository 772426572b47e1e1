"""Gesture and GestureTable as values."""

import json
import sys

import numpy as np
import pytest
from strokes import NAN, samples, stroke

import capture
from capture import Direction, Gesture, GestureKind, Reason, Recognizer, classify
from capture.gestures import FIELDS

DTYPES = [
    "int64",
    "int32",
    "uint8",
    "uint8",
    "uint8",
    "int64",
    "int64",
    "float32",
    "float32",
    "float32",
    "float32",
    "float64",
    "float32",
    "float32",
    "float32",
    "float32",
    "float32",
    "float32",
    "float32",
    "int32",
    "int64",
    "int64",
    "int32",
    "bool",
]


@pytest.fixture
def table():
    return classify(samples(stroke((0, 0, 0), (50, 1, 0)), stroke((100, 0, 0), (150, 90, 0))))


def test_columns_have_the_types_of_the_record(table):
    assert [str(getattr(table, name).dtype) for name in FIELDS] == DTYPES


def test_columns_are_views_and_read_only(table):
    assert table.kind is table.kind
    with pytest.raises(ValueError, match="read-only"):
        table.kind[0] = 1


def test_columns_outlive_their_table(table):
    kind = table.kind
    del table

    assert kind.tolist() == [6, 10]


def test_rows_are_gestures_with_enums(table):
    assert [type(gesture) for gesture in table] == [Gesture, Gesture]
    assert table[1].kind is GestureKind.FLING
    assert table[-1].direction is Direction.RIGHT
    assert table[0].reason is Reason.RECOGNIZED


@pytest.mark.parametrize("index", [2, -3])
def test_a_row_beyond_the_end_is_an_index_error(table, index):
    with pytest.raises(IndexError, match=f"gesture {index} of 2"):
        table[index]


def test_an_unknown_column_is_an_attribute_error(table):
    with pytest.raises(AttributeError, match="speed"):
        _ = table.speed


def test_arrow_has_the_same_columns(table):
    pa = pytest.importorskip("pyarrow")
    arrow = table.to_arrow()

    assert arrow.schema.names == list(FIELDS)
    assert arrow.column("rage").type == pa.bool_()
    assert arrow.column("distance").to_pylist() == table.distance.tolist()


def test_a_gesture_compares_by_value(table):
    again = classify(samples(stroke((0, 0, 0), (50, 1, 0))))

    assert table[0] == again[0]
    assert hash(table[0]) == hash(again[0])
    assert table[0] != table[1]
    assert table[0] != "gesture"


def test_a_gesture_as_json_has_names_and_no_nan():
    gesture = Gesture(kind=6, reason=0, x_down=NAN, distance=float("inf"), rage=True)
    plain = json.loads(json.dumps(gesture.to_dict(), allow_nan=False))

    assert list(plain) == list(FIELDS)
    assert (plain["kind"], plain["reason"], plain["direction"]) == ("tap", "recognized", "none")
    assert (plain["x_down"], plain["distance"], plain["rage"]) == (None, None, True)


def test_a_gesture_shows_its_fields(table):
    assert repr(table[1]).startswith(
        "Gesture(stream=0, pointer=0, kind=FLING, reason=RECOGNIZED, direction=RIGHT,"
    )


def test_live_calls_return_what_they_ended():
    recognizer = Recognizer()

    assert recognizer.down(1, 0.0, 0.0, 0) is None
    assert recognizer.move(1, 1.0, 0.0, 5) is None
    assert recognizer.down(1, 0.0, 0.0, 9).reason is Reason.INCOMPLETE
    assert recognizer.up(1, 0.0, 0.0, 10).kind is GestureKind.TAP
    assert recognizer.up(1, 0.0, 0.0, 11) is None
    assert recognizer.cancel(2, 0.0, 0.0, 12) is None
    assert recognizer.counters["orphan_samples"] == 2


def test_the_recognizer_goes_on_after_finish():
    recognizer = Recognizer()
    recognizer.down(0, 0.0, 0.0, 0)

    assert [gesture.reason for gesture in recognizer.finish()] == [Reason.INCOMPLETE]
    assert len(recognizer.finish()) == 0
    recognizer.down(0, 0.0, 0.0, 10)
    assert recognizer.up(0, 0.0, 0.0, 20).first_sample == 1


@pytest.mark.parametrize("pointer", [-(2**31), 2**31 - 1])
@pytest.mark.parametrize("stream", [-(2**63), 2**63 - 1])
def test_ids_may_be_any_of_their_type(pointer, stream):
    recognizer = Recognizer()
    recognizer.down(pointer, 0.0, 0.0, 2**63 - 1, stream=stream)
    gesture = recognizer.up(pointer, 0.0, 0.0, -(2**63), stream=stream)

    assert (gesture.pointer, gesture.stream, gesture.duration) == (pointer, stream, 1e-6)


def test_the_core_knows_the_numbers_of_the_enums():
    """They stand in records, columns and files: no number may change."""
    assert [kind.value for kind in GestureKind] == [0, 6, 8, 9, 10]
    assert [reason.value for reason in Reason] == [0, 1, 2, 3, 4, 5, 6]
    assert [direction.value for direction in Direction] == [0, 1, 2, 3, 4, 5]
    assert [action.value for action in capture.Action] == [0, 1, 2, 3]


def test_native_objects_refuse_misuse():
    from capture._native import batch, output, recognizer

    with pytest.raises(TypeError):
        output.Column()
    with pytest.raises(ValueError, match="no column 'speed'"):
        output.GestureColumns().column("speed")
    with pytest.raises(IndexError):
        output.GestureColumns().record(0, Gesture)
    with pytest.raises(TypeError):
        recognizer.Recognizer(int, density=1.0)
    with pytest.raises(TypeError):
        batch.feed(None, None, None)


def test_memory_of_classify_is_its_output_and_little_more():
    """At most 1.6 times the output and 8 MiB, as the process's peak sees it."""
    import subprocess

    code = """
import resource, sys
import numpy as np
import capture
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
n = 4_000_000
action = np.tile(np.array([0, 2, 2, 1], np.uint8), n // 4)
log = capture.TouchSamples(
    action=action, time=np.arange(n, dtype=np.int64) * 1_000_000, x=np.zeros(n, "f4"), y=np.zeros(n, "f4"))
np.add.reduce(log.time)
before = peak()
table = capture.classify(log)
print(peak() - before, len(table) * 108)
"""
    if sys.platform != "linux":
        pytest.skip("ru_maxrss is in KiB on Linux only")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    grown, output_bytes = map(int, done.stdout.split())

    assert output_bytes > 100_000_000
    assert grown <= 1.6 * output_bytes + 8 * 2**20


def test_dtypes_are_numpy_scalars_of_python_size(table):
    assert isinstance(table[0].distance, float)
    assert isinstance(table.distance[0], np.float32)


def test_a_table_is_a_frame_of_pandas_and_of_polars():
    table = classify(samples(stroke((0, 10, 10), (80, 10, 10))))
    for package, method in (("pandas", "to_pandas"), ("polars", "to_polars")):
        pytest.importorskip("pyarrow")
        pytest.importorskip(package)
        frame = getattr(table, method)()

        assert list(frame.columns) == list(FIELDS)
        assert frame["duration"].to_list() == [table[0].duration]
