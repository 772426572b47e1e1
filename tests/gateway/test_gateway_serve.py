"""What the door needs before it listens; the door itself: test_gateway_door.py."""

import json
import os
import queue
import signal
import socket
import sys
import threading
import time
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from free_port import free_port
from gateway_kit import ENVIRON, Gateway, batch, configure, event, journal_lines

from capture import ConfigError
from capture.gateway.config import GatewayConfig
from capture.gateway.journal import segments
from capture.gateway.metrics import Metrics
from capture.gateway.serve import serve
from capture.gateway.state import totals


def test_a_missing_server_names_the_extra_of_the_gateway(monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)

    with pytest.raises(ConfigError, match=r"pip install 'touchcapture\[gateway\]'"):
        serve(None)


def test_it_serves_in_another_thread(tmp_path):
    config = GatewayConfig.load(configure(tmp_path), environ=ENVIRON)
    ready = queue.Queue()

    def run():
        try:
            serve(config, on_ready=ready.put)
        except ValueError as error:
            ready.put(str(error))

    # A daemon: only a signal ends the server.
    threading.Thread(target=run, daemon=True).start()
    url = ready.get(timeout=30)
    assert url.startswith("http://127.0.0.1:")
    socket.create_connection(("127.0.0.1", urlsplit(url).port)).close()


def children(pid):
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_listening(gateway):
    try:
        socket.create_connection(("127.0.0.1", gateway.port)).close()
    except ConnectionError:
        return False
    return True


def test_another_interrupt_does_not_break_off_the_orderly_end(tmp_path):
    path = tmp_path / "said"
    with path.open("w") as said, Gateway(configure(tmp_path), stderr=said) as gateway:
        with socket.create_connection(("127.0.0.1", gateway.port)) as waiting:
            # A request that is not whole yet holds up the end.
            waiting.sendall(b"POST /batches HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n1")
            gateway.process.send_signal(signal.SIGINT)
            while is_listening(gateway):
                pass
            gateway.process.send_signal(signal.SIGINT)
        gateway.process.wait(120)

    assert "Traceback" not in path.read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="finds the writer in /proc")
@pytest.mark.parametrize(
    ("number", "workers"),
    [
        pytest.param(signal.SIGTERM, 1, id="SIGTERM"),
        pytest.param(signal.SIGINT, 1, id="Ctrl-C"),
        pytest.param(signal.SIGTERM, 3, id="several-processes"),
    ],
)
def test_at_the_end_the_writer_writes_the_last_segments(tmp_path, number, workers):
    output = tmp_path / "output"
    listen = {"port": 0, "workers": workers, "connections_per_address": 0}
    config = configure(tmp_path, listen=listen, journal={"segment_age_s": 2})
    with Gateway(config, "--with-writer") as gateway:
        gateway.post(batch(event(0)))
        end = time.monotonic() + 60
        while not any((output / "events").rglob("*.parquet")):
            assert time.monotonic() < end  # the writer runs from here on
        for other in range(1, 30):
            gateway.post(batch(event(other)))
        if number == signal.SIGINT:
            # A terminal sends it to all processes.
            for child in children(gateway.process.pid):
                os.kill(child, number)
        gateway.process.send_signal(number)

    assert segments(tmp_path / "journal") == []
    assert totals(output)["rows_total", ""] == 30


def test_a_signal_just_before_it_serves_ends_it(tmp_path):
    prelude = (
        "import os, uvicorn\n"
        "real = uvicorn.Server.run\n"
        "uvicorn.Server.run = lambda *values: (os.kill(os.getpid(), 15), real(*values))\n"
    )
    gateway = Gateway(configure(tmp_path), prelude=prelude)
    try:
        assert gateway.process.wait(120) == 0
    finally:
        gateway.kill()


# Addresses


def test_the_metrics_address_has_the_counts_of_all_processes(tmp_path):
    address = f"127.0.0.1:{free_port()}"
    listen = {"port": 0, "workers": 3, "connections_per_address": 0}

    def accepted():
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=120) as answer:
            lines = answer.read().decode().splitlines()
        return [line for line in lines if line.startswith("gateway_events_accepted_total")]

    with Gateway(configure(tmp_path, listen=listen, metrics={"listen": address})) as gateway:
        for number in range(30):
            assert gateway.post(batch(event(number)))[0] == 200
        end = time.monotonic() + 60
        while accepted() != ['gateway_events_accepted_total{project="8"} 30']:
            assert time.monotonic() < end, accepted()
    assert len(journal_lines(tmp_path)) == 30


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        pytest.param({"metrics": {"listen": "127.0.0.1:TAKEN"}}, "already in use", id="metrics-taken"),
        pytest.param({"metrics": {"listen": "127.0.0.1:99999"}}, "port 99999 of 127.0.0.1", id="no-port"),
        pytest.param({"listen": {"port": 0, "tls_cert": "a", "tls_key": "b"}}, "tls_cert", id="no-cert"),
    ],
)
def test_what_cannot_be_listened_with_is_said(tmp_path, sections, said):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        text = json.dumps(sections).replace("TAKEN", str(taken.getsockname()[1]))
        config = GatewayConfig.load(configure(tmp_path, **json.loads(text)), environ=ENVIRON)
        with pytest.raises(ConfigError, match=said):
            serve(config)


def test_several_processes_say_once_what_is_wrong(tmp_path):
    config = configure(tmp_path, listen={"port": 0, "workers": 3, "tls_cert": "a", "tls_key": "b"})
    with (tmp_path / "stderr").open("w") as stderr, pytest.raises(RuntimeError, match="did not start"):
        Gateway(config, stderr=stderr)

    assert (tmp_path / "stderr").read_text().count("capture: ") == 1


def test_counts_of_processes_add_up_and_gauges_do_not():
    first, other = Metrics.of_processes(2)
    for metrics, free in ((other, 5), (first, 7)):
        metrics.add("requests_total", project=8, status=200)
        metrics.set("free_bytes", free)
        metrics.share()

    lines = first.text({}).splitlines()
    assert 'gateway_requests_total{project="8",status="200"} 2' in lines
    assert "gateway_free_bytes 7" in lines


def test_a_process_goes_on_with_the_counts_that_the_one_before_showed():
    first, other = Metrics.of_processes(2)
    other.add("requests_total", project=8, status=200)
    other.set("in_flight", 3)
    other.share()
    other.add("requests_total", project=8, status=200)

    other.resume()
    other.share()
    text = first.text({})
    assert 'gateway_requests_total{project="8",status="200"} 1' in text.splitlines()
    assert "gateway_in_flight " not in text


def test_an_address_of_ipv6_is_a_url(tmp_path):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6")
    with Gateway(configure(tmp_path, listen={"port": 0, "host": "::1"})) as gateway:
        assert gateway.url.startswith("http://[::1]:")


# Processes that are killed, disks that fail


def test_the_processes_of_a_killed_door_end_and_free_its_port(tmp_path):
    config = configure(tmp_path, listen={"port": 0, "workers": 3})
    gateway = Gateway(config)
    gateway.kill()
    end = time.monotonic() + 60
    while is_listening(gateway):
        assert time.monotonic() < end
    with Gateway(config, port=gateway.port) as other:
        assert other.post(batch(event(1)))[0] == 200


@pytest.mark.skipif(sys.platform != "linux", reason="children of a process are in /proc")
def test_another_process_takes_the_place_of_one_that_was_killed(tmp_path):
    listen = {"port": 0, "workers": 3, "connections_per_address": 0}
    with Gateway(configure(tmp_path, listen=listen)) as gateway:
        [keeper] = children(gateway.process.pid)
        while len(before := children(keeper)) < 2:
            assert gateway.process.poll() is None
        for child in before:
            os.kill(child, signal.SIGKILL)
        end = time.monotonic() + 30
        while len(after := children(keeper)) < 2 or set(after) & set(before):
            assert time.monotonic() < end
        assert [gateway.post(batch(event(number)))[0] for number in range(20)] == [200] * 20
    assert not is_listening(gateway)
    assert len(journal_lines(tmp_path)) == 20


NO_FORK = """
import os
forks, real = [], os.fork
def fork():
    forks.append(None)
    if len(forks) == 4:  # the keeper's first after both workers
        raise BlockingIOError(11, "Resource temporarily unavailable")
    return real()
os.fork = fork
"""
ENDING = """
import os, time
import capture.gateway.serve as serve
real, starts = os.fork, []
def fork():
    pid = real()
    if pid or not starts:
        starts.append(time.monotonic())
    else:
        os._exit(1)
    if len(starts) == 5:
        open(%r, "w").write(str(starts[4] - starts[1]))
    return pid
os.fork = fork
"""


@pytest.mark.skipif(sys.platform != "linux", reason="children of a process are in /proc")
def test_a_process_is_started_later_where_that_is_not_possible_now(tmp_path):
    listen = {"port": 0, "workers": 3, "connections_per_address": 0}
    with Gateway(configure(tmp_path, listen=listen), prelude=NO_FORK) as gateway:
        [keeper] = children(gateway.process.pid)
        while len(before := children(keeper)) < 2:
            assert gateway.process.poll() is None
        os.kill(before[0], signal.SIGKILL)
        end = time.monotonic() + 60
        while len(after := children(keeper)) < 2 or set(after) == set(before):
            assert time.monotonic() < end
    assert not is_listening(gateway)


def test_a_process_that_ends_at_once_is_started_later_each_time(tmp_path):
    path, config = tmp_path / "time", configure(tmp_path, listen={"port": 0, "workers": 2})
    with Gateway(config, prelude=ENDING % str(path)) as gateway:
        end = time.monotonic() + 60
        while not path.exists() or not path.read_text():
            assert time.monotonic() < end
        assert gateway.post(batch(event(1)))[0] == 200
    assert float(path.read_text()) > 3.0


FAILING = """
import errno, os
real = os.write
def write(descriptor, data):
    path = os.readlink(f"/proc/self/fd/{descriptor}")
    if path.endswith(".open") and os.path.exists("FLAG"):
        raise OSError(errno.EDQUOT, "Disk quota exceeded")
    return real(descriptor, data)
os.write = write
"""


@pytest.mark.skipif(sys.platform != "linux", reason="names of open files are in /proc")
def test_a_journal_that_cannot_be_written_is_not_ready_until_it_can(tmp_path):
    flag = tmp_path / "flag"

    def wait_for(status):
        end = time.monotonic() + 60
        while gateway.get("/readyz")[0] != status:
            assert time.monotonic() < end

    with Gateway(configure(tmp_path), prelude=FAILING.replace("FLAG", str(flag))) as gateway:
        flag.touch()
        assert [gateway.post(batch(event(1)))[0] for _ in range(5)] == [503] * 5
        wait_for(503)
        end = time.monotonic() + 60
        while any((tmp_path / "journal").iterdir()):  # it tries once a second, and takes the file away
            assert time.monotonic() < end
        flag.unlink()
        wait_for(200)
        assert gateway.post(batch(event(1)))[0] == 200
    assert len(journal_lines(tmp_path)) == 1


def test_it_starts_where_an_open_segment_cannot_be_recovered(tmp_path):
    (tmp_path / "journal" / "1-1.open").mkdir(parents=True)
    with Gateway(configure(tmp_path)) as gateway:
        assert gateway.post(batch(event(1)))[0] == 200


def test_a_writer_that_cannot_be_started_is_tried_again(tmp_path):
    prelude = (
        "import asyncio, capture.gateway.serve as serve\n"
        "real, left = asyncio.create_subprocess_exec, [1]\n"
        "async def fail_once(*command):\n"
        "    if left: raise OSError(24, left.pop())\n"
        "    return await real(*command)\n"
        "asyncio.create_subprocess_exec = fail_once\n"
    )
    with Gateway(configure(tmp_path), "--with-writer", prelude=prelude) as gateway:
        end = time.monotonic() + 60
        while gateway.get("/readyz")[0] != 200:
            assert time.monotonic() < end
