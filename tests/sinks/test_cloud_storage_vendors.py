"""The cloud_storage sink against emulators of Google Cloud Storage and of Azure's blobs, on loopback.

S3 is in test_cloud_storage.py.
"""

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from azure_server import KEY, azure_container
from currents_samples import START_S, full
from gcs_server import gcs_bucket

from capture.sinks import Batch, Outcome
from capture.sinks.cloud_storage import CloudStorageSettings, CloudStorageSink

fastavro = pytest.importorskip("fastavro")
obstore = pytest.importorskip("obstore")
WRITER = Path(__file__).parents[1] / "scripts" / "storage_writer.py"
CUSTOM = "users.behaviors.CustomEvent"


@pytest.fixture(scope="module")
def gcs(tmp_path_factory):
    """A bucket of a stand-in for Google's storage; gives the scheme and the layout's name."""
    with gcs_bucket(tmp_path_factory.mktemp("gcs")):
        yield "gs", "GCS"


@pytest.fixture(scope="module")
def azure():
    """A container of Azurite."""
    with azure_container():
        yield "az", "AzureBlob"


@pytest.fixture(params=["gcs", "azure"])
def vendor(request):
    return request.getfixturevalue(request.param)


def objects(vendor, prefix):
    store = obstore.store.from_url(f"{vendor[0]}://bucket/{prefix}")
    paths = [entry["path"] for part in obstore.list(store) for entry in part]
    return {path: bytes(obstore.get(store, path).bytes()) for path in paths}


def batch(count, start):
    records = [full(CUSTOM, id=f"id-{n}", properties="{}") for n in range(start, start + count)]
    payloads = [record.encode() for record in records]
    return Batch(b"", 1, len(payloads), "id", "currents", payloads)


def rows_of(files):
    return [row for content in files.values() for row in fastavro.reader(io.BytesIO(content))]


def sink_at(url):
    return CloudStorageSink(CloudStorageSettings(url=url), wall_s=lambda: START_S)


def test_files_and_manifest(vendor):
    scheme, kind = vendor
    for count, start in ((3, 0), (2, 3)):
        # Another process of the same user goes on with the hour's manifest.
        sink = sink_at(f"{scheme}://bucket/plain")
        assert sink.send(batch(count, start), 30).outcome is Outcome.ACCEPTED
        sink.close()

    found = objects(vendor, "plain")
    manifests = [path for path in found if path.endswith("/_manifest.txt")]
    lines = [json.loads(found.pop(path)) for path in manifests]
    assert sorted(line["rows"] for line in lines) == [2, 3]
    assert {line["path"] for line in lines} == set(found)
    assert all(hashlib.sha256(found[line["path"]]).hexdigest() == line["sha256"] for line in lines)
    assert all(f".{kind}." in path for path in found)
    assert sorted(row["id"] for row in rows_of(found)) == [f"id-{n}" for n in range(5)]


@pytest.mark.parametrize("number", [1, 2])
def test_a_kill_around_a_request_loses_nothing(vendor, tmp_path, number):
    scheme = vendor[0]
    prefix = f"killed-{number}"
    run = [sys.executable, WRITER, tmp_path]
    environ = {
        **os.environ,
        "PYTHONPATH": str(WRITER.parents[2]),
        "STORAGE_URL": f"{scheme}://bucket/{prefix}",
    }
    killed = subprocess.run([*run, "put", str(number)], env=environ, timeout=300, check=False)
    ended = subprocess.run([*run, "never", "0"], env=environ, timeout=300, check=False)
    found = {path: content for path, content in objects(vendor, prefix).items() if path.endswith("avro")}
    own = [row for row in rows_of(found) if row.get("name", "").startswith("event")]

    assert killed.returncode == -signal.SIGKILL
    assert ended.returncode == 0
    assert {row["name"] for row in own} == {f"event {n}" for n in range(40)}
    assert len({row["id"] for row in own}) == 40


def test_a_bucket_that_is_not_there_is_temporary(vendor):
    scheme = vendor[0]
    sink = sink_at(f"{scheme}://no-such-bucket/x")
    answer = sink.send(batch(1, 0), 30)
    sink.close()

    assert answer.outcome is Outcome.TEMPORARY
    assert KEY not in answer.reason
