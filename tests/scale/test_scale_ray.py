"""Ray Data does what the threads do, byte by byte, also when a worker is killed."""

import os
import signal
import threading

import pytest
from pyarrow import parquet

from capture import TouchLogError
from capture.scale import classify_dataset

ray = pytest.importorskip("ray", exc_type=ImportError)
pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # Ray's own, and of what it imports
]


@pytest.fixture(scope="module")
def cluster():
    from capture.scale.ray import start

    yield start(2)
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


def worker_of_ray(folder):
    """Return the pid that stands in the name of a file as soon as a worker has put one there."""
    for _ in range(2_000):
        for path in folder.glob("*"):
            return int(path.name)
        threading.Event().wait(0.005)
    raise AssertionError("no worker began")


def test_a_killed_worker_loses_nothing(cluster, touches, tmp_path, monkeypatch):
    """The worker that began first is killed by its pid: its partition is done again, bytes are the same."""
    from capture.scale import ray as engine

    begun = tmp_path / "begun"
    begun.mkdir()
    work = engine._work

    def slow(row, job, partitions):
        if not any(begun.iterdir()):
            (begun / str(os.getpid())).touch()
            threading.Event().wait(60)  # until it is killed
        return work(row, job, partitions)

    monkeypatch.setattr(engine, "_work", slow)
    source = str(touches / "touches")
    there = []

    def run():
        options = {"density": {0: 2.0}, "engine": "ray", "workers": 2}
        there.append(classify_dataset(source, str(touches / "there"), **options))

    thread = threading.Thread(target=run)
    thread.start()
    os.kill(worker_of_ray(begun), signal.SIGKILL)
    thread.join(60)
    here = classify_dataset(source, str(touches / "here"), density={0: 2.0})

    assert contents(touches / "there") == contents(touches / "here")
    assert (there[0].samples, there[0].gestures) == (here.samples, here.gestures)
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
