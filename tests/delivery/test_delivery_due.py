"""When a batch is due."""

import importlib.util
import sys
from pathlib import Path

import pytest
from journal_events import event_id

from capture.sinks import ACCEPTED, Answer, Outcome


def _table():
    """The bench of the table's tests, under one clock as well."""
    name = "test_delivery_table"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


Bench = _table().Bench
events = _table().events


@pytest.mark.parametrize(("count", "sent"), [(49, 0), (50, 50), (51, 50), (149, 100)])
def test_by_size(count, sent):
    bench = Bench()
    bench.put(count)
    bench.run()

    assert len(bench.delivered()) == sent


@pytest.mark.parametrize(("passed_ms", "sent"), [(29_999, 0), (30_000, 3)])
def test_by_the_age_of_the_oldest(passed_ms, sent):
    bench = Bench()
    bench.put(3)
    bench.run()
    bench.clock.advance(ms=passed_ms)
    bench.run()

    assert len(bench.delivered()) == sent


def test_the_wait_is_until_the_oldest_is_due():
    bench = Bench()
    bench.put(1)
    bench.clock.advance(s=12)

    assert bench.run() == pytest.approx(18)


def test_what_is_left_of_a_burst_is_due_by_its_own_age():
    bench = Bench()
    bench.put(60)
    bench.clock.advance(s=20)
    bench.run()
    bench.clock.advance(s=10)
    bench.run()

    assert bench.delivered() == events(1, 60)


def test_a_wall_clock_that_jumps_back_delays_by_no_more_than_an_interval():
    bench = Bench()
    bench.put(3)
    bench.run()
    bench.clock.set_wall(bench.clock.wall_ns() - 3600 * 10**9)
    bench.clock.advance(s=30)
    bench.run()

    assert bench.delivered() == events(1, 3)


def test_a_wall_clock_that_jumps_forward_loses_nothing():
    bench = Bench()
    bench.put(3)
    bench.clock.set_wall(bench.clock.wall_ns() + 86_400 * 10**9)
    bench.put(50)
    bench.worker.request()
    bench.run()

    assert bench.delivered() == events(1, 53)


def test_an_ended_session_is_due_at_once():
    bench = Bench()
    bench.put(3, session=1)
    bench.run()
    assert bench.delivered() == []
    bench.put(1, session=2)
    bench.worker._more = True
    bench.run()

    assert bench.delivered() == events(1, 3)


def test_a_request_makes_everything_due():
    bench = Bench()
    bench.put(3)
    number = bench.worker.request()
    assert bench.worker.asked.completed < number
    bench.run()

    assert bench.delivered() == events(1, 3)
    assert bench.worker.asked.completed == number


def test_a_request_is_not_done_while_the_sink_fails():
    bench = Bench([Answer(Outcome.TEMPORARY)])
    bench.put(3)
    number = bench.worker.request()
    bench.run()
    assert bench.worker.asked.completed < number
    bench.clock.advance(s=1)
    bench.run()

    assert bench.worker.asked.completed == number


def test_a_request_covers_what_was_recorded_before_it():
    bench = Bench()
    bench.put(120)
    number = bench.worker.request()
    # A host that records as fast as it is sent.
    bench.answer = lambda _: bench.put(50) or ACCEPTED
    while bench.worker.asked.completed < number:
        assert bench.step() == 0
        assert len(bench.sink.payloads) <= 200

    assert bench.delivered()[:120] == events(1, 120)
    assert bench.store.pending("memory").count > 100


def test_a_request_covers_every_session_of_before():
    bench = Bench()
    for session in (1, 2, 3):
        bench.put(3, session=session)
    bench.store.is_live = lambda _: True
    number = bench.worker.request()
    bench.answer = lambda _: bench.put(1, session=1) or ACCEPTED
    bench.run()

    assert bench.worker.asked.completed == number
    assert bench.delivered() == events(1, 9)


def test_a_request_covers_what_waits_in_memory():
    bench = Bench()
    bench.disk_is_full = True
    bench.put(3)
    assert bench.store.waiting_in_memory == 3
    number = bench.worker.request()
    bench.run()

    assert bench.worker.asked.completed == number
    assert bench.delivered() == events(1, 3)


def test_requests_are_done_one_after_another():
    bench = Bench()
    bench.put(60)
    first = bench.worker.request()
    bench.step()
    assert bench.worker.asked.completed < first
    bench.put(60)
    second = bench.worker.request()
    done = []
    while bench.worker.asked.completed < second:
        bench.step()
        done.append((bench.worker.asked.completed, len(bench.sink.payloads)))

    assert done == [(0, 100), (1, 120), (2, 120)]


def test_what_is_recorded_after_a_start_with_leftovers_is_not_due_with_them():
    bench = Bench()
    bench.put(3, session=1)
    bench.worker.request(bench.store.goal("memory"))
    bench.put(2, session=2)
    bench.run()

    assert bench.delivered() == events(1, 3)
    assert bench.worker.asked.completed == 1


def test_a_session_that_goes_on_after_a_restart_shares_a_batch_with_what_was_left_of_it():
    bench = Bench()
    bench.put(3)
    bench.worker.request(bench.store.goal("memory"))
    bench.put(2)
    bench.run()
    bench.put(2)
    bench.run()

    assert bench.sizes() == [5]


def test_open_sessions_send_full_batches_only():
    bench = Bench()
    bench.put(60, session=1)
    bench.put(20, session=2)
    bench.worker.open_sessions = frozenset({1})
    bench.worker.request()
    bench.run()

    assert bench.delivered() == [*events(1, 50), *events(61, 80)]


def test_an_idle_worker_looks_at_the_store_once_an_interval():
    bench = Bench()
    bench.worker.request()

    assert bench.run() == pytest.approx(30.0)


def test_what_others_record_is_sent_when_it_is_an_interval_old():
    bench = Bench()
    bench.run()
    bench.clock.advance(s=10)
    # Another process: nobody tells this worker.
    bench.store.append(2, [("native", b"e1")], time_ms=bench.clock.wall_ns() // 10**6, event_id=event_id(1))
    waits = [bench.run()]
    while not bench.delivered():
        bench.clock.advance(s=waits[-1])
        waits.append(bench.run())

    # Looked for after 20 s, when it is too young; sent when it is 30 s old.
    assert waits == pytest.approx([20.0, 10.0, 30.0])


def test_a_store_that_cannot_be_read_is_tried_again(monkeypatch):
    from capture.errors import StoreError

    bench = Bench()
    bench.put(50)
    real = bench.store.next_batch

    def fail(*_, **__):
        raise StoreError("locked")

    monkeypatch.setattr(bench.store, "next_batch", fail)
    assert bench.run() == pytest.approx(1.0)
    monkeypatch.setattr(bench.store, "next_batch", real)
    bench.clock.advance(s=1)
    bench.run()

    assert bench.delivered() == events(1, 50)
