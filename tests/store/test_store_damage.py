"""Damaged, truncated and foreign files: what is readable is saved, what is altered is never served."""

import os
import random
import shutil
import sqlite3

import pytest

from capture.errors import StoreError
from capture.store import Store, StoredEvent, schema
from capture.testing import START_NS, FakeClock

NOW_MS = START_NS // 1_000_000
SOAK = os.environ.get("CAPTURE_SOAK", "") not in {"", "0"}


def payload(n):
    return b'{"event": %d, "pad": "%s"}' % (n, b"x" * 300)


def filled(folder, count=400, *, packed=False):
    """Make a store of `count` events whose log is copied into the database."""
    store = Store(folder, formats={"a": "native"}, clock=FakeClock())
    store.write_state({"user_id": "u"})
    if packed:
        store.append_many([StoredEvent(1, [("native", payload(n))], NOW_MS, str(n)) for n in range(count)])
    else:
        for n in range(count):
            store.append(1, [("native", payload(n))], time_ms=NOW_MS, event_id=str(n))
    store.close()


def drained(folder, **more):
    """Open a store, drain it, and return the events by id and the store."""
    store = Store(folder, formats={"a": "native"}, clock=FakeClock(), **more)
    got = {}
    for _ in range(2000):
        try:
            batch = store.next_batch("a", 50)
            if batch is None:
                break
            got.update(zip(batch.row_ids, batch.payloads, strict=True))
            store.acknowledge("a", batch)
        except StoreError:
            # The file was found to be damaged: the next call replaces it.
            continue
    return got, store


def alter(folder, sql):
    connection = sqlite3.connect(folder / "capture.db")
    connection.execute(sql)
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("payload = replace(payload, '1', '2')", id="payload"),
        pytest.param("session = 2", id="session"),
        pytest.param("format = 'other'", id="format"),
        pytest.param("crc = crc + 1", id="crc"),
        pytest.param("payload = 5", id="payload-type"),
        pytest.param("count = 2", id="count"),
        pytest.param("count = 0", id="no-count"),
        pytest.param("count = 'x'", id="count-type"),
        pytest.param("id = 1000", id="id"),
        pytest.param("session = 'x'", id="session-type"),
    ],
)
def test_an_altered_row_is_not_sent_and_is_counted(tmp_path, change):
    filled(tmp_path, 20)
    alter(tmp_path, f"UPDATE events SET {change} WHERE id = 11")  # noqa: S608 - the tables above
    got, store = drained(tmp_path)
    store.append(1, [("native", b"next")], time_ms=NOW_MS, event_id="next")

    assert got == {n + 1: payload(n) for n in range(20) if n != 10}
    assert sum(store.dropped.values()) in {1, 2} if change == "id = 1000" else store.dropped.values()
    assert sum(store.dropped.values()) >= 1
    assert store.next_batch("a", 50).payloads == [b"next"]
    store.close()


@pytest.mark.parametrize(
    "change", ["event_ids = CAST(x'ff' AS TEXT)", "time_ms = 'x'", "event_ids = 5", "state = 7"]
)
def test_what_is_not_the_event_may_be_damaged(tmp_path, change):
    filled(tmp_path, 20)
    alter(tmp_path, f"UPDATE events SET {change} WHERE id = 11")  # noqa: S608 - the tables above
    got, store = drained(tmp_path)

    assert len(got) == 20
    store.close()


def test_a_missing_row_is_counted_once(tmp_path):
    filled(tmp_path, 200)
    alter(tmp_path, "DELETE FROM events WHERE id BETWEEN 60 AND 62")
    got, store = drained(tmp_path)

    assert len(got) == 197
    assert store.dropped == {"missing": 3}
    store.close()


def test_a_damaged_cursor_sends_again_rather_than_not_at_all(tmp_path):
    filled(tmp_path, 20)
    alter(tmp_path, "UPDATE queues SET cursor = 1048576")
    got, store = drained(tmp_path)
    store.append(1, [("native", b"next")], time_ms=NOW_MS, event_id="next")

    assert len(got) == 20
    assert store.next_batch("a", 50).payloads == [b"next"]
    store.close()


def test_a_damaged_mark_is_mended(tmp_path):
    filled(tmp_path, 20)
    alter(tmp_path, "UPDATE mark SET removed = 1099511627776")
    got, store = drained(tmp_path)
    store.append(1, [("native", b"next")], time_ms=NOW_MS, event_id="next")

    assert len(got) == 20
    assert store.next_batch("a", 50).payloads == [b"next"]
    assert store.dropped == {}
    store.close()


@pytest.mark.parametrize("packed", [False, True], ids=["single", "packed"])
@pytest.mark.parametrize("seed", range(25 if SOAK else 10))
def test_bit_flips_never_alter_an_event(tmp_path, seed, packed):
    filled(tmp_path, 400, packed=packed)
    path = tmp_path / "capture.db"
    data = bytearray(path.read_bytes())
    chance = random.Random(seed)
    for _ in range(8):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)
    got, store = drained(tmp_path)

    right = {n + 1: payload(n) for n in range(400)}
    assert all(right.get(row_id) == value for row_id, value in got.items())
    lost = 400 - len(got)
    assert sum(store.dropped.values()) >= lost or list(tmp_path.glob("*.damaged-*"))
    store.close()


@pytest.mark.parametrize("part", [0.0, 0.02, 0.3, 0.7, 0.99])
def test_a_truncated_file_keeps_what_is_readable(tmp_path, part):
    filled(tmp_path, 400)
    path = tmp_path / "capture.db"
    with path.open("r+b") as file:
        file.truncate(int(path.stat().st_size * part))
    got, store = drained(tmp_path)

    assert all(value == payload(row_id - 1) for row_id, value in got.items())
    assert len(got) >= 400 * part * 0.8 - 40
    assert store.append(1, [("native", b"next")], time_ms=NOW_MS, event_id="next")
    assert store.next_batch("a", 50).payloads == [b"next"]
    store.close()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"this is no database" * 100, id="text"),
        pytest.param(b"SQLite format 3\0" + bytes(4000), id="zeros"),
        pytest.param(random.Random(1).randbytes(10_000), id="noise"),
    ],
)
def test_what_is_no_database_is_moved_aside(tmp_path, content):
    (tmp_path / "capture.db").write_bytes(content)
    store = Store(tmp_path, formats={"a": "native"})

    assert store.append(1, [("native", b"x")], time_ms=NOW_MS, event_id="x")
    assert [
        path.read_bytes() for path in tmp_path.glob("*.damaged-*") if path.suffix[-4:] not in {"-wal", "-shm"}
    ] == [content]
    store.close()


def test_another_programs_database_is_moved_aside_untouched(tmp_path):
    connection = sqlite3.connect(tmp_path / "capture.db")
    connection.execute("CREATE TABLE events (id INTEGER PRIMARY KEY, note TEXT)")
    connection.execute("INSERT INTO events VALUES (1, 'mine')")
    connection.commit()
    connection.close()
    store = Store(tmp_path, formats={"a": "native"})
    assert store.append(1, [("native", b"x")], time_ms=NOW_MS, event_id="x")
    assert store.next_batch("a", 50).payloads == [b"x"]
    store.close()

    (aside,) = (path for path in tmp_path.glob("*.damaged-*") if not path.name.endswith(("-wal", "-shm")))
    connection = sqlite3.connect(aside)
    assert connection.execute("SELECT note FROM events").fetchall() == [("mine",)]
    connection.close()


def test_a_newer_versions_store_is_moved_aside(tmp_path):
    filled(tmp_path, 20)
    alter(tmp_path, "PRAGMA user_version = 99")
    store = Store(tmp_path, formats={"a": "native"})

    assert store.append(1, [("native", b"x")], time_ms=NOW_MS, event_id="x")
    assert list(tmp_path.glob("*.damaged-*"))
    store.close()


def test_an_older_store_is_migrated(tmp_path, monkeypatch):
    filled(tmp_path, 20)
    monkeypatch.setattr(
        schema,
        "MIGRATIONS",
        [*schema.MIGRATIONS, lambda c: c.execute("ALTER TABLE events ADD COLUMN more INTEGER")],
    )
    connection = schema.connect(tmp_path / "capture.db", durability="process", busy_s=1.0)
    schema.prepare(connection)

    assert connection.execute("PRAGMA user_version").fetchone() == (2,)
    assert connection.execute("SELECT count(*), count(more) FROM events").fetchone() == (20, 0)
    connection.close()


def test_a_failing_migration_changes_nothing(tmp_path, monkeypatch):
    filled(tmp_path, 20)

    def fail(connection):
        connection.execute("ALTER TABLE events ADD COLUMN more INTEGER")
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(schema, "MIGRATIONS", [*schema.MIGRATIONS, fail])
    connection = schema.connect(tmp_path / "capture.db", durability="process", busy_s=1.0)
    with pytest.raises(sqlite3.OperationalError):
        schema.prepare(connection)

    assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    assert "more" not in [row[1] for row in connection.execute("PRAGMA table_info(events)")]
    connection.close()


def test_a_file_damaged_in_use_is_replaced_and_capture_goes_on(tmp_path):
    filled(tmp_path, 400)
    store = Store(tmp_path, formats={"a": "native"}, clock=FakeClock())
    path = tmp_path / "capture.db"
    data = bytearray(path.read_bytes())
    # Interior and leaf pages of the middle of the file.
    data[len(data) // 3 : len(data) // 3 + 3 * schema.PAGE_BYTES] = bytes(3 * schema.PAGE_BYTES)
    path.write_bytes(data)
    got = {}
    for _ in range(100):
        try:
            batch = store.next_batch("a", 50)
            if batch is None:
                break
            got.update(zip(batch.row_ids, batch.payloads, strict=True))
            store.acknowledge("a", batch)
        except StoreError:
            continue

    assert all(value == payload(row_id - 1) for row_id, value in got.items())
    assert len(got) + sum(store.dropped.values()) >= 400
    assert len(got) > 300
    assert store.read_state() == {"user_id": "u"}
    store.close()


def test_a_copied_store_is_a_store(tmp_path):
    filled(tmp_path / "one", 20)
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    got, store = drained(tmp_path / "two")

    assert len(got) == 20
    store.close()
