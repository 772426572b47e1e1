"""Segments that cannot be read or looked at for a while: nothing is taken for delivered, deleted or lost."""

import errno
import os
from io import FileIO
from pathlib import Path

import pytest
from journal_events import drain, put, segments

from capture.errors import StoreError
from capture.store import Store, context as module, recovery
from capture.testing import FakeClock


def opened(folder, **more):
    return Store(folder, formats={"a": "native"}, clock=FakeClock(), **more)


@pytest.fixture
def unreadable(monkeypatch):
    """Return a set of files whose reads fail, and one of files that cannot be looked at or deleted."""
    reads, looks = set(), set()

    def failing(call, files):
        def fails(place, *values, **more):
            path = place.name if isinstance(place, FileIO) else place
            if path in files:
                raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
            return call(place, *values, **more)

        return fails

    monkeypatch.setattr(recovery, "read_at", failing(recovery.read_at, reads))
    for name in ("stat", "unlink"):
        monkeypatch.setattr(Path, name, failing(getattr(Path, name), looks))
    return reads, looks


@pytest.fixture
def small(monkeypatch):
    """Have segments of a few events."""
    monkeypatch.setattr(module, "_SEGMENT_BYTES", 1100)


def begun(store, size=50):
    """Return a batch that its sink has, and that is not acknowledged yet."""
    batch = store.next_batch("a", size)
    assert store.begin_send("a", batch)
    store.end_send("a", batch)
    return batch


def test_a_goal_needs_every_segment(tmp_path, unreadable):
    store = opened(tmp_path)
    put(store, 0, 5)
    assert store.next_batch("a", 1).count == 1
    unreadable[0].update(segments(tmp_path))
    with pytest.raises(StoreError):
        store.goal("a")
    unreadable[0].clear()
    goal = store.goal("a")

    assert not store.reached("a", goal)
    assert drain(store) == list(range(5))
    assert store.reached("a", goal)
    store.close()


def test_pending_events_stay_counted_while_they_cannot_be_read(tmp_path, unreadable):
    store = opened(tmp_path)
    put(store, 0, 5)
    assert store.next_batch("a", 50).count == 5
    known = store.pending("a")
    unreadable[0].update(segments(tmp_path))
    now = store.pending("a")

    assert (now.count, now.sessions, now.oldest_ms) == (5, {1: 5}, 0)
    assert known.oldest_ms > 0
    store.close()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no /proc/self/fd")
def test_a_kept_file_is_opened_anew_where_its_file_system_was_mounted_anew(tmp_path):
    store, (end, other) = opened(tmp_path), os.pipe()
    put(store, 0, 5)
    store.release_session()
    assert begun(store, 2).count == 2
    kept = [link for link in Path("/proc/self/fd").iterdir() if str(link.resolve()).endswith(".seg")]
    for link in kept:
        os.dup2(end, int(link.name))  # from now on each read and write fails

    assert kept
    assert drain(store) == list(range(5))
    assert store.dropped == {}
    store.close()
    os.close(end)
    os.close(other)


def test_an_acknowledged_batch_is_delivered_though_the_first_answer_fails(tmp_path, unreadable):
    store = opened(tmp_path)
    put(store, 0, 5)
    store.release_session()
    batch = begun(store, 5)
    unreadable[0].update(segments(tmp_path))
    with pytest.raises(StoreError):
        store.acknowledge("a", batch)
    unreadable[0].clear()

    assert store.acknowledge("a", batch)
    assert store.pending("a").count == 0
    assert drain(store) == []
    store.close()


@pytest.mark.usefixtures("small")
def test_a_segment_that_cannot_be_looked_at_is_not_taken_for_deleted(tmp_path, unreadable):
    store = opened(tmp_path)
    put(store, 0, 20)
    batch = begun(store)
    unreadable[1].add(batch.place.path)
    with pytest.raises(StoreError):
        store.acknowledge("a", batch)
    assert not batch.place.gone
    unreadable[1].clear()

    assert store.acknowledge("a", batch)
    assert batch.place.gone
    assert not batch.place.path.exists()
    assert drain(store) == list(range(batch.count, 20))
    store.close()


@pytest.mark.usefixtures("small")
def test_a_segment_that_cannot_be_deleted_is_not_counted_as_dropped(tmp_path, unreadable):
    store = opened(tmp_path)
    put(store, 0, 20)
    assert store.claim_delivery()
    assert store.pending("a").count == 20
    unreadable[1].add(segments(tmp_path)[0])
    store._c.max_bytes = 4096
    with pytest.raises(StoreError):
        store.upkeep()
    unreadable[1].clear()

    assert store.dropped == {}
    assert drain(store) == list(range(20))
    store.close()


@pytest.mark.usefixtures("small")
def test_later_events_do_not_go_first_where_no_file_can_be_opened(tmp_path, monkeypatch):
    store, read = opened(tmp_path), recovery.read_at
    put(store, 0, 20)
    first = segments(tmp_path)[0]

    def read_at(path, *place):
        if path == first:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), str(path))
        return read(path, *place)

    monkeypatch.setattr(recovery, "read_at", read_at)
    assert store.claim_delivery()
    os.utime(tmp_path, (0, 0))  # the folder does not change between the looks
    for _ in range(2):
        with pytest.raises(StoreError, match="Too many open files"):
            store.next_batch("a", 50)
    monkeypatch.undo()

    assert drain(store) == list(range(20))
    store.close()


@pytest.mark.parametrize("what", ["list", "read"])
def test_events_that_cannot_be_looked_at_are_not_taken_for_delivered(tmp_path, monkeypatch, what):
    delivering, store = opened(tmp_path), opened(tmp_path)
    assert delivering.claim_delivery()
    put(store, 0, 5)
    watch = store.watch()

    def fail(*_):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    broken = {"list": (os, "listdir"), "read": (recovery, "read_at")}[what]
    monkeypatch.setattr(*broken, fail)
    with pytest.raises(StoreError, match="Too many open files"):
        watch.is_over()
    with pytest.raises(StoreError, match="Too many open files"):
        store.watch()
    monkeypatch.undo()

    assert not watch.is_over()
    assert drain(delivering) == list(range(5))
    assert watch.is_over()
    store.close()
    delivering.close()


@pytest.mark.usefixtures("small")
def test_a_session_that_cannot_be_asked_about_is_live(tmp_path, monkeypatch):
    delivering, store, open_file = opened(tmp_path), opened(tmp_path), os.open
    assert delivering.claim_delivery()
    assert store.claim_session(1)
    put(store, 0, 3)

    def fail(path, *flags):
        if os.fspath(path).endswith("session-1.lock"):
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return open_file(path, *flags)

    monkeypatch.setattr(os, "open", fail)
    assert drain(delivering) == [0, 1, 2]
    monkeypatch.undo()
    put(store, 3, 20)

    assert drain(delivering) == list(range(3, 20))
    store.close()
    delivering.close()
