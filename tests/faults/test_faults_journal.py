"""Consent over processes, full disks, vanished folders, signals and locks: an app sees none of it."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import capture
from capture import (
    BufferConfig,
    Capture,
    DeliveryConfig,
    PrivacyConfig,
    ProjectConfig,
    RunConfig,
    SinkConfig,
    Target,
)
from capture.collector import Collector, Fault
from capture.sinks import Answer, Outcome
from capture.sinks.file import FileSink
from capture.sinks.http import HttpSettings, HttpSink
from capture.sinks.memory import MemorySink
from capture.store import buffer
from capture.store.files import files_of, store_bytes

ROOT = str(Path(capture.__file__).parents[1])
SOAK = os.environ.get("CAPTURE_SOAK", "") not in {"", "0"}
LONG_S = 60.0

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and forks")


def configuration(folder, url, *, opted_in=True, **more):
    return RunConfig(
        project=ProjectConfig(id=1),
        buffer=BufferConfig(path=str(folder), flush_interval_s=0.3, **more),
        privacy=PrivacyConfig(opted_in=opted_in),
        sinks=(SinkConfig(type="http", options={"url": url}),),
        delivery=DeliveryConfig(timeout_s=1, shutdown_timeout_s=2),
    )


def start(code, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": ROOT},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def run(code, *arguments):
    process = start(code, *arguments)
    out, _ = process.communicate(timeout=LONG_S)
    assert process.returncode == 0
    return out.strip()


# Consent

OTHER = """
import sys
from capture import *
config = RunConfig(project=ProjectConfig(id=1), buffer=BufferConfig(path=sys.argv[1]),
    sinks=(SinkConfig(type="http", options={"url": sys.argv[2]}),))
cap = Capture(config)
if sys.argv[3] == "out":
    cap.opt_out()
else:
    cap.opt_in()
    cap.track_variable("b", 1)
    cap.flush(5)
    print(cap.user_id)
cap.close()
"""


@pytest.mark.parametrize("fork", [False, True])
def test_an_opt_out_in_another_process_is_kept(tmp_path, fork):
    folder = tmp_path / "store"
    with Collector() as collector:
        cap = Capture(configuration(folder, collector.url, opted_in=False))
        cap.opt_in()
        first = cap.user_id
        for n in range(100):
            cap.track_variable("a", n)
        assert cap.flush(10)
        run(OTHER, folder, collector.url, "out")
        assert files_of(folder) == ["opted-out"]
        between = [cap.track_variable("between", n) for n in range(100)]
        cap.flush(2)
        end = time.monotonic() + LONG_S
        while cap.is_recording and time.monotonic() < end:
            threading.Event().wait(0.05)
        assert not cap.is_recording
        assert not cap.opted_in
        assert cap.user_id is None
        assert cap.track_variable("later", 1) is None
        if fork:
            pid = os.fork()
            if pid == 0:
                cap.track_variable("child", 1)
                os._exit(0)
            os.waitpid(pid, 0)
        assert files_of(folder) == ["opted-out"]
        second = run(OTHER, folder, collector.url, "in")
        assert second != first
        cap.track_variable("after", 1)
        cap.close()

    assert not set(filter(None, between)) & set(collector.events)
    assert first.encode() not in b"".join(path.read_bytes() for path in folder.iterdir())


# Disks


def test_a_full_disk_delivers_from_memory(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)],  # noqa: S607
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount a tmpfs")
    try:
        with Collector() as collector:
            cap = Capture(configuration(disk / "store", collector.url))
            ids = [cap.track_variable("n", n) for n in range(200)]
            assert cap.flush(10)
            room = os.statvfs(disk)
            (disk / "ballast").write_bytes(bytes(room.f_bavail * room.f_bsize))
            ids += [cap.track_variable("n", n) for n in range(500)]
            assert cap.flush(20)
            assert set(ids) <= set(collector.events)
            (disk / "ballast").unlink()
            ids += [cap.track_variable("n", n) for n in range(20)]
            assert cap.flush(10)
            cap.close()
            assert set(ids) <= set(collector.events)
            assert cap.stats.dropped == {}
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)  # noqa: S607


def test_a_folder_that_is_deleted_is_made_anew(tmp_path):
    folder = tmp_path / "store"
    cap = Capture(configuration(folder, "http://127.0.0.1:1/"))
    first = cap.user_id
    for n in range(100):
        cap.track_variable("n", n)
    # At once: the app may make it anew while its files go one by one.
    folder.rename(tmp_path / "gone")
    shutil.rmtree(tmp_path / "gone")
    recorded = [cap.track_variable("n", n) for n in range(1000)]
    end = time.monotonic() + LONG_S
    while not folder.exists() and time.monotonic() < end:
        threading.Event().wait(0.05)
    later = [cap.track_variable("n", n) for n in range(1000)]
    cap.close()
    dropped = sum(cap.stats.dropped.values())
    left = buffer.status(folder).queues[0].pending
    again = Capture(configuration(folder, "http://127.0.0.1:1/"))
    user = again.user_id
    again.close()

    assert all(recorded + later)
    assert user == first
    # One app start was recorded as well.
    assert dropped + left == 2101


def test_damage_again_and_again_stays_within_the_bound(tmp_path):
    chance = random.Random(3)
    for _ in range(20):
        cap = Capture(configuration(tmp_path, "http://127.0.0.1:1/", max_store_bytes=1 << 20))
        for n in range(1500):
            cap.track_variable("n", n)
        cap.close()
        for path in tmp_path.glob("*.seg"):
            data = bytearray(path.read_bytes())
            for _ in range(2):
                place = chance.randrange(len(data))
                data[place : place + 16] = chance.randbytes(16)
            path.write_bytes(data)
    cap = Capture(configuration(tmp_path, "http://127.0.0.1:1/", max_store_bytes=1 << 20))
    cap.close()
    assert store_bytes(tmp_path) <= (1 << 20) + 64 * 1024
    cap = Capture(configuration(tmp_path, "http://127.0.0.1:1/"))
    cap.opt_out()
    cap.close()
    assert files_of(tmp_path) == ["opted-out"]


# Signals

CTRL_C = """
import sys
from capture import *
cap = Capture(RunConfig(project=ProjectConfig(id=1), buffer=BufferConfig(path=sys.argv[1] + "/store"),
    privacy=PrivacyConfig(opted_in=True),
    sinks=(SinkConfig(type="file", options={"path": sys.argv[1] + "/out"}),)))
target = Target(path="[root]>b#x>", id="x", responsive=True)
print("up", flush=True)
while True:
    cap.touch_down(0, 1.0, 1.0, target=target)
    cap.touch_up(0, 1.0, 1.0)
"""


def test_ctrl_c_ends_the_process(tmp_path):
    chance = random.Random(2)
    pause = threading.Event()
    for n in range(1000 if SOAK else 40):
        process = subprocess.Popen(
            [sys.executable, "-c", CTRL_C, str(tmp_path / str(n))],
            env={**os.environ, "PYTHONPATH": ROOT},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        process.stdout.readline()
        pause.wait(chance.uniform(0.01, 0.1))
        process.send_signal(signal.SIGINT)
        try:
            process.wait(LONG_S)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
        shutil.rmtree(tmp_path / str(n), ignore_errors=True)


SIGNALS = """
import random, signal, sys, threading, time
from capture import *
def stop(*_):
    raise KeyboardInterrupt
signal.signal(signal.SIGALRM, stop)
config = RunConfig(project=ProjectConfig(id=1), buffer=BufferConfig(path=sys.argv[1] + "/store"),
    privacy=PrivacyConfig(opted_in=True),
    sinks=(SinkConfig(type="file", options={"path": sys.argv[1] + "/out"}),))
cap = Capture(config)
target = Target(path="[root]>b#x>", id="x", responsive=True)
answers = []
def other():
    answers.append(cap.track_variable("other", 1))
for _ in range(int(sys.argv[2])):
    try:
        signal.setitimer(signal.ITIMER_REAL, random.uniform(0.0005, 0.003))
        while True:
            cap.touch_down(0, 1.0, 1.0, target=target)
            cap.touch_up(0, 1.0, 1.0)
    except KeyboardInterrupt:
        pass
    thread = threading.Thread(target=other)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
begun = time.perf_counter()
cap.close()
print(len(answers), None in answers, time.perf_counter() - begun < 20.0)
"""


def test_an_exception_of_a_signal_handler_leaves_no_lock_taken(tmp_path):
    count = 2000 if SOAK else 300
    assert run(SIGNALS, tmp_path, count) == f"{count} False True"


# Locks of other processes

HOLDER = """
import fcntl, os, sys
for name in ("delivery.lock", "state.lock"):
    descriptor = os.open(os.path.join(sys.argv[1], name), os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.readline()
"""
APP = """
import sys, time
from capture import *
cap = Capture(RunConfig(project=ProjectConfig(id=1), buffer=BufferConfig(path=sys.argv[1]),
    privacy=PrivacyConfig(opted_in=True), sinks=tuple(SinkConfig(type="http", name=f"h{i}",
    options={"url": "http://127.0.0.1:1/"}) for i in range(int(sys.argv[2])))))
for i in range(50):
    cap.track_variable("n", i)
begun = time.monotonic()
if sys.argv[3] == "close":
    cap.close()
print(begun, flush=True)
"""


@pytest.mark.parametrize("sinks", [1, 3])
@pytest.mark.parametrize(("how", "most_s"), [("exit", 2.0), ("close", 5.0)])
def test_the_end_is_bounded_whatever_another_process_holds(tmp_path, sinks, how, most_s):
    run(APP, tmp_path, sinks, "close")
    holder = start(HOLDER, tmp_path)
    assert holder.stdout.readline() == "held\n"
    holder.send_signal(signal.SIGSTOP)
    try:
        started = time.monotonic()
        run("import capture")
        usual_s = time.monotonic() - started  # on a busy machine the end of a process takes its time
        begun = float(run(APP, tmp_path, sinks, how))
        assert time.monotonic() - begun < most_s + 0.3 + 4 * usual_s
    finally:
        holder.kill()
        holder.communicate()
    assert buffer.status(tmp_path).queues[0].pending == 102


# Many processes

MANY = """
import sys, time
from capture import *
cap = Capture(RunConfig(project=ProjectConfig(id=1),
    buffer=BufferConfig(path=sys.argv[1] + "/s", flush_interval_s=0.5),
    privacy=PrivacyConfig(opted_in=True), sinks=(SinkConfig(type="http", options={"url": sys.argv[2]}),),
    delivery=DeliveryConfig(timeout_s=5, shutdown_timeout_s=5)))
ids = []
for n in range(100):
    ids.append(cap.track_variable("n", n))
    time.sleep(0.005)
cap.close()
import json
print(json.dumps([ids, cap.stats.dropped]))
"""


def test_many_processes_lose_nothing(tmp_path):
    with Collector() as collector:
        processes = [start(MANY, tmp_path, collector.url) for _ in range(200 if SOAK else 40)]
        told = [json.loads(process.communicate(timeout=300)[0]) for process in processes]
        last = Capture(configuration(tmp_path / "s", collector.url))
        assert last.flush(60)
        last.close()

    ids = [event for each, _ in told for event in each]
    assert None not in ids
    assert [dropped for _, dropped in told if dropped] == []
    assert not set(ids) - set(collector.events)


# Counts


def test_stored_is_delivered_dropped_dead_or_pending(tmp_path):
    answers = [Answer(Outcome.REFUSED, "HTTP 400")] * 3

    def answer(batch):
        return (
            answers.pop()
            if answers and batch.event_count == 1
            else Answer(Outcome.REFUSED, "HTTP 400")
            if answers
            else Answer(Outcome.ACCEPTED)
        )

    sink = MemorySink("one", answers=answer)
    config = RunConfig(
        project=ProjectConfig(id=1),
        buffer=BufferConfig(path=str(tmp_path)),
        privacy=PrivacyConfig(opted_in=True),
    )
    with Capture(config, sinks=[sink]) as cap:
        for n in range(120):
            cap.track_variable("n", n)
        cap.flush(10)
        counts = cap.stats.sinks["one"]

    assert counts.stored == 121
    assert counts.stored == counts.delivered + counts.dropped + counts.dead_letters + counts.pending
    assert counts.dead_letters == 3


def test_files_are_private(tmp_path):
    before = os.umask(0o022)
    try:
        with Collector() as collector:
            collector.fail(Fault(status=400))
            cap = Capture(
                configuration(tmp_path / "deep" / "store", collector.url),
                sinks=[
                    HttpSink(HttpSettings(url=collector.url)),
                    FileSink(tmp_path / "deep" / "out" / "batches"),
                ],
            )
            cap.touch_down(0, 1, 1, target=Target(path="[root]>x>", id="x"))
            cap.touch_up(0, 1, 1)
            cap.flush(2)
            cap.close()
    finally:
        os.umask(before)

    paths = list((tmp_path / "deep").rglob("*"))
    assert {path.stat().st_mode & 0o777 for path in paths if path.is_file()} == {0o600}
    assert {path.stat().st_mode & 0o777 for path in paths if path.is_dir()} == {0o700}
