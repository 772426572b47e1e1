"""What goes wrong on purpose: forged requests, full disks, processes that work on one output at once."""

import copy
import errno
import gzip
import json
import os
import random
import socket
import subprocess
import sys
import time
import uuid

import pytest

pytest.importorskip("uvicorn")
pytest.importorskip("duckdb")
pytest.importorskip("pyarrow")
pytest.importorskip("fastavro")

from gateway_kit import (
    ENVIRON,
    HOUR_MS,
    NOW_MS,
    TOKEN,
    Gateway,
    batch,
    configure,
    event,
    journal,
    query,
    record,
    write,
)

from capture.cli import run as cli
from capture.errors import StoreError
from capture.formats.receive import NotABatchError, read_batch
from capture.gateway import steps
from capture.gateway.config import GatewayConfig
from capture.gateway.state import totals
from capture.gateway.writer import Writer

BODIES = 5000 if os.environ.get("CAPTURE_SOAK") else 150
USERS = [str(uuid.UUID(int=number)) for number in range(4)]
#: Values that no field expects.
ODD = [
    None, True, 0, -1, 2**31, 2**63 - 1, -(2**63), 2**63, 2**64, 10**30, 1.5, -0.0, 1e308, 5e-324, "", "x",
    "\0", "é", "\ud800", "a" * 70_000, [], {}, [[]], {"a": {}}, "0" * 32, "{" + "0" * 8 + "}", "NaN", "\n",
    "'\"\\", [1] * 100, {"k": "v", "extra": 1}, {"": None},
]  # fmt: skip
KEYS = ["extra", "new", "pl", "events", "pid", "uid", "", "euid", "t", "__class__", "a.b", "é"]


@pytest.fixture
def config(tmp_path):
    return GatewayConfig.load(configure(tmp_path), environ=ENVIRON)


def numbers(config):
    return sorted(row[0] for row in query(config, "SELECT uptime_ms FROM EVENTS"))


# Forged requests


def places(document, place=()):
    """Yield the path of every value in a document."""
    if place:
        yield place
    if isinstance(document, dict | list):
        items = document.items() if isinstance(document, dict) else enumerate(document)
        for key, value in items:
            yield from places(value, (*place, key))


def broken(document, chance):
    """Return a document with some values that are changed, gone, or too many."""
    for _ in range(chance.choice([1, 1, 1, 2, 4])):
        *path, last = chance.choice(list(places(document)) or [("",)])
        parent = document
        for key in path:
            parent = parent[key]
        what = chance.random()
        if what < 0.6:
            parent[last] = copy.deepcopy(chance.choice(ODD))
        elif what < 0.7 and last in parent:
            del parent[last]
        elif isinstance(parent, dict):
            parent[chance.choice(KEYS)] = copy.deepcopy(chance.choice(ODD))
    return document


def forged(chance):
    first, user = chance.randrange(10**6), chance.choice(USERS)
    events = [event(first + index) for index in range(chance.randrange(1, 4))]
    events.append(event(first + 9, ea=6, tvp="[root]>b#buy>", tvid="buy", ur=True))
    records = [record(first + index, user=user) for index in range(chance.randrange(1, 4))]
    document = broken(chance.choice([batch(*events, user=user), {"events": records}]), chance)
    text = bytearray(json.dumps(document, indent=chance.choice([None, None, 1])).encode())
    if chance.random() < 0.1:
        text[chance.randrange(len(text))] = chance.randrange(256)
    return bytes(text)


def test_every_event_of_broken_bodies_is_filed_or_set_aside(config):
    chance, taken, good, bad = random.Random(1), [], 0, 0
    for _ in range(BODIES):
        body = forged(chance)
        try:
            received = read_batch(body)
        except NotABatchError:
            continue
        taken.append(body)
        good += received.accepted
        bad += len(received.problems)
    journal(config, *taken)
    reports = write(config)
    assert good > BODIES / 4 < bad
    assert sum(each.rows + each.duplicates + each.quarantined for each in reports) == good + bad


@pytest.fixture(scope="module")
def door(tmp_path_factory):
    with Gateway(configure(tmp_path_factory.mktemp("door"), listen={"port": 0})) as made:
        yield made


@pytest.mark.parametrize("part", ["name", "value", "path"])
def test_a_header_without_end_is_cut_off(door, part):
    begin = {
        "name": b"POST /batches HTTP/1.1\r\nX-",
        "value": b"POST /batches HTTP/1.1\r\nAuthorization: Bearer ",
        "path": b"POST /",
    }[part]
    with socket.create_connection(("127.0.0.1", door.port), 30) as client:
        client.sendall(begin)
        with pytest.raises(OSError, match=r"reset|Broken pipe|aborted"):
            client.sendall(b"a" * 20_000_000)
    assert door.post(batch(event(1)))[0] == 200


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Basic x", f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}x", f"Bearer  x {TOKEN}",
     "Bearer \xff\xfe", "Bearer " + "x" * 20_000],
)  # fmt: skip
def test_what_is_no_token_is_refused(door, authorization):
    status, said, _ = door.post(batch(event(1)), Authorization=authorization.encode("latin-1"))
    assert status == 401
    assert TOKEN[:-1] not in str(said)


def test_requests_in_one_piece_are_all_answered(door):
    body = gzip.compress(json.dumps(batch(event(1))).encode())
    head = f"POST /batches HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Encoding: gzip\r\n"
    whole = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    last = whole.replace(b"Host: x\r\n", b"Host: x\r\nConnection: close\r\n")
    with socket.create_connection(("127.0.0.1", door.port), 60) as client:
        client.sendall(whole * 199 + last)
        answers = b"".join(iter(lambda: client.recv(65_536), b""))
    assert answers.count(b"HTTP/1.1 200") == 200


# Disks, and what is done at once


@pytest.mark.parametrize("step", ["writer.read", "writer.written", "writer.renamed", "writer.commit"])
def test_a_disk_that_is_full_while_files_are_written_loses_nothing(config, monkeypatch, step):
    journal(config, batch(event(1), event(2)), {"events": [record(3)]})
    journal(config, batch(event(2), event(4)))

    def fail(each):
        if each == step:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    writer = Writer(config)
    monkeypatch.setattr(steps, "on_step", [fail])
    for _ in range(2):
        with pytest.raises(OSError, match="No space left"):
            writer.run_once()
    monkeypatch.setattr(steps, "on_step", [])
    assert len(list(iter(writer.run_once, None))) == 2  # the same process goes on
    writer.close()
    assert numbers(config) == [1, 2, 4]
    assert totals(config.state_folder)["events_written_total", '{project="8"}'] == 4


def test_a_database_without_room_sets_no_event_aside(config, monkeypatch):
    import duckdb

    from capture.gateway import rows

    journal(config, batch(event(1), event(2)))
    real = rows.select_from
    with monkeypatch.context() as patched:
        patched.setattr(rows, "select_from", lambda path, most: real(path.with_name("gone"), most))
        with pytest.raises(duckdb.IOException):
            write(config)
    [report] = write(config)
    assert (report.rows, report.quarantined) == (2, 0)


@pytest.mark.parametrize(
    ("module", "name"),
    [("sqlite3", "OperationalError"), ("duckdb", "IOException"), ("sqlite3", "DatabaseError")],
)
def test_a_full_disk_and_a_damaged_database_are_no_internal_errors(config, monkeypatch, module, name):
    def fail(writer):
        raise getattr(pytest.importorskip(module), name)("database or disk is full")

    monkeypatch.setattr(Writer, "run_once", fail)
    for variable, value in ENVIRON.items():
        monkeypatch.setenv(variable, value)
    with pytest.raises(StoreError, match="output: database or disk is full"):
        cli(["gateway", "write", "--once", "--config", str(config.base / "gateway.toml")])


def start(config, *command):
    command = [
        sys.executable,
        "-m",
        "capture",
        "gateway",
        *command,
        "--config",
        str(config.base / "gateway.toml"),
    ]
    return subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | ENVIRON)


def finish(*processes):
    for process in processes:
        said = process.communicate(timeout=300)[0].decode()
        assert process.returncode == 0, said


def test_writers_forgetting_and_merging_at_once(tmp_path):
    """Processes take turns: two writers, a merge and a forgotten user on one output."""
    path = configure(tmp_path, output={"compact_after_s": 0.001})
    config = GatewayConfig.load(path, environ=ENVIRON)
    old = NOW_MS - 3 * HOUR_MS
    for start_at in range(0, 240, 10):
        events = [batch(event(number), user=USERS[number % 4]) for number in range(start_at, start_at + 10)]
        journal(config, *events, batch(event(start_at), user=USERS[start_at % 4]))
        for segment in config.journal_folder.glob("*.jsonl.gz"):
            if int(segment.name.partition("-")[0]) > old * 10**6 + 10**9 * 3600:
                segment.rename(segment.with_name(f"{old * 10**6 + start_at}-1.jsonl.gz"))
    finish(
        start(config, "write", "--once"),
        start(config, "forget", USERS[1], "--project", "8"),
        start(config, "write", "--once"),
        start(config, "compact"),
    )
    finish(start(config, "compact"))
    assert numbers(config) == [number for number in range(240) if number % 4 != 1]
    assert len(list(config.output_folder.glob("events/**/*.parquet"))) == 1
    assert list(config.journal_folder.iterdir()) == []


# Configurations and clocks that change


def test_events_of_a_project_that_was_taken_out_are_filed(config, tmp_path):
    journal(config, batch(event(1), project=9), {"events": [record(2)]}, project=9)
    path = tmp_path / "gateway.toml"
    path.write_text(path.read_text().replace("id = 9", "id = 10"))
    config = GatewayConfig.load(path, environ=ENVIRON)
    [report] = write(config)
    assert (report.rows, report.quarantined) == (2, 0)


@pytest.mark.parametrize("days", [-30, 14_600])
def test_a_clock_that_is_wrong_for_a_while_doubles_nothing(config, days):
    wrong_ms = days * 24 * HOUR_MS
    journal(config, batch(event(1)), received=NOW_MS + wrong_ms)
    write(config, wall_ms=lambda: NOW_MS + wrong_ms)
    journal(config, batch(event(1), event(2)))
    write(config, wall_ms=lambda: NOW_MS)
    journal(config, batch(event(1), event(2), event(3)))
    write(config, wall_ms=lambda: NOW_MS + HOUR_MS)
    assert numbers(config) == [1, 2, 3]


def test_a_clock_that_stands_still_loses_nothing(config, monkeypatch):
    monkeypatch.setattr(time, "time_ns", lambda: NOW_MS * 10**6)
    for number in range(3):  # the last two wait at the same time
        journal(config, batch(event(number)))
        if not number:
            write(config)
    write(config)
    assert numbers(config) == [0, 1, 2]
