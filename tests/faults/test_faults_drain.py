"""What is pending goes out as fast as what is recorded, in little memory; a deliverer that is stopped."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from journal_events import event_id

import capture
from capture import BufferConfig, Capture, PrivacyConfig, ProjectConfig, RunConfig, SinkConfig
from capture.collector import Collector
from capture.delivery import Delivery
from capture.sinks import ACCEPTED
from capture.sinks.memory import MemorySink
from capture.store import Store

ROOT = str(Path(capture.__file__).parents[1])
SOAK = os.environ.get("CAPTURE_SOAK", "") not in {"", "0"}
PENDING, LIVE = (1_000_000, 50_000) if SOAK else (100_000, 10_000)
MAX_GROWTH_BYTES = 15 * 1024 * 1024
NOW_MS = 2**42
LONG_S = 60.0

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals, and the memory of a process")


def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Bench:
    """A store, and a delivery to a sink that counts."""

    def __init__(self, folder):
        self.count = self.most_bytes = 0
        self.store = Store(folder, formats={"memory": "native"}, max_bytes=2**32)
        config = RunConfig(project=ProjectConfig(id=1))
        self.sink = MemorySink(answers=self.answer)
        self.delivery = Delivery(self.store, [self.sink], config=config, compose=lambda *_: b"")

    def answer(self, batch):
        self.count += batch.event_count
        self.sink.batches.clear()
        self.sink.attempts.clear()
        if self.count % 1000 < 50:
            self.most_bytes = max(self.most_bytes, resident_bytes())
        return ACCEPTED

    def record(self, count, *, deliver):
        for n in range(count):
            self.store.append(1, [("native", b"x" * 270)], time_ms=NOW_MS, event_id=event_id(n))
            if deliver:
                self.delivery.notify(1)

    def close(self):
        self.delivery.close(5)
        self.store.close()


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
def test_what_is_pending_goes_out_as_fast_as_what_is_recorded(tmp_path):
    live = Bench(tmp_path / "live")
    live.delivery.start()
    begun = time.process_time()
    live.record(LIVE, deliver=True)
    assert live.delivery.flush(LONG_S)
    live_s = (time.process_time() - begun) / LIVE
    live.close()
    pending = Bench(tmp_path / "pending")
    pending.record(PENDING, deliver=False)
    pending.store.release_session()
    before, begun = resident_bytes(), time.process_time()
    pending.delivery.start()
    assert pending.delivery.flush(10 * LONG_S)
    pending_s = (time.process_time() - begun) / PENDING
    pending.close()
    sys.stderr.write(f"\nprocessor, us an event: pending {pending_s * 1e6:.1f}, live {live_s * 1e6:.1f}\n")

    assert pending.count == PENDING
    # Processor time: that of the wall is the other processes' as well.
    assert pending_s <= 1.5 * live_s
    assert pending.most_bytes - before <= MAX_GROWTH_BYTES


DELIVERER = """
import sys, threading
from capture import *
cap = Capture(RunConfig(project=ProjectConfig(id=1),
    buffer=BufferConfig(path=sys.argv[1], flush_interval_s=0.3),
    privacy=PrivacyConfig(opted_in=True), sinks=(SinkConfig(type="http", options={"url": sys.argv[2]}),)))
cap.track_variable("n", 0)
assert cap.flush(30)
print("up", flush=True)
ended = threading.Event()
def record():
    while not ended.wait(0.1):
        cap.track_variable("n", 1)
threading.Thread(target=record).start()
sys.stdin.readline()
ended.set()
cap.close()
"""


@pytest.mark.parametrize("goes_on", [True, False], ids=["goes-on", "killed"])
def test_a_stopped_deliverer_holds_delivery_until_it_goes_on_or_dies(tmp_path, goes_on):
    with Collector() as collector:
        process = subprocess.Popen(
            [sys.executable, "-c", DELIVERER, str(tmp_path), collector.url],
            env={**os.environ, "PYTHONPATH": ROOT},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout.readline() == "up\n"
        process.send_signal(signal.SIGSTOP)
        cap = Capture(
            RunConfig(
                project=ProjectConfig(id=1),
                buffer=BufferConfig(path=str(tmp_path), flush_interval_s=0.3),
                privacy=PrivacyConfig(opted_in=True),
                sinks=(SinkConfig(type="http", options={"url": collector.url}),),
            )
        )
        ids = {cap.track_variable("m", n) for n in range(50)}
        assert not cap.flush(0.5)
        assert not ids & set(collector.events)
        if goes_on:
            process.send_signal(signal.SIGCONT)
        else:
            process.kill()
        pause, end = threading.Event(), time.monotonic() + LONG_S
        while ids - set(collector.events) and time.monotonic() < end:
            pause.wait(0.05)
        if not goes_on:
            assert cap.flush(30)
        process.communicate("\n", timeout=LONG_S)
        cap.close()

    assert not ids - set(collector.events)
    assert collector.counters.duplicates <= 50
