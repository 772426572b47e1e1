"""Damaged, busy, forked and closed: nothing is raised into the app, and nothing that is confirmed is lost."""

import contextlib
import os
import sqlite3
import threading

import pytest

from capture.errors import StoreError
from capture.store import Store
from capture.store.append import MAX_DEFERRED
from capture.testing import START_NS, FakeClock

NOW_MS = START_NS // 1_000_000
MAX_BYTES = 2 * 1024 * 1024


def opened(folder, **more):
    return Store(folder, formats={"a": "native"}, clock=FakeClock(), **more)


@pytest.fixture
def store(tmp_path):
    made = opened(tmp_path)
    yield made
    made.close()


def put(store, first, last, **more):
    return [
        store.append(1, [("native", b"e%d" % n)], time_ms=NOW_MS, event_id=str(n), **more)
        for n in range(first, last)
    ]


def names(first, last):
    return [str(n) for n in range(first, last)]


def drained(store, tries=200):
    got = []
    for _ in range(tries):
        try:
            batch = store.next_batch("a", 50)
            if batch is None:
                return got
            got += batch.event_ids
            store.acknowledge("a", batch)
        except StoreError:
            continue
    pytest.fail("it never ends")


def alter(folder, sql):
    connection = sqlite3.connect(folder / "capture.db")
    connection.execute(sql)
    connection.commit()
    connection.close()


CHANGES = [
    pytest.param("UPDATE events SET count = '' WHERE id = 20", id="count-of-the-last"),
    pytest.param("UPDATE events SET count = 'x' WHERE id = 1", id="count-of-the-first"),
    pytest.param("UPDATE events SET count = 1e300 WHERE id = 20", id="count-a-float"),
    pytest.param("UPDATE events SET time_ms = 'x' WHERE id = 1", id="time"),
    pytest.param("UPDATE events SET session = 'x' WHERE id = 20", id="session"),
    pytest.param("UPDATE events SET state = 7 WHERE id = 20", id="carried-state"),
    pytest.param("UPDATE state SET value = 'x'", id="state"),
    pytest.param("UPDATE state SET session = 'x'", id="session-of-the-state"),
    pytest.param("UPDATE queues SET name = CAST(x'e1' AS TEXT)", id="name-of-the-queue"),
    pytest.param("UPDATE queues SET cursor = 'x'", id="cursor"),
    pytest.param("DELETE FROM queues", id="no-queue"),
    pytest.param("DELETE FROM mark", id="no-mark"),
    pytest.param("UPDATE mark SET removed = 'x'", id="mark"),
]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("in_use", [False, True], ids=["before-the-start", "in-use"])
def test_nothing_but_a_store_error_is_ever_raised(tmp_path, change, in_use):
    store = opened(tmp_path, max_age_s=10.0)
    store.write_state({"user_id": "u", "session_number": 1})
    put(store, 0, 20, state={"last_event_ms": NOW_MS})
    if not in_use:
        store.close()
    alter(tmp_path, change)
    if not in_use:
        store = opened(tmp_path, max_age_s=10.0)
    answers = put(store, 20, 25)
    for call in (store.read_state, store.last_session, store.upkeep, lambda: store.pending("a")):
        with contextlib.suppress(StoreError) if in_use else contextlib.nullcontext():
            call()
    answers += put(store, 25, 30)
    got = drained(store)
    store._clock.advance(s=11)
    store.upkeep()
    store.purge()
    dropped = sum(store.dropped.values())
    store.close()

    assert all(answers) or in_use
    # Whatever was damaged is not sent, whatever is sent was recorded.
    assert set(got) <= set(names(0, 30))
    assert len(set(got)) + dropped >= 30
    assert set(got) >= set(names(1, 19)) | set(names(20, 30))


@pytest.mark.parametrize("in_use", [False, True], ids=["before-the-start", "in-use"])
def test_a_queue_whose_name_is_damaged_holds_nothing_back(tmp_path, in_use):
    store = opened(tmp_path)
    put(store, 0, 300)
    if in_use:
        alter(tmp_path, "UPDATE queues SET name = 'b'")
    else:
        store.close()
        alter(tmp_path, "UPDATE queues SET name = 'b'")
        store = opened(tmp_path)
    assert drained(store) == names(0, 300)
    store.upkeep()

    with store._reading() as connection:
        assert connection.execute("SELECT count(*) FROM events").fetchone() == (0,)
        assert connection.execute("SELECT name FROM queues").fetchall() == [("a",)]
    store.close()


class Failing:
    """A connection of which one statement fails."""

    def __init__(self, connection, error):
        self.connection, self.error = connection, error

    def execute(self, sql, *values):
        if self.error is not None and sql.startswith("INSERT"):
            error, self.error = self.error, None
            raise error
        return self.connection.execute(sql, *values)

    def __getattr__(self, name):
        return getattr(self.connection, name)


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(sqlite3.DatabaseError("something is wrong"), id="no-operational-error"),
        pytest.param(sqlite3.OperationalError("disk I/O error"), id="disk"),
    ],
)
def test_ids_that_were_forgotten_in_a_burst_are_not_given_again(store, error):
    put(store, 0, 300)
    assert drained(store) == names(0, 300)
    assert put(store, 300, 303) == [True] * 3
    assert store._file.hold.on
    store._file._writer = Failing(store._file._writer, error)
    put(store, 303, 306)

    assert drained(store) == names(300, 306)


def test_a_purge_in_a_burst_gives_no_id_again(store):
    put(store, 0, 3)
    real = store._appender.forget_ids

    def forget():
        # As an append of another thread does between the purge and its end.
        if not store._file.write_lock.locked():
            put(store, 100, 102)
        real()

    store._appender.forget_ids = forget
    store.purge()
    put(store, 3, 6)

    assert drained(store) == names(3, 6)


def test_what_waited_for_a_lock_is_written_in_a_burst(tmp_path, store):
    other = opened(tmp_path)
    put(store, 0, 3)
    with store._file.write_lock:
        assert put(store, 3, 5) == [False] * 2
    # Another process writes, so that our snapshot is old.
    put(other, 100, 101)
    assert store._file.hold.on
    assert put(store, 5, 6) == [True]

    assert drained(other) == ["0", "1", "2", "100", "3", "4", "5"]
    other.close()


def do(*statements):
    def act(other):
        with other._reading() as connection:
            for statement in statements:
                connection.execute(statement)

    return act


@pytest.mark.parametrize(
    ("act", "left"),
    [
        pytest.param(lambda other: other.purge(), 0, id="purge"),
        pytest.param(lambda other: other.upkeep(), 4, id="upkeep"),
        pytest.param(do("VACUUM"), 4, id="vacuum"),
        pytest.param(do("PRAGMA wal_checkpoint(PASSIVE)"), 4, id="checkpoint"),
        pytest.param(do("PRAGMA busy_timeout = 50", "PRAGMA wal_checkpoint(TRUNCATE)"), 4, id="truncate"),
        pytest.param(drained, 0, id="deliver"),
        pytest.param(lambda other: other.claim_session(7), 4, id="claim"),
    ],
)
def test_what_another_process_does_in_a_burst_loses_nothing(tmp_path, store, act, left):
    other = opened(tmp_path)
    put(store, 0, 4)
    assert store._file.hold.on
    act(other)
    assert put(store, 4, 8) == [True] * 4
    act(other)
    assert put(store, 8, 12) == [True] * 4

    assert drained(store) == (names(0, 12) if left else names(8, 12))
    assert store.dropped == other.dropped == {}
    other.close()


def test_a_full_disk_in_a_burst(tmp_path, store):
    put(store, 0, 3)
    assert store._file.hold.on
    # A bound below what there is refuses new pages as a full disk does.
    writer = store._file.writer()
    writer.execute("PRAGMA max_page_count = 1")
    store._upkeep.is_full = lambda _: False
    big = b"x" * 4000
    kept = [store.append(1, [("native", big)], time_ms=NOW_MS, event_id=str(n)) for n in range(3, 8)]
    assert kept == [False] * 5
    assert not store._file.hold.on
    writer.execute("PRAGMA max_page_count = 10000")

    assert store.append(1, [("native", big)], time_ms=NOW_MS, event_id="8")
    assert drained(store) == names(0, 9)
    assert store.dropped == {}


def test_a_close_in_a_burst_of_another_thread_counts_every_event(tmp_path):
    told = []
    store = opened(tmp_path, on_drop=lambda cause, count: told.append((cause, count)))
    confirmed, ended, closed = [], threading.Event(), threading.Event()

    def record():
        n = 0
        while not closed.is_set() or n < 200:
            confirmed.extend([n] if put(store, n, n + 1) == [True] else [])
            n += 1
            if n == 200:
                ended.set()
        confirmed.append(-n)

    thread = threading.Thread(target=record)
    thread.start()
    assert ended.wait(30)
    store.close()
    closed.set()
    thread.join(30)
    count = -confirmed.pop()
    later = opened(tmp_path)
    got = drained(later, tries=10**6)
    later.close()

    assert set(got) >= {str(n) for n in confirmed}
    assert store.waiting_in_memory == 0
    assert len(got) + store.dropped.get("close", 0) == count
    assert {cause for cause, _ in told} <= {"close"}


def test_what_comes_after_the_close_is_counted_and_not_kept(store):
    put(store, 0, 1)
    store.close()

    assert put(store, 1, 3 + MAX_DEFERRED) == [False] * (MAX_DEFERRED + 2)
    assert store.waiting_in_memory == 0
    assert store.dropped == {"close": MAX_DEFERRED + 2}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_forks_in_a_burst_of_another_thread_lose_nothing(store):
    put(store, 0, 10)
    count, stop = [10], threading.Event()

    def record():
        while not stop.is_set():
            put(store, count[0], count[0] + 1)
            count[0] += 1

    thread = threading.Thread(target=record)
    thread.start()
    for child in range(5):
        pid = os.fork()
        if pid == 0:
            put(store, 10**6 + child, 10**6 + child + 1)
            # The parent writes all the time: it may wait in memory first.
            store.upkeep()
            os._exit(store.waiting_in_memory)
        assert os.waitpid(pid, 0)[1] == 0
    stop.set()
    thread.join(30)
    store.upkeep()

    got = drained(store, tries=10**6)
    assert sorted(map(int, got)) == [*range(count[0]), *range(10**6, 10**6 + 5)]
    assert store.dropped == {}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_that_does_nothing_holds_none_of_its_parents_locks(tmp_path):
    store = opened(tmp_path)
    put(store, 0, 1)
    assert store.claim_session(1)
    assert store.claim_delivery()
    (up, child_up), (end, child_end) = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(child_end)
        os.write(child_up, b"!")
        os.read(end, 1)
        os._exit(0)
    assert os.read(up, 1) == b"!"
    # As when the parent dies: its descriptors are closed, and nothing is unlocked.
    store._claims.forget()
    later = opened(tmp_path)
    try:
        assert later.claim_delivery()
        assert later.claim_session(1)
    finally:
        os.close(child_end)
        os.waitpid(pid, 0)
        for descriptor in (up, child_up, end):
            os.close(descriptor)
        later.close()
        store.close()
