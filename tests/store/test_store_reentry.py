"""Records made while the same thread writes: by a log handler, as by a signal handler or a finalizer."""

import errno
import logging

import pytest
from journal_events import drain, put


@pytest.fixture
def during_a_write():
    """Return the calls that are made, one each, at the warnings of the store."""
    calls = []

    class Handler(logging.Handler):
        def emit(self, record):
            if calls:
                calls.pop(0)()

    handler = Handler()
    logging.getLogger("capture.store").addHandler(handler)
    yield calls
    logging.getLogger("capture.store").removeHandler(handler)


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC])
def test_an_event_that_is_recorded_during_a_write_comes_behind_it(store, disk, during_a_write, error):
    put(store, 0, 3)
    disk.error = error
    during_a_write.append(lambda: put(store, 4, 5))
    put(store, 3, 4)
    assert not during_a_write
    disk.error = None
    put(store, 5, 9)

    assert drain(store) == list(range(9))
    assert store.stored_of("a") == 9


def test_a_disk_that_works_again_during_a_write_loses_nothing(store, disk, during_a_write):
    put(store, 0, 3)
    disk.error = errno.EIO

    def again():
        disk.error = None
        put(store, 4, 6)

    during_a_write.append(again)
    put(store, 3, 4)
    put(store, 6, 9)

    assert drain(store) == list(range(9))
    assert store.stored_of("a") == 9


def test_a_close_during_a_write_counts_the_event(store, disk, during_a_write):
    put(store, 0, 3)
    disk.error = errno.EIO
    during_a_write.append(store.close)
    put(store, 3, 4)

    assert store.waiting_in_memory == 0
    assert store.dropped == {"close": 1}


def test_an_opt_out_during_a_write_leaves_nothing(store, disk, during_a_write):
    put(store, 0, 3)
    disk.error = errno.EIO
    during_a_write.append(store.destroy)
    put(store, 3, 4)

    assert list(store.folder.iterdir()) == []
    assert store.waiting_in_memory == 0


def test_the_memory_is_full_during_a_write(store, disk, during_a_write, monkeypatch):
    monkeypatch.setattr("capture.store.writer.MAX_WAITING", 2)
    put(store, 0, 1)
    disk.error = errno.EIO

    def again():
        disk.error = None
        put(store, 2, 5)

    during_a_write.append(again)
    put(store, 1, 2)

    delivered = drain(store)
    assert delivered[:2] == [0, 1]  # the one that is being written stays
    assert len(delivered) + store.dropped["memory_full"] == store.stored_of("a") == 5
