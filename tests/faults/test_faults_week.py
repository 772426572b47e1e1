"""A week offline, fake clock: the store keeps its bound, the newest events survive, all drain in order.

100,000 events by default, once; ``CAPTURE_SOAK=1`` runs two million ten times, beside two busy loops.
"""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from journal_events import event_id

from capture.config import BufferConfig, ProjectConfig, RunConfig
from capture.delivery import Delivery
from capture.sinks import ACCEPTED, Answer, Outcome
from capture.sinks.memory import MemorySink
from capture.store import Store
from capture.store.files import store_bytes
from capture.testing import FakeClock

SOAK = os.environ.get("CAPTURE_SOAK", "") not in {"", "0"}
COUNT = 2_000_000 if SOAK else 100_000
BOUND = 30 * 1024 * 1024
WEEK_S = 7 * 86_400
MAX_GROWTH_BYTES = 20 * 1024 * 1024


def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture
def busy():
    """Two processes that take all the time they get, in a soak."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 if SOAK else 0)]
    yield
    for loop in loops:
        loop.kill()
        loop.wait()


@pytest.mark.parametrize("run", range(10 if SOAK else 1))
@pytest.mark.usefixtures("busy")
def test_a_week_offline(tmp_path, run):
    clock = FakeClock()
    store = Store(tmp_path, formats={"memory": "native"}, max_bytes=BOUND, clock=clock)
    online = threading.Event()
    received = []

    def answer(batch):
        if not online.is_set():
            return Answer(Outcome.TEMPORARY, "no network")
        received.extend(int(payload[:9]) for payload in batch.payloads)
        return ACCEPTED

    config = RunConfig(project=ProjectConfig(id=1), buffer=BufferConfig(max_store_bytes=BOUND))
    # The clock stands still for the workers, so that they wait as a real outage makes them.
    delivery = Delivery(store, [MemorySink(answers=answer)], config=config, compose=lambda *_: b"")
    delivery.start()
    before = resident_bytes()
    largest = growth = 0
    for number in range(COUNT):
        payload = b"%09d" % number + b"x" * 511
        store.append(
            1 + number // 5000,
            [("native", payload)],
            time_ms=clock.wall_ns() // 10**6,
            event_id=event_id(number),
        )
        delivery.notify(1 + number // 5000)
        clock.advance(s=WEEK_S / COUNT)
        if number % 1000 == 0:
            largest = max(largest, store_bytes(tmp_path))
            growth = max(growth, resident_bytes() - before)
    online.set()
    # An attempt that fails after the wake-up would be waited for, and the clock does not go on.
    while delivery.counters["memory"].state == "sending":
        threading.Event().wait(0.01)
    delivery.wake()
    assert delivery.flush(120.0)
    # Only now: until then the store's upkeep may drop what was pending a moment ago.
    dropped = sum(store.dropped.values())
    pending = len(received)

    assert largest <= BOUND + 64 * 1024
    assert growth <= MAX_GROWTH_BYTES
    assert dropped + pending == COUNT
    assert received == list(range(dropped, COUNT))
    assert set(store.dropped) == {"store_full"}
    sizes = f"store {largest / 2**20:.1f} MiB, RSS +{growth / 2**20:.1f} MiB"
    sys.stderr.write(f"\nrun {run}: {COUNT} events: {sizes}, {pending} survived\n")
    delivery.close(5.0)
    store.close()
