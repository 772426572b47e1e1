"""Tables that are filled anew, and the memory of tables that are gone: what was there is not seen again."""

import gc
from threading import Thread

import numpy as np
import pytest

from capture import GestureConfig, TouchSamples, classify
from capture.gestures.arrow import SCHEMA_KEY, file_schema
from capture.gestures.parquet import GestureFile


def taps(count, *, stream=None, pointer=None):
    """Return taps of three samples, a second apart."""
    action = np.tile(np.array([0, 2, 1], np.uint8), count)
    time = np.arange(3 * count, dtype=np.int64) * 8_000_000
    x = np.linspace(0, 1000, 3 * count, dtype=np.float32)
    named = {} if stream is None else {"stream": np.full(3 * count, stream, np.int64)}
    if pointer is not None:
        named["pointer"] = np.full(3 * count, pointer, np.int32)
    return TouchSamples(action=action, time=time, x=x, y=x, **named)


def alike(one, other):
    assert one.fields == other.fields
    for name in one.fields:
        # As bytes: NaN is NaN.
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes(), name


LOGS = (taps(700, stream=9, pointer=3), taps(300), taps(900, pointer=7), taps(20, stream=-4), taps(1200))


@pytest.mark.parametrize("dialect", ["contentsquare", "flutter"])
def test_a_table_that_is_filled_anew_is_a_fresh_one(dialect):
    config = GestureConfig(dialect=dialect)
    table = classify(LOGS[-1], gestures=config)
    for log in LOGS:
        again = classify(log, gestures=config, out=table)

        assert again is table
        alike(table, classify(log, gestures=config))


def test_a_large_table_shows_nothing_of_the_one_whose_memory_it_has():
    """Large enough for memory that is mapped, and kept when it is freed."""
    count = 48_000
    for log in (taps(count, stream=5, pointer=2), taps(count), taps(count, pointer=1), taps(count)):
        table = classify(log)

        assert set(table.stream.tolist()) == {0 if log.stream is None else 5}
        assert set(table.pointer.tolist()) == {0 if log.pointer is None else int(log.pointer[0])}
        assert int(table.last_sample[-1]) == len(log) - 1
        del table
        gc.collect()


def test_tables_that_are_there_at_once_share_nothing():
    log, other = taps(48_000), taps(60_000, stream=1)
    first = classify(log)
    before = {name: getattr(first, name).copy() for name in first.fields}
    for _ in range(3):
        classify(other)

    assert all((getattr(first, name) == before[name]).all() for name in first.fields)


def test_a_table_of_other_columns_is_refused():
    with pytest.raises(ValueError, match="out: its columns are not those of the dialect"):
        classify(LOGS[0], gestures=GestureConfig(dialect="ios"), out=classify(LOGS[0]))


def test_a_table_that_is_looked_at_is_refused():
    table = classify(LOGS[0])
    looked_at = table.kind

    with pytest.raises(BufferError, match="still in use"):
        classify(LOGS[1], out=table)
    assert len(looked_at) == 700


@pytest.mark.parametrize("multi", [False, True])
@pytest.mark.parametrize("with_log", [False, True])
def test_the_schema_of_files_is_that_of_the_writer(tmp_path, multi, with_log):
    parquet = pytest.importorskip("pyarrow.parquet")
    with (tmp_path / "gestures.parquet").open("wb") as file:
        gestures = GestureFile(file, with_log=with_log, multi=multi)
        gestures.close()
    schema = file_schema(with_log=with_log, multi=multi)

    assert schema.equals(parquet.read_schema(tmp_path / "gestures.parquet"))
    assert schema.metadata[SCHEMA_KEY] == (b"multi/1" if multi else b"gestures/1")
    assert schema.names[0] == ("log" if with_log else "stream")


def test_the_schema_of_files_with_verdicts_and_streams_by_text():
    pytest.importorskip("pyarrow")
    schema = file_schema(keyed=True, verdicts=True)

    assert "margin" in schema.names
    assert str(schema.field("stream").type).startswith("dictionary<values=string")


def test_a_table_that_is_being_filled_has_other_columns():
    table = classify(taps(3))
    filled = table.take(1)

    assert len(table) == 0
    assert table.take(1) is not filled


def test_threads_that_fill_one_table_share_no_memory():
    logs = [taps(count) for count in (40, 90_000, 3000)]
    table, wanted = classify(logs[0]), [classify(log) for log in logs]

    def fill(first):
        for turn in range(12):
            classify(logs[(first + turn) % 3], out=table)

    threads = [Thread(target=fill, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    alike(table, next(each for each in wanted if len(each) == len(table)))
