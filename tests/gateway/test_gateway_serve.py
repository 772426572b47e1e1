"""What the door needs before it listens; the door itself: test_gateway_door.py."""

import queue
import signal
import socket
import sys
import threading
from urllib.parse import urlsplit

import pytest
from gateway_kit import ENVIRON, Gateway, configure

from capture import ConfigError
from capture.gateway.config import GatewayConfig
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
    except ConnectionRefusedError:
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
