"""Sorted by stream, no stroke is cut, and every stream's records are those of the whole."""

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from capture import ConfigError, classify
from capture.scale import classify_dataset, repartition
from capture.scale.partitions import bucket_of

NAMES = np.array(["anna", "bert", "cleo", "dana"])
#: What does not depend on which other streams a log has.
OWN = ("time_down", "time_up", "kind", "reason", "distance", "sample_count", "tap_count", "rage")


@pytest.fixture
def flat(tmp_path, table):
    """Return a folder of files by time: every stream in all of them, strokes cut between them."""
    (tmp_path / "flat").mkdir()
    for number in range(5):
        size = len(table) // 5 + 1
        parquet.write_table(table.slice(number * size, size), tmp_path / "flat" / f"{number}.parquet")
    return tmp_path


def by_stream(gestures):
    rows = zip(gestures["stream"].to_pylist(), *(gestures[name].to_pylist() for name in OWN), strict=True)
    return sorted(rows, key=lambda row: (row[0], row[1], row[2]))


@pytest.mark.parametrize("workers", [1, 3])
def test_records_of_each_stream_stay_the_same(flat, table, workers):
    count = repartition(str(flat / "flat"), str(flat / "sorted"), partitions=3, workers=workers)
    classify_dataset(str(flat / "sorted"), str(flat / "out"))
    classify_dataset(str(flat / "flat"), str(flat / "whole"))
    parts = [
        parquet.read_table(path, partitioning=None) for path in sorted((flat / "out").rglob("*.parquet"))
    ]
    streams = [set(part["stream"].to_pylist()) for part in parts]

    assert count == len(table)
    assert len(parts) > 1
    assert sum(len(each) for each in streams) == len(set.union(*streams))
    assert by_stream(pa.concat_tables(parts)) == by_stream(
        parquet.read_table(flat / "whole" / "gestures.parquet")
    )
    assert sum(len(part) for part in parts) == len(classify(table))


def test_finished_files_are_left_out(flat, table):
    repartition(str(flat / "flat"), str(flat / "sorted"), partitions=3)
    (next((flat / "sorted" / "_finished").glob("000002-*"))).unlink()
    size = len(table) // 5 + 1

    assert repartition(str(flat / "flat"), str(flat / "sorted"), partitions=3) == size
    assert repartition(str(flat / "flat"), str(flat / "sorted"), partitions=3) == 0


def samples_of(folder):
    """Return the samples of each stream of a data set, in their order; pointers of 0 are left out there."""
    names = ["stream", "action", "time", "x", "y"]
    paths = sorted(folder.rglob("*.parquet"))
    whole = pa.concat_tables([parquet.read_table(path, columns=names, partitioning=None) for path in paths])
    return {
        stream: whole.filter(pa.array(whole["stream"].to_numpy() == stream)).to_pylist()
        for stream in set(whole["stream"].to_pylist())
    }


def again(flat, **options):
    repartition(str(flat / "flat"), str(flat / "sorted"), **({"partitions": 3} | options))
    return samples_of(flat / "sorted")


def test_a_file_that_sorts_first_adds_its_own_samples_only(flat, table):
    again(flat)
    early = table.slice(0, 4).set_column(3, "time", pa.array([-4, -3, -2, -1]))
    parquet.write_table(early, flat / "flat" / "-first.parquet")

    assert again(flat) == samples_of(flat / "flat")
    assert not list((flat / "sorted").rglob("*.part"))


def test_what_was_made_of_changed_and_lost_files_goes(flat, table):
    again(flat)
    parquet.write_table(table.slice(0, 3), flat / "flat" / "3.parquet")
    (flat / "flat" / "1.parquet").unlink()

    assert again(flat) == samples_of(flat / "flat")
    assert len(list((flat / "sorted" / "_finished").iterdir())) == 4


def test_a_file_that_sorts_last_leaves_the_others_alone(flat, table):
    again(flat)
    parquet.write_table(table.slice(0, 3), flat / "flat" / "9.parquet")

    assert repartition(str(flat / "flat"), str(flat / "sorted"), partitions=3) == 3


def test_another_number_of_partitions_is_refused(flat):
    again(flat, partitions=8)

    with pytest.raises(ConfigError, match="sorted: partitions = 4: expected 8, which it was made with"):
        again(flat, partitions=4)


def test_what_a_run_with_other_partitions_left_unfinished_goes(flat):
    again(flat, partitions=8)
    for mark in (flat / "sorted" / "_finished").iterdir():
        mark.unlink()

    assert again(flat, partitions=4) == samples_of(flat / "flat")


def test_files_of_others_stay(flat):
    (flat / "sorted" / "bucket=000").mkdir(parents=True)
    (flat / "sorted" / "bucket=000" / "notes.txt").write_text("mine")
    again(flat)

    assert (flat / "sorted" / "bucket=000" / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("numbered", [True, False], ids=["numbers", "text"])
def test_a_stream_has_one_partition_however_it_is_encoded(numbered):
    numbers = np.arange(4).repeat(3)
    plain = pa.array(numbers if numbered else NAMES[numbers])
    encoded = plain.dictionary_encode()
    other = pa.DictionaryArray.from_arrays(pa.array(3 - numbers), encoded.dictionary[::-1])
    buckets = bucket_of(encoded, 7)

    assert buckets.tolist() == bucket_of(other, 7).tolist() == bucket_of(plain, 7).tolist()
    assert len(set(zip(numbers.tolist(), buckets.tolist(), strict=True))) == 4
    assert {0} == set(bucket_of(encoded, 1).tolist())


def test_streams_are_spread():
    counts = np.bincount(bucket_of(pa.array(np.arange(64_000)), 64), minlength=64)

    assert counts.min() > 800
    assert counts.max() < 1200


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"partitions": 0}, "partitions = 0: expected at least 1"),
        ({"output": "flat/sorted"}, "would be read as touch samples"),
        ({"source": "nowhere"}, "no Parquet files there"),
        ({"engine": "steam"}, "engine = 'steam': expected local or ray"),
    ],
)
def test_wrong_calls_are_refused(flat, change, message):
    given = {"source": "flat", "output": "sorted", "partitions": 2} | change
    source, output = (str(flat / given.pop(name)) for name in ("source", "output"))

    with pytest.raises(ConfigError, match=message):
        repartition(source, output, **given)


def test_one_stream_cannot_be_shared_out(flat, table):
    parquet.write_table(table.drop_columns("stream"), flat / "flat" / "0.parquet")

    with pytest.raises(ConfigError, match=r"0\.parquet: there is no column .stream. to partition by"):
        repartition(str(flat / "flat"), str(flat / "sorted"))
