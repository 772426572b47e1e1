"""The store alone: a live append, a chunk of a replay, and reading and acknowledging batches."""

import pytest

from capture.store import Store, StoredEvent

PAYLOAD = b'{"ea":6,' + b"x" * 512 + b"}"
EVENT_ID = "0f8fad5b-d9cb-469f-a165-70867728950e"
CHUNK = 1000
NOW_MS = 2**43


def events():
    return [StoredEvent(1, [("native", PAYLOAD)], NOW_MS, EVENT_ID) for _ in range(CHUNK)]


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path, formats={"a": "native"}, max_bytes=2**34)
    yield made
    made.close()


@pytest.mark.parametrize("durability", ["process", "power"])
def test_append(benchmark, tmp_path, durability):
    store = Store(tmp_path, formats={"a": "native"}, max_bytes=2**34, durability=durability)
    benchmark.pedantic(
        store.append,
        args=(1, [("native", PAYLOAD)]),
        kwargs={"time_ms": NOW_MS, "event_id": EVENT_ID, "screens": 3},
        rounds=5000,
        warmup_rounds=100,
    )
    store.close()


def test_append_many(benchmark, store):
    benchmark.pedantic(store.append_many, args=(events(),), rounds=50, warmup_rounds=2)
    benchmark.extra_info["events_per_s"] = round(CHUNK / benchmark.stats.stats.median)


def test_read_and_acknowledge_live_rows(benchmark, store):
    rounds = 100
    for event in events() * (rounds // 10):
        store.append(1, event.payloads, time_ms=NOW_MS, event_id=EVENT_ID)

    def batch():
        store.acknowledge("a", store.next_batch("a", 50))

    benchmark.pedantic(batch, rounds=rounds)
    benchmark.extra_info["events_per_s"] = round(50 / benchmark.stats.stats.median)
