"""Real devices: processes with `Capture` and the sink http, while the gateway is killed again and again."""

import os
import subprocess
import sys
import time

import pytest

pytest.importorskip("uvicorn")
pytest.importorskip("duckdb")
pytest.importorskip("pyarrow")

import duckdb
from free_port import free_port
from gateway_kit import ENVIRON, Gateway, configure

SOAK = bool(os.environ.get("CAPTURE_SOAK"))
#: Processes, seconds, and seconds between kills.
DEVICES, SECONDS, KILL_S = (50, 300, 20) if SOAK else (3, 4, 2)
SECONDS = int(os.environ.get("CAPTURE_SOAK_SECONDS", SECONDS))
DEVICE = """
import sys, time
from capture import Capture, RunConfig
count = 0
with Capture(RunConfig.load(sys.argv[1])) as cap:
    cap.opt_in()
    print("up", flush=True)
    sys.stdin.readline()
    end = time.monotonic() + float(sys.argv[2])
    while time.monotonic() < end:
        cap.screen_view(str(count))
        count += 1
        time.sleep(0.02)
    while not cap.flush(timeout=30):
        pass
    print(cap.user_id, count, cap.stats.dead_letters, sum(cap.stats.dropped.values()))
"""
CONFIG = """
[project]
id = 8
[buffer]
path = "{path}"
flush_interval_s = 0.3
[[sinks]]
type = "http"
url = "{url}"
token_env = "GATEWAY_TOKEN"
"""


def device(folder, number, url):
    path = folder / f"device-{number}.toml"
    path.write_text(CONFIG.format(path=folder / f"store-{number}", url=url))
    command = [sys.executable, "-c", DEVICE, str(path), str(SECONDS)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=os.environ | ENVIRON)


def test_every_event_of_real_devices_is_there_once_and_in_order(tmp_path, record_property):
    config = configure(tmp_path, journal={"segment_age_s": 1.0})
    port = free_port()
    gateway = Gateway(config, "--with-writer", port=port)
    devices = [device(tmp_path, number, gateway.url) for number in range(DEVICES)]
    for each in devices:
        assert each.stdout.readline() == "up\n"
    for each in devices:
        each.stdin.write("\n")
        each.stdin.flush()
    for _ in range(SECONDS // KILL_S):
        time.sleep(KILL_S)  # the devices record meanwhile; nothing is timed
        gateway.kill()
        gateway = Gateway(config, "--with-writer", port=port)
    with gateway:
        said = [each.communicate(timeout=SECONDS + 900)[0].split() for each in devices]
    assert [each.returncode for each in devices] == [0] * DEVICES
    write = [sys.executable, "-m", "capture", "gateway", "write", "--once", "--config", str(config)]
    subprocess.run(write, check=True, env=os.environ | ENVIRON)
    with duckdb.connect(":memory:") as connection:
        events = connection.read_parquet(f"{tmp_path}/output/events/**/*.parquet")
        events = events.filter("event_name = 'screen_view'")
        order = "list(title::INT ORDER BY session_number, uptime_ms, screen_count)"
        found = dict(events.aggregate(f"user_id, {order}").fetchall())
        lag = "quantile_cont(epoch_ms(received_at) - epoch_ms(time), [0.5, 0.99, 1])"
        [(lags_ms,)] = events.aggregate(lag).fetchall()
    assert found == {user: list(range(int(count))) for user, count, _, _ in said}
    assert {tuple(each[2:]) for each in said} == {("0", "0")}
    paths = list((tmp_path / "output").rglob("*.parquet"))
    record_property("events", sum(map(len, found.values())))
    record_property("lag_ms", lags_ms)
    record_property("files", len(paths))
    record_property("bytes", sum(path.stat().st_size for path in paths))
