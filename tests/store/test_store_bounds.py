"""Size and age: what goes when there is too much, and how it is counted."""

import logging

import pytest
from journal_events import NOW_MS, drain, number_of, put, segments

from capture.store import Store, buffer
from capture.store.dead_letters import letter_files
from capture.store.files import store_bytes
from capture.testing import FakeClock

KB = b'{"x":"' + b"x" * 1000 + b'"}'
BOUND = 1024 * 1024


@pytest.fixture
def drops():
    return []


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def store(tmp_path, drops, clock):
    made = Store(
        tmp_path,
        formats={"a": "native"},
        max_bytes=BOUND,
        max_age_s=100.0,
        clock=clock,
        on_drop=lambda cause, count: drops.append((cause, count)),
    )
    yield made
    made.close()


def test_the_oldest_go_first_and_are_counted(store, drops):
    for n in range(0, 5000, 50):
        put(store, n, n + 50, payload=KB)
        store.upkeep()
        assert store_bytes(store.folder) <= BOUND + 64 * 1024
    left = drain(store)

    assert left == list(range(5000 - len(left), 5000))
    assert len(left) > 700
    assert store.dropped == {"store_full": 5000 - len(left)}
    assert sum(count for _, count in drops) == store.dropped["store_full"]


def test_an_append_makes_room_itself_when_no_thread_does(store):
    put(store, 0, 3000, payload=KB)
    assert store_bytes(store.folder) <= BOUND + 64 * 1024

    left = drain(store)
    assert left[-1] == 2999
    assert store.dropped["store_full"] + len(left) == 3000


def test_acknowledged_events_are_not_counted_as_dropped(store):
    put(store, 0, 400, payload=KB)
    batch = store.next_batch("a", 150)
    store.acknowledge("a", batch)
    put(store, 400, 3000, payload=KB)

    assert store.dropped["store_full"] == 3000 - batch.count - len(drain(store))


def test_what_is_being_sent_is_not_dropped(store):
    put(store, 0, 400, payload=KB)
    batch = store.next_batch("a", 50)
    assert store.begin_send("a", batch)
    put(store, 400, 3000, payload=KB)
    store.end_send("a", batch)
    assert store.acknowledge("a", batch)

    assert store.dropped["store_full"] == 3000 - 50 - len(drain(store))
    assert store.dropped_of("a") == store.dropped["store_full"]


def test_what_was_tried_may_be_dropped_and_an_answer_changes_nothing_then(store):
    put(store, 0, 400, payload=KB)
    batch = store.next_batch("a", 50)
    store.begin_send("a", batch)
    store.end_send("a", batch)
    put(store, 400, 3000, payload=KB)
    assert not store.acknowledge("a", batch)
    assert not store.begin_send("a", batch)

    assert store.dropped["store_full"] == 3000 - len(drain(store))


def test_each_queue_s_losses_are_counted(tmp_path):
    store = Store(tmp_path, formats={"a": "native", "b": "native"}, max_bytes=BOUND, clock=FakeClock())
    put(store, 0, 400, payload=KB)
    got = [len(drain(store, "a"))]
    put(store, 400, 3000, payload=KB)
    for queue, done in (("a", got[0]), ("b", 0)):
        assert done + store.dropped_of(queue) + store.pending(queue).count == 3000
    assert store.dropped["store_full"] == max(store.dropped_of("a"), store.dropped_of("b"))
    store.close()


def test_each_cause_is_logged_once_per_outage(store, clock, caplog):
    caplog.set_level(logging.WARNING, "capture.store")
    put(store, 0, 5000, payload=KB)
    # A receiver that takes some, and not enough: the outage goes on.
    for n in range(5000, 11_000, 2000):
        clock.advance(s=20)
        store.acknowledge("a", store.next_batch("a", 50))
        put(store, n, n + 2000, payload=KB)
    assert store.dropped["store_full"] > 5000
    assert ["store_full" in record.getMessage() for record in caplog.records] == [True]
    # Without a delivery it is the same outage, however long.
    clock.advance(s=3600)
    put(store, 11_000, 13_000, payload=KB)
    assert len(caplog.records) == 1
    store.acknowledge("a", store.next_batch("a", 50))
    clock.advance(s=600)
    put(store, 13_000, 15_000, payload=KB)

    assert len(caplog.records) == 2


@pytest.mark.parametrize(
    ("age_ms", "left"), [pytest.param(100_000, 1, id="exactly"), pytest.param(100_001, 0, id="over")]
)
def test_age(store, age_ms, left):
    put(store, 0, 1, time_ms=NOW_MS - age_ms)
    store.upkeep()

    assert store.pending("a").count == left
    assert store.dropped == ({} if left else {"too_old": 1})


def test_only_the_old_head_goes(store):
    put(store, 0, 700, time_ms=NOW_MS - 200_000)
    put(store, 700, 710)
    store.upkeep()

    assert drain(store) == list(range(700, 710))
    assert store.dropped == {"too_old": 700}


def test_empty_space_is_given_back(tmp_path):
    store = Store(tmp_path, formats={"a": "native"}, clock=FakeClock())
    put(store, 0, 5000, payload=KB)
    full = store_bytes(tmp_path)
    drain(store, size=1000)

    assert full > 5_000_000
    assert store_bytes(tmp_path) < 1_100_000
    store.upkeep()
    store.close()
    store = Store(tmp_path, formats={"a": "native"}, clock=FakeClock())
    put(store, 5000, 5001, session=2)
    store.upkeep()
    assert len(segments(tmp_path)) == 1
    store.close()


def test_many_segments_of_killed_processes_are_cleared(tmp_path):
    for session in range(1, 30):
        store = Store(tmp_path, formats={"a": "native"}, clock=FakeClock())
        put(store, session, session + 1, session=session)
        store._s.context.claims.release_session()
        store._s.context.claims.delivery.release()
    store = Store(tmp_path, formats={"a": "native"}, clock=FakeClock())
    assert drain(store) == list(range(1, 30))
    store.upkeep()

    assert [path.name for path in segments(tmp_path)] == ["s0000000029-000001.seg"]
    assert not list(tmp_path.glob("session-*.lock"))
    store.close()


# Dead letters


def give_up(store, count):
    """Give up the next events, one at a time as a delivery does."""
    for _ in range(count):
        store.move_to_dead_letters("a", store.next_batch("a", 1), "HTTP 400")


def letters(folder):
    return [number_of(event.event_id) for event in buffer.export(folder, dead=True)]


def test_dead_letters_make_room_for_events_that_can_be_delivered(store):
    for n in range(0, 800, 5):
        put(store, n, n + 5, payload=KB)
        give_up(store, 5)
    for n in range(800, 1200, 5):
        put(store, n, n + 5, payload=KB)
        store.upkeep()
    left = letters(store.folder)

    assert store.pending("a").count == 400
    assert left == list(range(800 - len(left), 800))
    assert store.dropped == {"dead_letters_full": 800 - len(left)}


@pytest.mark.parametrize(("age_s", "count"), [(99.999, 3), (100.0, 3), (100.001, 0)], ids=str)
def test_dead_letters_go_by_age_as_events_do(tmp_path, age_s, count):
    clock = FakeClock()
    store = Store(tmp_path, formats={"a": "native"}, max_age_s=100.0, clock=clock)
    put(store, 0, 3, time_ms=clock.wall_ns() // 1_000_000)
    give_up(store, 3)
    clock.advance(s=age_s)
    store.upkeep()

    assert len(letters(tmp_path)) == count
    assert bool(letter_files(tmp_path)) == bool(count)
    assert store.dropped == ({} if count else {"dead_letters_old": 3})
    store.close()


def test_segments_of_ended_sessions_without_a_record_go(tmp_path):
    """As a kill before the first write leaves them, or a full disk."""
    live, store = (Store(tmp_path, formats={"a": "native"}, clock=FakeClock()) for _ in range(2))
    assert live.claim_session(2)
    for session in (1, 2, 3, 9):
        (tmp_path / f"s{session:010}-000001.seg").touch()
    put(store, 0, 3, session=5)
    store.upkeep()

    assert [path.name[9:11] for path in segments(tmp_path)] == ["02", "05", "09"]
    assert drain(store) == [0, 1, 2]
    live.close()
    store.close()
