"""Disks that are full, read-only or broken: capture goes on, and what is lost is counted."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from journal_events import event_id, number_of

import capture
from capture.store import Store
from capture.store.writer import MAX_WAITING as MAX_DEFERRED
from capture.testing import START_NS, FakeClock

NOW_MS = START_NS // 10**6
ROOT = str(Path(capture.__file__).parents[1])
PAYLOAD = b"x" * 600


def mount(folder, options):
    folder.mkdir(exist_ok=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)],  # noqa: S607
        capture_output=True,
        check=False,
    )
    if done.returncode:
        pytest.skip("needs the right to mount a tmpfs")


@pytest.fixture
def disk(tmp_path):
    folder = tmp_path / "disk"
    mount(folder, "size=4m")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)  # noqa: S607


def put(store, first, last):
    return sum(
        store.append(1, [("native", PAYLOAD + b"%d" % n)], time_ms=NOW_MS, event_id=event_id(n))
        for n in range(first, last)
    )


def drain(store):
    got = []
    while (batch := store.next_batch("a", 50)) is not None:
        got += map(number_of, batch.event_ids)
        store.acknowledge("a", batch)
    return got


def fill(disk, free=0):
    """Let others fill the disk, but for `free` bytes."""
    room = os.statvfs(disk)
    size = room.f_bavail * room.f_bsize - free
    if size > 0:
        (disk / "ballast").write_bytes(bytes(size))


def test_a_full_disk(disk):
    store = Store(disk, formats={"a": "native"}, clock=FakeClock())
    put(store, 0, 10)
    fill(disk, free=100_000)
    put(store, 10, 4000)
    assert store.waiting_in_memory == MAX_DEFERRED
    (disk / "ballast").unlink()
    put(store, 4000, 4010)
    got = drain(store)

    # In order, the oldest and the newest, and what is missing is counted.
    assert got == sorted(set(got))
    assert got[:10] == [*range(10)]
    assert got[-MAX_DEFERRED:] == [*range(4010 - MAX_DEFERRED, 4010)]
    assert store.dropped == {"memory_full": 4010 - len(got)}
    store.close()


def test_a_disk_that_others_fill_and_empty(disk):
    store = Store(disk, formats={"a": "native"}, clock=FakeClock())
    put(store, 0, 50)
    fill(disk)
    put(store, 50, 500)
    waiting = store.waiting_in_memory
    (disk / "ballast").unlink()
    put(store, 500, 501)

    assert waiting > 0
    assert drain(store) == [*range(501)]
    assert store.dropped == {}
    store.close()


def test_a_read_only_disk(disk):
    store = Store(disk, formats={"a": "native"}, clock=FakeClock())
    put(store, 0, 10)
    store.close()
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)  # noqa: S607
    store = Store(disk, formats={"a": "native"}, clock=FakeClock())
    assert put(store, 10, 20) == 0
    assert store.waiting_in_memory == 10
    subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)  # noqa: S607
    put(store, 20, 21)

    assert drain(store) == [*range(21)]
    assert store.dropped == {}
    store.close()


EIO_RUN = """
import json, os, sys
from journal_events import event_id, number_of
from pathlib import Path
from capture.store.writer import MAX_WAITING as MAX_DEFERRED
from capture.store import Store
folder, trigger = Path(sys.argv[1]), Path(os.environ["EIO_TRIGGER"])
store = Store(folder, formats={"a": "native"})
def put(first, last):
    for n in range(first, last):
        store.append(1, [("native", b"x" * 500 + b"%d" % n)], time_ms=2**43, event_id=event_id(n))
put(0, 100)
trigger.touch()
put(100, 200)
waiting = store.waiting_in_memory
trigger.unlink()
put(200, 300)
got = []
while (batch := store.next_batch("a", 50)) is not None:
    got += map(number_of, batch.event_ids)
    store.acknowledge("a", batch)
print(json.dumps({"waiting": waiting, "got": got, "dropped": store.dropped}))
store.close()
"""


def test_a_failing_file_system(tmp_path):
    if shutil.which("cc") is None or not sys.platform.startswith("linux"):
        pytest.skip("needs a C compiler and LD_PRELOAD")
    library = tmp_path / "eio.so"
    source = Path(__file__).with_name("eio.inc")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), "-x", "c", str(source), "-ldl"], check=True)  # noqa: S607
    environ = {
        **os.environ,
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT}/tests",
        "LD_PRELOAD": str(library),
        "EIO_TRIGGER": str(tmp_path / "broken"),
    }
    done = subprocess.run(
        [sys.executable, "-c", EIO_RUN, str(tmp_path / "store")],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)

    assert found["waiting"] == 100
    assert found["got"] == [*range(300)]
    assert found["dropped"] == {}
