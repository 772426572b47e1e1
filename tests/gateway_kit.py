"""What tests of the gateway share: batches, a configuration, and a gateway in a process of its own."""

import asyncio
import contextlib
import gzip
import http.client
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path
from urllib.parse import urlsplit

TOKEN = "a-token-of-the-tests"
ENVIRON = {"GATEWAY_TOKEN": TOKEN, "OTHER_TOKEN": "another"}
USER = "00000000-0000-4000-8000-000000000000"
HOUR_MS = 3_600_000
NOW_MS = time.time_ns() // 1_000_000


def event(number, *, t=NOW_MS, **more):
    return {
        "ea": 4, "upt": number, "euid": str(uuid.UUID(int=number)), "url": "app-and://x/?title=", "scn": 1,
        "c": 1, "o": 0, "vo": {"sv": "1", "sb": 1, "av": "1", "af": "release", "ab": 1}, "sn": 1, "t": t,
        **({"st": f"Screen {number}", "sl": 0} if more.get("ea", 4) == 4 else {}), **more,
    }  # fmt: skip


def batch(*events, user=USER, project=8, **more):
    return {
        "pid": project, "uid": user, "dt": 4, "os": "1", "l": "en_US", "tz": "UTC", "now": NOW_MS,
        "to": {"an": "1", "st": "SDK-python", "sf": "release"}, "r": {"w": 1, "h": 2, "d": 1.0}, **more,
        "pl": list(events),
    }  # fmt: skip


def record(number, *, user=USER, **more):
    return {
        "event_type": "users.behaviors.CustomEvent", "id": str(uuid.UUID(int=number)), "user_id": user,
        "time": NOW_MS // 1000, "name": "tap", "properties": "{}", **more,
    }  # fmt: skip


def pack(data):
    return gzip.compress(json.dumps(data).encode(), 1)


def configure(folder, text="", **sections):
    """Write a gateway.toml; `sections` are more tables."""
    lines = ['[[projects]]\nid = 8\ntoken_env = ["GATEWAY_TOKEN"]\nrate_events_s = 0\n']
    lines.append('[[projects]]\nid = 9\ntoken_env = ["OTHER_TOKEN"]\nwires = ["native"]\n')
    sections = {"listen": {"port": 0, "connections_per_address": 0}, **sections}
    sections["limits"] = {"min_free_bytes": 0, **sections.get("limits", {})}
    for name, table in sections.items():
        lines.append(
            f"[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())
        )
    path = Path(folder) / "gateway.toml"
    path.write_text("\n".join([*lines, text]))
    return path


class Gateway:
    """A gateway in a process of its own, on a folder; a context manager."""

    def __init__(self, config, *more, prelude="", port=None, stderr=None):
        self.config = config
        code = f"{prelude}\nfrom capture.__main__ import run\nraise SystemExit(run())"
        environ = os.environ | ENVIRON
        if port is not None:
            environ["CAPTURE_LISTEN_PORT"] = str(port)
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, "gateway", "serve", "--config", str(config), *more],
            stdout=subprocess.PIPE, stderr=stderr, env=environ, text=True,
        )  # fmt: skip
        said = self.process.stdout.readline().split()
        if not said:
            self.kill()
            raise RuntimeError("the gateway did not start")
        self.url = said[3]

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(120)
        self.process.stdout.close()

    @property
    def port(self):
        return urlsplit(self.url).port

    def kill(self):
        self.process.kill()
        self.process.wait(120)
        self.process.stdout.close()

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)

    def post(self, data, **headers):
        """Post a batch, packed unless it is bytes; return status, document and headers of the answer."""
        if not isinstance(data, bytes):
            data = pack(data)
            headers = {"Content-Encoding": "gzip", **headers}
        return request(self.port, data, **headers)

    def get(self, path):
        connection = self.connect()
        with contextlib.closing(connection):
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()


def request(port, data, path="/batches", token=TOKEN, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    with contextlib.closing(connection):
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("POST", path, data, {"Authorization": f"Bearer {token}", **names})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"{}"), answer.headers


def journal_lines(folder):
    """Return the lines of all segments, read as any tool would."""
    lines = []
    for path in sorted((Path(folder) / "journal").glob("*")):
        with gzip.open(path) as file:
            lines += [json.loads(line) for line in file]
    return lines


def journal(config, *batches, project=8, received=NOW_MS):
    """Put batches into a closed segment, as the door does."""

    from capture.formats.receive import read_batch
    from capture.gateway.journal import Journal, Line, line_of

    async def put():
        made = Journal(config.journal_folder, config.journal)
        for data in batches:
            got = read_batch(data if isinstance(data, bytes) else json.dumps(data).encode())
            line = Line(received=received, project=project, wire=got.wire, key="k", bad=got.problems)
            await made.append(line_of(line, gzip.compress(got.body)))
        await made.close()

    asyncio.run(put())


def write(config, **more):
    """Write all segments; return the reports."""
    from capture.gateway.writer import Writer

    writer = Writer(config, **more)
    try:
        return list(iter(writer.run_once, None))
    finally:
        writer.close()


def query(config, text):
    import duckdb

    with duckdb.connect(":memory:") as connection:
        path = config.output_folder / "events/**/*.parquet"
        return connection.execute(text.replace("EVENTS", f"read_parquet('{path}')")).fetchall()
