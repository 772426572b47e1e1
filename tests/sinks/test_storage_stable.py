"""An object never changes: whatever fails between, every key of a bucket has one content for ever."""

import io
import os
import random
import signal
import subprocess
import sys
import threading
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest
from currents_samples import START_S, full

from capture import Capture, ProjectConfig, RunConfig
from capture.config import BufferConfig, DeliveryConfig, PrivacyConfig, SinkConfig
from capture.sinks import Batch, Outcome
from capture.sinks.batchfiles import BatchFiles
from capture.sinks.cloud_storage import CloudStorageSettings, CloudStorageSink

fastavro = pytest.importorskip("fastavro")
DAY = Path(__file__).parents[1] / "scripts" / "bucket_day.py"
KINDS = ("users.behaviors.CustomEvent", "users.behaviors.Purchase", "users.behaviors.Location")


class Bucket:
    """An S3 API on loopback that remembers every PUT; `answer` says what becomes of one.

    True: stored; False: refused; None: stored, and answered with a failure.
    """

    def __init__(self):
        self.puts = defaultdict(list)
        self.answer = lambda key: True
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_PUT(self):
                length = int(self.headers.get("Content-Length", 0))
                body = self.rfile.read(length)
                if len(body) < length:
                    return  # the sender is gone
                key = unquote(self.path.partition("?")[0])
                answer = outer.answer(key)
                if answer is not False:
                    outer.puts[key].append(body)
                self.send_response(200 if answer else 503)
                self.send_header("ETag", '"x"')
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *values):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def rows(self, event):
        """The rows of all objects of an event type."""
        return [
            row
            for key, (body, *_) in self.puts.items()
            if f"event_type={event}/" in key
            for row in fastavro.reader(io.BytesIO(body))
        ]

    def assert_nothing_changed(self):
        for key, bodies in self.puts.items():
            assert len(set(bodies)) == 1, key


@pytest.fixture
def bucket(monkeypatch):
    pytest.importorskip("obstore")
    running = Bucket()
    values = {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
        "AWS_ENDPOINT": running.url,
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    yield running
    running.close()


def record(number):
    return full(KINDS[number % len(KINDS)], id=f"id-{number}")


def sink_at(wall_s):
    return CloudStorageSink(CloudStorageSettings(url="s3://bucket/day", max_events=7), wall_s=wall_s)


@pytest.mark.parametrize("seed", range(4))
def test_a_day_of_failures_and_kills_leaves_every_object_as_it_was(bucket, seed):
    chance = random.Random(seed)
    bucket.answer = lambda key: chance.choice([True, True, True, False, None])
    now_s = [float(START_S)]
    sink = sink_at(lambda: now_s[0])
    queue, made = [], 0
    while made < 150 or queue:
        if made < 150:
            more = chance.randrange(6)
            queue += [record(number) for number in range(made, made + more)]
            made += more
        # The delivery composes the batch anew each time: longer, or halved.
        records = queue[: chance.randrange(1, 30)]
        if not records:
            continue
        payloads = [each.encode() for each in records]
        answer = sink.send(Batch(b"", 1, len(payloads), "id", "currents", payloads), 10)
        killed = chance.random() < 0.2
        if answer.outcome is Outcome.ACCEPTED and not killed:
            del queue[: len(records)]
        if killed:
            sink = sink_at(lambda: now_s[0])
        now_s[0] += chance.randrange(1200)

    bucket.assert_nothing_changed()
    for place, event in enumerate(KINDS):
        wanted = {f"id-{number}" for number in range(made) if number % len(KINDS) == place}
        assert {row["id"] for row in bucket.rows(event)} == wanted


class Day:
    """The parts of a day, each in a process: PUTs fail at random, and one of them kills the process."""

    def __init__(self, bucket, folder, seed):
        self._chance = random.Random(seed)
        self._folder = folder
        self._process = None
        self._puts_left = 0
        bucket.answer = self.fate

    def fate(self, key):
        self._puts_left -= 1
        if self._puts_left == 0:
            self._process.send_signal(signal.SIGKILL)
            return self._chance.choice([False, None])
        return self._puts_left < 0 or self._chance.choice([True] * 6 + [False, None])

    def part(self, number, puts):
        """Run a part that is killed at that PUT (0: at none, and none fails); return its exit status."""
        self._puts_left = puts
        self._process = subprocess.Popen(
            [sys.executable, DAY, self._folder, "s3://bucket/day", str(number)],
            env={**os.environ, "PYTHONPATH": str(DAY.parents[2])},
        )
        return self._process.wait(120)

    def random_put(self):
        return self._chance.randrange(2, 12)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.parametrize("seed", range(2))
def test_killed_processes_leave_every_object_as_it_was_and_lose_nothing(bucket, tmp_path, seed):
    day = Day(bucket, tmp_path, seed)
    ends = [day.part(number, day.random_put()) for number in range(4)] + [day.part(4, 0)]

    assert ends == [-signal.SIGKILL] * 4 + [0]
    bucket.assert_nothing_changed()
    confirmed = set((tmp_path / "confirmed").read_text().split())
    found = [row["name"] for row in bucket.rows(KINDS[0])] + [
        row["product_id"] for row in bucket.rows(KINDS[1])
    ]
    assert len(confirmed) > 40
    assert confirmed <= set(found)
    ids = {row["id"]: row for event in KINDS for row in bucket.rows(event)}
    assert len([row for row in ids.values() if row.get("name") != "app_start"]) == len(
        set(found) - {"app_start"}
    )


def test_a_record_is_in_one_object_where_another_event_type_failed(bucket):
    sink = sink_at(lambda: START_S)
    bucket.answer = lambda key: "Purchase" not in key
    for count in (2, 5, 12):
        payloads = [record(number).encode() for number in range(count)]
        answer = sink.send(Batch(b"", 1, count, "id", "currents", payloads), 10)
        assert answer.outcome is Outcome.TEMPORARY
    bucket.answer = lambda key: True
    assert sink.send(Batch(b"", 1, count, "id", "currents", payloads), 10).outcome is Outcome.ACCEPTED

    assert all(len(bodies) == 1 for bodies in bucket.puts.values())
    for place, event in enumerate(KINDS):
        assert sorted(row["id"] for row in bucket.rows(event)) == sorted(
            f"id-{number}" for number in range(count) if number % len(KINDS) == place
        )


def test_an_outage_of_one_event_type_changes_no_object_of_an_app(bucket, tmp_path):
    config = RunConfig(
        project=ProjectConfig(id=8),
        buffer=BufferConfig(path=str(tmp_path)),
        privacy=PrivacyConfig(opted_in=True),
        delivery=DeliveryConfig(timeout_s=5.0, shutdown_timeout_s=20.0),
        sinks=(SinkConfig(type="cloud_storage", options={"url": "s3://bucket/app"}),),
    )
    bucket.answer = lambda key: "Purchase" not in key
    with Capture(config) as cap:
        cap.track_custom_event("before")
        cap.track_purchase("sku", 1.0, "EUR")
        assert not cap.flush(timeout=0.5)
        cap.track_custom_event("later")
        bucket.answer = lambda key: True
        assert cap.flush(timeout=20.0)

    bucket.assert_nothing_changed()
    assert [row["name"] for row in bucket.rows(KINDS[0])] == ["app_start", "before", "later"]
    assert len(bucket.rows(KINDS[1])) == 1


def test_a_begun_file_that_lost_a_record_is_given_up():
    files = BatchFiles(2)
    rows = [{"id": str(number), "event_type": "e"} for number in range(4)]
    (first, _), (second, _) = files.plan(rows)
    files.finish(second)
    ((again, left),) = files.plan(rows[1:])

    assert (again.ids, [row["id"] for row in left]) == (("1",), ["1"])
    assert first is not again
    files.finish(again)
    files.accept(rows)
    assert [len(rows) for _, rows in files.plan(rows)] == [2, 2]
