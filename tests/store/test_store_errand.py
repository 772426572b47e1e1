"""Acknowledgements that the appending thread writes for a worker, during a burst."""

import sqlite3
import threading

import pytest

from capture.store import Store, errand as _store_errand
from capture.store.errand import Errand, Errands
from capture.testing import START_NS, FakeClock

NOW_MS = START_NS // 1_000_000


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path / "store", formats={"a": "native"}, clock=FakeClock())
    yield made
    made.close()


def put(store, *names):
    for name in names:
        assert store.append(1, [("native", name.encode())], time_ms=NOW_MS, event_id=name)


def acknowledging(store, batch):
    """Start a thread that acknowledges, and return it once its errand waits."""
    worker = threading.Thread(target=store.acknowledge, args=("a", batch))
    worker.start()
    while not store._errands.waiting and worker.is_alive():
        worker.join(0.001)
    return worker


def left(store):
    batch = store.next_batch("a", 50)
    return batch and batch.event_ids


def test_the_next_append_writes_it_and_keeps_its_snapshot(store, monkeypatch):
    monkeypatch.setattr(_store_errand, "_WAIT_S", 60.0)
    put(store, *"abc")
    worker = acknowledging(store, store.next_batch("a", 2))
    put(store, "d")
    worker.join(60.0)

    assert not worker.is_alive()
    assert store._file.hold.on
    assert left(store) == ["c", "d"]


def test_without_an_append_the_worker_writes_it(store, monkeypatch):
    monkeypatch.setattr(_store_errand, "_WAIT_S", 0.0)
    put(store, *"abc")
    store.acknowledge("a", store.next_batch("a", 2))

    assert not store._errands.waiting
    assert left(store) == ["c"]


def test_after_a_burst_nobody_waits_for_an_append(store, monkeypatch):
    monkeypatch.setattr(_store_errand, "_WAIT_S", 60.0)
    put(store, *"abc")
    store.watch_burst()
    store.watch_burst()
    store.acknowledge("a", store.next_batch("a", 2))

    assert left(store) == ["c"]


def test_what_an_append_could_not_write_the_worker_writes(store, monkeypatch):
    monkeypatch.setattr(_store_errand, "_WAIT_S", 60.0)
    put(store, *"abc")
    queue = store._queues["a"]
    whole, calls = queue.advance, []

    def advance(connection, batch):
        calls.append(threading.current_thread())
        if len(calls) == 1:
            raise sqlite3.OperationalError("database is locked")
        return whole(connection, batch)

    monkeypatch.setattr(queue, "advance", advance)
    worker = acknowledging(store, store.next_batch("a", 2))
    put(store, "d")
    worker.join(60.0)

    assert calls[0] is threading.main_thread()
    assert left(store) == ["c", "d"]


def test_errands_are_run_in_turn_and_can_be_taken_back():
    done = []
    errands = Errands()
    first, second, third = (Errand(lambda _, name=name: not done.append(name)) for name in "abc")
    for errand in (first, second, third):
        errands.add(errand)
    errands.take_back(second)
    errands.take_back(second)
    errands.run_next(None)
    errands.run_next(None)

    assert done == ["a", "c"]
    assert (first.result, second.result, third.result) == (True, None, True)
    assert first.wait()
    errands.add(second)
    errands.clear()
    assert not errands.waiting
