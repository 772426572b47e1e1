"""What ``capture buffer`` does, also beside an app that uses the store."""

import errno
import os
import threading
import uuid

import pytest
from journal_events import NOW_MS, drain, event_id, number_of, put

from capture.errors import ConfigError, StoreError
from capture.store import Store, buffer, locks
from capture.testing import FakeClock

EACH = pytest.mark.parametrize(
    "call",
    [buffer.status, buffer.retry, buffer.purge, lambda folder: list(buffer.export(folder))],
    ids=["status", "retry", "purge", "export"],
)


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path, formats={"a": "native", "b": "native"}, clock=FakeClock())
    made.first_state({"user_id": event_id(1)})
    put(made, 0, 2, session=1)
    put(made, 2, 3, session=2)
    yield made
    made.close()


@pytest.fixture
def kept(store):
    """Look after the store as an app that delivers does."""
    assert store.claim_delivery()
    stop = threading.Event()

    def keep():
        while not stop.wait(0.01):
            store.upkeep()

    thread = threading.Thread(target=keep)
    thread.start()
    yield store
    stop.set()
    thread.join(10)


def test_a_dead_letter_keeps_its_user(store):
    late, user = uuid.UUID(int=99), uuid.UUID(event_id(1))
    drain(store, "b")
    for _ in range(2):
        store.move_to_dead_letters("a", store.next_batch("a", 50), "HTTP 400")
    store.write_state({"user_id": str(late), "users": [str(user)]})
    assert {event.user_id for event in buffer.export(store.folder, dead=True)} == {str(user)}
    assert store.retry() == 3
    found = []
    while (batch := store.next_batch("a", 50)) is not None:
        found.append((batch.session, batch.count, batch.user_id))
        store.acknowledge("a", batch)

    assert found == [(1, 2, user.bytes), (2, 1, user.bytes)]


def test_status(store):
    drain(store, "a")
    store.move_to_dead_letters("b", store.next_batch("b", 1), "HTTP 400")
    found = buffer.status(store.folder)

    assert [(q.name, q.pending, q.sessions, q.dead_letters, q.oldest_ms, q.reason) for q in found.queues] == [
        ("a", 0, 0, 0, None, ""),
        ("b", 2, 2, 1, NOW_MS, "HTTP 400"),
    ]
    assert found.bytes > 0
    assert found.delivering
    store.release_delivery()
    assert not buffer.status(store.folder).delivering


def test_export_reads_and_leaves_everything(store):
    assert [(e.queue, e.session, number_of(e.event_id), e.payload) for e in buffer.export(store.folder)] == [
        (queue, session, n, b'{"n":%d}' % n) for queue in "ab" for session, n in [(1, 0), (1, 1), (2, 2)]
    ]
    assert drain(store, "a") == [0, 1, 2]
    assert [e.queue for e in buffer.export(store.folder)] == ["b"] * 3


@pytest.mark.parametrize("beside", [True, False], ids=["an-app", "alone"])
def test_dead_letters_can_be_exported_and_sent_again(store, beside, request):
    store.move_to_dead_letters("a", store.next_batch("a", 1), "HTTP 400")
    (letter,) = buffer.export(store.folder, dead=True)
    assert (letter.queue, letter.payload, letter.reason, letter.event_id) == (
        "a",
        b'{"n":0}',
        "HTTP 400",
        event_id(0),
    )
    if beside:
        request.getfixturevalue("kept")
    else:
        store.release_delivery()
    assert buffer.retry(store.folder, "b") == 0
    assert buffer.retry(store.folder) == 1
    # As an event of its session, behind what is pending of that.
    assert drain(store, "a") == [1, 0, 2]
    assert drain(store, "b") == [0, 1, 2]
    assert list(buffer.export(store.folder, dead=True)) == []
    assert store.dropped == {}


def test_an_unknown_queue_is_refused(store):
    store.move_to_dead_letters("a", store.next_batch("a", 1), "HTTP 400")
    with pytest.raises(ConfigError, match=r"^queue = 'nope': .* has no such queue; known are a, b$"):
        buffer.retry(store.folder, "nope")

    assert len(list(buffer.export(store.folder, dead=True))) == 1


def test_purge_beside_an_app(kept):
    kept.move_to_dead_letters("a", kept.next_batch("a", 1), "HTTP 400")
    assert buffer.purge(kept.folder, dead_only=True) == 1
    assert buffer.purge(kept.folder) == 3
    put(kept, 3, 4, session=2)

    assert drain(kept, "a") == [3]
    assert [(kept.stored_of(queue), kept.dropped_of(queue)) for queue in "ab"] == [(4, 3), (4, 3)]
    assert kept.dropped == {"purged": 3}
    assert not list(kept.folder.glob("request-*"))


def test_a_process_that_does_not_answer_is_not_waited_for_for_ever(store, monkeypatch):
    assert store.claim_delivery()
    monkeypatch.setattr(buffer, "_WAIT_S", 0.1)
    with pytest.raises(StoreError, match="did not answer within"):
        buffer.purge(store.folder)
    assert not list(store.folder.glob("request-*"))
    assert drain(store, "a") == [0, 1, 2]


@EACH
def test_no_store(tmp_path, call):
    with pytest.raises(StoreError, match="there is no store"):
        call(tmp_path)
    with pytest.raises(StoreError, match="there is no store"):
        call(tmp_path / "nothing")
    assert list(tmp_path.iterdir()) == []


LOOKS = pytest.mark.parametrize(
    "look", [buffer.status, lambda folder: list(buffer.export(folder))], ids=["status", "export"]
)


@LOOKS
def test_files_that_cannot_be_read_are_not_left_out_in_silence(store, monkeypatch, look):
    def refuse(*_):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(buffer, "read_at", refuse)
    with pytest.raises(StoreError, match="cannot be read: Permission denied"):
        look(store.folder)


def test_the_queues_of_a_damaged_state_are_those_of_the_segments(store):
    (store.folder / "state.json").write_bytes(b"damaged")

    assert [(queue.name, queue.format, queue.pending) for queue in buffer.status(store.folder).queues] == [
        ("a", "native", 3),
        ("b", "native", 3),
    ]
    assert len(list(buffer.export(store.folder))) == 6


def test_a_lock_that_nobody_can_have_is_no_process_that_delivers(store, monkeypatch):
    def fail(_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    store.claim_delivery()
    assert buffer.status(store.folder).delivering
    store.release_delivery()
    monkeypatch.setattr(locks, "_lock", fail)
    assert not buffer.status(store.folder).delivering


@LOOKS
def test_a_look_changes_nothing(store, look):
    def contents():
        return {path.name: path.read_bytes() for path in store.folder.iterdir()}

    before = contents()
    assert look(store.folder)
    assert contents() == before
