"""What ``capture buffer`` does, also beside an app that uses the store."""

import shutil
import sqlite3
from contextlib import closing

import pytest

from capture.errors import ConfigError, StoreError
from capture.store import Store, buffer
from capture.testing import START_NS, FakeClock

NOW_MS = START_NS // 10**6


EACH = pytest.mark.parametrize(
    "call",
    [buffer.status, buffer.retry, buffer.purge, lambda folder: list(buffer.export(folder))],
    ids=["status", "retry", "purge", "export"],
)


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path, formats={"a": "native", "b": "native"}, clock=FakeClock())
    for session, name in [(1, "x"), (1, "y"), (2, "z")]:
        made.append(session, [("native", name.encode())], time_ms=NOW_MS, event_id=name)
    yield made
    made.close()


def drain(store, queue):
    got = []
    while (batch := store.next_batch(queue, 50)) is not None:
        got += batch.payloads
        store.acknowledge(queue, batch)
    return got


def test_status(store):
    drain(store, "a")
    store.move_to_dead_letters("b", store.next_batch("b", 1), "HTTP 400")
    found = buffer.status(store.folder)

    assert [(q.name, q.pending, q.sessions, q.dead_letters, q.oldest_ms) for q in found.queues] == [
        ("a", 0, 0, 0, None),
        ("b", 2, 2, 1, NOW_MS),
    ]
    assert found.bytes > 0
    assert not found.delivering
    store.claim_delivery()
    assert buffer.status(store.folder).delivering
    assert store.claim_delivery()


def test_export_reads_and_leaves_everything(store):
    assert [(e.queue, e.session, e.event_id, e.payload) for e in buffer.export(store.folder)] == [
        (queue, session, name, name.encode())
        for queue in "ab"
        for session, name in [(1, "x"), (1, "y"), (2, "z")]
    ]
    assert drain(store, "a") == [b"x", b"y", b"z"]
    assert [e.queue for e in buffer.export(store.folder)] == ["b"] * 3


def test_dead_letters_can_be_exported_and_sent_again(store):
    store.move_to_dead_letters("a", store.next_batch("a", 1), "HTTP 400")
    (letter,) = buffer.export(store.folder, dead=True)
    assert (letter.queue, letter.payload, letter.reason) == ("a", b"x", "HTTP 400")

    assert buffer.retry(store.folder, "b") == 0
    assert buffer.retry(store.folder) == 1
    # As an event of its session: with what is pending of that.
    assert drain(store, "a") == [b"y", b"x", b"z"]
    assert drain(store, "b") == [b"x", b"y", b"z"]
    assert list(buffer.export(store.folder, dead=True)) == []
    assert store.dropped == {}


def test_an_unknown_queue_is_refused(store):
    store.move_to_dead_letters("a", store.next_batch("a", 1), "HTTP 400")
    with pytest.raises(ConfigError, match=r"^queue = 'nope': .* has no such queue; known are a, b$"):
        buffer.retry(store.folder, "nope")

    assert len(list(buffer.export(store.folder, dead=True))) == 1


def test_purge_beside_an_app(store):
    store.move_to_dead_letters("a", store.next_batch("a", 1), "HTTP 400")
    assert buffer.purge(store.folder, dead_only=True) == 1
    assert buffer.purge(store.folder) == 3
    store.append(2, [("native", b"later")], time_ms=NOW_MS, event_id="later")

    assert drain(store, "a") == [b"later"]
    assert store.dropped == {}


@EACH
def test_no_store(tmp_path, call):
    with pytest.raises(StoreError, match="there is no store"):
        call(tmp_path)
    assert list(tmp_path.iterdir()) == []


@EACH
def test_no_database(tmp_path, call):
    (tmp_path / "capture.db").write_bytes(b"something else" * 100)
    with pytest.raises(StoreError, match="not a database"):
        call(tmp_path)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@EACH
@pytest.mark.parametrize(
    ("statements", "message"),
    [
        pytest.param(["CREATE TABLE t (a)"], "application id 0x0, not 0x54436170", id="foreign"),
        pytest.param(
            ["PRAGMA application_id = 1413702000", "PRAGMA user_version = 99"],
            "schema version 99; this version reads up to",
            id="newer",
        ),
        pytest.param([], "there is no store: the file is empty", id="empty"),
    ],
)
def test_what_is_refused_is_left_as_it_is(tmp_path, call, statements, message):
    file = tmp_path / "capture.db"
    file.touch()
    with closing(sqlite3.connect(file)) as connection:
        for statement in statements:
            connection.execute(statement)
    before = contents(tmp_path)
    with pytest.raises(StoreError, match=message):
        call(tmp_path)

    assert contents(tmp_path) == before


@pytest.mark.parametrize("call", [buffer.status, lambda folder: list(buffer.export(folder))])
def test_a_look_leaves_what_a_killed_process_left(store, tmp_path, call):
    folder = tmp_path / "copy #1"
    folder.mkdir()
    for name in ("capture.db", "capture.db-wal"):
        shutil.copy(store.folder / name, folder)
    before = contents(folder)
    assert call(folder)
    after = contents(folder)

    assert {name: after[name] for name in before} == before
    assert len(before["capture.db-wal"]) > 0
