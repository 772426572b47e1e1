"""Data sets on disk: exactly the records of classify, resumable, clear about what is wrong."""

import threading
import time

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from pyarrow import parquet

from capture import ConfigError, GestureConfig, TouchLogError, classify
from capture.gestures.arrow import named
from capture.logs.parquet import METADATA_KEY
from capture.scale import classify_dataset, files, jobs
from capture.scale.partitions import find_partitions
from capture.scale.places import Place


def write(folder, name, table):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(table, path)


def shared_out(table, folder, parts=3):
    """Write a table by stream into partitions of two files, cut in the middle of everything."""
    streams = table["stream"].to_numpy()
    tables = []
    for part in range(parts):
        mine = table.filter(pa.array(streams % parts == part))
        tables.append(mine)
        for number, first in enumerate((0, len(mine) // 2)):
            piece = mine.slice(first, len(mine) // 2 if number == 0 else None)
            write(folder, f"bucket={part}/{number}.parquet", piece)
    return tables


def records(path):
    return parquet.read_table(path)


@pytest.fixture
def dataset(tmp_path, table):
    return tmp_path / "touches", shared_out(table, tmp_path / "touches"), tmp_path / "out"


def run(source, output, **options):
    return classify_dataset(str(source), str(output), **options)


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_every_partition_is_as_classified_whole(dataset, workers, table):
    source, tables, output = dataset
    summary = run(source, output, density=1.5, workers=workers)

    for part, samples in enumerate(tables):
        found = records(output / f"bucket={part}" / "gestures.parquet")
        assert found.equals(named(classify(samples, 1.5).to_arrow()))
    assert (summary.partitions, summary.skipped, summary.samples) == (3, 0, len(table))
    assert summary.gestures == sum(len(classify(samples)) for samples in tables)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(cuts=st.lists(st.integers(0, 700), max_size=5), group=st.integers(1, 400), batch=st.integers(1, 400))
def test_streams_may_move_between_files_anywhere(tmp_path_factory, table, cuts, group, batch):
    folder = tmp_path_factory.mktemp("cut")
    ends = [0, *sorted(min(cut, len(table)) for cut in cuts), len(table)]
    for number in range(len(ends) - 1):
        piece = table.slice(ends[number], ends[number + 1] - ends[number])
        path = folder / "in" / f"{number}.parquet"
        path.parent.mkdir(exist_ok=True)
        parquet.write_table(piece, path, row_group_size=group)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "BATCH_SAMPLES", batch)
        patch.setattr(jobs, "GROUP_GESTURES", 7)
        run(folder / "in", folder / "out")

    assert records(folder / "out" / "gestures.parquet").equals(named(classify(table).to_arrow()))


def test_files_may_be_logs_of_their_own(dataset):
    source, _, output = dataset
    summary = run(source, output, partition="file")

    assert summary.partitions == 6
    first = parquet.read_table(source / "bucket=0" / "0.parquet", partitioning=None)
    assert records(output / "bucket=0" / "0.parquet").equals(named(classify(first).to_arrow()))


def test_finished_partitions_are_not_done_again(dataset):
    source, _, output = dataset
    stopped = run(source, output, workers=1, on_done=lambda done, count: True)
    times = {path: path.stat().st_mtime_ns for path in output.rglob("*.parquet")}
    again = run(source, output)

    assert stopped.partitions == len(times) == 1
    assert (again.partitions, again.skipped) == (3, 1)
    assert all(path.stat().st_mtime_ns == changed for path, changed in times.items())
    assert run(source, output).skipped == 3


def test_a_run_that_is_ended_begins_no_other_partition(dataset):
    source, _, output = dataset
    seen = []

    def end(done, count):
        seen.append(done)
        time.sleep(0.3)  # the worker would go on
        return True

    assert run(source, output, workers=1, on_done=end).partitions == 1
    assert len(seen) == len(list(output.rglob("*.parquet"))) == 1


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"density": 2.0}, id="density"),
        pytest.param({"gestures": GestureConfig(touch_slop_dp=10)}, id="threshold"),
    ],
)
def test_other_settings_do_everything_again(dataset, changed):
    source, _, output = dataset
    run(source, output)

    assert run(source, output, **changed).skipped == 0


def test_a_changed_file_is_done_again(dataset, table):
    source, _, output = dataset
    run(source, output)
    write(source, "bucket=1/2.parquet", table.slice(0, 0))

    assert run(source, output).skipped == 2


def test_a_broken_output_is_done_again(dataset):
    source, _, output = dataset
    run(source, output)
    broken = output / "bucket=1" / "gestures.parquet"
    broken.write_bytes(broken.read_bytes()[:100])

    assert run(source, output).skipped == 2
    assert records(broken).num_rows


def test_a_damaged_file_is_named_and_leaves_nothing_half_written(dataset):
    source, _, output = dataset
    (source / "bucket=1" / "1.parquet").write_bytes(b"PAR1 nonsense")

    with pytest.raises(TouchLogError, match=r"bucket=1/1\.parquet: "):
        run(source, output, workers=1)
    assert [path.parent.name for path in output.rglob("*.parquet*")] == ["bucket=0"]


def test_a_wrong_column_is_named(tmp_path, table):
    write(tmp_path / "in", "a.parquet", table.set_column(3, "time", pa.array(np.zeros(len(table)))))

    with pytest.raises(TouchLogError, match=r"a\.parquet: column 'time': expected int64 \(ns\).*double"):
        run(tmp_path / "in", tmp_path / "out")


@pytest.mark.parametrize(
    ("output", "message"),
    [("in/out", "is inside .*in, and would be read"), ("elsewhere", "no Parquet files there")],
)
def test_wrong_places_are_refused(tmp_path, output, message):
    (tmp_path / "in").mkdir()

    with pytest.raises(ConfigError, match=message):
        run(tmp_path / "in", tmp_path / output)


def test_a_wrong_engine_is_refused(dataset):
    source, _, output = dataset

    with pytest.raises(ConfigError, match="'spark': expected local or ray"):
        run(source, output, engine="spark")


def test_names_of_streams_stay(tmp_path, columns):
    names = np.array(["anna", "bert", "cleo", "dana"])
    keyed = pa.table({**columns, "stream": pa.array(names[columns["stream"]])})
    write(tmp_path / "in", "a.parquet", keyed)
    run(tmp_path / "in", tmp_path / "out")
    found = records(tmp_path / "out" / "gestures.parquet")

    assert found["stream"].to_pylist() == classify(keyed).to_arrow()["stream"].to_pylist()
    assert set(found["kind"].to_pylist()) <= {"none", "tap", "long_press", "drag", "fling"}


def test_globs_choose_files(dataset):
    source, _, _ = dataset

    assert [each.name for each in find_partitions(Place(f"{source}/bucket=[01]"))] == [
        "bucket=0/gestures.parquet",
        "bucket=1/gestures.parquet",
    ]
    assert len(Place(f"{source}/*/0.parquet").find(".parquet")) == 3
    assert len(Place(f"{source}/bucket=2/1.parquet").find(".parquet")) == 1


def test_hidden_files_are_no_data(dataset, table):
    source, _, _ = dataset
    write(source, "_temporary/0.parquet", table)
    write(source, "bucket=0/.0.parquet", table)

    assert len(find_partitions(Place(str(source)))) == 3
    assert len(find_partitions(Place(str(source)), "file")) == 6


def test_the_run_stays_in_its_threads(dataset):
    source, _, output = dataset
    before = set(threading.enumerate())
    run(source, output, workers=2)

    assert set(threading.enumerate()) <= before


@pytest.fixture(scope="module")
def store():
    """Yield the query of an object store on loopback, with an empty bucket ``touches``."""
    server_module = pytest.importorskip("moto.server")
    boto3 = pytest.importorskip("boto3")
    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    keys = {"aws_access_key_id": "k", "aws_secret_access_key": "s", "region_name": "us-east-1"}
    boto3.client("s3", endpoint_url=f"http://{host}:{port}", **keys).create_bucket(Bucket="touches")
    yield f"?region=us-east-1&scheme=http&endpoint_override={host}:{port}"
    server.stop()


def test_object_stores(store, dataset, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "k")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    source, tables, _ = dataset
    bucket = Place(f"s3://touches/raw{store}")
    for path in source.rglob("*.parquet"):
        with bucket.writing(str(path.relative_to(source))) as file:
            file.write(path.read_bytes())
    whole = f"s3://touches/raw/bucket=*/*.parquet{store}"
    summary = classify_dataset(whole, f"s3://touches/gestures{store}", workers=2)
    again = classify_dataset(whole, f"s3://touches/gestures{store}", workers=2)
    found = Place(f"s3://touches/gestures{store}")

    assert (summary.partitions, summary.skipped, again.skipped) == (3, 0, 3)
    for part, samples in enumerate(tables):
        table = parquet.read_table(found.join(f"bucket={part}/gestures.parquet"), filesystem=found.filesystem)
        assert table.equals(named(classify(samples).to_arrow()))


@pytest.mark.parametrize("pointers", [[0, 0], [0, 1], [1, 1]], ids=["all-zero", "some", "none-zero"])
@pytest.mark.parametrize("statistics", [True, False])
def test_pointers_are_read_unless_all_are_0(tmp_path, pointers, statistics):
    columns = {
        "pointer": pa.array(pointers, pa.int32()),
        "action": pa.array([0, 0], pa.uint8()),
        "time": pa.array([0, 1]),
        "x": pa.array([0.0, 1.0], pa.float32()),
        "y": pa.array([0.0, 1.0], pa.float32()),
    }
    (tmp_path / "in").mkdir()
    parquet.write_table(pa.table(columns), tmp_path / "in" / "a.parquet", write_statistics=statistics)
    run(tmp_path / "in", tmp_path / "out")

    assert records(tmp_path / "out" / "gestures.parquet")["pointer"].to_pylist() == pointers


def said(table, density):
    """Return samples whose metadata say a density, as `capture convert` writes it."""
    return table.replace_schema_metadata({METADATA_KEY: msgspec.json.encode({"density": density})})


def test_without_a_density_each_partition_has_what_its_files_say(dataset):
    source, tables, output = dataset
    for part, density in enumerate((2.75, 1.5)):
        for path in (source / f"bucket={part}").iterdir():
            parquet.write_table(said(parquet.read_table(path, partitioning=None), density), path)
    run(source, output)

    for part, density in enumerate((2.75, 1.5, 1.0)):
        found = records(output / f"bucket={part}" / "gestures.parquet")
        assert found.equals(named(classify(tables[part], density).to_arrow()))


def test_a_density_that_is_given_goes_before_what_files_say(tmp_path, table):
    write(tmp_path / "in", "0.parquet", said(table, 2.75))
    run(tmp_path / "in", tmp_path / "out", density=1.5)

    assert records(tmp_path / "out" / "gestures.parquet").equals(named(classify(table, 1.5).to_arrow()))


def test_the_density_of_the_files_is_in_the_fingerprint(tmp_path, table):
    write(tmp_path / "in", "0.parquet", said(table, 2.75))
    run(tmp_path / "in", tmp_path / "out", density=1.0)

    assert run(tmp_path / "in", tmp_path / "out").skipped == 0
    assert run(tmp_path / "in", tmp_path / "out", density=2.75).skipped == 1


@pytest.mark.parametrize(
    ("other", "words"),
    [(2.0, r"density = 2\.0"), (None, "density = none")],
    ids=["another", "nothing"],
)
def test_files_of_a_partition_that_say_different_densities_are_named(tmp_path, table, other, words):
    write(tmp_path / "in", "0.parquet", said(table, 2.75))
    write(tmp_path / "in", "1.parquet", table if other is None else said(table, other))

    with pytest.raises(
        ConfigError, match=rf"0\.parquet: density = 2\.75, .*1\.parquet: {words}: expected one"
    ):
        run(tmp_path / "in", tmp_path / "out")
    assert run(tmp_path / "in", tmp_path / "out", partition="file").partitions == 2
    assert run(tmp_path / "in", tmp_path / "whole", density=1.0).partitions == 1


@pytest.mark.parametrize(
    ("metadata", "error", "words"),
    [
        (b'{"density": 11}', ConfigError, r"density = 11\.0: expected a number from 0\.75 to 10"),
        (b"nonsense", TouchLogError, "its metadata are damaged"),
    ],
)
def test_wrong_metadata_are_refused(tmp_path, table, metadata, error, words):
    write(tmp_path / "in", "0.parquet", table.replace_schema_metadata({METADATA_KEY: metadata}))

    with pytest.raises(error, match=rf"0\.parquet: {words}"):
        run(tmp_path / "in", tmp_path / "out")
