"""The locks of the store, asked for by several threads of one process."""

import errno
import threading
from pathlib import Path

import pytest

from capture.store import locks
from capture.store.locks import Claims, FileLock


def test_threads_that_ask_at_once_all_hear_that_the_process_delivers(tmp_path, monkeypatch):
    take, pause, entered = locks._lock, threading.Event(), threading.Event()

    def take_slowly(descriptor, **more):
        take(descriptor, **more)
        entered.set()
        pause.wait(0.1)

    monkeypatch.setattr(locks, "_lock", take_slowly)
    claims = Claims(tmp_path)
    answers = []
    first = threading.Thread(target=lambda: answers.append(claims.claim_delivery()))
    first.start()
    assert entered.wait(10)
    answers.append(claims.claim_delivery())
    first.join(10)

    assert answers == [True, True]
    assert not Claims(tmp_path).claim_delivery()
    claims.delivery.release()


def test_a_signal_handler_may_ask_while_its_thread_asks(tmp_path, monkeypatch):
    take, claims, answers = locks._lock, Claims(tmp_path), []

    def interrupted(descriptor):
        take(descriptor)
        monkeypatch.setattr(locks, "_lock", take)
        answers.append(claims.claim_delivery())

    monkeypatch.setattr(locks, "_lock", interrupted)
    asking = threading.Thread(target=lambda: answers.append(claims.claim_delivery()), daemon=True)
    asking.start()
    asking.join(10)

    assert answers == [False, True]
    claims.delivery.release()


def test_another_process_may_deliver_after_a_release(tmp_path):
    first, second = Claims(tmp_path), Claims(tmp_path)

    assert first.claim_delivery()
    assert not second.claim_delivery()
    first.delivery.release()
    assert second.claim_delivery()
    second.delivery.release()


def test_a_lock_is_of_another_process_or_cannot_be_made(tmp_path, monkeypatch):
    first, second = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert first.claim_or_raise()
    assert first.claim_or_raise()
    assert not second.claim_or_raise()
    first.release()
    no_file = FileLock(tmp_path)
    assert not no_file.claim()
    assert no_file.unavailable
    with pytest.raises(IsADirectoryError):
        no_file.claim_or_raise()

    def fail(descriptor):
        raise OSError(errno.ENOLCK, "No locks available")

    with monkeypatch.context() as patched:
        patched.setattr(locks, "_lock", fail)
        assert not second.claim()
        assert second.unavailable  # a file system without locks: events wait in memory
        with pytest.raises(OSError, match="No locks available"):
            second.claim_or_raise()
    assert second.claim_or_raise()
    second.release()


def test_a_lock_that_is_held_is_waited_for_on_windows_too(tmp_path, monkeypatch):
    """There the error of a lock that is held is no `BlockingIOError`."""

    def fail(descriptor):
        raise PermissionError(errno.EACCES, "Permission denied")

    lock = FileLock(tmp_path / "lock")
    monkeypatch.setattr(locks, "_DELETES_OPEN", False)
    with monkeypatch.context() as patched:
        patched.setattr(locks, "_lock", fail)
        assert not lock.claim_or_raise()
        assert not lock.unavailable
    assert lock.claim_or_raise()
    lock.release()


def test_a_lock_file_is_deleted_behind_its_close_where_no_open_file_can_be(tmp_path, monkeypatch):
    """As on Windows: a file that is open stays."""
    lock, unlink = FileLock(tmp_path / "session-1.lock"), Path.unlink
    monkeypatch.setattr(locks, "_DELETES_OPEN", False)

    def unlink_closed(path):
        assert not lock.held
        unlink(path)

    monkeypatch.setattr(Path, "unlink", unlink_closed)
    assert lock.claim()
    lock.release(remove=True)

    assert not lock.path.exists()


def test_a_session_can_be_claimed_while_somebody_asks_whether_it_is_live(tmp_path, monkeypatch):
    claims, asking, take, tries = Claims(tmp_path), FileLock(tmp_path / "session-1.lock"), FileLock.claim, []
    assert asking.claim()

    def claim(lock, **more):
        tries.append(lock)
        if len(tries) == 2:
            asking.release(remove=True)
        return take(lock, **more)

    monkeypatch.setattr(FileLock, "claim", claim)

    assert claims.claim_session(1, lambda: True)
    assert len(tries) == 2
    claims.release_session()


def test_a_lock_that_another_thread_frees_meanwhile_is_not_in_place(tmp_path, monkeypatch):
    lock = FileLock(tmp_path / "delivery.lock")
    assert lock.claim()
    assert lock.is_in_place()
    stat, seen = type(tmp_path).stat, []

    def free_first(path, **options):
        seen.append(path)
        lock.release()
        return stat(path, **options)

    monkeypatch.setattr(type(tmp_path), "stat", free_first)

    assert not lock.is_in_place()
    assert seen == [lock.path]
