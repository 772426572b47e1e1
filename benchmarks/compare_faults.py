"""The same faults for touchcapture and for analytics clients with their defaults: arrivals and times.

    python benchmarks/compare_faults.py [--full] [--only touchcapture,segment]

Each client runs in a process of its own against a server of this one, which tells events by a marker in them.
Those that are not installed are left out. Quick: 5 minutes or so; ``--full``: a quarter of an hour.
"""

import argparse
import asyncio
import contextlib
import gzip
import importlib.util
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

#: Client -> packages that it needs.
CLIENTS = {
    "touchcapture": "capture",
    "segment": "segment",
    "posthog": "posthog",
    "amplitude": "amplitude",
    "mixpanel": "mixpanel",
    "snowplow": "snowplow_tracker",
    "rudder": "rudderstack",
}
ROOT = str(Path(__file__).resolve().parents[1])
SLOW_S = 0.05
#: How long a burst may take, and after how long without anything new it is over.
BURST_CAP_S, QUIET_S = 90.0, 10.0
_MARKER = re.compile(rb"ev-([0-9]{6})")
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)


class Scale(NamedTuple):
    """How many events, and how long."""

    events: int
    slow_exit: int
    fork: int
    burst: int
    outage_s: float
    after_s: float
    exit_cap_s: float


QUICK = Scale(events=2000, slow_exit=1000, fork=2000, burst=4000, outage_s=5.0, after_s=10.0, exit_cap_s=15.0)
FULL = Scale(
    events=10_000, slow_exit=5000, fork=2000, burst=20_000, outage_s=20.0, after_s=40.0, exit_cap_s=30.0
)


# The client's process


def make(name, url, folder):
    """Return the function that tracks event number n."""
    host, _, port = url.removeprefix("http://").partition(":")
    if name == "touchcapture":
        from capture.config import BufferConfig, PrivacyConfig, ProjectConfig, RunConfig, SinkConfig
        from capture.engine import Capture

        cap = Capture(
            RunConfig(
                project=ProjectConfig(id=1),
                buffer=BufferConfig(path=str(Path(folder) / "store")),
                privacy=PrivacyConfig(opted_in=True),
                sinks=(SinkConfig(type="http", options={"url": url + "/batches"}),),
            )
        )
        return lambda n: cap.track_variable("marker", f"ev-{n:06}")
    if name in {"segment", "rudder"}:
        client = importlib.import_module(f"{CLIENTS[name]}.analytics.client").Client("key", host=url)
        return lambda n: client.track("user", "tap", {"marker": f"ev-{n:06}"})
    if name == "posthog":
        from posthog import Posthog

        hog = Posthog("key", host=url, disable_geoip=True)
        return lambda n: hog.capture("tap", distinct_id="user", properties={"marker": f"ev-{n:06}"})
    if name == "amplitude":
        from amplitude import Amplitude, BaseEvent, Config

        amplitude = Amplitude("key", Config(server_url=url + "/2/httpapi", min_id_length=1))
        return lambda n: amplitude.track(
            BaseEvent("tap", user_id="user", event_properties={"marker": f"ev-{n:06}"})
        )
    if name == "mixpanel":
        from mixpanel import BufferedConsumer, Mixpanel, MixpanelException

        mixpanel = Mixpanel("key", consumer=BufferedConsumer(events_url=url + "/track"))

        def track(n):
            with contextlib.suppress(MixpanelException):
                mixpanel.track("user", "tap", {"marker": f"ev-{n:06}"})

        return track
    from snowplow_tracker import AsyncEmitter, SelfDescribing, SelfDescribingJson, Tracker

    emitter = AsyncEmitter(host, protocol="http", port=int(port), method="post")
    tracker = Tracker("bench", emitter, encode_base64=False)
    return lambda n: tracker.track(
        SelfDescribing(SelfDescribingJson("iglu:com.acme/tap/jsonschema/1-0-0", {"marker": f"ev-{n:06}"}))
    )


def client(name, url, folder, count, end):
    track = make(name, url, folder)
    half = count // 2 if end == "fork" else count
    for number in range(half):
        track(number)
    if end == "fork":
        child = os.fork()
        for number in range(half, count) if child == 0 else ():
            track(number)
        if child:
            os.waitpid(child, 0)
    if end != "fork" or child:
        (Path(folder) / "recorded").touch()
    if end == "wait":
        # Until it is killed.
        threading.Event().wait(600)


# The server and the driver


class Server:
    """Takes every POST and remembers the markers in it; can be down, silent, slow, or answer 503."""

    def __init__(self, mode="up"):
        self.mode, self.seen, self.duplicates = mode, set(), 0
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        if mode != "down":
            self.start()

    def start(self):
        serving = asyncio.start_server(self.answer, "127.0.0.1", self.port, limit=2**24)
        asyncio.run_coroutine_threadsafe(serving, self.loop).result(5)

    async def answer(self, reader, writer):
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = _LENGTH.search(head)
                body = await reader.readexactly(int(length[1]) if length else 0)
                if self.mode == "silent":
                    await asyncio.sleep(600)
                if self.mode == "slow":
                    await asyncio.sleep(SLOW_S)
                status = b"503 Service Unavailable" if self.mode == "failing" else b"200 OK"
                if self.mode != "failing":
                    text = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
                    # A marker may be in an event's text more than once.
                    found = set(_MARKER.findall(text))
                    self.duplicates += len(found & self.seen)
                    self.seen |= found
                answer = b'{"code":200,"status":1}'
                writer.write(
                    b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
                    % (status, len(answer), answer)
                )
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


class Run:
    def __init__(self, name, server, folder, count, end):
        (Path(folder) / "recorded").unlink(missing_ok=True)
        self.recorded = Path(folder) / "recorded"
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--client", name, server.url, folder, str(count), end],
            env={**os.environ, "PYTHONPATH": ROOT},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def until_recorded(self):
        end = time.monotonic() + 120
        while not self.recorded.exists() and self.process.poll() is None and time.monotonic() < end:
            time.sleep(0.005)

    def kill(self, number=signal.SIGKILL):
        self.process.send_signal(number)
        self.process.wait(30)

    def exit_s(self, cap_s=30.0):
        """Return how long the process lives on; None where it is more than the cap: it is killed then."""
        start = time.monotonic()
        try:
            self.process.wait(cap_s)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            return None
        return time.monotonic() - start


def restart(name, server, folder):
    Run(name, server, folder, 0, "exit").exit_s()


def delivered(server, count):
    more = f" ({server.duplicates} twice)" if server.duplicates else ""
    return f"{len(server.seen)} of {count}{more}"


def in_time(took_s, cap_s):
    return f"over {cap_s:.0f} s" if took_s is None else f"{took_s:.2f} s"


def then_restart(name, server, folder, count):
    """Return the delivered events; after a restart if there are more then."""
    before, had = delivered(server, count), len(server.seen)
    restart(name, server, folder)
    return before if len(server.seen) == had else f"{before}, then {delivered(server, count)}"


def killed(name, folder, scale):
    server = Server("down")
    run = Run(name, server, folder, scale.events, "wait")
    run.until_recorded()
    run.kill()
    server.start()
    restart(name, server, folder)
    return delivered(server, scale.events)


def terminated(name, folder, scale):
    server = Server()
    run = Run(name, server, folder, scale.events, "wait")
    run.until_recorded()
    run.kill(signal.SIGTERM)
    restart(name, server, folder)
    return delivered(server, scale.events)


def exit_without_flush(name, folder, scale):
    server = Server()
    run = Run(name, server, folder, scale.events, "exit")
    run.until_recorded()
    run.exit_s(scale.exit_cap_s)
    return then_restart(name, server, folder, scale.events)


def slow_exit(name, folder, scale):
    server = Server("slow")
    run = Run(name, server, folder, scale.slow_exit, "exit")
    run.until_recorded()
    took = in_time(run.exit_s(scale.exit_cap_s), scale.exit_cap_s)
    server.mode = "up"
    return f"{took}, {then_restart(name, server, folder, scale.slow_exit)}"


def forked(name, folder, scale):
    server = Server()
    run = Run(name, server, folder, scale.fork, "fork")
    run.until_recorded()
    run.exit_s(scale.exit_cap_s)
    restart(name, server, folder)
    return delivered(server, scale.fork)


def outage(name, folder, scale):
    server = Server("failing")
    run = Run(name, server, folder, scale.events, "wait")
    run.until_recorded()
    time.sleep(scale.outage_s)
    server.mode = "up"
    until_quiet(server, scale.events, scale.after_s, scale.after_s)
    run.kill()
    # Events that wait for a batch to fill up are in a store, or lost.
    return then_restart(name, server, folder, scale.events)


def burst(name, folder, scale):
    server = Server("slow")
    run = Run(name, server, folder, scale.burst, "wait")
    until_quiet(server, scale.burst, BURST_CAP_S, QUIET_S)
    run.kill()
    server.mode = "up"
    return then_restart(name, server, folder, scale.burst)


def until_quiet(server, count, cap_s, quiet_s):
    """Wait until the server has everything, or nothing new came for a while."""
    end = time.monotonic() + cap_s
    last_s, had = time.monotonic(), len(server.seen)
    while had < count and time.monotonic() < end and time.monotonic() - last_s < quiet_s:
        time.sleep(0.05)
        if len(server.seen) > had:
            last_s, had = time.monotonic(), len(server.seen)


def exit_time(mode):
    def measure(name, folder, scale):
        server = Server(mode)
        run = Run(name, server, folder, 40, "exit")
        run.until_recorded()
        took = in_time(run.exit_s(scale.exit_cap_s), scale.exit_cap_s)
        server.mode = "up"
        if mode == "down":
            server.start()
        restart(name, server, folder)
        return f"{took}, then {delivered(server, 40)}"

    return measure


FAULTS = {
    "kill -9 with the server down, restart with it up": killed,
    "SIGTERM right after the calls, restart": terminated,
    "exit without a flush": exit_without_flush,
    "exit without a flush, 50 ms an answer": slow_exit,
    "fork, half of the events in the child, restart": forked,
    "{0.outage_s:.0f} s of 503, {0.after_s:.0f} s up, kill -9": outage,
    "burst, 50 ms an answer": burst,
    "exit with the server down, restart with it up": exit_time("down"),
    "exit with a server that never answers, restart": exit_time("silent"),
}


def main():
    sys.path.insert(0, ROOT)
    parser = argparse.ArgumentParser()
    parser.add_argument("--full", action="store_true", help="the full counts and waits")
    parser.add_argument("--only", default=",".join(CLIENTS))
    options = parser.parse_args()
    scale = FULL if options.full else QUICK
    names = [name for name in options.only.split(",") if importlib.util.find_spec(CLIENTS[name])]

    def measure(fault, name):
        with tempfile.TemporaryDirectory(prefix="faults-") as folder:
            return fault(name, folder, scale)

    print("| fault | " + " | ".join(names) + " |")
    print("|---" * (len(names) + 1) + "|")
    for title, fault in FAULTS.items():
        # Two at a time: a machine has at least two cores, and they wait most of the time.
        with ThreadPoolExecutor(2) as pool:
            results = pool.map(lambda name, fault=fault: measure(fault, name), names)
            print(f"| {title.format(scale)} | " + " | ".join(results) + " |", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--client"]:
        client(sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5]), sys.argv[6])
    else:
        main()
