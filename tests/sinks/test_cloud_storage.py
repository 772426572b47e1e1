"""The cloud_storage sink: layout, thresholds, manifest; a folder and an S3 API; crashes at any moment."""

import hashlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from currents_samples import START_S, VALUES, canonical, full
from s3_server import s3_bucket

from capture import Capture, RunConfig
from capture.config import (
    BufferConfig,
    CurrentsConfig,
    DeliveryConfig,
    DeviceConfig,
    PrivacyConfig,
    ProjectConfig,
    SinkConfig,
)
from capture.delivery.worker import Worker
from capture.errors import ConfigError
from capture.formats.currents.schema import EVENTS
from capture.sinks import Batch, Outcome, create
from capture.sinks.cloud_storage import MANIFEST, CloudStorageSettings, CloudStorageSink
from capture.testing import FakeClock

fastavro = pytest.importorskip("fastavro")
CUSTOM = "users.behaviors.CustomEvent"
WRITER = Path(__file__).parents[1] / "scripts" / "storage_writer.py"
PATH = re.compile(
    r"dataexport\.prod-01\.S3\.integration\.[0-9a-f]{24}/event_type=(?P<event>[A-Za-z.]+)/"
    r"date=\d{4}-\d\d-\d\d-\d\d/\d+/[^/]+/"
    r"dataexport\.prod-01\.S3\.integration\.[0-9a-f]{24}\+\d+\+\d{10}\.(avro|json)"
)


def sink_in(folder, **options):
    settings = CloudStorageSettings(url=folder.as_uri(), **options)
    return CloudStorageSink(settings, wall_s=lambda: START_S)


def batch(*records):
    payloads = [record.encode() for record in records]
    return Batch(b"", 1, len(payloads), "id", "currents", payloads)


def files_in(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != MANIFEST
    }


def manifest_in(folder):
    return [json.loads(line) for line in (folder / MANIFEST).read_text().splitlines()]


def rows_of(files):
    return [row for content in files.values() for row in fastavro.reader(io.BytesIO(content))]


def custom(count, start=0):
    return [full(CUSTOM, id=f"id-{index}", properties="{}") for index in range(start, start + count)]


# Files


def test_one_event_type_a_file_under_the_documented_path(tmp_path):
    answer = sink_in(tmp_path).send(batch(*[full(event, id=event) for event in EVENTS]), 5)
    files = files_in(tmp_path)

    assert answer.outcome is Outcome.ACCEPTED
    assert {PATH.fullmatch(path)["event"] for path in files} == set(EVENTS)
    assert len(files) == len(EVENTS)
    assert all("/date=2023-11-14-22/2/" in path for path in files)
    for path, content in files.items():
        (row,) = fastavro.reader(io.BytesIO(content))
        assert row["id"] == PATH.fullmatch(path)["event"]


def test_json_lines_hold_what_storage_has(tmp_path):
    sink_in(tmp_path, format="json").send(batch(*custom(2), full("users.behaviors.InstallAttribution")), 5)
    rows = [json.loads(line) for content in files_in(tmp_path).values() for line in content.splitlines()]

    assert sorted(row["id"] for row in rows) == sorted(["id-0", "id-1", VALUES["id"]])
    (attribution,) = (row for row in rows if "source" in row)
    # Partners get the device of an attribution, storage does not.
    assert "device_id" not in attribution
    assert all(PATH.fullmatch(path) for path in files_in(tmp_path))


def test_the_run_configuration_names_cluster_integration_and_schema(tmp_path):
    sink = sink_in(tmp_path)
    sink.configure(
        RunConfig(
            project=ProjectConfig(id=1),
            currents=CurrentsConfig(schema_version="legacy", cluster="prod-04", integration_id="5" * 24),
        )
    )
    sink.send(batch(*custom(1)), 5)
    ((path, content),) = files_in(tmp_path).items()

    assert path.startswith(f"dataexport.prod-04.S3.integration.{'5' * 24}/event_type=")
    assert "/1/" in path
    assert "app_group_id" not in next(fastavro.reader(io.BytesIO(content)))


@pytest.mark.parametrize(
    ("url", "kind"),
    [("s3://b/p", "S3"), ("gs://b/p", "GCS"), ("az://b/p", "AzureBlob"), ("file:///x", "S3"), ("x/y", "S3")],
)
def test_urls_name_the_storage(url, kind):
    pytest.importorskip("obstore")

    assert create(SinkConfig(type="cloud_storage", options={"url": url}))._objects.kind == kind


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "sinks.cloud_storage.url: required"),
        ({"url": "ftp://x/y"}, "sinks.cloud_storage.url = 'ftp://x/y'"),
        ({"url": "s3://"}, "sinks.cloud_storage.url = 's3://'"),
        ({"url": "x", "format": "csv"}, "sinks.cloud_storage.format = 'csv'"),
        ({"url": "x", "max_events": 0}, "sinks.cloud_storage.max_events = 0"),
    ],
)
def test_wrong_settings_are_refused(options, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        create(SinkConfig(type="cloud_storage", options=options))


@pytest.mark.parametrize(
    ("kind", "options", "package"),
    [
        ("cloud_storage", {"url": "x"}, "fastavro"),
        ("cloud_storage", {"url": "s3://b/p", "format": "json"}, "obstore"),
        ("kafka", {"brokers": "a:1", "topic": "t"}, "confluent_kafka"),
    ],
)
def test_a_missing_package_is_one_error_that_names_the_extra(monkeypatch, kind, options, package):
    monkeypatch.setattr("capture.optional.find_spec", lambda name: None if name == package else object())

    with pytest.raises(ConfigError, match=r"pip install 'touchcapture\[(currents|kafka)\]'"):
        create(SinkConfig(type=kind, options=options))


# Manifest


def test_the_manifest_has_a_line_for_each_finished_file(tmp_path):
    records = [
        *(full(CUSTOM, id=f"id-{time}", time=time) for time in (500, 100, 900)),
        full("users.behaviors.Purchase"),
    ]
    sink_in(tmp_path).send(batch(*records), 5)
    lines = manifest_in(tmp_path)
    files = files_in(tmp_path)

    assert {line["path"] for line in lines} == set(files)
    for line in lines:
        assert line["sha256"] == hashlib.sha256(files[line["path"]]).hexdigest()
    first = next(line for line in lines if CUSTOM in line["path"])
    assert (first["rows"], first["min_time"], first["max_time"]) == (3, 100, 900)


# Thresholds


@pytest.mark.parametrize(("count", "rows"), [(4, [4]), (5, [5]), (6, [5, 1]), (11, [5, 5, 1])])
def test_a_file_has_at_most_max_events(tmp_path, count, rows):
    sink_in(tmp_path, max_events=5).send(batch(*custom(count)), 5)

    assert [line["rows"] for line in manifest_in(tmp_path)] == rows
    assert {row["id"] for row in rows_of(files_in(tmp_path))} == {f"id-{n}" for n in range(count)}


def test_no_records_make_no_file(tmp_path):
    sink = sink_in(tmp_path)

    assert sink.write([]) == []
    sink.flush()
    sink.close()
    assert files_in(tmp_path) == {}
    assert not (tmp_path / MANIFEST).exists()


def capture_into(folder, clock=None, **options):
    config = RunConfig(
        project=ProjectConfig(id=8),
        device=DeviceConfig(os_version="1", timezone="UTC", connectivity=1),
        buffer=BufferConfig(path=str(folder / "store")),
        delivery=DeliveryConfig(shutdown_timeout_s=30.0),
        privacy=PrivacyConfig(opted_in=True),
        sinks=(SinkConfig(type="cloud_storage", options={"url": (folder / "out").as_uri(), **options}),),
    )
    return Capture(config, clock=clock)


@pytest.fixture
def workers(monkeypatch):
    """Return the list of the workers that deliveries make from now on."""
    kept = []

    class KeptWorker(Worker):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            kept.append(self)

    monkeypatch.setattr("capture.delivery.delivery.Worker", KeptWorker)
    return kept


def test_the_delivery_waits_for_max_events_or_max_age(tmp_path, workers):
    with capture_into(tmp_path) as cap:
        [worker] = workers

        assert worker.size == 15_000
        cap.flush(30)
        for index in range(200):
            cap.track_custom_event(f"event {index}")
        pending = cap.stats.pending
        # Four batches of the usual size, and nothing is due.
        assert 200 < worker.step(time.monotonic_ns()) <= 300
        assert cap.stats.pending == pending >= 200
    assert sum(CUSTOM in line["path"] for line in manifest_in(tmp_path / "out")) <= 2


def test_records_that_are_max_age_old_are_due(tmp_path, workers):
    clock = FakeClock()
    with capture_into(tmp_path, clock, max_age_s=300.0) as cap:
        cap.flush(30)
        cap.track_custom_event("event")
        [worker] = workers
        clock.advance(s=299)
        assert worker.step(clock.monotonic_ns()) == pytest.approx(1, abs=0.5)
        before = cap.stats.delivered
        clock.advance(s=2)
        worker.step(clock.monotonic_ns())
        assert cap.stats.delivered > before


# A crash at any moment


def test_a_batch_that_comes_again_makes_the_same_files(tmp_path):
    # After a kill another process knows nothing of the first attempt.
    sink_in(tmp_path).send(batch(*custom(3)), 5)
    before = files_in(tmp_path)
    sink_in(tmp_path).send(batch(*custom(3)), 5)

    assert files_in(tmp_path) == before


def test_a_longer_batch_after_a_kill_changes_no_file(tmp_path):
    sink_in(tmp_path).send(batch(*custom(3)), 5)
    before = files_in(tmp_path)
    sink_in(tmp_path).send(batch(*custom(5)), 5)
    after = files_in(tmp_path)

    assert before.items() <= after.items()
    assert {row["id"] for row in rows_of(after)} == {f"id-{n}" for n in range(5)}


def test_a_full_disk_leaves_no_file_and_everything_in_the_store(tmp_path, monkeypatch):
    sink = sink_in(tmp_path)

    def fail(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    answer = sink.send(batch(*custom(3)), 5)

    assert answer.outcome is Outcome.TEMPORARY
    assert files_in(tmp_path) == {}


#: A process is killed in each of these calls, before and after it.
MOMENTS = ["open", "write", "fsync", "mkdir", "replace", "manifest"]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_kill_at_any_moment_leaves_whole_files_and_loses_nothing(tmp_path, moment, number):
    run = [sys.executable, WRITER, tmp_path]
    environ = {**os.environ, "PYTHONPATH": str(WRITER.parents[2])}
    killed = subprocess.run([*run, moment, str(number)], env=environ, timeout=300, check=False)
    visible = {
        path: content
        for path, content in files_in(tmp_path / "out").items()
        if not path.startswith(".incoming")
    }
    # What is visible is whole.
    early = rows_of(visible)
    ended = subprocess.run([*run, "never", "0"], env=environ, timeout=300, check=False)
    rows = rows_of(files_in(tmp_path / "out"))

    assert killed.returncode == -signal.SIGKILL
    assert ended.returncode == 0
    assert len(early) <= 40 + 4
    names = [row["name"] for row in rows if "name" in row]
    assert {f"event {n}" for n in range(40)} <= set(names)
    # Whatever came twice has the same id.
    assert len({row["id"] for row in rows if row.get("name", "").startswith("event")}) == 40
    assert not list((tmp_path / "out" / ".incoming").iterdir())


# S3


@pytest.fixture(scope="module")
def s3():
    with s3_bucket() as found:
        yield found


def objects(client, prefix):
    listed = client.list_objects_v2(Bucket="bucket", Prefix=prefix).get("Contents", ())
    return {
        entry["Key"]: client.get_object(Bucket="bucket", Key=entry["Key"])["Body"].read() for entry in listed
    }


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_files_and_manifest_in_a_bucket(s3):
    client, _ = s3
    sink = CloudStorageSink(CloudStorageSettings(url="s3://bucket/plain"), wall_s=lambda: START_S)
    assert sink.send(batch(*custom(3)), 10).outcome is Outcome.ACCEPTED
    # Another process of the same user goes on with the hour's manifest.
    again = CloudStorageSink(CloudStorageSettings(url="s3://bucket/plain"), wall_s=lambda: START_S)
    assert again.send(batch(*custom(2, start=3)), 10).outcome is Outcome.ACCEPTED
    sink.close()
    again.close()

    found = objects(client, "plain/")
    manifests = [key for key in found if key.startswith("plain/_manifest/")]
    assert all(key.endswith("/_manifest.txt") for key in manifests)
    lines = [json.loads(found.pop(key)) for key in manifests]
    assert sorted(line["rows"] for line in lines) == [2, 3]
    assert {f"plain/{line['path']}" for line in lines} == set(found)
    assert all(hashlib.sha256(found[f"plain/{line['path']}"]).hexdigest() == line["sha256"] for line in lines)
    assert sorted(row["id"] for row in rows_of(found)) == [f"id-{n}" for n in range(5)]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_kill_around_a_request_loses_nothing_in_a_bucket(s3, tmp_path, number):
    client, _ = s3
    url = f"s3://bucket/killed-{number}"
    run = [sys.executable, WRITER, tmp_path]
    environ = {**os.environ, "PYTHONPATH": str(WRITER.parents[2]), "STORAGE_URL": url}
    killed = subprocess.run([*run, "put", str(number)], env=environ, timeout=300, check=False)
    early = {
        key: content for key, content in objects(client, f"killed-{number}/").items() if key.endswith("avro")
    }
    rows_of(early)  # nothing that is there is cut off
    ended = subprocess.run([*run, "never", "0"], env=environ, timeout=300, check=False)
    found = {
        key: content for key, content in objects(client, f"killed-{number}/").items() if key.endswith("avro")
    }
    rows = rows_of(found)

    assert killed.returncode == -signal.SIGKILL
    assert ended.returncode == 0
    own = [row for row in rows if row.get("name", "").startswith("event")]
    assert {row["name"] for row in own} == {f"event {n}" for n in range(40)}
    assert len({row["id"] for row in own}) == 40


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_bucket_that_is_not_there_is_temporary(s3):
    sink = CloudStorageSink(CloudStorageSettings(url="s3://no-such-bucket/x"))
    answer = sink.send(batch(*custom(1)), 10)
    sink.close()

    assert answer.outcome is Outcome.TEMPORARY
    assert "secret" not in answer.reason


# Gathering: a replay's way


def test_a_gathering_sink_holds_records_until_a_file_is_full_or_it_is_flushed(tmp_path):
    settings = CloudStorageSettings(url=str(tmp_path), max_events=4)
    sink = CloudStorageSink(settings, gather=True)
    sink.send(batch(*custom(3)), 5)
    assert files_in(tmp_path) == {}
    sink.send(batch(*custom(3, start=3)), 5)
    assert [line["rows"] for line in manifest_in(tmp_path)] == [4]
    sink.flush()
    sink.close()

    assert [line["rows"] for line in manifest_in(tmp_path)] == [4, 2]
    assert sorted(row["id"] for row in rows_of(files_in(tmp_path))) == [f"id-{n}" for n in range(6)]
    assert canonical(custom(1)[0])["time"] == START_S
