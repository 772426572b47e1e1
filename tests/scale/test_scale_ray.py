"""Ray Data does what the threads do, byte by byte, also when a worker is killed."""

import gc
import os
import re
import signal
import threading
import warnings
from pathlib import Path

import pyarrow as pa
import pytest
from currents_samples import canonical, full
from pyarrow import parquet

from capture import ConfigError, GestureConfig, TouchLogError, classify
from capture.scale import classify_dataset, ray as of_ray, repartition
from capture.sinks.cloud_storage import CloudStorageSettings, CloudStorageSink

ray = pytest.importorskip("ray", exc_type=ImportError)
NAMES = ["anna", "bert", "cleo", "dana"]
pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # Ray's own, and of what it imports
]


@pytest.fixture(scope="module")
def cluster():
    from capture.scale.ray import start

    # Ray gives its own processes 30 s to start, in which a busy machine may not get them started.
    try:
        start(2)
    except Exception:  # noqa: BLE001  # Ray raises nothing narrower
        ray.shutdown()
        with warnings.catch_warnings(action="ignore"):
            gc.collect()  # processes that Ray has left behind
        start(2)
    yield
    ray.shutdown()


@pytest.fixture
def touches(tmp_path, table):
    for number in range(12):
        path = tmp_path / "touches" / f"bucket={number:02}" / "0.parquet"
        path.parent.mkdir(parents=True)
        parquet.write_table(table.slice(number * 10), path)
    return tmp_path


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_is_wrong_with_a_file_is_said(cluster, touches):
    (touches / "touches" / "bucket=03" / "0.parquet").write_bytes(b"nothing")

    with pytest.raises(TouchLogError, match=r"bucket=03/0\.parquet: "):
        classify_dataset(str(touches / "touches"), str(touches / "out"), engine="ray", workers=2)


def test_files_are_sorted_by_stream_as_by_threads(cluster, touches):
    source = str(touches / "touches")
    count = repartition(source, str(touches / "there"), partitions=3, workers=2, engine="ray")
    here = repartition(source, str(touches / "here"), partitions=3)

    assert count == here > 0
    assert contents(touches / "there") == contents(touches / "here")
    assert repartition(source, str(touches / "there"), partitions=3, engine="ray") == 0


def test_a_file_without_streams_is_refused_by_name(cluster, touches, table):
    path = touches / "touches" / "bucket=03" / "0.parquet"
    parquet.write_table(table.drop_columns("stream"), path)

    with pytest.raises(
        ConfigError, match=r"bucket=03/0\.parquet: there is no column .stream. to partition by"
    ):
        repartition(str(touches / "touches"), str(touches / "there"), engine="ray")


def by_stroke(gestures):
    """Rows of gestures without the numbers that count within a part."""
    kept = [name for name in gestures.column_names if name not in {"first_sample", "last_sample"}]
    return sorted(map(str, gestures.select(kept).to_pylist()))


@pytest.mark.parametrize("named", [False, True], ids=["numbers", "text"])
def test_a_dataset_is_sorted_by_stream_and_recognised(cluster, table, named):
    if named:
        names = pa.array(NAMES).take(table["stream"].combine_chunks())
        table = table.set_column(0, "stream", names)
    blocks = [table.slice(at, 70) for at in range(0, len(table), 70)]
    cut = ray.data.from_arrow(blocks[::-1])
    found = of_ray.classify(cut, 2.0, GestureConfig(touch_slop_dp=10), partitions=3)
    gestures = pa.concat_tables(ray.get(found.to_arrow_refs()), promote_options="permissive")
    expected = classify(table, 2.0, GestureConfig(touch_slop_dp=10)).to_arrow()
    if named:
        gestures, expected = (
            each.set_column(0, "stream", each["stream"].cast(pa.string())) for each in (gestures, expected)
        )

    assert len(blocks) > 3
    assert by_stroke(gestures) == by_stroke(expected)
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"


def test_a_dataset_that_cannot_be_shared_out(cluster, table):
    with pytest.raises(ConfigError, match="there is no column 'stream'"):
        of_ray.classify(ray.data.from_arrow(table.drop_columns("stream")))
    with pytest.raises(ConfigError, match="partitions = 0"):
        of_ray.classify(ray.data.from_arrow(table), partitions=0)


def worker_of_ray(folder):
    """Return the pid that stands in the name of a file as soon as a worker has put one there."""
    for _ in range(60_000):
        for path in folder.glob("*"):
            return int(path.name)
        threading.Event().wait(0.005)
    raise AssertionError("no worker began")


def test_a_killed_worker_loses_nothing(cluster, touches, tmp_path, monkeypatch):
    """The worker that began first is killed by its pid: its partition is done again, bytes are the same."""
    from capture.scale import ray as engine

    begun = tmp_path / "begun"
    begun.mkdir()
    task = engine._task

    def slow(row, work, items):
        if not any(begun.iterdir()):
            (begun / str(os.getpid())).touch()
            threading.Event().wait(60)  # until it is killed
        return task(row, work, items)

    monkeypatch.setattr(engine, "_task", slow)
    source = str(touches / "touches")
    there = []

    def run():
        options = {"density": {0: 2.0}, "engine": "ray", "workers": 2}
        there.append(classify_dataset(source, str(touches / "there"), **options))

    thread = threading.Thread(target=run)
    thread.start()
    os.kill(worker_of_ray(begun), signal.SIGKILL)
    thread.join(600)
    here = classify_dataset(source, str(touches / "here"), density={0: 2.0})

    assert contents(touches / "there") == contents(touches / "here")
    assert (there[0].samples, there[0].gestures) == (here.samples, here.gestures)
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"


def test_ray_reads_the_events_of_a_currents_folder_and_nothing_else(cluster, tmp_path):
    sink = CloudStorageSink(CloudStorageSettings(url=str(tmp_path), format="json", max_events=3))
    ids = [f"id-{number}" for number in range(8)]
    sink.write([canonical(full("users.behaviors.CustomEvent", id=name)) for name in ids])
    rows = ray.data.read_json(str(tmp_path)).take_all()

    assert sorted(row["id"] for row in rows) == ids


def test_the_recipe_for_the_files_of_a_gateway(cluster, tmp_path, capsys):
    page = (Path(__file__).parents[2] / "docs" / "gateway.md").read_text(encoding="utf-8")
    [code] = [
        each
        for each in re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
        if "import ray" in each
    ]
    columns = {
        "event_name": ["tap", "tap", "swipe"],
        "responsive": [False, True, None],
        "target_path": ["a"] * 3,
    }
    for hour in ("00", "01"):
        folder = tmp_path / "output" / "events" / "date=2026-01-01" / f"hour={hour}"
        folder.mkdir(parents=True)
        parquet.write_table(pa.table(columns), folder / "1.parquet")
    # The workers of this cluster have the folder that it was started in.
    assert code.count('"output/events"') == 1
    code = code.replace("output/events", str(tmp_path / "output" / "events"))
    exec(code, {})  # noqa: S102 - of the page

    assert capsys.readouterr().out.endswith("[{'target_path': 'a', 'sum(target_path_count)': 2}]\n")
