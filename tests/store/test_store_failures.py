"""Full disks, failing writes, vanished folders, forks: nothing confirmed is lost."""

import ctypes
import errno
import os
import shutil
import subprocess
import sys
import threading
import uuid
from functools import partial
from pathlib import Path

import pytest
from journal_events import batches, drain, number_of, put, segments

import capture
from capture.events.privacy import OPTED_OUT
from capture.store import Store
from capture.store.queues import count_pending
from capture.store.shared import Shared
from capture.store.writer import MAX_WAITING
from capture.testing import FakeClock

USER, OTHER = (str(uuid.UUID(int=n)) for n in (7, 8))
ROOT = str(Path(capture.__file__).parents[1])


def opened(folder, clock=None, **more):
    return Store(folder, formats={"a": "native"}, clock=clock or FakeClock(), **more)


def test_short_writes_are_gone_on_with(store, disk):
    disk.short = 7
    assert put(store, 0, 5) == [True] * 5

    assert drain(store) == list(range(5))


@pytest.mark.parametrize("room", range(0, 180, 11))
def test_a_full_disk_that_has_room_again(store, disk, room):
    put(store, 0, 3)
    disk.room = room
    written = put(store, 3, 10)
    assert not all(written)
    assert store.waiting_in_memory == written.count(False)
    disk.room = None
    assert put(store, 10, 11) == [True]

    assert store.waiting_in_memory == 0
    assert drain(store) == list(range(11))
    assert store.dropped == {}
    assert store.deferred_count == written.count(False)


@pytest.mark.parametrize("room", [0, 30, 300, 600, 660])
def test_a_disk_that_is_full_from_the_start(store, disk, room):
    disk.room = room
    assert put(store, 0, 3)[-1] is False
    # From memory, where nothing can be written; what is on disk comes first.
    assert drain(store) == [0, 1, 2]
    assert store.waiting_in_memory == 0
    disk.room = None
    put(store, 3, 5)

    assert drain(store) == [3, 4]
    assert store.dropped == {}


@pytest.mark.parametrize("error", [errno.EIO, errno.EFBIG, errno.ENOSPC])
def test_what_was_sent_from_memory_is_never_written(store, disk, error):
    put(store, 0, 2)
    disk.error = error
    put(store, 2, 6)
    got = []
    while (batch := store.next_batch("a", 50)) is not None:
        assert store.begin_send("a", batch)
        got.append([number_of(each) for each in batch.event_ids])
        disk.error = None if len(got) == 2 else error
        # The disk works again while the sink has the batch.
        put(store, 10 + len(got), 11 + len(got))
        store.end_send("a", batch)
        store.acknowledge("a", batch)
        if len(got) == 5:
            break

    assert sorted(n for each in got for n in each) == sorted({n for each in got for n in each})
    assert [n for each in got for n in each][:6] == [0, 1, 2, 3, 4, 5]
    assert store.dropped == {}


def test_a_broken_segment_is_left_for_a_new_one(store, disk):
    put(store, 0, 3)
    disk.error = errno.EIO
    put(store, 3, 5)
    disk.error = None
    put(store, 5, 8)

    assert drain(store) == list(range(8))
    assert store.dropped == {}


def test_memory_is_bounded_and_the_oldest_go_first(store, disk):
    put(store, 0, 1)
    disk.error = errno.ENOSPC
    put(store, 1, MAX_WAITING + 11)
    assert store.waiting_in_memory == MAX_WAITING
    assert store.dropped == {"memory_full": 10}
    disk.error = None
    put(store, 5000, 5001)

    # The first of them may be on disk in part: it is not the one that goes.
    assert drain(store) == [0, 1, *range(12, MAX_WAITING + 11), 5000]


def test_a_failing_disk_at_the_end_is_counted(tmp_path, disk):
    told = []
    store = opened(tmp_path / "s", pwrite=disk, on_drop=lambda *drop: told.append(drop))
    put(store, 0, 2)
    disk.error = errno.EIO
    put(store, 2, 5)
    store.close()

    assert told == [("close", 3)]
    assert put(store, 5, 6) == [False]
    assert store.dropped == {"close": 4}


def test_acknowledgements_that_cannot_be_written_are_kept(tmp_path, disk):
    store = opened(tmp_path / "s", pwrite=disk)
    put(store, 0, 10)
    disk.error = errno.EIO
    assert drain(store, size=3) == list(range(10))
    disk.error = None
    store.upkeep()
    store.close()
    store = opened(tmp_path / "s")

    assert drain(store) == []
    store.close()


def test_power_syncs_before_it_returns(tmp_path, monkeypatch):
    store = opened(tmp_path, durability="power")
    put(store, 0, 3)
    native = store._writer.native
    assert native.synced == native.position > 0
    store.close()


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="lists open files in /proc")
@pytest.mark.parametrize(
    ("error", "made"), [(errno.EIO, 0), (errno.EINVAL, 1)], ids=["failing", "syncs no folders"]
)
def test_a_folder_that_cannot_be_synced_leaves_no_file_open(tmp_path, monkeypatch, error, made):
    def sync(descriptor):
        raise OSError(error, os.strerror(error))

    store = opened(tmp_path, durability="power")
    monkeypatch.setattr(os, "fsync", sync)
    put(store, 0, 20)
    open_files = [path.resolve() for path in Path("/proc/self/fd").iterdir()]
    open_segments = [path for path in open_files if path.parent == tmp_path and ".seg" in path.name]

    assert len(segments(tmp_path)) == len(open_segments) == made
    monkeypatch.undo()
    assert drain(store) == list(range(20))
    store.close()


@pytest.mark.parametrize("padding", range(1, 8))
def test_events_behind_a_record_that_lacks_its_padding_are_read(store, disk, padding):
    put(store, 0, 1)
    assert drain(store) == [0]
    payload = b"1" * (16 - padding)
    disk.room = 64 + len(payload)
    assert put(store, 1, 2, payload=payload) == [True]
    disk.room = None
    assert drain(store) == [1]
    put(store, 2, 5)

    assert store.pending("a").count == 3
    assert drain(store) == [2, 3, 4]
    assert store.dropped == {}


@pytest.mark.skipif(os.name != "posix", reason="modes of folders")
def test_a_folder_that_cannot_be_made_loses_nothing_silently(tmp_path):
    drops = []
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    store = opened(blocked, on_drop=lambda *drop: drops.append(drop))
    assert put(store, 0, 2) == [False, False]
    assert not store.write_state({"user_id": USER})
    assert store.claim_session(1)
    assert store.claim_delivery()
    assert store.read_state()["user_id"] == USER
    store.upkeep()
    batch = store.next_batch("a", 1)
    store.acknowledge("a", batch)
    store.close()

    assert drops == [("close", 1)]


# A folder that is deleted, replaced, or opted out of


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def app(tmp_path, clock):
    revoked = []
    store = opened(tmp_path / "store", clock, on_revoked=lambda: revoked.append(True))
    store.told = revoked
    store.first_state({"user_id": USER, "salt": "s"})
    assert store.claim_session(1)
    yield store
    store.close()


def test_a_folder_that_is_deleted_is_made_anew_and_counted(app):
    put(app, 0, 10)
    assert drain(app, size=4)[:4] == [0, 1, 2, 3]
    put(app, 10, 17)
    shutil.rmtree(app.folder)
    app.upkeep()
    assert app.dropped == {"store_gone": 7}
    put(app, 20, 25)
    assert drain(app) == [20, 21, 22, 23, 24]
    app.close()

    later = opened(app.folder)
    assert later.read_state()["user_id"] == USER
    later.close()
    assert not app.told


@pytest.mark.parametrize("noticed", ["by a look", "by upkeep"])
def test_files_that_are_deleted_are_counted_without_what_was_delivered(app, noticed):
    put(app, 0, 10)
    assert drain(app) == list(range(10))
    put(app, 10, 13)
    for path in app.folder.iterdir():
        path.unlink()
    if noticed == "by a look":
        app.pending("a")
    app.upkeep()
    put(app, 13, 15)

    assert app.dropped == {"store_gone": 3}
    assert drain(app) == [13, 14]
    assert app.stored_of("a") == 15


@pytest.mark.parametrize("listed", [True, False], ids=["listed", "not-listed"])
def test_files_that_are_deleted_one_by_one_are_counted(app, listed):
    put(app, 0, 10)
    assert drain(app) == list(range(10))
    put(app, 10, 13)
    if listed:
        app.pending("a")
    (app.folder / "state.json").unlink()
    (app.folder / "delivery.lock").unlink()
    app.upkeep()
    for path in app.folder.iterdir():
        path.unlink()
    put(app, 13, 15)
    app.upkeep()

    assert app.dropped == {"store_gone": 3}
    assert drain(app) == [13, 14]
    assert app.stored_of("a") == 15


def test_a_folder_that_is_deleted_after_a_look_is_counted_once(app):
    put(app, 0, 7)
    app.claim_delivery()
    app.pending("a")
    shutil.rmtree(app.folder)
    app.upkeep()
    app.upkeep()

    assert app.dropped == {"store_gone": 7}
    assert app.stored_of("a") == 7


@pytest.mark.parametrize("deleted", ["*.lock", "state.json*"])
def test_events_that_stay_are_not_counted_where_other_files_are_deleted(app, deleted):
    put(app, 0, 10)
    assert next(batches(app, size=4))[1] == [0, 1, 2, 3]
    for path in app.folder.glob(deleted):
        path.unlink()
    app.upkeep()
    put(app, 10, 12)

    assert app.dropped == {}
    assert drain(app) == list(range(4, 12))


def test_a_segment_that_was_made_during_a_listing_is_not_lost(app, monkeypatch):
    """As by a signal handler that records."""
    put(app, 0, 10)
    assert next(batches(app, size=4))[1] == [0, 1, 2, 3]
    with monkeypatch.context() as listing:
        listing.setattr("capture.store.reader.segment_names", lambda _: [])
        app.upkeep()

    assert app.dropped == {}
    assert drain(app) == list(range(4, 10))


def test_events_that_an_opt_out_deletes_are_not_lost(app):
    put(app, 0, 10)
    assert app.claim_delivery()
    assert app.pending("a").count == 10
    (app.folder / OPTED_OUT).touch()
    for path in segments(app.folder):
        path.unlink()
    assert app.next_batch("a", 50) is None
    app.upkeep()

    assert app.told
    assert app.dropped == {}


def test_a_goal_is_reached_when_its_folder_is_deleted_though_names_come_back(app, clock):
    put(app, 0, 5)
    goal = app.goal("a")
    names = segments(app.folder)
    shutil.rmtree(app.folder)
    clock.advance(s=1)
    app.upkeep()
    app.release_session()
    other = opened(app.folder, clock)
    other.read_state()
    other.claim_session(1)
    put(other, 5, 8)
    assert segments(app.folder) == names

    assert app.reached("a", goal)
    assert not goal.covers(app.next_batch("a", 50))
    other.close()


def test_what_is_recorded_into_a_deleted_folder_waits_for_the_new_one(app):
    put(app, 0, 1)
    shutil.rmtree(app.folder)
    app._writer.end_session()
    assert put(app, 1, 3) == [False, False]
    assert app.needs_upkeep
    app.upkeep()

    assert drain(app) == [1, 2]


@pytest.mark.parametrize("new", [False, True], ids=["opted-out", "and-in-again"])
def test_an_opt_out_in_another_process_ends_recording(app, new):
    put(app, 0, 3)
    other = opened(app.folder)
    (app.folder / OPTED_OUT).touch()
    other.destroy()
    put(app, 3, 6)
    if new:
        other = opened(app.folder)
        other.first_state({"user_id": OTHER, "salt": "t"})
        (app.folder / OPTED_OUT).unlink()
    assert not app.check_presence()
    assert app.revoked
    assert app.told == [True]
    assert put(app, 6, 9) == [False] * 3
    assert app.next_batch("a", 50) is None
    app.upkeep()
    app.close()
    if not new:
        assert [path.name for path in app.folder.iterdir()] == [OPTED_OUT]
        return
    put(other, 20, 22)
    assert drain(other) == [20, 21]
    assert USER.encode() not in b"".join(path.read_bytes() for path in app.folder.iterdir())
    other.close()


def test_no_file_is_made_beside_the_marker(app):
    put(app, 0, 1)
    app._writer.end_session()
    opened(app.folder).destroy()
    (app.folder / OPTED_OUT).touch()
    put(app, 1, 5)
    app.upkeep()

    assert [path.name for path in app.folder.iterdir()] == [OPTED_OUT]


def test_a_segment_that_goes_before_it_is_read_holds_nobody_up(tmp_path, monkeypatch):
    store = opened(tmp_path)
    put(store, 0, 5)
    [path] = segments(tmp_path)
    size = path.stat().st_size
    shared = Shared(tmp_path, formats={"a": "native"})
    monkeypatch.setattr(shared.writer, "position_of", lambda _: size)
    index = shared.make_index(writes=False)
    index.refresh()
    path.unlink()
    monkeypatch.setattr(index, "refresh", lambda **_: None)
    found = []
    read = partial(index.next_batch, "a", 2, 1000, (), apart=False)
    reader = threading.Thread(target=lambda: found.append(read()), daemon=True)
    reader.start()
    reader.join(60)
    store.close()

    assert found == [None]


def test_what_another_process_deletes_while_it_is_counted_is_not_pending(tmp_path, monkeypatch):
    writing = opened(tmp_path)
    put(writing, 0, 5)
    put(writing, 5, 8, session=2)
    sizes = {path.name: path.stat().st_size for path in segments(tmp_path)}
    shared = Shared(tmp_path, formats={"a": "native"})
    monkeypatch.setattr(shared.writer, "position_of", lambda name: sizes[name.file])
    index = shared.make_index(writes=False)
    index.refresh()
    segments(tmp_path)[0].unlink()
    sessions = {}
    count_pending(index, "a", sessions)
    writing.close()

    assert sessions == {2: 3}


# Forks


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("handlers", [True, False], ids=["os", "no-handlers"])
def test_forks_while_another_thread_appends_lose_nothing(store, handlers):
    put(store, 0, 10)
    count, stop, pause = [10], threading.Event(), threading.Lock()
    fork = os.fork if handlers else ctypes.PyDLL(None).fork

    def record():
        while not stop.is_set():
            with pause:
                put(store, count[0], count[0] + 1)
            count[0] += 1

    thread = threading.Thread(target=record)
    thread.start()
    for child in range(5):
        if not handlers:
            # Python itself cannot be forked so while a thread waits for its lock.
            pause.acquire()
            threading.Event().wait(0.05)
        pid = fork()
        if pid == 0:
            session = store.last_session() + 1
            while not store.claim_session(session, new=True):
                session += 1
            put(store, 10**6 + child, 10**6 + child + 1, session=session)
            os._exit(store.waiting_in_memory)
        if not handlers:
            pause.release()
        assert os.waitpid(pid, 0)[1] == 0
    stop.set()
    thread.join(30)

    assert sorted(drain(store)) == [*range(count[0]), *range(10**6, 10**6 + 5)]
    assert store.dropped == {}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_that_does_nothing_holds_none_of_its_parents_locks(tmp_path):
    store = opened(tmp_path)
    put(store, 0, 1)
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
    store._s.context.claims.forget()
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


LIMITED = """
import resource, sys
sys.path.insert(0, sys.argv[2])
from journal_events import drain, put
from capture.store import Store
store = Store(sys.argv[1], formats={"a": "native"})
put(store, 0, 100)
resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))
written = put(store, 100, 300)
files = [open("/dev/null") for _ in range(5)]
resource.setrlimit(resource.RLIMIT_NOFILE, (len(files) + 3, len(files) + 3))
put(store, 300, 400)
got = drain(store)
resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100)) if False else None
print(sorted(got) == list(range(400)) or got, store.dropped)
"""


@pytest.mark.skipif(os.name != "posix", reason="limits of processes")
def test_limits_of_the_process(tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            LIMITED.replace("len(files) + 3, len(files) + 3", "60, 60"),
            tmp_path / "s",
            ROOT + "/tests",
        ],
        env={**os.environ, "PYTHONPATH": ROOT},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "True {}\n", done.stderr
    assert len(segments(tmp_path / "s")) <= 6


def test_a_close_while_another_thread_records_counts_every_event(tmp_path):
    store = opened(tmp_path)
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
    got = [n for _, numbers in batches(later, size=500) for n in numbers]
    later.close()

    assert set(got) >= set(confirmed)
    assert store.waiting_in_memory == 0
    assert len(got) + store.dropped.get("close", 0) == count


@pytest.mark.parametrize("written", [False, True], ids=["from memory", "from the disk"])
def test_what_waits_in_memory_keeps_its_user(store, disk, written):
    first, second = uuid.UUID(USER), uuid.UUID(OTHER)
    store.write_state({"user_id": str(first)})
    disk.room = 0
    put(store, 0, 3, session=1)
    store.write_state({"user_id": str(second), "users": [str(first)]})
    put(store, 3, 5, session=2)
    assert store.waiting_in_memory == 5
    if written:
        disk.room = None
        put(store, 5, 6, session=2)
        assert store.waiting_in_memory == 0
    found = []
    while (batch := store.next_batch("a", 50)) is not None:
        assert store.begin_send("a", batch)
        found.append((batch.session, batch.user_id))
        store.end_send("a", batch)
        store.acknowledge("a", batch)

    assert found == [(1, first.bytes), (2, second.bytes)]


def test_a_full_disk_is_told_once_an_outage(store, disk, caplog):
    put(store, 0, 2)
    disk.room = 0
    for number in range(2, 40):
        put(store, number, number + 1)
        drain(store)
    told = [record.getMessage() for record in caplog.records if "wait in memory" in record.getMessage()]

    assert len(told) == 1


def test_a_child_writes_where_a_thread_of_its_parent_was_writing(tmp_path):
    store = opened(tmp_path / "store")
    put(store, 0, 1)
    store._writer._writing = object()
    pid = os.fork()
    if pid == 0:
        os._exit(0 if put(store, 1, 3, session=2) == [True, True] else 1)
    store._writer._writing = None

    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    store.close()
