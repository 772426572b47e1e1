"""Whoever holds the delivery delivers what others record, and records nothing itself meanwhile."""

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from capture.collector import Collector

SCRIPTS = Path(__file__).parents[1] / "scripts"
#: A deadline, not a measure.
LONG_S = 60.0


def need(*packages):
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not installed (group hosts)")


def environment(tmp_path, collector, **more):
    paths = [str(SCRIPTS), str(SCRIPTS.parents[1]), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "STORE": str(tmp_path / "store"),
        "RECEIVER": collector.url,
        **more,
    }


def variables(collector):
    """Return the values of the variables that came, each once."""
    found = [json.loads(event) for event in list(collector.events.values())]
    return sorted(int(event["v"]) for event in found if str(event.get("v", "")).isdigit())


def wait_for_variables(collector):
    end = time.monotonic() + LONG_S
    while len(variables(collector)) < 101 and time.monotonic() < end:
        time.sleep(0.05)
    return variables(collector)


def wait_for(collector, count):
    """Wait until the collector has so many events; return them."""
    end = time.monotonic() + LONG_S
    while len(collector.events) < count and time.monotonic() < end:
        time.sleep(0.02)
    return len(collector.events)


@pytest.mark.parametrize("how", ["fork", "spawn", "forkserver"])
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform has no fork")
def test_a_supervisor_delivers_what_its_worker_records(tmp_path, how):
    with Collector() as collector:
        command = [sys.executable, SCRIPTS / "forks.py", how, tmp_path / "store", collector.url]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout.readline() == "READY\n"
            assert process.stdout.readline() == "WORKED\n"
            # An app start of the processes that have one, and a hundred variables.
            wanted = 100 + (how != "fork")
            assert wait_for(collector, wanted) == wanted
        finally:
            process.communicate()
        assert collector.counters.duplicates == 0


@pytest.mark.parametrize("kind", ["sync", "gevent"])
def test_gunicorn_with_preload_loses_and_doubles_nothing(tmp_path, kind):
    need("gunicorn", *(["gevent"] if kind == "gevent" else []))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with Collector() as collector:
        command = [sys.executable, "-m", "gunicorn", "--preload", "-w", "3", "-k", kind]
        command += ["-b", f"127.0.0.1:{port}", "--log-level", "error", "preload:app"]
        process = subprocess.Popen(command, env=environment(tmp_path, collector), cwd=tmp_path)
        try:
            for number in range(101):
                ask(f"http://127.0.0.1:{port}/{number}", process)
            assert wait_for_variables(collector) == list(range(101))
            assert collector.counters.duplicates == 0
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def ask(url, process):
    """Ask a server that may not listen yet."""
    end = time.monotonic() + LONG_S
    while process.poll() is None and time.monotonic() < end:
        try:
            urllib.request.urlopen(url, timeout=10).read()  # noqa: S310 - on loopback
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("the server does not answer")


def test_a_celery_pool_loses_and_doubles_nothing(tmp_path):
    need("celery")
    broker = tmp_path / "broker"
    (broker / "control").mkdir(parents=True)
    with Collector() as collector:
        env = environment(tmp_path, collector, BROKER=str(broker))
        command = [sys.executable, "-m", "celery", "-A", "tasks", "worker", "-P", "prefork", "-c", "3"]
        command += ["--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "error"]
        process = subprocess.Popen(command, env=env, cwd=tmp_path)
        try:
            send = "from tasks import record\nfor number in range(101): record.delay(number)"
            subprocess.run([sys.executable, "-c", send], env=env, cwd=tmp_path, check=True, timeout=60)
            assert wait_for_variables(collector) == list(range(101))
            assert collector.counters.duplicates == 0
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
