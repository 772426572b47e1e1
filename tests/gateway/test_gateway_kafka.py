"""A topic in the place of the journal, and a group of writers: each event once, whoever stands still."""

import asyncio
import contextlib
import gzip
import itertools
import json
import os
import random
import shutil
import uuid
from types import SimpleNamespace

import msgspec
import pytest

pytest.importorskip("uvicorn")
pytest.importorskip("duckdb")
pytest.importorskip("pyarrow")
pytest.importorskip("fastavro")
pytest.importorskip("confluent_kafka")

import fastavro
import pyarrow as pa
from gateway_kit import ENVIRON, NOW_MS, Gateway, batch, configure, event, query, record
from kafka_cluster import Cluster
from pyarrow import parquet

from capture.errors import StoreError
from capture.formats.receive import read_batch
from capture.gateway import steps, topic
from capture.gateway.config import GatewayConfig
from capture.gateway.group import Group
from capture.gateway.imports import import_files
from capture.gateway.journal import Line
from capture.gateway.state import totals
from capture.gateway.topic import MessageTooLargeError, Topic
from capture.gateway.upkeep import compact, forget
from capture.gateway.writer import Writer

SOAK = bool(os.environ.get("CAPTURE_SOAK"))
_groups = itertools.count()
USERS = [str(uuid.UUID(int=number)) for number in range(1, 9)]


@pytest.fixture(scope="module")
def cluster():
    made = Cluster(1)
    yield made
    made.close()


@pytest.fixture
def config(tmp_path, cluster, request):
    topic = request.node.name.replace("[", ".").replace("]", ".")
    cluster.topic(topic, 2)
    kafka = {"brokers": cluster.brokers, "topic": topic, "group": topic}
    path = configure(tmp_path, kafka=kafka, output={"url": str(tmp_path / "output")})
    return GatewayConfig.load(path, environ=ENVIRON)


def produce(config, *batches):
    async def put():
        topic = Topic(config.kafka)
        for data in batches:
            got = read_batch(json.dumps(data).encode())
            line = Line(received=NOW_MS, project=8, wire=got.wire, key="k", bad=got.problems)
            await topic.take(line, got, gzip.compress(got.body))
        await topic.close()

    asyncio.run(put())


@contextlib.contextmanager
def member(config, **more):
    """Join a group of its own: the mock brokers let one wait long for a member that left."""
    group = f"{config.kafka.group}-{next(_groups)}"
    config = msgspec.structs.replace(config, kafka=msgspec.structs.replace(config.kafka, group=group))
    writer = Writer(config)
    group = Group(config, writer, **more)
    try:
        yield group
    finally:
        group.close()
        writer.close()


def write(config):
    with member(config, once=True) as group:
        while group.run_once() is not None:
            pass


def numbers(config):
    return sorted(row[0] for row in query(config, "SELECT uptime_ms FROM EVENTS"))


def records(config):
    found = []
    for path in sorted((config.output_folder / "events.currents").rglob("*.avro")):
        with path.open("rb") as file:
            found += [row["id"] for row in fastavro.reader(file)]
    return sorted(found)


def test_a_topic_becomes_files_each_event_once(config):
    produce(
        config,
        *(batch(event(number), event(number + 100, ea=3), user=USERS[number % 8]) for number in range(8)),
        batch(event(3), event(30), user=USERS[3]),
        {"events": [record(number, user=USERS[number % 8]) for number in range(8)]},
    )
    write(config)

    assert numbers(config) == [*range(8), 30]
    assert records(config) == sorted(record(number)["id"] for number in range(8))
    lines = [
        json.loads(line)
        for path in (config.output_folder / "quarantine").rglob("*.gz")
        for line in gzip.decompress(path.read_bytes()).splitlines()
    ]
    assert sorted(json.loads(line["event"])["upt"] for line in lines) == list(range(100, 108))
    produce(config, batch(event(4), event(40), user=USERS[4]))
    write(config)
    assert numbers(config) == [*range(8), 30, 40]
    counted = totals(config.state_folder)
    assert (counted["rows_total", ""], counted["kafka_lag", ""]) == (18, 0)


# Members that stand still, or end


def at_step(name, action, monkeypatch):
    done = []

    def call(step):
        if step == name and not done:
            done.append(step)
            action()

    monkeypatch.setattr(steps, "on_step", [call])
    return done


def run(group, config, until):
    """Run a member to the end of the topic, as often as there is more to read."""
    for _ in range(200):
        if group.run_once() is None and numbers(config) == until:
            return
    pytest.fail(f"{numbers(config)} of {until}")


@pytest.mark.parametrize("more", [0, 5])
def test_a_member_that_stood_still_makes_no_file_twice(config, monkeypatch, more):
    """It stops between its file and the name; another takes its partitions, and more messages."""
    produce(config, *(batch(event(number), user=USERS[0]) for number in range(10)))

    def take_over():
        produce(config, *(batch(event(100 + number), user=USERS[0]) for number in range(more)))
        write(config)
        produce(config, batch(event(5), event(200), user=USERS[0]))

    done = at_step("chain.written", take_over, monkeypatch)
    with member(config, once=True) as group:
        run(group, config, [*range(10), *range(100, 100 + more), 200])
    assert done
    assert totals(config.state_folder)["kafka_fenced_total", ""] == 1


def test_replacing_files_by_their_name_is_caught(config, monkeypatch):
    """The planted fault: what connectors do that name a file by its start, and overwrite it."""
    produce(config, *(batch(event(number), user=USERS[0]) for number in range(10)))

    def take_over():
        produce(config, batch(event(100), user=USERS[0]))
        write(config)

    at_step("chain.written", take_over, monkeypatch)
    with member(config, once=True) as group:
        move = type(group._objects).move
        monkeypatch.setattr(
            type(group._objects), "move", lambda self, local, path, **_: move(self, local, path, replace=True)
        )
        while group.run_once() is not None:
            pass
    assert numbers(config) == list(range(10))  # 100 is lost


class Killed(BaseException):
    """A process that ends."""


@pytest.mark.parametrize("step", ["chain.written", "chain.created"])
def test_a_member_that_ends_at_any_step_loses_and_doubles_nothing(config, monkeypatch, step):
    produce(
        config,
        *(batch(event(number), user=USERS[number % 8]) for number in range(20)),
        *({"events": [record(number, user=USERS[number % 8])]} for number in range(20)),
    )

    def kill():
        raise Killed

    at_step(step, kill, monkeypatch)
    with pytest.raises(Killed):
        write(config)
    write(config)
    assert numbers(config) == list(range(20))
    assert records(config) == sorted(record(number)["id"] for number in range(20))


def test_offsets_that_the_group_lost_and_a_new_state_change_nothing(config):
    produce(config, *(batch(event(number), event(99), user=USERS[0]) for number in range(10)))
    write(config)
    shutil.rmtree(config.state_folder)
    produce(config, batch(event(4), event(50), user=USERS[0]), {"events": [record(1, user=USERS[0])]})
    write(config)

    assert numbers(config) == [*range(10), 50, 99]
    assert records(config) == [record(1)["id"]]


def test_files_of_a_partition_are_merged_and_users_forgotten(config):
    for start in range(0, 40, 10):
        produce(config, *(batch(event(n), user=USERS[n % 2]) for n in range(start, start + 10)))
        produce(config, *({"events": [record(n, user=USERS[n % 2])]} for n in range(start, start + 10)))
        write(config)
    writer = Writer(config)
    assert compact(writer, config, NOW_MS + 3 * 3_600_000) > 0
    assert numbers(config) == list(range(40))
    assert len(records(config)) == 40
    report = forget(writer, config, 8, [USERS[0]])
    writer.close()
    assert report.rows == 40
    produce(config, batch(event(3), event(50), user=USERS[1]), batch(event(60), user=USERS[0]))
    write(config)
    assert numbers(config) == [*range(1, 40, 2), 50]


# The door


def test_a_door_acknowledges_what_the_brokers_have(config, cluster, tmp_path):
    path = tmp_path / "gateway.toml"
    with Gateway(path) as gateway:
        assert gateway.post(batch(event(1), event(2, ea=3)))[:2] == (
            200,
            {"accepted": 1, "quarantined": [{"index": 1, "reason": "Invalid value 3 - at `$.ea`"}]},
        )
        assert gateway.post({"events": [record(1, user=USERS[1]), record(2, user=USERS[2])]})[0] == 200
        cluster.switch(False)
        try:
            assert gateway.post(batch(event(3)))[0] == 503
        finally:
            cluster.switch(True)
    write(config)
    assert 1 in numbers(config)
    assert records(config) == [record(1)["id"], record(2)["id"]]


def test_a_door_needs_no_folder(config, tmp_path):
    (tmp_path / "journal").write_text("in the way")
    with Gateway(tmp_path / "gateway.toml") as gateway:
        assert gateway.get("/readyz") == (200, '{"problem":""}')


def test_an_import_names_the_batch_that_is_too_large(config, tmp_path):
    texts = [json.dumps(batch(event(n, st=st))) for n, st in enumerate(["small", noise(2_000_000)])]
    (tmp_path / "b.jsonl").write_text("\n".join(texts))
    found = import_files(config, [tmp_path / "b.jsonl"])
    assert (found.batches, found.refused) == (
        1, [f"{tmp_path}/b.jsonl:2: larger than the topic's limit for a message"],
    )  # fmt: skip


def noise(size):
    return random.Random(1).randbytes(size).hex()


def test_what_the_brokers_refuse_is_said(config):
    received = SimpleNamespace(users=[USERS[0]])
    line = Line(received=1, project=8, wire="native")

    async def take(value):
        topic = Topic(config.kafka)
        try:
            await topic.take(line, received, value)
        finally:
            await topic.close()

    with pytest.raises(MessageTooLargeError):
        asyncio.run(take(random.Random(1).randbytes(2_000_000)))


def test_a_producer_that_lost_its_place_is_replaced_and_its_batches_are_refused(config, monkeypatch):
    made = []

    class Producer:
        def __init__(self, options):
            self.options, self.reports = options, []
            made.append(self)

        def produce(self, topic, value, user, *, headers, on_delivery):
            self.reports.append(on_delivery)
            if len(made) == 1:
                self.options["error_cb"](failure)

        def __len__(self):
            return len(self.reports)

        def poll(self, seconds):
            assert seconds == 0  # on the event loop
            while self.reports:
                self.reports.pop()(failure if self is made[0] else None, None)

    failure = SimpleNamespace(code=lambda: -150, fatal=lambda: True, name=lambda: "_FATAL")
    monkeypatch.setattr("confluent_kafka.Producer", Producer)

    async def take():
        topic = Topic(config.kafka)
        line, received = Line(received=1, project=8, wire="native"), SimpleNamespace(users=[USERS[0]])
        with pytest.raises(OSError, match="_FATAL"):
            await asyncio.wait_for(topic.take(line, received, b"x"), 60)
        topic.problem = "Kafka: no broker answers"
        await topic.tick()  # without a producer it has nothing to ask
        assert topic.problem == ""
        await asyncio.wait_for(topic.take(line, received, b"x"), 60)
        await topic.close()

    asyncio.run(take())
    assert len(made) == 2


def test_the_text_of_each_users_events_goes_on(config):
    latitudes = "1.50", "0.30000000000000001665"
    one, other = (
        f'{{"event_type":"users.behaviors.Location","id":"{uuid.UUID(int=number)}","user_id":"{user}",'
        f'"time":1,"latitude":{latitude},"longitude":2e0,"app_id":"a"}}'
        for number, (user, latitude) in enumerate(zip(USERS, latitudes, strict=False))
    )
    received = read_batch(f'{{"events":[{one},{other}]}}'.encode())
    line = Line(received=NOW_MS, project=8, wire="currents")
    sent = {user: gzip.decompress(value).decode() for user, _, value in topic._messages(line, received, b"")}
    assert sent == {USERS[0]: f'{{"events":[{one}]}}', USERS[1]: f'{{"events":[{other}]}}'}


def test_a_chain_file_without_its_end_is_said(config):
    folder = config.output_folder / "events/date=2026-09-01/hour=10"
    folder.mkdir(parents=True)
    parquet.write_table(pa.table({"project_id": [8]}), folder / f"events+0+{0:020d}.parquet")
    with (
        member(config) as group,
        pytest.raises(StoreError, match=r"0\.parquet: no end_offset in its"),
    ):
        group._part(0)


def test_messages_of_others_are_counted_and_passed_over(config, cluster):
    import confluent_kafka

    producer = confluent_kafka.Producer({"bootstrap.servers": cluster.brokers})
    for value in (b"", b"no gateway's", None):
        producer.produce(config.kafka.topic, value, USERS[0])
    producer.flush()
    produce(config, batch(event(1), user=USERS[0]))
    write(config)

    assert numbers(config) == [1]
    assert totals(config.state_folder)["damaged_bytes_total", ""] > 0


def test_a_topic_that_ends_before_its_files_is_said(config):
    """It was made anew: its first messages have the offsets of others, which are in files."""
    produce(config, *(batch(event(number), user=USERS[number]) for number in range(8)))
    write(config)
    for path in (config.output_folder / "events").rglob("events+0+*.parquet"):
        parquet.write_table(parquet.read_table(path).replace_schema_metadata({"end_offset": "5000"}), path)

    with pytest.raises(StoreError, match=r"partition 0 of .* ends at \d, its files at 5000"):
        write(config)
