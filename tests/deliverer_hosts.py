"""Programs of several processes on one store, for tests and benchmarks: forks, gunicorn with preload, celery.

One process of each holds the delivery and records nothing, or little; the others record 101 variables.
"""

import contextlib
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

from capture.collector import Collector

SCRIPTS = Path(__file__).parent / "scripts"
#: Variables that are recorded, numbered from 0.
COUNT = 101
#: A deadline, not a measure.
LONG_S = 300.0
HOSTS = ("fork", "spawn", "forkserver", "gunicorn sync", "gunicorn gevent", "celery")


def missing(host):
    """Return the packages that a host needs and that are not installed."""
    needed = {"gunicorn sync": ["gunicorn"], "gunicorn gevent": ["gunicorn", "gevent"], "celery": ["celery"]}
    return [name for name in needed.get(host, []) if importlib.util.find_spec(name) is None]


class Arrivals(dict):
    """The events of a collector: knows when each came, and wakes whoever waits for them."""

    def __init__(self):
        super().__init__()
        self.came = {}
        self._changed = threading.Condition()

    def update(self, more):
        with self._changed:
            for payload in more.values():
                event = json.loads(payload)
                if str(event.get("v", "")).isdigit():
                    self.came[int(event["v"])] = (event["t"] / 1000, time.time())
            super().update(more)
            self._changed.notify_all()

    def wait(self, count=COUNT):
        """Wait until so many variables came; return their numbers."""
        with self._changed:
            self._changed.wait_for(lambda: len(self.came) >= count, LONG_S)
            return sorted(self.came)


@contextlib.contextmanager
def running(host, folder, interval_s=0.5):
    """Run a host that records what it should; yield the collector and its `Arrivals`."""
    with Collector() as collector:
        arrivals = collector.events = Arrivals()
        env = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(
                [str(SCRIPTS), str(SCRIPTS.parents[1]), os.environ.get("PYTHONPATH", "")]
            ),
            "STORE": str(folder / "store"),
            "RECEIVER": collector.url,
            "INTERVAL_S": str(interval_s),
            "BROKER": str(folder / "broker"),
        }
        name, _, kind = host.partition(" ")
        run = {"gunicorn": _gunicorn, "celery": _celery}.get(name, _forks)
        with run(kind or name, env, folder):
            yield collector, arrivals


@contextlib.contextmanager
def _forks(how, env, folder):
    command = [sys.executable, SCRIPTS / "forks.py", how, env["STORE"], env["RECEIVER"]]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=env, cwd=folder, **pipes) as process:
        try:
            assert process.stdout.readline() == "READY\n"
            yield
        finally:
            process.communicate()


@contextlib.contextmanager
def _gunicorn(kind, env, folder):
    # It listens before gunicorn does, so that a request waits for it.
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        port = listener.getsockname()[1]
        command = [sys.executable, "-m", "gunicorn", "--preload", "-w", "3", "-k", kind]
        command += ["-b", f"fd://{listener.fileno()}", "--timeout", "300"]
        command += ["--log-level", "error", "preload:app"]
        process = subprocess.Popen(command, env=env, cwd=folder, pass_fds=(listener.fileno(),))
        with _ended(process):
            for number in range(COUNT):
                url = f"http://127.0.0.1:{port}/{number}"
                urllib.request.urlopen(url, timeout=LONG_S).read()
            yield


@contextlib.contextmanager
def _celery(_, env, folder):
    (folder / "broker" / "control").mkdir(parents=True)
    command = [sys.executable, "-m", "celery", "-A", "tasks", "worker", "-P", "prefork", "-c", "3"]
    command += ["--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "error"]
    process = subprocess.Popen(command, env=env, cwd=folder)
    with _ended(process):
        send = f"from tasks import record\nfor number in range({COUNT}): record.delay(number)"
        subprocess.run([sys.executable, "-c", send], env=env, cwd=folder, check=True, timeout=LONG_S)
        yield


@contextlib.contextmanager
def _ended(process):
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(LONG_S / 2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
