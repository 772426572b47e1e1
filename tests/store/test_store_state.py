"""The state, the sessions and the locks."""

import sqlite3
import threading

import pytest

from capture.errors import StoreError
from capture.store import Store, core


def put(store, session, name, state=None):
    store.append(session, [("native", name.encode())], time_ms=10**13, event_id=name, state=state)


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path, formats={"a": "native"})
    yield made
    made.close()


def test_the_first_state_is_that_of_the_first_process(tmp_path):
    stores = [Store(tmp_path, formats={"a": "native"}) for _ in range(2)]
    both, states = threading.Barrier(2), []

    def start(store, user_id):
        assert store.read_state() is None
        both.wait(30)
        states.append(store.first_state({"user_id": user_id, "salt": "s"}))

    threads = [threading.Thread(target=start, args=pair) for pair in zip(stores, "uv", strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(states) == 2
    assert states[0] == states[1] == stores[0].read_state()
    for store in stores:
        store.close()


def test_the_first_state_takes_nothing_from_what_is_known(tmp_path):
    store = Store(tmp_path, formats={"a": "native"})
    store.write_state({"user_id": "u", "session_number": 3})

    assert store.first_state({"user_id": "v", "salt": "s"}) == {
        "user_id": "u",
        "salt": "s",
        "session_number": 3,
    }
    store.close()


def test_no_state_at_first(store):
    assert store.read_state() is None


def test_events_change_keys_of_what_was_written(store):
    store.write_state({"user_id": "u", "salt": "s", "session_number": 1, "screen_count": 0})
    put(store, 1, "a", {"session_number": 1, "screen_count": 1})
    put(store, 1, "b", {"session_number": 1, "screen_count": 2})

    assert store.read_state() == {"user_id": "u", "salt": "s", "session_number": 1, "screen_count": 2}


def test_what_is_written_later_wins(store):
    put(store, 1, "a", {"session_number": 1, "screen_count": 7})
    store.write_state({"session_number": 1, "screen_count": 0})

    assert store.read_state() == {"session_number": 1, "screen_count": 0}


def test_state_outlives_its_event_and_the_process(tmp_path):
    store = Store(tmp_path, formats={"a": "native"})
    store.write_state({"user_id": "u"})
    put(store, 3, "a", {"session_number": 3, "screen_count": 5})
    store.acknowledge("a", store.next_batch("a", 50))
    store.upkeep()
    assert store._file._reader.execute("SELECT count(*) FROM events").fetchone() == (0,)
    store.close()
    store = Store(tmp_path, formats={"a": "native"})

    assert store.read_state() == {"user_id": "u", "session_number": 3, "screen_count": 5}
    store.close()


def test_the_latest_session_counts_and_not_the_last_writer(tmp_path):
    first = Store(tmp_path, formats={"a": "native"})
    second = Store(tmp_path, formats={"a": "native"})
    put(first, 5, "a", {"session_number": 5})
    put(second, 6, "b", {"session_number": 6})
    put(first, 5, "c", {"session_number": 5})

    assert second.read_state() == {"session_number": 6}
    first.close()
    second.close()


def test_damaged_state_is_no_state(store):
    store.write_state({"user_id": "right"})
    with store._file.writing(lambda _: None) as connection:
        connection.execute("UPDATE state SET value = replace(CAST(value AS TEXT), 'right', 'wrong')")

    assert store.read_state() is None


def test_a_session_belongs_to_one_process(tmp_path):
    first = Store(tmp_path, formats={"a": "native"})
    second = Store(tmp_path, formats={"a": "native"})

    assert first.claim_session(1)
    assert first.claim_session(1)
    assert not second.claim_session(1)
    assert second.is_live(1)
    assert second.claim_session(2)
    first.close()
    assert not second.is_live(1)
    third = Store(tmp_path, formats={"a": "native"})
    # 1 is free, but it is over: 2 was opened after it.
    assert not third.claim_session(1)
    assert not third.claim_session(2)
    assert third.claim_session(3)
    assert third.last_session() == 3
    second.close()
    third.close()


def test_a_restart_may_continue_the_last_session(tmp_path):
    store = Store(tmp_path, formats={"a": "native"})
    store.claim_session(4)
    store.close()
    store = Store(tmp_path, formats={"a": "native"})

    assert store.last_session() == 4
    assert store.claim_session(4)
    store.close()


def test_claiming_the_next_session_frees_the_one_before(store):
    store.claim_session(1)
    store.claim_session(2)

    assert not store.is_live(1)
    assert store.is_live(2)


def test_one_process_delivers(tmp_path):
    first = Store(tmp_path, formats={"a": "native"})
    second = Store(tmp_path, formats={"a": "native"})

    assert first.claim_delivery()
    assert first.claim_delivery()
    assert not second.claim_delivery()
    first.close()
    assert second.claim_delivery()
    second.close()


# While another process writes


@pytest.fixture
def other_writer(store):
    """Return the connection of another process that holds the write lock; its rollback frees it."""
    put(store, 1, "a")
    connection = sqlite3.connect(store.path, isolation_level=None, check_same_thread=False)
    connection.execute("BEGIN IMMEDIATE")
    yield connection
    connection.close()


@pytest.fixture
def impatient(store, monkeypatch):
    """Have the test fail where a call takes the connection that waits as long as a worker may."""

    def fail():
        raise AssertionError("held up the app")

    monkeypatch.setattr(store._file, "reading", fail)
    yield
    monkeypatch.undo()


def test_what_a_touch_may_wait_for_waits_no_longer_than_an_append(store, other_writer, impatient):
    assert store.read_state(quickly=True) is None
    assert store.claim_session(4)
    assert store.last_session() == 4
    assert not store.write_state({"user_id": "u"})
    assert store.read_state(quickly=True) == {"user_id": "u"}


def test_what_could_not_be_written_then_is_written_later(store, other_writer):
    store.claim_session(4)
    store.write_state({"user_id": "u"})
    other_writer.execute("ROLLBACK")
    store.upkeep()
    other = Store(store.folder, formats={"a": "native"})

    assert other.last_session() == 4
    assert other.read_state() == {"user_id": "u"}
    assert not other.claim_session(3)
    other.close()


def test_a_session_that_is_over_is_not_claimed_while_another_process_reads(store):
    store.claim_session(5)
    other = Store(store.folder, formats={"a": "native"})

    assert not other.claim_session(4)
    assert other.claim_session(6)
    assert store.last_session() == 6
    other.close()


def test_a_state_that_cannot_be_read_is_not_taken_for_none(tmp_path, monkeypatch):
    written = Store(tmp_path, formats={"a": "native"})
    written.write_state({"user_id": "u"})
    written.close()
    with sqlite3.connect(tmp_path / "capture.db", isolation_level=None) as alone:
        alone.execute("PRAGMA locking_mode = EXCLUSIVE")
        alone.execute("BEGIN IMMEDIATE")
        monkeypatch.setattr("capture.store.file.PATIENT_S", 0.01)
        store = Store(tmp_path, formats={"a": "native"})
        with pytest.raises(StoreError, match="locked"):
            store.read_state()
        alone.execute("ROLLBACK")
    alone.close()

    assert store.read_state() == {"user_id": "u"}
    store.close()


def test_what_comes_while_older_things_are_written_is_written_next(store, other_writer, monkeypatch):
    write = core.write_state
    store.claim_session(4)
    store.write_state({"user_id": "u"})
    other_writer.execute("ROLLBACK")

    def write_meanwhile(connection, state):
        write(connection, state)
        monkeypatch.setattr(core, "write_state", write)
        store._unwritten, store._unmarked = {"user_id": "v"}, 5

    monkeypatch.setattr(core, "write_state", write_meanwhile)
    store.upkeep()
    store.upkeep()
    other = Store(store.folder, formats={"a": "native"})

    assert other.read_state() == {"user_id": "v"}
    assert other.last_session() == 5
    other.close()


def test_a_mark_is_raised_within_a_transaction(store, other_writer, monkeypatch):
    store.claim_session(4)
    other_writer.execute("ROLLBACK")
    set_mark, seen = core.schema.set_mark, []

    def watched(connection, removed, session=0):
        seen.append(connection.in_transaction)
        set_mark(connection, removed, session)

    monkeypatch.setattr(core.schema, "set_mark", watched)
    store.upkeep()

    assert seen
    assert all(seen)
