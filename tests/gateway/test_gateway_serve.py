"""What the door needs before it listens; the door itself: test_gateway_door.py."""

import signal
import socket
import sys

import pytest
from gateway_kit import Gateway, configure

from capture import ConfigError
from capture.gateway.serve import serve


def test_a_missing_server_names_the_extra_of_the_gateway(monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)

    with pytest.raises(ConfigError, match=r"pip install 'touchcapture\[gateway\]'"):
        serve(None)


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
