"""Threads and deadlines: flush, close, abort, drain, and a second process on the store."""

import errno
import math
import os
import threading
import time
from itertools import islice

import pytest
from journal_events import event_id

from capture.config import BufferConfig, ProjectConfig, RunConfig
from capture.delivery import Delivery, delivery as module
from capture.delivery.wake import Wake
from capture.errors import StoreError
from capture.sinks import ACCEPTED, Answer, Outcome
from capture.sinks.memory import MemorySink
from capture.store import Store, StoredEvent, recovery

CONFIG = RunConfig(project=ProjectConfig(id=1), buffer=BufferConfig(flush_interval_s=1000.0))
TEMPORARY = Answer(Outcome.TEMPORARY, "HTTP 503")
REFUSED = Answer(Outcome.REFUSED, "HTTP 400")
LONG_S = 30.0


def put(store, first, last, session=1):
    now_ms = time.time_ns() // 10**6
    for n in range(first, last):
        store.append(session, [("native", b"e%d" % n)], time_ms=now_ms, event_id=event_id(n))


def make(store, *sinks, start=True, **more):
    delivery = Delivery(store, sinks, config=CONFIG, compose=lambda _, payloads: b",".join(payloads), **more)
    if start:
        delivery.start()
    return delivery


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path, formats={"memory": "native"})
    # A session that goes on, as an app's does: else what is stored of it is due at the first look.
    made.claim_session(1)
    yield made
    made.close()


class Gate(MemorySink):
    """A sink whose `send` hangs until the gate is opened."""

    def __init__(self, name="memory"):
        super().__init__(name)
        self.reached = threading.Event()
        self.open = threading.Event()

    def send(self, batch, timeout_s):
        self.timeout_s = timeout_s
        self.reached.set()
        self.open.wait(LONG_S)
        return super().send(batch, timeout_s)


def test_a_store_that_cannot_be_looked_after_is_left_alone_for_a_while(store, monkeypatch):
    tried, again = [], threading.Event()

    def upkeep():
        tried.append(time.monotonic())
        if len(tried) == 3:
            again.set()
        raise StoreError("damaged, and the disk is full")

    monkeypatch.setattr(type(store), "needs_upkeep", True)
    monkeypatch.setattr(store, "upkeep", upkeep)
    delivery = make(store, MemorySink(), start=False)
    monkeypatch.setattr(delivery, "_run", lambda _: None)
    delivery.start()
    delivery.notify(1)
    assert again.wait(LONG_S)
    delivery._stop()

    assert tried[2] - tried[1] >= 0.9


def test_flush_delivers_everything(store):
    sink = MemorySink()
    delivery = make(store, sink)
    put(store, 0, 130)
    delivery.notify(1, 130)

    assert delivery.flush(LONG_S)
    assert sink.payloads == [b"e%d" % n for n in range(130)]
    assert delivery.counters["memory"].delivered == 130
    assert delivery.close(LONG_S)
    assert sink.closed


def test_flush_does_not_wait_for_what_is_recorded_meanwhile(store):
    numbers = iter(range(130, 10**6))
    delivery = None

    def answer(_):
        for number in islice(numbers, 60):
            put(store, number, number + 1)
            delivery.notify(1)
        return ACCEPTED

    sink = MemorySink(answers=answer)
    delivery = make(store, sink, start=False)
    # Before the worker runs: it sends what fills a batch by itself.
    put(store, 0, 130)
    delivery.start()

    assert delivery.flush(LONG_S)
    assert sink.payloads[:130] == [b"e%d" % n for n in range(130)]
    delivery.abort()


def test_what_is_recorded_after_a_restart_waits_for_a_batch(store):
    put(store, 0, 3)
    sent, recorded = threading.Event(), threading.Event()

    def answer(_):
        sent.set()
        recorded.wait(LONG_S)
        return ACCEPTED

    sink = MemorySink(answers=answer)
    delivery = make(store, sink)
    assert sent.wait(LONG_S)
    put(store, 3, 5)
    delivery.notify(1, 2)
    recorded.set()
    wake, end = Wake(), time.monotonic() + LONG_S
    delivery._waiting.append(wake)
    while delivery._workers[0].asked.completed < 1:
        assert time.monotonic() < end
        wake.wait(0.1)
    delivery.abort()

    assert sink.payloads == [b"e0", b"e1", b"e2"]
    assert store.pending("memory").count == 2


def test_a_full_batch_goes_by_itself(store):
    arrived = threading.Event()
    sink = MemorySink(answers=lambda _: arrived.set() or ACCEPTED)
    delivery = make(store, sink)
    assert delivery.flush(LONG_S)
    for n in range(50):
        put(store, n, n + 1)
        delivery.notify(1)

    assert arrived.wait(LONG_S)
    delivery.close(LONG_S)


def test_what_is_stored_is_due_at_the_start(store):
    put(store, 0, 3)
    arrived = threading.Event()
    sink = MemorySink(answers=lambda _: arrived.set() or ACCEPTED)
    delivery = make(store, sink)

    assert arrived.wait(LONG_S)
    delivery.close(LONG_S)


def test_flush_is_over_at_its_deadline(store):
    sink = Gate()
    delivery = make(store, sink)
    put(store, 0, 3)
    start = time.monotonic()

    assert not delivery.flush(0.2)
    assert 0.15 < time.monotonic() - start < LONG_S / 2
    sink.open.set()
    assert delivery.flush(LONG_S)
    delivery.close(LONG_S)


def test_close_does_not_wait_for_a_request_that_hangs(store):
    sink = Gate()
    delivery = make(store, sink)
    put(store, 0, 3)
    delivery.send_pending()
    assert sink.reached.wait(LONG_S)
    start = time.monotonic()

    assert not delivery.close(0.2)
    assert time.monotonic() - start < LONG_S / 2
    sink.open.set()
    store.close()


def test_close_returns_early_where_no_attempt_is_left_before_the_deadline(store):
    sink = MemorySink(answers=lambda _: Answer(Outcome.TEMPORARY, "HTTP 503", 600.0))
    delivery = make(store, sink)
    put(store, 0, 3)
    start = time.monotonic()

    assert not delivery.close(20.0)
    assert time.monotonic() - start < 10.0
    assert store.pending("memory").count == 3


def test_close_twice(store):
    delivery = make(store, MemorySink())
    delivery.close(LONG_S)

    assert not delivery.close(LONG_S)


class Breaking(MemorySink):
    """A sink whose ends raise what no sink should."""

    def flush(self):
        raise SystemExit("a bug in flush")

    def close(self):
        raise ValueError("a bug in close")


def test_a_sink_that_raises_at_the_end_does_not_keep_others_open(tmp_path, caplog):
    store = Store(tmp_path, formats={"memory": "native", "other": "native"})
    other = MemorySink("other")
    delivery = make(store, Breaking(), other)

    assert not delivery.flush(LONG_S)
    assert not delivery.close(LONG_S)
    assert other.closed
    assert "sink memory: SystemExit: a bug in flush" in caplog.text
    assert "sink memory: ValueError: a bug in close" in caplog.text
    store.close()


@pytest.mark.parametrize("end", ["flush", "close", "abort"])
def test_a_sink_that_hangs_at_the_end_is_not_waited_for(tmp_path, caplog, end):
    store, hung = Store(tmp_path, formats={"memory": "native", "other": "native"}), threading.Event()
    sink, other = MemorySink(), MemorySink("other")
    sink.flush = sink.close = lambda: hung.wait(LONG_S)
    delivery = make(store, sink, other)
    start = time.monotonic()

    assert not getattr(delivery, end)(*([] if end == "abort" else [0.2]))
    assert time.monotonic() - start < LONG_S / 2
    assert "sink memory: TimeoutError: not done within" in caplog.text
    assert other.closed is (end != "flush")
    hung.set()
    delivery.abort()
    store.close()


def test_abort_sends_and_acknowledges_nothing_more(store):
    sink = Gate()
    delivery = make(store, sink)
    put(store, 0, 200)
    delivery.send_pending()
    assert sink.reached.wait(LONG_S)
    delivery.abort()
    store.destroy()
    sink.open.set()
    for thread in delivery._threads:
        thread.join(LONG_S)

    assert len(sink.attempts) == 1
    assert list(store.folder.iterdir()) == []


def test_the_clock_of_a_closing_request_is_what_is_left(store):
    sink = Gate()
    sink.open.set()
    delivery = make(store, sink)
    assert delivery.flush(LONG_S)
    put(store, 0, 3)
    delivery.close(3.0)

    assert sink.timeout_s <= 3.0


def test_paused_queue_tries_again_at_flush(store):
    answers = iter([Answer(Outcome.UNAVAILABLE, "HTTP 401")])
    sink = MemorySink(answers=lambda _: next(answers, ACCEPTED))
    delivery = make(store, sink)
    put(store, 0, 3)

    assert not delivery.flush(LONG_S)
    assert delivery.counters["memory"].paused == "HTTP 401"
    assert delivery.flush(LONG_S)
    assert delivery.counters["memory"].paused == ""
    delivery.close(LONG_S)


def test_reports_arrive_with_no_lock_held_and_may_raise(store, caplog):
    seen = []

    def report(*values):
        seen.append(values)
        # Whoever is told may call back.
        if len(seen) < 3:
            put(store, 1000, 1001)
            delivery.notify(1)
        raise RuntimeError("a bug in the host app")

    delivery = make(store, MemorySink(), on_report=report, start=False)
    delivery.start()
    assert delivery.flush(LONG_S)
    put(store, 0, 50)
    delivery.flush(LONG_S)

    assert seen[0] == ("delivered", "memory", 50, "")
    assert len([record for record in caplog.records if "report callable" in record.message]) == 1
    delivery.close(LONG_S)


def test_two_sinks_have_a_thread_each(tmp_path):
    store = Store(tmp_path, formats={"slow": "native", "memory": "native"})
    arrived = threading.Event()
    slow, fast = Gate("slow"), MemorySink(answers=lambda _: arrived.set() or ACCEPTED)
    delivery = make(store, slow, fast)
    put(store, 0, 50)
    delivery.send_pending()
    assert slow.reached.wait(LONG_S)

    assert arrived.wait(LONG_S)
    assert not delivery.flush(0.2)
    assert slow.payloads == []
    slow.open.set()
    assert delivery.flush(LONG_S)
    delivery.close(LONG_S)
    store.close()


def test_a_second_process_takes_over_when_the_first_is_gone(tmp_path):
    first, second = (Store(tmp_path, formats={"memory": "native"}) for _ in range(2))
    one, two = MemorySink(), MemorySink()
    delivery = make(first, one)
    assert delivery.flush(LONG_S)
    other = make(second, two)
    put(second, 0, 10, session=2)
    assert not other.close(5.0)
    assert two.payloads == []
    assert delivery.flush(LONG_S)
    assert len(one.payloads) == 10
    delivery.close(LONG_S)
    first.close()
    third = make(second, two)
    put(second, 10, 20, session=2)

    assert third.flush(LONG_S)
    assert two.payloads == [b"e%d" % n for n in range(10, 20)]
    third.close(LONG_S)
    second.close()


class Watched:
    """A store that says when a flush begins to watch what another process delivers."""

    def __init__(self, store):
        self._store = store
        self.watching = threading.Event()

    def __getattr__(self, name):
        return getattr(self._store, name)

    def watch(self):
        watch = self._store.watch()
        self.watching.set()
        return watch


def deliver(store, delivery):
    assert delivery.flush(LONG_S)


def refuse(store, delivery):
    assert not delivery.flush(LONG_S)


def purge(store, delivery):
    assert store.purge() == 3


@pytest.mark.parametrize(
    ("happens", "answer", "accepted"),
    [(deliver, ACCEPTED, True), (refuse, REFUSED, False), (purge, ACCEPTED, False)],
)
def test_a_flush_waits_for_the_process_that_delivers(tmp_path, happens, answer, accepted):
    stores = [Store(tmp_path, formats={"memory": "native"}) for _ in range(2)]
    ours, theirs = Watched(stores[0]), stores[1]
    sinks = [MemorySink(), MemorySink(answers=lambda _: answer)]
    their_delivery = make(theirs, sinks[1])
    assert their_delivery.flush(LONG_S)
    our_delivery = make(ours, sinks[0])
    assert ours.claim_session(2)
    put(ours, 0, 3, session=2)
    done = []
    waiting = threading.Thread(target=lambda: done.append(our_delivery.flush(LONG_S)))
    waiting.start()
    assert ours.watching.wait(LONG_S)
    happens(theirs, their_delivery)
    waiting.join(LONG_S)

    assert done == [accepted]
    assert sinks[0].attempts == []
    our_delivery.close(LONG_S)
    their_delivery.close(LONG_S)
    for store in stores:
        store.close()


def test_a_flush_goes_on_by_itself_where_the_process_that_delivers_ends(tmp_path):
    first, second = (Store(tmp_path, formats={"memory": "native"}) for _ in range(2))
    assert first.claim_delivery()
    ours, sink = Watched(second), MemorySink()
    delivery = make(ours, sink)
    put(ours, 0, 3, session=2)
    done = []
    waiting = threading.Thread(target=lambda: done.append(delivery.flush(LONG_S)))
    waiting.start()
    assert ours.watching.wait(LONG_S)
    first.close()
    waiting.join(LONG_S)

    assert done == [True]
    assert sink.payloads == [b"e0", b"e1", b"e2"]
    delivery.close(LONG_S)
    second.close()


def test_drain_sends_in_the_callers_thread(tmp_path):
    store = Store(tmp_path, formats={"memory": "native"}, max_age_s=math.inf)
    threads = set()
    sink = MemorySink(answers=lambda _: threads.add(threading.get_ident()) or ACCEPTED)
    delivery = make(store, sink, start=False)
    store.append_many([StoredEvent(1, [("native", b"e%d" % n)], n, event_id(n)) for n in range(120)])

    assert delivery.drain(active={1})
    assert len(sink.payloads) == 100
    assert delivery.drain()
    assert len(sink.payloads) == 120
    assert threads == {threading.get_ident()}
    assert [batch.event_count for batch in sink.batches] == [50, 50, 20]


def test_drain_waits_out_a_failure_within_its_deadline(tmp_path):
    store = Store(tmp_path, formats={"memory": "native"}, max_age_s=math.inf)
    later, absent = Answer(Outcome.TEMPORARY, "HTTP 503", 100.0), Answer(Outcome.UNAVAILABLE, "HTTP 404")
    sink = MemorySink(answers=[TEMPORARY, TEMPORARY, ACCEPTED, later, absent])
    delivery = make(store, sink, start=False, jitter=lambda _: 0.01)
    store.append_many([StoredEvent(1, [("native", b"x")], 1, event_id(1))])

    assert delivery.drain(timeout_s=LONG_S)
    assert len(sink.attempts) == 3
    store.append_many([StoredEvent(1, [("native", b"y")], 1, event_id(2))])
    assert not delivery.drain(timeout_s=1.0)
    delivery._workers[0]._floor_until_ns = 0
    assert not delivery.drain()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_starts_afresh(tmp_path):
    store = Store(tmp_path, formats={"memory": "native"})
    sink = MemorySink()
    delivery = make(store, sink)
    store.claim_session(1)
    put(store, 0, 20)
    assert delivery.flush(LONG_S)
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            put(store, 100, 200, session=2)
            delivery.notify(2, 100)
            # The parent delivers, the child leaves its events to it.
            code = 0 if not delivery.close(2.0) and not sink.payloads[20:] and store.is_live(1) else 2
            store.close()
        finally:
            os._exit(code)
    put(store, 20, 40)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0

    assert delivery.flush(LONG_S)
    assert sorted(sink.payloads) == sorted(b"e%d" % n for n in [*range(40), *range(100, 200)])
    assert store.is_live(1)
    delivery.close(LONG_S)
    store.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize(("call", "stop"), [("send_pending", False), ("wake", False), ("wake", True)])
def test_a_forked_child_waits_for_no_lock_of_the_parents(store, call, stop):
    delivery = make(store, MemorySink())
    if stop:
        delivery.close(LONG_S)
    held, release = threading.Event(), threading.Event()

    def hold():
        with delivery._guard:
            held.set()
            release.wait(LONG_S)

    threading.Thread(target=hold).start()
    held.wait(LONG_S)
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            caller = threading.Thread(target=getattr(delivery, call), daemon=True)
            caller.start()
            caller.join(LONG_S / 3)
            code = 1 if caller.is_alive() else 0 if bool(delivery._threads) is not stop else 2
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    release.set()
    delivery.close(LONG_S)

    assert os.waitstatus_to_exitcode(status) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_that_no_fork_handler_ran_in_starts_its_threads(store, monkeypatch):
    monkeypatch.setattr(module, "fork_count", lambda: 0)  # as after a system call that is no `fork`
    delivery = make(store, MemorySink())
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            delivery.send_pending()
            code = 0 if any(thread.is_alive() for thread in delivery._threads) else 2
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    delivery.close(LONG_S)

    assert os.waitstatus_to_exitcode(status) == 0


@pytest.mark.parametrize("call", ["flush", "close"])
def test_events_that_cannot_be_read_are_not_delivered(store, monkeypatch, call):
    delivery = make(store, MemorySink())
    put(store, 0, 3)
    assert delivery.flush(LONG_S)
    put(store, 3, 6)

    def failing(*_):
        raise OSError(errno.EIO, "broken")

    with monkeypatch.context() as broken:
        broken.setattr(recovery, "read_at", failing)
        assert not getattr(delivery, call)(0.3)
    assert delivery.flush(LONG_S) is (call == "flush")
    delivery.close(LONG_S)

    assert store.pending("memory").count == (0 if call == "flush" else 3)


@pytest.mark.parametrize("error", [SystemExit(3), GeneratorExit(), KeyboardInterrupt(), MemoryError()])
def test_nothing_that_a_sink_raises_ends_the_delivery(store, error):
    sent = []

    def respond(batch):
        sent.append(batch)
        if len(sent) == 1:
            raise error
        return ACCEPTED

    put(store, 0, 3)
    delivery = make(store, MemorySink(answers=respond))
    assert delivery.flush(LONG_S) or delivery.flush(LONG_S)
    delivery.close(LONG_S)

    assert len(sent) >= 2
    assert delivery.counters["memory"].delivered == 3


@pytest.mark.parametrize("error", [RuntimeError("bug"), SystemExit(3)])
def test_nothing_that_upkeep_raises_ends_the_maintenance(store, monkeypatch, caplog, error):
    again, tried = threading.Event(), []

    def upkeep():
        tried.append(1)
        if len(tried) == 2:
            again.set()
        raise error

    monkeypatch.setattr(store, "upkeep", upkeep)
    delivery = make(store, MemorySink())
    monkeypatch.setattr(type(store), "needs_upkeep", True)
    delivery.notify(1)
    assert again.wait(LONG_S)
    delivery.close(0.0)

    assert [record.levelname for record in caplog.records].count("ERROR") == 1


def test_a_step_that_fails_each_time_is_tried_once_a_second(store, monkeypatch):
    tries, waits = [], []

    def fail():
        tries.append(1)
        delivery._stopped = len(tries) == 3
        raise RuntimeError("bug")

    delivery = make(store, MemorySink(), start=False)
    monkeypatch.setattr(Wake, "wait", lambda _, timeout_s: waits.append(timeout_s))
    monkeypatch.setattr(store, "claim_delivery", fail)
    delivery._run(delivery._workers[0])

    assert waits == [1.0, 1.0]


def test_an_exception_that_ends_a_wait_does_not_end_the_delivery(store):
    """As `PyThreadState_SetAsyncExc` raises it."""
    waited, delivery = threading.Event(), make(store, MemorySink(), start=False)
    wake = delivery._wakes["memory"]

    class Ending:
        set = wake.set

        def wait(self, timeout_s):
            if not waited.is_set():
                waited.set()
                raise SystemExit
            wake.wait(timeout_s)

    delivery._wakes["memory"] = Ending()
    delivery.start()
    assert waited.wait(LONG_S)
    put(store, 0, 3)

    assert delivery.flush(LONG_S)
    delivery.close(LONG_S)


def test_a_flush_beside_another_process_that_cannot_look_is_not_whole(store, tmp_path, monkeypatch):
    assert store.claim_delivery()
    other = Store(tmp_path, formats={"memory": "native"})
    delivery = make(other, MemorySink())
    put(other, 0, 3, session=2)

    def fail(*_):
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as broken:
        broken.setattr(recovery, "read_at", fail)
        assert not delivery.flush(LONG_S)
    delivery.close(LONG_S)
    other.close()


def test_a_flush_without_the_lock_on_delivery_is_not_whole_while_events_are_stored(tmp_path, monkeypatch):
    def fail(path, *flags):
        if os.fspath(path).endswith("delivery.lock"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.fspath(path))
        return open_file(path, *flags)

    open_file, store = os.open, Store(tmp_path, formats={"memory": "native"})
    monkeypatch.setattr(os, "open", fail)
    delivery = make(store, MemorySink())
    assert delivery.flush(LONG_S)
    put(store, 0, 3)
    assert not delivery.flush(LONG_S)
    monkeypatch.undo()

    assert delivery.flush(LONG_S)
    delivery.close(LONG_S)
    store.close()
