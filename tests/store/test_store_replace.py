"""A damaged file that other processes have open: replaced once, and nothing that is confirmed is lost."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

import capture
from capture.errors import StoreError
from capture.store import Store, file as _store_file, replace as _store_replace, schema
from capture.testing import START_NS, FakeClock

ROOT = str(Path(capture.__file__).parents[1])
NOW_MS = START_NS // 1_000_000

OTHER = """
import json, sys
from capture.errors import StoreError
from capture.store import Store
from capture.testing import START_NS, FakeClock

store = Store(sys.argv[1], formats={"a": "native"}, clock=FakeClock())

def put(first, last):
    return [
        store.append(1, [("native", b"e%d" % n)], time_ms=START_NS // 10**6, event_id=str(n))
        for n in range(int(first), int(last))
    ].count(True)

def upkeep():
    store.upkeep()

def use():
    try:
        batch = store.next_batch("a", 1000)
    except StoreError:
        return None
    return batch and batch.event_ids

def damage():
    store._file.damaged = True

def facts():
    return [store.waiting_in_memory, store._file.generation, store.dropped]

for line in sys.stdin:
    command, *values = line.split()
    print(json.dumps(globals()[command](*values)), flush=True)
"""

DYING = """
import os, sys
from pathlib import Path
from capture.store import recovery as _store_recovery
from capture.store import Store

left = [int(sys.argv[2])]
real = os.rename

def die(*values, **more):
    if left[0] == 0:
        os._exit(9)
    left[0] -= 1
    return real(*values, **more)

store = Store(sys.argv[1], formats={"a": "native"})
os.rename = die
store._file.damaged = True
store.next_batch("a", 1)
os._exit(0)
"""


class Other:
    """Another process with the store open."""

    def __init__(self, folder):
        self.process = subprocess.Popen(
            [sys.executable, "-c", OTHER, str(folder)],
            env={**os.environ, "PYTHONPATH": ROOT},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __getattr__(self, command):
        def call(*values):
            print(command, *values, file=self.process.stdin, flush=True)
            return json.loads(self.process.stdout.readline())

        return call

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.end()

    def end(self):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path, formats={"a": "native"}, clock=FakeClock())
    yield made
    made.close()


@pytest.fixture
def other(tmp_path, store):
    made = Other(tmp_path)
    yield made
    if made.process.poll() is None:
        made.end()


def put(store, first, last):
    for n in range(first, last):
        assert store.append(1, [("native", b"e%d" % n)], time_ms=NOW_MS, event_id=str(n))


def names(first, last):
    return [str(n) for n in range(first, last)]


def replace(store):
    """Let the store find its file damaged, and replace it."""
    store._file.damaged = True
    store.pending("a")


def drained(store):
    got = []
    for _ in range(1000):
        try:
            batch = store.next_batch("a", 50)
        except StoreError:
            continue
        if batch is None:
            return got
        got += batch.event_ids
        assert batch.payloads == [b"e%s" % name.encode() for name in batch.event_ids]
        store.acknowledge("a", batch)
    pytest.fail("it never ends")


def asides(folder):
    return [path for path in folder.glob("*.damaged-*") if not path.name.endswith(("-wal", "-shm"))]


def test_two_processes_that_notice_replace_it_once(tmp_path, store, other):
    put(store, 0, 10)
    assert other.put(10, 20) == 10
    other.damage()
    replace(store)
    put(store, 20, 30)
    other.use()
    assert other.put(30, 40) == 10

    assert len(asides(tmp_path)) == 1
    assert drained(store) == names(0, 40)
    assert store.dropped == {}
    assert other.facts() == [0, 1, {}]


def test_a_process_that_has_not_noticed_finds_the_old_file_shut(tmp_path, store, other):
    put(store, 0, 10)
    other.put(10, 20)
    replace(store)

    assert other.put(20, 30) == 0
    other.upkeep()
    assert other.put(30, 40) == 10
    assert drained(store) == names(0, 40)
    assert other.facts() == [0, 1, {}]
    assert len(asides(tmp_path)) == 1


def test_a_reader_that_has_not_noticed_sends_nothing_from_the_old_file(store, other):
    put(store, 0, 10)
    assert other.use() == names(0, 10)
    replace(store)
    store.acknowledge("a", store.next_batch("a", 4))

    assert other.use() == names(4, 10)


def test_what_is_appended_while_it_is_replaced_waits_in_memory(monkeypatch, store, other):
    put(store, 0, 10)
    other.put(10, 20)
    real, during = _store_replace.salvage, []

    def salvage(*values, **more):
        during.append(other.put(20, 30))
        found = real(*values, **more)
        during.append(other.put(30, 40))
        return found

    monkeypatch.setattr(_store_replace, "salvage", salvage)
    replace(store)
    other.upkeep()

    assert during == [0, 0]
    assert drained(store) == names(0, 40)
    assert other.facts() == [0, 1, {}]


@pytest.fixture
def unsealed(monkeypatch):
    """Let the old file stay as it is, as where SQLite cannot write to it."""
    monkeypatch.setattr(_store_replace, "_seal", lambda _: None)


@pytest.mark.usefixtures("unsealed")
def test_what_went_to_the_old_file_is_taken_over_once(store, other):
    put(store, 0, 10)
    other.put(10, 20)
    replace(store)
    put(store, 20, 30)
    assert other.put(30, 40) == 10
    assert other.put(40, 45) == 5
    other.upkeep()
    assert other.put(45, 50) == 5
    other.upkeep()
    store.upkeep()

    assert drained(store) == names(0, 50)
    assert other.facts() == [0, 1, {}]


@pytest.mark.usefixtures("unsealed")
def test_what_a_killed_process_wrote_to_the_old_file_is_taken_over_at_the_next_start(tmp_path, store, other):
    put(store, 0, 10)
    other.put(10, 20)
    replace(store)
    assert other.put(20, 30) == 10
    other.kill()
    store.close()
    later = Store(tmp_path, formats={"a": "native"}, clock=FakeClock())
    later.upkeep()

    assert drained(later) == names(0, 30)
    later.upkeep()
    assert drained(later) == []
    later.close()


@pytest.mark.usefixtures("unsealed")
def test_an_append_that_fails_looks_whether_the_file_was_replaced(store, other):
    put(store, 0, 10)
    other.put(10, 20)
    replace(store)
    assert other.put(20, 21) == 1
    blocker = schema.connect(asides(store.folder)[0], durability="process", busy_s=1.0)
    blocker.execute("BEGIN IMMEDIATE")
    assert other.put(21, 22) == 0
    blocker.close()
    other.use()

    assert other.put(22, 23) == 1
    assert drained(store) == names(0, 23)


def test_a_file_that_cannot_be_written_any_more_is_replaced_all_the_same(tmp_path, store, other):
    put(store, 0, 400)
    store.upkeep()
    other.use()
    path = tmp_path / "capture.db"
    with path.open("r+b") as file:
        file.write(b"no database any more")
    replace(store)
    other.damage()
    other.use()
    assert other.put(400, 410) == 10
    put(store, 410, 420)

    assert drained(store)[-20:] == names(400, 420)
    assert len(asides(tmp_path)) == 1


@pytest.mark.parametrize(
    "count",
    [
        pytest.param(0, id="before-it-is-moved"),
        pytest.param(1, id="moved-without-its-log"),
        pytest.param(2, id="moved-without-the-index-of-the-log"),
        pytest.param(3, id="moved"),
    ],
)
def test_a_process_that_dies_while_it_replaces_the_file(tmp_path, store, count):
    put(store, 0, 60)
    done = subprocess.run(
        [sys.executable, "-c", DYING, str(tmp_path), str(count)],
        env={**os.environ, "PYTHONPATH": ROOT},
        check=False,
    )
    assert done.returncode == 9
    put(store, 60, 70)
    later = Store(tmp_path, formats={"a": "native"}, clock=FakeClock())
    store.upkeep()

    assert drained(later) == names(0, 70)
    assert not list(tmp_path.glob("*.new*")) or count == 0
    put(store, 70, 80)
    put(later, 80, 90)
    assert drained(store) == names(70, 90)
    later.close()


def test_a_disk_that_is_full_leaves_the_damaged_file_in_its_place(monkeypatch, tmp_path, store):
    put(store, 0, 10)

    tried = []

    def salvage(*_, **__):
        tried.append(1)
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(_store_replace, "salvage", salvage)
        store._file.damaged = True
        with pytest.raises(StoreError, match="No space"):
            store.next_batch("a", 50)
    assert tried == [1]
    assert asides(tmp_path) == []
    put(store, 10, 20)

    assert drained(store) == names(0, 20)
    assert len(asides(tmp_path)) == 1


def test_whoever_waits_too_long_tries_again(monkeypatch, store):
    put(store, 0, 10)
    monkeypatch.setattr(_store_file, "PATIENT_S", 0.01)
    store._file.damaged = True
    with _store_file.guard(store.path, shared=True, wait_s=0), pytest.raises(StoreError, match="replacing"):
        store.pending("a")

    assert drained(store) == names(0, 10)


def test_a_store_that_another_process_deleted_is_not_taken_for_a_replaced_one(tmp_path, store):
    put(store, 0, 10)
    other = Store(tmp_path, formats={"a": "native"}, clock=FakeClock())
    other.destroy()
    fresh = Store(tmp_path, formats={"a": "native"}, clock=FakeClock())
    put(fresh, 0, 1)
    store.upkeep()
    put(store, 10, 11)

    assert store._file.generation == 0
    assert drained(fresh) == names(0, 1)
    fresh.close()


def test_an_acknowledgement_of_the_file_before_takes_nothing_from_the_new_one(store):
    put(store, 0, 20)
    batch = store.next_batch("a", 20)
    # Everything in it is lost: the new file gives the same ids again.
    store.path.write_bytes(b"")
    store.path.with_name("capture.db-wal").write_bytes(b"")
    replace(store)
    put(store, 20, 40)
    assert store.next_batch("a", 50).row_ids[0] <= batch.row_ids[-1]
    store.acknowledge("a", batch)
    store.acknowledge("a", msgspec.structs.replace(batch, gap=3))
    store.move_to_dead_letters("a", batch, "refused")

    assert store.dropped == {}
    assert drained(store) == names(20, 40)


def test_what_a_process_left_that_died_over_its_copy_is_not_used(tmp_path, store):
    put(store, 0, 10)
    died = [sys.executable, "-c", DYING, str(tmp_path), "0"]
    assert subprocess.run(died, env={**os.environ, "PYTHONPATH": ROOT}, check=False).returncode == 9
    assert list(tmp_path.glob("*.new"))
    assert drained(store) == names(0, 10)
    put(store, 10, 20)
    store.upkeep()
    replace(store)

    assert drained(store) == names(10, 20)
