"""Batches of Currents records stay within the 512 kB of a batch in every sink that takes batches."""

import json
import math

import pytest
from currents_samples import full
from http_server import serving

from capture import ProjectConfig, RunConfig
from capture.config import BufferConfig
from capture.delivery import Delivery
from capture.formats import get
from capture.sinks.file import FileSink
from capture.sinks.http import HttpSettings, HttpSink
from capture.sinks.memory import MemorySink
from capture.store import Store, StoredEvent
from capture.testing import FakeClock

LIMIT_BYTES = 512_000
CONFIG = RunConfig(project=ProjectConfig(id=8), buffer=BufferConfig(batch_size=1000))


def record(number, size):
    """Return the payload of a record of about `size` bytes."""
    text = json.dumps({"text": "x" * (size - 1000)})
    return full("users.behaviors.CustomEvent", id=f"id-{number}", properties=text).encode()


def deliver(sink, payloads, folder):
    """Deliver records; return the counters of the sink."""
    store = Store(folder / "store", formats={sink.name: "currents"}, max_age_s=math.inf)
    delivery = Delivery(
        store,
        [sink],
        config=CONFIG,
        compose=lambda wire, payloads: get(wire).compose(None, payloads, 0),
        clock=FakeClock(),
    )
    store.append_many(
        [StoredEvent(1, [("currents", payload)], n, f"id-{n}") for n, payload in enumerate(payloads)]
    )
    drained = delivery.drain(timeout_s=60.0)
    assert drained is (delivery.counters[sink.name].dead_letters == 0)
    delivery.close(1.0)
    store.close()
    return delivery.counters[sink.name]


@pytest.fixture(params=["file", "http", "memory"])
def bodies(request, tmp_path):
    """Return a function that delivers payloads and gives the bodies that arrived, and the counters."""

    def to_file(payloads):
        counters = deliver(FileSink(tmp_path, formats=("currents",)), payloads, tmp_path)
        return (tmp_path / "batches.jsonl").read_bytes().splitlines(), counters

    def to_http(payloads):
        with serving() as server:
            sink = HttpSink(HttpSettings(url=server.url), formats=("currents",))
            counters = deliver(sink, payloads, tmp_path)
            return server.requests, counters

    def to_memory(payloads):
        sink = MemorySink(formats=("currents",))
        counters = deliver(sink, payloads, tmp_path)
        return [batch.body for batch in sink.batches], counters

    return {"file": to_file, "http": to_http, "memory": to_memory}[request.param]


@pytest.mark.parametrize("size", [2_000, 60_000, 249_990, 260_000])
def test_batches_are_cut_where_they_would_be_too_large(bodies, size):
    payloads = [record(number, size) for number in range(max(10, 2_000_000 // size))]
    arrived, counters = bodies(payloads)

    assert max(map(len, arrived)) <= LIMIT_BYTES
    # None is cut earlier than it has to be, but for the room that a header may take.
    assert all(len(body) + size > LIMIT_BYTES - 13_000 for body in arrived[:-1])
    assert [each["id"] for body in arrived for each in json.loads(body)["events"]] == [
        f"id-{number}" for number in range(len(payloads))
    ]
    assert (counters.delivered, counters.dead_letters) == (len(payloads), 0)


def test_a_record_that_no_batch_can_hold_is_a_dead_letter_and_the_others_arrive(bodies):
    payloads = [record(0, 2_000), record(1, LIMIT_BYTES + 1000), record(2, 2_000)]
    arrived, counters = bodies(payloads)

    assert [each["id"] for body in arrived for each in json.loads(body)["events"]] == ["id-0", "id-2"]
    assert (counters.delivered, counters.dead_letters) == (2, 1)
