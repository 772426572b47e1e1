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
import urllib3
from azure_server import KEY, azure_container
from currents_samples import START_S, full
from free_port import free_port

from capture.sinks import Batch, Outcome
from capture.sinks.cloud_storage import CloudStorageSettings, CloudStorageSink

fastavro = pytest.importorskip("fastavro")
obstore = pytest.importorskip("obstore")
WRITER = Path(__file__).parents[1] / "scripts" / "storage_writer.py"
CUSTOM = "users.behaviors.CustomEvent"


@pytest.fixture(scope="module")
def gcs(tmp_path_factory):
    """A bucket of the Google emulator; gives the scheme and the layout's name."""
    emulator = pytest.importorskip("gcp_storage_emulator.server")
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    account = tmp_path_factory.mktemp("gcs") / "account.json"
    account.write_text(
        json.dumps(
            {
                "gcs_base_url": address,
                "disable_oauth": True,
                "client_email": "",
                "private_key": "",
                "private_key_id": "",
            }
        )
    )
    whole_close = emulator.Response.close

    def close(response):
        # The XML interface of the real storage sends these; the emulator leaves them out.
        response._headers.setdefault("ETag", '"1"')
        response._headers.setdefault("Last-Modified", "Mon, 02 Jan 2023 00:00:00 GMT")
        whole_close(response)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(emulator.Response, "close", close)
        patch.setenv("GOOGLE_SERVICE_ACCOUNT", str(account))
        patch.setenv("STORAGE_EMULATOR_HOST", address)
        server = emulator.create_server("127.0.0.1", port, in_memory=True, default_bucket="bucket")
        server.start()
        yield "gs", "GCS", lambda prefix: listed_by_google(address, prefix)
        server.stop()


@pytest.fixture(scope="module")
def azure():
    """A container of Azurite."""
    with azure_container():
        yield "az", "AzureBlob", listed_by_azure


@pytest.fixture(params=["gcs", "azure"])
def vendor(request):
    return request.getfixturevalue(request.param)


def listed_by_google(address, prefix):
    # The emulator has no listing in its XML interface, which obstore uses.
    answer = urllib3.request("GET", f"{address}/storage/v1/b/bucket/o", fields={"prefix": f"{prefix}/"})
    names = [item["name"] for item in answer.json().get("items", ())]
    return [name.removeprefix(f"{prefix}/") for name in names]


def listed_by_azure(prefix):
    store = obstore.store.from_url(f"az://bucket/{prefix}")
    return [entry["path"] for part in obstore.list(store) for entry in part]


def objects(vendor, prefix):
    scheme, _, listed = vendor
    store = obstore.store.from_url(f"{scheme}://bucket/{prefix}")
    return {path: bytes(obstore.get(store, path).bytes()) for path in listed(prefix)}


def batch(count, start):
    records = [full(CUSTOM, id=f"id-{n}", properties="{}") for n in range(start, start + count)]
    payloads = [record.encode() for record in records]
    return Batch(b"", 1, len(payloads), "id", "currents", payloads)


def rows_of(files):
    return [row for content in files.values() for row in fastavro.reader(io.BytesIO(content))]


def sink_at(url):
    return CloudStorageSink(CloudStorageSettings(url=url), wall_s=lambda: START_S)


def test_files_and_manifest(vendor):
    scheme, kind, _ = vendor
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
    killed = subprocess.run([*run, "put", str(number)], env=environ, timeout=60, check=False)
    ended = subprocess.run([*run, "never", "0"], env=environ, timeout=60, check=False)
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
