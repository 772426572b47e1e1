"""Whoever holds the delivery delivers what others record, and records nothing itself meanwhile."""

import multiprocessing
import os
import threading
import time

import pytest
from deliverer_hosts import COUNT, HOSTS, LONG_S, missing, running
from journal_events import event_id

from capture.config import BufferConfig, ProjectConfig, RunConfig
from capture.delivery import Delivery
from capture.sinks.memory import MemorySink
from capture.store import Store

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform has no fork")


@pytest.mark.parametrize("host", HOSTS)
def test_what_others_record_is_delivered_once(tmp_path, host):
    if lacking := missing(host):
        pytest.skip(f"{' and '.join(lacking)} not installed (group hosts)")
    with running(host, tmp_path) as (collector, arrivals):
        assert arrivals.wait() == list(range(COUNT))
    assert collector.counters.duplicates == 0


class CountedLooks:
    """A store that counts how often its deliverer looks for something to send."""

    def __init__(self, store):
        self._store = store
        self.looks = 0

    def __getattr__(self, name):
        return getattr(self._store, name)

    def next_batch(self, queue, max_events, max_bytes, *, skip, apart):
        self.looks += not skip
        return self._store.next_batch(queue, max_events, max_bytes, skip=skip, apart=apart)


class AwaitedSink(MemorySink):
    """Says when it has so many events, and how many looks at the store that took."""

    def __init__(self, store):
        super().__init__()
        self._store = store
        self.complete = threading.Event()

    def send(self, batch, timeout_s):
        answer = super().send(batch, timeout_s)
        if sum(each.event_count for each in self.batches) >= COUNT:
            self.looks = self._store.looks
            self.complete.set()
        return answer


def record(folder, recorded, done):
    """Record in another process; its session goes on until it is told."""
    store = Store(folder, formats={"memory": "native"})
    assert store.claim_session(2)
    now_ms = time.time_ns() // 10**6
    for number in range(COUNT):
        store.append(2, [("native", b"e%d" % number)], time_ms=now_ms, event_id=event_id(number))
    recorded.set()
    done.wait(LONG_S)


@pytest.mark.parametrize("how", ["fork", "spawn", "forkserver"])
def test_within_two_looks_a_flush_interval_apart(tmp_path, how):
    """On any machine: the looks are an interval apart, and are counted in place of the seconds."""
    context = multiprocessing.get_context(how)
    recorded, done = context.Event(), context.Event()
    worker = context.Process(target=record, args=(tmp_path, recorded, done))
    store = CountedLooks(Store(tmp_path, formats={"memory": "native"}))
    sink = AwaitedSink(store)
    config = RunConfig(project=ProjectConfig(id=1), buffer=BufferConfig(flush_interval_s=1.0))
    delivery = Delivery(store, [sink], config=config, compose=lambda _, payloads: b",".join(payloads))
    store.first_state({"user_id": "4b1f4b6e-6f6b-4b39-9d0f-6d5d4b1f4b6e"})
    assert store.claim_delivery()
    if how == "fork":
        worker.start()
    delivery.start()
    if how != "fork":
        worker.start()
    try:
        assert recorded.wait(LONG_S)
        before = store.looks
        assert sink.complete.wait(LONG_S)
        # Each batch that is sent is followed by a look for the next at once.
        looks = sink.looks - before - len(sink.batches)
    finally:
        done.set()
        worker.join()
        delivery.close(0.0)
        store.close()

    assert looks <= 2
    assert sum(each.event_count for each in sink.batches) == COUNT
