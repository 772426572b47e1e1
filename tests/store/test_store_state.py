"""The state, the sessions and the locks."""

import errno
import os
import threading
import uuid

import pytest
from journal_events import NOW_MS, drain, event_id, put, segments

from capture.errors import StoreError
from capture.store import Store, StoredEvent, state as state_module
from capture.store.locks import FileLock

USER, OTHER = (str(uuid.UUID(int=n)) for n in (7, 8))


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path, formats={"a": "native"})
    yield made
    made.close()


def opened(folder, **options):
    return Store(folder, formats={"a": "native"}, **options)


def session_of(state):
    keys = ("session_number", "screen_count", "first_event_ms", "last_event_ms", "action_ms", "session_id")
    return tuple(state.get(key) for key in keys)


def test_the_first_state_is_that_of_the_first_process(tmp_path):
    stores = [opened(tmp_path) for _ in range(2)]
    both, states = threading.Barrier(2), []

    def start(store, user_id):
        assert store.read_state() is None
        both.wait(30)
        states.append(store.first_state({"user_id": user_id, "salt": "s"}))

    threads = [threading.Thread(target=start, args=pair) for pair in zip(stores, (USER, OTHER), strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(states) == 2
    assert states[0] == states[1] == stores[0].read_state()
    for store in stores:
        store.close()


def test_the_first_state_takes_nothing_from_what_is_known(store):
    store.write_state({"user_id": USER, "device_id": "d"})

    state = store.first_state({"user_id": OTHER, "salt": "s"})
    assert (state["user_id"], state["salt"], state["device_id"]) == (USER, "s", "d")
    assert state["sinks"] == {"a": "native"}


def test_no_state_at_first(store):
    assert store.read_state() is None
    assert list(store.folder.iterdir()) == []


def test_events_say_where_the_session_stands(store):
    store.write_state({"user_id": USER, "salt": "s"})
    store.describe_session(1, {"first_event_ms": NOW_MS - 500})
    put(store, 0, 1, session=1, screens=1, elapsed_ms=-1)
    assert session_of(store.last_state()) == (1, 1, NOW_MS - 500, NOW_MS, None, None)
    put(store, 1, 2, session=1, screens=2, elapsed_ms=40)

    assert session_of(store.last_state()) == (1, 2, NOW_MS - 500, NOW_MS, NOW_MS - 40, None)
    assert store.read_state()["user_id"] == USER


def test_the_session_outlives_its_events_and_the_process(tmp_path):
    store = opened(tmp_path)
    store.write_state({"user_id": USER})
    put(store, 0, 5, session=3, screens=5)
    drain(store)
    store.upkeep()
    store.purge()
    store.close()
    store = opened(tmp_path)
    store.upkeep()

    state = store.last_state()
    assert (state["session_number"], state["screen_count"]) == (3, 5)
    assert store.read_state()["user_id"] == USER
    assert store.last_session() == 3
    assert store.claim_session(3)
    put(store, 5, 7, session=3)
    assert drain(store) == [5, 6]
    assert store.dropped == {}
    store.close()


def test_the_latest_session_counts_and_not_the_last_writer(tmp_path):
    first, second = opened(tmp_path), opened(tmp_path)
    first.write_state({"user_id": USER})
    put(first, 0, 1, session=5, screens=50)
    put(second, 1, 2, session=6, screens=60)
    put(first, 2, 3, session=5, screens=51)

    assert session_of(second.last_state())[:2] == (6, 60)
    first.close()
    second.close()


def test_a_note_on_a_session_goes_with_its_next_call_and_into_every_segment(tmp_path):
    store = opened(tmp_path, max_bytes=16 * 2000)
    store.describe_session(1, {"session_id": OTHER, "first_event_ms": 7})
    assert store.last_state() == {}
    put(store, 0, 40, session=1)
    assert len(list(tmp_path.glob("s*.seg"))) > 2
    assert session_of(store.last_state())[-1] == OTHER
    store.describe_session(1, {"session_id": None, "first_event_ms": 7})
    assert session_of(store.last_state())[-1] == OTHER
    put(store, 40, 41, session=1)

    assert session_of(store.last_state())[-1] is None
    assert session_of(store.last_state())[2] == 7
    assert drain(store) == list(range(41))
    store.close()


def damage(path, place=20):
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("place", [2, 20, 40, -3])
def test_a_damaged_state_is_that_before(tmp_path, place):
    store = opened(tmp_path)
    store.write_state({"user_id": USER})
    store.write_state({"user_id": USER, "device_id": "d"})
    damage(tmp_path / "state.json", place)

    assert opened(tmp_path).read_state()["user_id"] == USER
    store.close()


def test_without_a_good_state_the_user_is_that_of_the_segments(tmp_path):
    store = opened(tmp_path)
    store.write_state({"user_id": USER})
    (tmp_path / "state.json.bak").unlink(missing_ok=True)
    damage(tmp_path / "state.json")
    with pytest.raises(StoreError, match="damaged"):
        opened(tmp_path).read_state()
    put(store, 0, 1)
    assert opened(tmp_path).read_state()["user_id"] == USER
    store.close()


def test_a_session_belongs_to_one_process(tmp_path):
    first, second = opened(tmp_path), opened(tmp_path)

    assert first.claim_session(1)
    assert first.claim_session(1)
    assert not second.claim_session(1)
    assert second.is_live(1)
    assert second.claim_session(2)
    put(second, 0, 1, session=2)
    first.close()
    assert not second.is_live(1)
    third = opened(tmp_path)
    # 1 is free, but it is over: 2 was opened after it.
    assert not third.claim_session(1)
    assert not third.claim_session(2)
    assert third.claim_session(3)
    assert third.last_session() == 3
    second.close()
    third.close()


def test_a_new_session_has_nothing_in_it(tmp_path):
    first, second = opened(tmp_path), opened(tmp_path)
    put(first, 0, 1, session=6)
    first.close()

    assert not second.claim_session(6, new=True)
    assert second.claim_session(6)
    second.close()


def test_the_session_before_is_held_until_its_events_are_written(store):
    put(store, 0, 1, session=1)
    store.claim_session(2)
    assert store.is_live(1)
    events = [StoredEvent(session, [("native", b"x")], NOW_MS, event_id(session)) for session in (1, 2)]
    store.append_many(events)

    assert not store.is_live(1)
    assert store.is_live(2)
    assert [path.name for path in segments(store.folder)] == [
        "s0000000001-000001.seg",
        "s0000000002-000001.seg",
    ]


def test_one_process_delivers(tmp_path):
    first, second = opened(tmp_path), opened(tmp_path)

    assert first.claim_delivery()
    assert first.claim_delivery()
    assert not second.claim_delivery()
    first.close()
    assert second.claim_delivery()
    second.close()


def test_a_lock_on_the_state_is_not_waited_for_for_ever(store, monkeypatch):
    monkeypatch.setattr("capture.store.state._LOCK_S", 0.05)
    other = FileLock(store.folder / "state.lock")
    assert other.claim()
    assert not store.write_state({"user_id": USER})
    assert store.read_state()["user_id"] == USER
    assert not (store.folder / "state.json").exists()
    other.release()
    store.upkeep()

    assert opened(store.folder).read_state()["user_id"] == USER


@pytest.mark.skipif(os.name != "posix", reason="modes of files")
def test_files_are_private(tmp_path):
    folder = tmp_path / "deep" / "store"
    before = os.umask(0o022)
    try:
        store = opened(folder)
        store.write_state({"user_id": USER})
        put(store, 0, 2)
        store.move_to_dead_letters("a", store.next_batch("a", 1), "no")
        store.upkeep()
    finally:
        os.umask(before)

    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert set(modes.values()) == {0o600}, modes
    assert folder.stat().st_mode & 0o777 == folder.parent.stat().st_mode & 0o777 == 0o700
    store.close()


def test_names_of_sinks_need_a_state_that_is_there(tmp_path):
    """Another process's opt-out between a start's two looks deletes it: nothing is made anew."""
    store = opened(tmp_path)

    with pytest.raises(StoreError, match="the state is gone"):
        store.first_state({})
    store.close()

    assert not (tmp_path / "state.json").exists()


def test_a_user_that_is_being_changed_is_no_opt_out(tmp_path, monkeypatch):
    """The maintenance thread may look while the file still has the user before."""
    store = opened(tmp_path)
    store.write_state({"user_id": USER})
    update, found = state_module.update_state, []

    def slow_update(*values):
        found.append(store.check_presence(deeply=True))
        return update(*values)

    monkeypatch.setattr(state_module, "update_state", slow_update)
    store.write_state({"user_id": OTHER, "users": [USER]})
    found.append(store.check_presence(deeply=True))

    assert found == [True, True]
    store.close()


def test_a_state_that_cannot_take_its_place_leaves_no_file(store, monkeypatch):
    def refuse(path, _):
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))

    monkeypatch.setattr(type(store.folder), "replace", refuse)
    assert [store.write_state({"user_id": USER, "n": n}) for n in range(3)] == [False] * 3
    monkeypatch.undo()

    assert list(store.folder.glob("*.tmp")) == []
    assert store.read_state()["n"] == 2


def test_a_state_that_is_being_written_does_not_outlive_its_store(store, monkeypatch):
    """The maintenance thread may be writing a state that waited when the user opts out."""
    monkeypatch.setattr(state_module, "_LOCK_S", 0.05)
    other = FileLock(store.folder / "state.lock")
    assert other.claim()
    assert not store.write_state({"user_id": USER})
    other.release()
    update, writes, goes_on = state_module.update_state, threading.Event(), threading.Event()

    def slow_update(*values):
        writes.set()
        assert goes_on.wait(30)
        return update(*values)

    monkeypatch.setattr(state_module, "update_state", slow_update)
    maintenance, opt_out = threading.Thread(target=store.upkeep), threading.Thread(target=store.destroy)
    maintenance.start()
    assert writes.wait(30)
    opt_out.start()
    opt_out.join(0.1)
    goes_on.set()
    maintenance.join(30)
    opt_out.join(30)

    assert list(store.folder.iterdir()) == []
