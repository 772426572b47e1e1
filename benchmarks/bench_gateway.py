"""The receiving end: the door beside a bare application of the same work, the writer beside one statement.

Figures are per second of the server's processor time, since the client shares the machine.
"""

import asyncio
import contextlib
import gzip
import json
import os
import random
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

pytest.importorskip("uvicorn")
pytest.importorskip("duckdb")
pytest.importorskip("pyarrow")

TOKEN = "token-of-the-benchmark"  # noqa: S105 - made up
ROUNDS = int(os.environ.get("CAPTURE_BENCH_ROUNDS", "3"))
SECONDS = float(os.environ.get("CAPTURE_BENCH_SECONDS", "4"))
EVENTS = 50
CONNECTIONS = 32
CONFIG = """
[[projects]]
id = 8
token_env = ["GATEWAY_TOKEN"]
rate_events_s = 0
[listen]
port = 0
connections_per_address = 0
[limits]
min_free_bytes = 0
"""
#: The same work without the gateway: its journal and its reader behind a bare application.
BARE = """
import socket, sys, uvicorn
from pathlib import Path
from capture.formats import native
from capture.formats.receive import unpack
from capture.gateway.config import JournalSection
from capture.gateway.journal import Journal, Line, line_of
journal = Journal(Path(sys.argv[1]), JournalSection())
async def app(scope, receive, send):
    body = b""
    while True:
        message = await receive()
        body += message["body"]
        if not message["more_body"]:
            break
    native.decode(unpack(body, 4 * 1024 * 1024))
    await journal.append(line_of(Line(received=1, project=8, wire="native"), body))
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}"})
listening = socket.create_server(("127.0.0.1", 0))
print("post batches to", f"http://127.0.0.1:{listening.getsockname()[1]}/batches", flush=True)
settings = uvicorn.Config(app, interface="asgi3", lifespan="off", access_log=False, log_level="error")
uvicorn.Server(settings).run([listening])
"""
SLOW_SYNC = """
import os, time
sync = os.fdatasync
def slow(descriptor):
    sync(descriptor)
    time.sleep(0.01)
os.fdatasync = slow
"""


def batch(chance, now_ms):
    events = [
        {
            "ea": 6, "upt": number * 900, "euid": str(uuid.UUID(int=chance.getrandbits(128), version=4)),
            "url": "app-and://touchcapture.8/shop/cart/?title=Checkout", "scn": 3, "c": 1, "o": 0,
            "vo": {"sv": "1.2.0", "sb": 10200, "av": "4.1", "af": "release", "ab": 7}, "sn": 2,
            "t": now_ms + number * 900, "tvp": f"[root]>view#main>list>item#row{number % 20}>button#buy>",
            "tvid": "buy", "ur": True,
        }
        for number in range(EVENTS)
    ]  # fmt: skip
    return json.dumps(
        {
            "pid": 8, "uid": str(uuid.UUID(int=chance.getrandbits(128), version=4)), "dt": 5, "os": "14",
            "l": "en_US", "tz": "UTC", "now": now_ms,
            "to": {"an": "Shop", "st": "SDK-python", "sf": "release"},
            "r": {"w": 1080, "h": 2400, "d": 2.75}, "pl": events,
        },
        separators=(",", ":"),
    ).encode()  # fmt: skip


@contextlib.contextmanager
def server(*command):
    environ = {**os.environ, "GATEWAY_TOKEN": TOKEN}
    process = subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True, env=environ)
    try:
        address = process.stdout.readline().split()[3]
        yield process.pid, int(address.rpartition(":")[2].partition("/")[0])
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def cpu_s(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mib(pid):
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if "VmHWM" in line]
    return int(line.split()[1]) / 1024


async def load(port, requests, connections, seconds=None):
    """Send over kept connections; return the time (s) of each answer of 200, and the number of others."""
    times, others, work = [], 0, iter(requests)
    end = None if seconds is None else time.monotonic() + seconds

    async def one():
        nonlocal others
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in work:
            if end is not None and time.monotonic() > end:
                break
            while True:
                begin = time.perf_counter()
                writer.write(request)
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
                await reader.readexactly(length)
                if head.startswith(b"HTTP/1.1 200"):
                    times.append(time.perf_counter() - begin)
                    break
                others += 1
                wait = int(head.lower().partition(b"retry-after:")[2].split(b"\r\n")[0])
                await asyncio.sleep(wait / 10)  # a tenth of a device's wait
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(one() for _ in range(connections)))
    return times, others


def requests(count):
    chance = random.Random(1)
    now_ms = time.time_ns() // 1_000_000
    head = f"POST /batches HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Encoding: gzip\r\n"
    made = []
    for _ in range(count):
        body = gzip.compress(batch(chance, now_ms), 6)
        made.append(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    return made


def again(made):
    while True:
        yield from made


def gateway(folder, prelude="", more=""):
    (folder / "gateway.toml").write_text(CONFIG + more)
    code = f"{prelude}\nfrom capture.__main__ import run\nraise SystemExit(run())"
    return server("-c", code, "gateway", "serve", "--config", str(folder / "gateway.toml"))


def events_per_cpu_s(context):
    with context as (pid, port):
        asyncio.run(load(port, again(REQUESTS[:64]), CONNECTIONS, 0.5))
        begin = cpu_s(pid)
        times, _ = asyncio.run(load(port, again(REQUESTS), CONNECTIONS, SECONDS))
        return len(times) * EVENTS / (cpu_s(pid) - begin)


REQUESTS = requests(500)


def test_gateway_door(benchmark, tmp_path):
    """Acceptance on disk, by processor second, in turns with the bare application."""
    ratios, rates = [], []
    for number in range(ROUNDS):
        folder = tmp_path / str(number)
        folder.mkdir()
        bare = events_per_cpu_s(server("-c", BARE, str(folder / "bare")))
        ours = events_per_cpu_s(gateway(folder))
        ratios.append(ours / bare)
        rates.append(ours)
    benchmark.extra_info["events_per_cpu_s"] = round(sorted(rates)[len(rates) // 2])
    benchmark.extra_info["by_bare_application"] = round(sorted(ratios)[len(ratios) // 2], 2)
    benchmark.pedantic(lambda: None)


def test_gateway_kafka(benchmark, tmp_path):
    """Acceptance by a topic of mock brokers, 200 after the report, in turns with the journal."""
    pytest.importorskip("confluent_kafka")
    from kafka_cluster import Cluster

    cluster = Cluster(1)
    cluster.topic("touchcapture")
    kafka = f'[kafka]\nbrokers = "{cluster.brokers}"\n'
    ratios, rates = [], []
    for number in range(ROUNDS):
        folder = tmp_path / str(number)
        folder.mkdir()
        journal = events_per_cpu_s(gateway(folder))
        topic = events_per_cpu_s(gateway(folder, more=kafka))
        ratios.append(topic / journal)
        rates.append(topic)
    cluster.close()
    benchmark.extra_info["events_per_cpu_s"] = round(sorted(rates)[len(rates) // 2])
    benchmark.extra_info["by_journal"] = round(sorted(ratios)[len(ratios) // 2], 2)
    benchmark.pedantic(lambda: None)


def test_gateway_slow_sync(benchmark, tmp_path):
    """Syncs that take 10 ms longer, 256 connections."""
    with gateway(tmp_path, SLOW_SYNC) as (_, port):
        begin = time.perf_counter()
        times, _ = asyncio.run(load(port, again(REQUESTS), 256, SECONDS))
        passed = time.perf_counter() - begin
    benchmark.extra_info["events_per_s"] = round(len(times) * EVENTS / passed)
    benchmark.extra_info["p99_ms"] = round(sorted(times)[int(len(times) * 0.99)] * 1000)
    benchmark.pedantic(lambda: None)


def test_gateway_herd(benchmark, tmp_path):
    """1,000 devices at once, 20 batches each."""
    with gateway(tmp_path) as (pid, port):
        work = (request for _ in range(40) for request in REQUESTS)
        times, _ = asyncio.run(load(port, work, 1000))
        benchmark.extra_info["peak_mib"] = round(peak_mib(pid))
    assert len(times) == 20_000
    benchmark.extra_info["p99_ms"] = round(sorted(times)[int(len(times) * 0.99)] * 1000)
    benchmark.extra_info["longest_ms"] = round(max(times) * 1000)
    benchmark.pedantic(lambda: None)


WRITE = """
import resource, sys, time
from pathlib import Path
from capture.gateway.config import GatewayConfig
from capture.gateway.writer import Writer
writer = Writer(GatewayConfig.load(sys.argv[1]))
begin = time.process_time()
report = writer.run_once()
print(time.process_time() - begin, report.rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
STATEMENT = """
import sys, time
import duckdb
from pathlib import Path
from capture.gateway.rows import select_from
config = {"threads": 1, "preserve_insertion_order": False}
connection = duckdb.connect(":memory:", config=config)
connection.execute("SET enable_progress_bar = false")
begin = time.process_time()
select = select_from(Path(sys.argv[1]), 8388608)
connection.execute(f"COPY ({select}) TO '{sys.argv[2]}' (FORMAT parquet, COMPRESSION zstd)")
print(time.process_time() - begin)
"""


def child(code, *arguments):
    environ = {**os.environ, "GATEWAY_TOKEN": TOKEN}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=environ, check=True)
    return [float(value) for value in done.stdout.split()]


def test_gateway_writer(benchmark, tmp_path):
    """A segment of 500,000 events to Parquet, in turns with one statement that reads and writes it."""
    from capture.gateway.journal import Line, line_of

    chance, now_ms = random.Random(2), time.time_ns() // 1_000_000
    line = Line(received=now_ms, project=8, wire="native")
    segment = b"".join(line_of(line, gzip.compress(batch(chance, now_ms), 6)) for _ in range(10_000))
    ratios = []
    for number in range(ROUNDS):
        folder = tmp_path / str(number)
        (folder / "journal").mkdir(parents=True)
        (folder / "gateway.toml").write_text(CONFIG)
        path = folder / "journal" / f"{time.time_ns()}-1.jsonl.gz"
        path.write_bytes(segment)
        [statement] = child(STATEMENT, path, folder / "one.parquet")
        ours, rows, peak = child(WRITE, folder / "gateway.toml")
        assert rows == 10_000 * EVENTS
        ratios.append(statement / ours)
        [made] = (folder / "output" / "events").rglob("*.parquet")
    benchmark.extra_info["by_one_statement"] = round(sorted(ratios)[len(ratios) // 2], 2)
    benchmark.extra_info["events_per_cpu_s"] = round(rows / ours)
    benchmark.extra_info["peak_mib"] = round(peak)
    benchmark.extra_info["bytes_an_event"] = round(made.stat().st_size / rows, 1)
    benchmark.pedantic(lambda: None)


IDS = """
import resource, sys, time
from pathlib import Path
import numpy as np
from capture.gateway.ids import Ids, Keys
from capture.gateway.state import State
count, piece, hour = int(sys.argv[2]), 500_000, 3_600_000
state, now, chance = State(Path(sys.argv[1])), 1_800_000_000_000, np.random.default_rng(1)
wrong, begin, last = 0, time.process_time(), None
for start in range(0, count, piece):
    high = chance.integers(0, 2**64, piece, np.uint64)
    low = chance.integers(0, 2**64, piece, np.uint64)
    # Two hours are hot, one event in twenty is up to 24 hours late, one in fifty is a copy.
    late = np.where(chance.random(piece) < 0.05, chance.integers(0, 24, piece), start // piece % 2)
    hours = start * 24 // count - late
    copies = np.zeros(piece, bool)
    times = now + hours * hour
    if last is not None:
        copied = piece // 50
        for new, old in zip((high, low, times), last, strict=True):
            new[:copied] = old[:copied]
        copies[:copied] = True
    last = high.copy(), low.copy(), times.copy()
    ids = Ids(state, 32)
    with state.unit():
        found = ids.find(8, "native", Keys(high, low, times, np.zeros(piece, np.uint8)), now)
        with state.transaction():
            ids.commit(now)
        ids.sweep()
    wrong += int((found.is_copy != copies).sum())
used = time.process_time() - begin
state.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
stored = sum(path.stat().st_size for path in Path(sys.argv[1]).rglob("*") if path.is_file())
kept = state.db.execute("SELECT sum(count) FROM ids").fetchone()[0]
with open("/proc/self/status") as file:
    [anonymous] = [int(line.split()[1]) / 1024 for line in file if line.startswith("RssAnon")]
print(wrong, used / count * 1e6, stored / kept, anonymous)
"""


def test_gateway_ids(benchmark, tmp_path):
    """The index of ids: exact, small, fast; CAPTURE_BENCH_IDS=100000000 for a month of a large fleet."""
    count = int(os.environ.get("CAPTURE_BENCH_IDS", "10000000"))
    wrong, used, stored, anonymous = child(IDS, tmp_path, count)
    assert wrong == 0
    benchmark.extra_info["us_an_id"] = round(used, 2)
    benchmark.extra_info["bytes_an_id"] = round(stored, 2)
    benchmark.extra_info["anonymous_mib"] = round(anonymous)
    benchmark.pedantic(lambda: None)
