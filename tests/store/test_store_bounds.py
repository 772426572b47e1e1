"""Size, age, memory: what goes when there is too much, and how it is counted."""

import logging
import sqlite3
from pathlib import Path

import pytest

from capture.store import Store, StoredEvent
from capture.store.append import MAX_DEFERRED
from capture.testing import START_NS, FakeClock

NOW_MS = START_NS // 1_000_000
KB = b"x" * 1000


def put(store, session, first, last, *, payload=KB, time_ms=NOW_MS):
    for n in range(first, last):
        store.append(session, [("native", payload)], time_ms=time_ms, event_id=str(n))


def size_of(store):
    return sum(path.stat().st_size for path in store.folder.glob("capture.db*"))


@pytest.fixture
def drops():
    return []


@pytest.fixture
def store(tmp_path, drops):
    made = Store(
        tmp_path,
        formats={"a": "native"},
        max_bytes=1024 * 1024,
        max_age_s=100.0,
        clock=FakeClock(),
        on_drop=lambda cause, count: drops.append((cause, count)),
    )
    yield made
    made.close()


def test_the_oldest_go_first_and_are_counted(store, drops):
    put(store, 1, 0, 500)
    for n in range(500, 5000, 50):
        put(store, 1, n, n + 50)
        store.upkeep()
    left = store.next_batch("a", 10_000, 10**9)

    assert size_of(store) <= 1024 * 1024
    assert left.event_ids == [str(n) for n in range(5000 - len(left.event_ids), 5000)]
    assert len(left.event_ids) > 280
    assert store.dropped == {"store_full": 5000 - len(left.event_ids)}
    assert sum(count for _, count in drops) == store.dropped["store_full"]


def test_an_append_makes_room_itself_when_no_worker_does(store):
    put(store, 1, 0, 3000)

    left = store.next_batch("a", 10_000, 10**9)
    assert left.event_ids[-1] == "2999"
    assert store.dropped["store_full"] + len(left.event_ids) == 3000
    assert store.waiting_in_memory == 0


def test_acknowledged_rows_are_not_counted_as_dropped(store):
    put(store, 1, 0, 400)
    store.acknowledge("a", store.next_batch("a", 150))
    put(store, 1, 400, 3000)
    left = store.next_batch("a", 10_000, 10**9)

    assert store.dropped["store_full"] == 3000 - 150 - len(left.event_ids)


def test_each_cause_is_logged_once_per_outage(store, caplog):
    caplog.set_level(logging.WARNING, "capture.store")
    put(store, 1, 0, 5000)
    assert len(caplog.records) == 1
    store.acknowledge("a", store.next_batch("a", 50))
    put(store, 1, 5000, 9000)

    assert len(caplog.records) == 2


@pytest.mark.parametrize(
    ("age_ms", "left"), [pytest.param(100_000, 1, id="exactly"), pytest.param(100_001, 0, id="over")]
)
def test_age(store, age_ms, left):
    put(store, 1, 0, 1, time_ms=NOW_MS - age_ms)
    store.upkeep()

    assert store.pending("a").count == left
    assert store.dropped == ({} if left else {"too_old": 1})


def test_only_the_old_head_goes(store):
    put(store, 1, 0, 700, payload=b"x", time_ms=NOW_MS - 200_000)
    put(store, 1, 700, 710, payload=b"x")
    store.upkeep()

    assert store.next_batch("a", 50).event_ids == [str(n) for n in range(700, 710)]
    assert store.dropped == {"too_old": 700}


def test_empty_space_is_given_back(tmp_path):
    store = Store(tmp_path, formats={"a": "native"}, clock=FakeClock())
    put(store, 1, 0, 5000)
    store.upkeep()
    store._upkeep.checkpoint()
    full = size_of(store)
    while (batch := store.next_batch("a", 1000, 10**9)) is not None:
        store.acknowledge("a", batch)
    store.upkeep()
    store.upkeep()

    assert full > 5_000_000
    assert size_of(store) < 200_000
    store.close()


def test_a_locked_file_defers_and_the_next_append_catches_up(store):
    put(store, 1, 0, 2)
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert not store.append(1, [("native", KB)], time_ms=NOW_MS, event_id="2")
    assert not store.append(1, [("native", KB)], time_ms=NOW_MS, event_id="3")
    assert store.waiting_in_memory == 2
    other.execute("ROLLBACK")
    other.close()
    assert store.append(1, [("native", KB)], time_ms=NOW_MS, event_id="4")

    assert store.next_batch("a", 50).event_ids == ["0", "1", "2", "3", "4"]
    assert store.deferred_count == 2
    assert store.waiting_in_memory == 0
    assert store.dropped == {}


def test_upkeep_writes_what_waits_without_a_next_append(store):
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    store.append(1, [("native", KB)], time_ms=NOW_MS, event_id="0")
    other.execute("ROLLBACK")
    other.close()
    store.upkeep()

    assert store.next_batch("a", 50).event_ids == ["0"]


def test_memory_is_bounded_and_the_oldest_go_first(store):
    put(store, 1, 0, 1)
    store._file.disconnect()
    # A folder in the file's place: nothing can be opened.
    for path in list(store.folder.iterdir()):
        path.unlink()
    store.path.mkdir()
    put(store, 1, 1, MAX_DEFERRED + 11, payload=b"x")

    assert store.waiting_in_memory == MAX_DEFERRED
    assert store.dropped == {"memory_full": 10}
    store.path.rmdir()
    store.append(1, [("native", KB)], time_ms=NOW_MS, event_id="last")
    batch = store.next_batch("a", 5000, 10**9)
    assert batch.event_ids == [*(str(n) for n in range(11, MAX_DEFERRED + 11)), "last"]


def test_more_in_memory_than_the_bound_allows(store):
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    store._appender.deferred.extend(
        StoredEvent(1, [("native", KB)], NOW_MS, str(n)) for n in range(MAX_DEFERRED)
    )
    other.execute("ROLLBACK")
    other.close()
    assert store.append(1, [("native", KB)], time_ms=NOW_MS, event_id="last")
    batch = store.next_batch("a", 5000, 10**9)

    assert batch.event_ids[-2:] == [str(MAX_DEFERRED - 1), "last"]
    assert len(batch.event_ids) + store.dropped["store_full"] == MAX_DEFERRED + 1


def test_a_folder_that_cannot_be_made_loses_nothing_silently(tmp_path, drops, caplog):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    store = Store(blocked, formats={"a": "native"}, on_drop=lambda *drop: drops.append(drop))
    assert not store.append(1, [("native", KB)], time_ms=NOW_MS, event_id="0")
    assert not store.write_state({"user_id": "u"})
    assert store.claim_session(1)
    assert store.claim_delivery()
    assert store.last_session() == 1

    assert store.read_state() == {"user_id": "u"}
    store.close()
    assert drops == [("close", 1)]
    assert "cannot be opened" in caplog.text


def test_appends_between_checkpoints_keep_the_log_short(store):
    for n in range(0, 10_000, 500):
        put(store, 1, n, n + 500, payload=b"y" * 100)
        while (batch := store.next_batch("a", 500)) is not None:
            store.acknowledge("a", batch)
        store.upkeep()
        assert Path(f"{store.path}-wal").stat().st_size <= 2 * store._upkeep.max_log_bytes

    assert store.dropped == {}


# Dead letters


def give_up(store, count):
    """Give up the next events, one at a time as a delivery does."""
    for _ in range(count):
        store.move_to_dead_letters("a", store.next_batch("a", 1), "HTTP 400")


def letters(store):
    with sqlite3.connect(store.path) as connection:
        return [row[0] for row in connection.execute("SELECT event_id FROM dead_letters ORDER BY id")]


@pytest.mark.parametrize("looked_after", [True, False], ids=["upkeep", "appends alone"])
def test_dead_letters_make_room_for_events_that_can_be_delivered(store, looked_after):
    for n in range(0, 500, 5):
        put(store, 1, n, n + 5)
        give_up(store, 5)
        store.upkeep()
    for n in range(500, 700, 5):
        put(store, 1, n, n + 5)
        if looked_after:
            store.upkeep()
    left = letters(store)

    assert size_of(store) <= 1024 * 1024
    assert len(store.next_batch("a", 10_000, 10**9).event_ids) == 200
    assert left == [str(n) for n in range(500 - len(left), 500)]
    assert store.dropped == {"dead_letters_full": 500 - len(left)}


@pytest.mark.parametrize(("age_s", "count"), [(99.999, 3), (100.0, 3), (100.001, 0)], ids=str)
def test_dead_letters_go_by_age_as_events_do(tmp_path, age_s, count):
    clock = FakeClock()
    with_age = Store(tmp_path, formats={"a": "native"}, max_age_s=100.0, clock=clock)
    put(with_age, 1, 0, 3, time_ms=clock.wall_ns() // 1_000_000)
    give_up(with_age, 3)
    clock.advance(s=age_s)
    with_age.upkeep()

    assert len(letters(with_age)) == count
    assert with_age.dropped == ({} if count else {"dead_letters_old": 3})
    with_age.close()
