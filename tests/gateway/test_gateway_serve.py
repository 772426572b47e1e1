"""What the door needs before it listens; the door itself: test_gateway_door.py."""

import os
import queue
import signal
import socket
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from gateway_kit import ENVIRON, Gateway, batch, configure, event

from capture import ConfigError
from capture.gateway.config import GatewayConfig
from capture.gateway.journal import segments
from capture.gateway.serve import serve


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
        gateway.process.wait(30)

    assert "Traceback" not in path.read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="finds the writer in /proc")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_at_the_end_the_writer_writes_the_last_segment(tmp_path, number):
    output = tmp_path / "output" / "events"
    with Gateway(configure(tmp_path, journal={"segment_age_s": 2}), "--with-writer") as gateway:
        gateway.post(batch(event(1)))
        while not any(output.rglob("*.parquet")):
            pass  # the writer runs from here on
        gateway.post(batch(event(2)))
        if number == signal.SIGINT:
            # A terminal sends it to all processes.
            pid = gateway.process.pid
            for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
                os.kill(int(child), number)
        gateway.process.send_signal(number)

    assert segments(tmp_path / "journal") == []
    assert len(list(output.rglob("*.parquet"))) == 2
