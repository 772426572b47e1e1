"""The kafka sink against librdkafka's own mock cluster on loopback; its brokers go down and come back."""

import collections
import contextlib
import io
import json
import threading

import msgspec
import pytest
from currents_samples import START_S, VALUES, canonical, full

from capture.config import RunConfig, SinkConfig
from capture.errors import ConfigError
from capture.formats.currents import avro
from capture.formats.currents.schema import EVENTS
from capture.formats.native import make_header
from capture.sinks import Answer, Batch, Outcome, create
from capture.sinks.kafka import KafkaSettings, KafkaSink

pytest.importorskip("confluent_kafka")

import confluent_kafka
from kafka_cluster import Cluster

CUSTOM = "users.behaviors.CustomEvent"
USERS = 50


@pytest.fixture(scope="module")
def cluster():
    made = Cluster()
    yield made
    made.close()


@contextlib.contextmanager
def sink_on(cluster, topic, formats=("currents",), partitions=4, **settings):
    cluster.topic(topic, partitions)
    sink = KafkaSink(KafkaSettings(brokers=cluster.brokers, topic=topic, **settings), formats=formats)
    try:
        yield sink
    finally:
        sink.close()


def read(cluster, topic, count, partitions=4):
    """Return all messages of a topic; each partition's in order."""
    consumer = confluent_kafka.Consumer(
        {
            "bootstrap.servers": cluster.brokers,
            "group.id": f"reader-{topic}",
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "log_level": 0,
        }
    )
    consumer.assign([confluent_kafka.TopicPartition(topic, number, 0) for number in range(partitions)])
    found, ended = [], set()
    try:
        while len(ended) < partitions:
            message = consumer.poll(20)
            assert message is not None, f"{len(found)} of {count} messages"
            if message.error() is None:
                found.append(message)
            elif message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF:
                ended.add(message.partition())
    finally:
        consumer.close()
    return found


def batch(*records):
    payloads = [record.encode() for record in records]
    return Batch(b"", 1, len(payloads), "id", "currents", payloads)


def test_a_record_is_a_message_keyed_by_its_user(cluster):
    records = [full(event, id=f"id-{event}") for event in EVENTS]
    with sink_on(cluster, "keyed", send_ad_id=True) as sink:
        assert sink.send(batch(*records), 30).outcome is Outcome.ACCEPTED
    found = read(cluster, "keyed", len(records))

    assert {message.key() for message in found} == {VALUES["user_id"].encode()}
    # One user, so one partition, so the order of the batch.
    assert [message.value() for message in found] == [record.encode() for record in records]
    assert [dict(message.headers())["event_type"].decode() for message in found] == list(EVENTS)


@pytest.mark.parametrize("send_ad_id", [False, True])
@pytest.mark.parametrize("form", ["json", "avro"])
def test_the_advertising_id_goes_only_when_switched_on(cluster, form, send_ad_id):
    topic = f"ads-{form}-{send_ad_id}"
    with sink_on(cluster, topic, format=form, send_ad_id=send_ad_id) as sink:
        assert sink.send(batch(full(CUSTOM)), 30).outcome is Outcome.ACCEPTED
    (message,) = read(cluster, topic, 1)

    if form == "json":
        record = json.loads(message.value())
    else:
        fastavro = pytest.importorskip("fastavro")
        stream = io.BytesIO(message.value()[10:])
        record = fastavro.schemaless_reader(stream, avro.avro_schema(CUSTOM))
        without = {key: value for key, value in canonical(full(CUSTOM)).items() if key != "ad_id"}
        assert message.value() == avro.to_message(canonical(full(CUSTOM)) if send_ad_id else without)
    assert record.get("ad_id") == (VALUES["ad_id"] if send_ad_id else None)
    assert record["ad_id_type"] == VALUES["ad_id_type"]


def test_native_batches_go_whole(cluster):
    from capture.config import ProjectConfig
    from capture.events.device import Device

    header = make_header(ProjectConfig(id=1), Device(), VALUES["user_id"])
    body = msgspec.json.encode(header)
    native = Batch(body, 1, 1, "batch-id", "native", [b"{}"])
    with sink_on(cluster, "native", formats=("native",)) as sink:
        assert sink.send(native, 30).outcome is Outcome.ACCEPTED
    (message,) = read(cluster, "native", 1)

    assert (message.key().decode(), message.value()) == (VALUES["user_id"], body)


def test_100_000_records_over_an_outage_are_all_there_in_order(cluster):
    # The mock keeps 5 MB of a partition: small records, and many partitions.
    total, size, partitions = 100_000, 1000, 32
    template = {"event_type": CUSTOM, "time": START_S, "name": "tap", "properties": "{}"}
    outage = threading.Event()

    def payload(number):
        return msgspec.json.encode({**template, "id": f"id-{number}", "user_id": f"user-{number % USERS}"})

    def cut():
        outage.wait(60)
        cluster.switch(on=False)
        threading.Event().wait(2)
        cluster.switch(on=True)

    cutter = threading.Thread(target=cut)
    cutter.start()
    temporary = 0
    with sink_on(cluster, "outage", partitions=partitions) as sink:
        for start in range(0, total, size):
            payloads = [payload(number) for number in range(start, start + size)]
            sent = Batch(b"", 1, size, "id", "currents", payloads)
            if start == total // 2:
                outage.set()
            # What the delivery does: the same batch again, until it is accepted.
            while (answer := sink.send(sent, 0.5)).outcome is not Outcome.ACCEPTED:
                assert answer.outcome is Outcome.TEMPORARY, answer
                temporary += 1
        cutter.join()
        assert sink._under_way == set()
    found = read(cluster, "outage", total, partitions)

    assert temporary > 0
    by_user = collections.defaultdict(dict)
    for message in found:
        number = int(json.loads(message.value())["id"].removeprefix("id-"))
        by_user[message.key().decode()].setdefault(number)
    assert len(by_user) == USERS
    for user in range(USERS):
        assert list(by_user[f"user-{user}"]) == list(range(user, total, USERS))
    # A broker knows a repeated request by its sequence number. The mock's does not look: a request whose
    # answer was cut off may be there twice, whole; nothing that this sink produced is.
    assert len(found) - total < size


def test_what_is_under_way_is_not_produced_again(cluster):
    with sink_on(cluster, "held") as sink:
        assert sink.send(batch(full(CUSTOM, id="first")), 30).outcome is Outcome.ACCEPTED
        cluster.switch(on=False)
        try:
            answers = [sink.send(batch(full(CUSTOM, id="second")), 0.2) for _ in range(3)]
        finally:
            cluster.switch(on=True)
        assert {answer.outcome for answer in answers} == {Outcome.TEMPORARY}
        assert sink.send(batch(full(CUSTOM, id="second")), 30).outcome is Outcome.ACCEPTED

    assert [json.loads(message.value())["id"] for message in read(cluster, "held", 2)] == ["first", "second"]


def test_a_message_that_is_too_large_is_refused(cluster):
    large = full(CUSTOM, properties=json.dumps({"x": "y" * 20_000}))
    with sink_on(cluster, "large", options={"message.max.bytes": "10000"}) as sink:
        answer = sink.send(batch(large), 30)

    assert (answer.outcome, answer.reason) == (Outcome.REFUSED, "MSG_SIZE_TOO_LARGE")


class Closing:
    """A producer that reports the first `taken` messages, and then closes its sink."""

    def __init__(self, sink, taken):
        self.sink = sink
        self.taken = taken
        self.reports = []

    def produce(self, *_, on_delivery, **__):
        self.reports.append(on_delivery)

    def poll(self, _):
        for report in self.reports[: self.taken]:
            report(None, None)
        self.sink.close()

    def purge(self, *, blocking):
        pass

    def flush(self, _):
        pass


@pytest.mark.parametrize("taken", [0, 1])
def test_a_close_during_a_send_takes_nothing_for_delivered(taken):
    sink = KafkaSink(KafkaSettings(brokers="127.0.0.1:1", topic="t"))
    sink._producer.value = Closing(sink, taken)
    answer = sink.send(batch(full(CUSTOM, id="one"), full(CUSTOM, id="two")), 30)

    assert answer == Answer(Outcome.TEMPORARY, "closed")
    assert sink._under_way == set()


def test_a_close_ends_a_send_to_a_broker_that_is_not_there():
    sink = KafkaSink(KafkaSettings(brokers="127.0.0.1:1", topic="t", options={"log_level": "0"}))
    answers = []
    sender = threading.Thread(target=lambda: answers.append(sink.send(batch(full(CUSTOM)), 30)))
    sender.start()
    while not sink._under_way:
        threading.Event().wait(0.01)
    sink.close()
    sender.join(20)

    assert [answer.outcome for answer in answers] == [Outcome.TEMPORARY]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"topic": "t"}, "sinks.kafka.brokers: required"),
        ({"brokers": "a:1"}, "sinks.kafka.topic: required"),
        ({"brokers": "a:1", "topic": "a b"}, "sinks.kafka.topic = 'a b'"),
        ({"brokers": "a:1", "topic": "t", "format": "xml"}, "sinks.kafka.format = 'xml'"),
    ],
)
def test_wrong_settings_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        create(SinkConfig(type="kafka", options=options))


def test_native_batches_are_no_avro():
    options = {"brokers": "a:1", "topic": "t", "format": "avro"}

    with pytest.raises(ConfigError, match="native batches are JSON"):
        create(SinkConfig(type="kafka", wire="native", options=options))


def test_a_secret_may_come_from_the_environment(cluster):
    settings = KafkaSettings(
        brokers=cluster.brokers, topic="x", options_env={"client.id": "CLIENT"}, options={"acks": "all"}
    )
    sink = KafkaSink(settings, environ={"CLIENT": "from the environment"})
    sink.configure(RunConfig.load(environ={}, default_project_id=1))
    try:
        assert sink._connected() is sink._connected()
    finally:
        sink.close()
