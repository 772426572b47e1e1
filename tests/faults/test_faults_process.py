"""Processes that are killed, ended, forked; servers that are down, slow, failing: nothing is lost.

Counts are small here; ``CAPTURE_SOAK=1`` runs the full ones.
"""

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from free_port import free_port

import capture
from capture.collector import Collector, Fault
from capture.store import buffer

ROOT = str(Path(capture.__file__).parents[1])
APP = Path(__file__).with_name("app.py")
SOAK = os.environ.get("CAPTURE_SOAK", "") not in {"", "0"}
LONG_S = 120.0
#: 2 s are promised, and the machine may be busy; what hangs takes a minute.
EXIT_S = 20.0
BATCH = 50


class App:
    """The host app as a process."""

    def __init__(self, folder, url, count, end, **environ):
        (folder / "recorded").unlink(missing_ok=True)
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, str(APP), str(folder), url, str(count), end],
            env={**os.environ, "PYTHONPATH": ROOT, **environ},
        )

    def until_recorded(self):
        end = time.monotonic() + LONG_S
        pause = threading.Event()
        while not (self.folder / "recorded").exists():
            assert time.monotonic() < end
            assert self.process.poll() is None
            pause.wait(0.01)

    def kill(self, number=signal.SIGKILL):
        self.process.send_signal(number)
        self.process.wait(LONG_S)

    def finish(self):
        assert self.process.wait(LONG_S) == 0


def confirmed(folder):
    return (folder / "confirmed").read_text().split()


def size_of(path):
    return path.stat().st_size if path.exists() else 0


def restart(folder, port, **more):
    """Start the app again with the server up, and let it deliver what is stored."""
    with Collector(port=port, **more) as collector:
        App(folder, collector.url, 0, "close").finish()
    return collector


def url_of(port):
    return f"http://127.0.0.1:{port}/batches"


def check(collector, folder, *, duplicates=0, kills=0):
    ids = confirmed(folder)
    assert len(set(ids)) == len(ids)
    missing = set(ids) - set(collector.events)
    assert not missing, f"{len(missing)} of {len(ids)} are lost"
    # An app start for each process; and the event whose call did not return before a kill.
    assert len(collector.events) <= len(ids) + 1 + 2 * kills + 2
    assert collector.counters.duplicates <= duplicates
    # A killed process may leave half a request behind.
    assert collector.counters.invalid <= kills


@pytest.mark.parametrize("count", [10_000 if SOAK else 2_000])
def test_kill_with_the_server_down(tmp_path, count):
    port = free_port()
    app = App(tmp_path, url_of(port), count, "wait")
    app.until_recorded()
    app.kill()
    collector = restart(tmp_path, port)

    assert len(confirmed(tmp_path)) == count
    check(collector, tmp_path)


@pytest.mark.parametrize("kills", [200 if SOAK else 8])
def test_kills_at_random_moments(tmp_path, kills):
    chance = random.Random(7)
    pause = threading.Event()
    with Collector() as collector:
        for _ in range(kills):
            before = size_of(tmp_path / "confirmed")
            app = App(tmp_path, collector.url, 500, "wait")
            while size_of(tmp_path / "confirmed") == before and app.process.poll() is None:
                pause.wait(0.01)
            pause.wait(chance.random() * 0.5)
            app.kill()
        for _ in range(10):
            App(tmp_path, collector.url, 0, "close").finish()
            if not any(queue.pending for queue in buffer.status(tmp_path / "store").queues):
                break

    assert len(confirmed(tmp_path)) > kills
    check(collector, tmp_path, duplicates=BATCH * kills, kills=kills)


def test_sigterm_right_after_the_calls(tmp_path):
    port = free_port()
    with Collector(port=port) as first:
        app = App(tmp_path, url_of(port), 2_000, "wait")
        app.until_recorded()
        app.kill(signal.SIGTERM)
    second = restart(tmp_path, port)
    second.events.update(first.events)

    check(second, tmp_path, duplicates=BATCH, kills=1)


@pytest.mark.parametrize("delay_s", [0.0, 0.05], ids=["fast-server", "50-ms-server"])
def test_exit_without_a_flush(tmp_path, delay_s):
    with Collector() as collector:
        collector.fail(Fault(delay_s=delay_s))
        App(tmp_path, collector.url, 1_000, "exit", APP_EXIT_TIMEOUT_S="60").finish()
        left = len(set(confirmed(tmp_path)) - set(collector.events))
        App(tmp_path, collector.url, 0, "close").finish()

    assert left == 0
    check(collector, tmp_path)


def test_exit_with_the_server_down_is_quick_and_keeps_everything(tmp_path):
    port = free_port()
    app = App(tmp_path, url_of(port), 40, "exit")
    app.until_recorded()
    start = time.monotonic()
    app.finish()
    took_s = time.monotonic() - start
    collector = restart(tmp_path, port)

    assert took_s < EXIT_S
    check(collector, tmp_path)


def test_exit_with_a_server_that_never_answers(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        app = App(tmp_path, url_of(listener.getsockname()[1]), 200, "exit", APP_TIMEOUT_S="60")
        app.until_recorded()
        start = time.monotonic()
        app.finish()

        assert time.monotonic() - start < EXIT_S
    assert len(confirmed(tmp_path)) == 200
    check(restart(tmp_path, free_port()), tmp_path)


@pytest.mark.parametrize("end", ["fork", "spawn"])
def test_a_child_process(tmp_path, end):
    with Collector() as collector:
        App(tmp_path, collector.url, 1_000, end).finish()
        App(tmp_path, collector.url, 0, "close").finish()

    assert len(confirmed(tmp_path)) == 1_000
    check(collector, tmp_path, kills=1)


@pytest.mark.parametrize("outage_s", [20.0 if SOAK else 2.0])
def test_an_outage(tmp_path, outage_s):
    with Collector() as collector:
        collector.fail(Fault(status=503))
        app = App(tmp_path, collector.url, 1_000, "close")
        threading.Event().wait(outage_s)
        collector.fail(None)
        app.finish()
        App(tmp_path, collector.url, 0, "close").finish()

    check(collector, tmp_path)


@pytest.mark.parametrize("count", [20_000 if SOAK else 2_000])
def test_a_burst_at_a_slow_server(tmp_path, count):
    with Collector() as collector:
        collector.fail(Fault(delay_s=0.05))
        App(tmp_path, collector.url, count, "close").finish()
        collector.fail(None)
        App(tmp_path, collector.url, 0, "close").finish()

    check(collector, tmp_path)


def test_connections_that_are_cut_lose_nothing(tmp_path):
    with Collector() as collector:
        for _ in range(5):
            collector.fail(Fault(cut="before"), times=1)
            collector.fail(Fault(status=200), times=1)
            collector.fail(Fault(garbage=b"garbage\r\n\r\n"), times=1)
        App(tmp_path, collector.url, 1_000, "close").finish()
        App(tmp_path, collector.url, 0, "close").finish()

    check(collector, tmp_path)
