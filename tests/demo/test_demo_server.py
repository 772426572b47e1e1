"""The demo's server: who may open it, and what it gives out."""

import http.client
import json
import re
import signal
import socket
import subprocess
import sys

import pytest

pytest.importorskip("starlette", reason="needs the extra [demo]")
pytest.importorskip("uvicorn", reason="needs the extra [demo]")
wsproto = pytest.importorskip("wsproto", reason="needs the extra [demo]")

from wsproto.connection import ConnectionType  # noqa: E402
from wsproto.events import (  # noqa: E402
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    RejectConnection,
    Request,
    TextMessage,
)

from capture.demo.server import HOST, DemoServer  # noqa: E402
from capture.errors import CaptureError  # noqa: E402


@pytest.fixture(scope="module")
def server():
    with DemoServer() as started:
        yield started


def get(server, path, **headers):
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=10)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, dict(answer.getheaders()), body


class Visitor:
    """A WebSocket client with an origin of its choice."""

    def __init__(self, server, origin):
        address = server.url.removeprefix("http://")
        host, _, port = address.partition(":")
        self.connection = socket.create_connection((host, int(port)), timeout=10)
        self.protocol = wsproto.WSConnection(ConnectionType.CLIENT)
        headers = [] if origin is None else [(b"origin", origin.encode())]
        self.send(Request(host=address, target="/touches", extra_headers=headers))

    def send(self, event):
        self.connection.sendall(self.protocol.send(event))

    def receive(self):
        while True:
            for event in self.protocol.events():
                return event
            self.protocol.receive_data(self.connection.recv(65536) or None)

    def close(self):
        self.connection.close()


@pytest.fixture
def visit(server):
    visitors = []

    def open_one(origin):
        visitors.append(Visitor(server, origin))
        return visitors[-1]

    yield open_one
    for visitor in visitors:
        visitor.close()


@pytest.mark.parametrize(
    ("path", "kind"), [("/", "text/html"), ("/demo.js", "text/javascript"), ("/demo.css", "text/css")]
)
def test_the_page_and_its_files(server, path, kind):
    status, headers, body = get(server, path)

    assert status == 200
    assert headers["content-type"].startswith(kind)
    assert "default-src 'none'" in headers["content-security-policy"]
    assert body


def test_there_is_nothing_else(server):
    assert get(server, "/../session.py")[0] == get(server, "/demo.htm")[0] == 404


def test_a_foreign_host_name_is_refused(server):
    assert get(server, "/", Host="evil.example")[0] == 400


def test_it_listens_on_loopback_alone(server):
    assert server.url.startswith("http://127.0.0.1:")
    assert HOST == "127.0.0.1"


@pytest.mark.parametrize(
    "origin",
    [
        pytest.param("http://evil.example", id="another-site"),
        pytest.param("http://127.0.0.1:1", id="another-port"),
        pytest.param("https://127.0.0.1:{port}", id="another-scheme"),
        pytest.param("http://127.0.0.1:{port}.evil.example", id="a-longer-name"),
        pytest.param("null", id="a-file-or-a-sandbox"),
        pytest.param(None, id="none"),
    ],
)
def test_a_websocket_from_another_origin_is_refused(server, visit, origin):
    port = server.url.rpartition(":")[2]
    answer = visit(origin and origin.format(port=port)).receive()

    assert isinstance(answer, RejectConnection)
    assert answer.status_code == 403


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_the_page_itself_may_talk(server, visit, name):
    visitor = visit(f"http://{name}:{server.url.rpartition(':')[2]}")
    assert isinstance(visitor.receive(), AcceptConnection)
    assert json.loads(visitor.receive().data)["type"] == "batch"
    tap = [{"do": do, "id": 1, "x": 5, "y": 5, "ms": ms} for do, ms in (("down", 0), ("up", 50))]
    visitor.send(TextMessage(data=json.dumps(tap)))

    assert json.loads(visitor.receive().data)["kind"] == "tap"
    assert len(json.loads(visitor.receive().data)["filling"]) == 3


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(TextMessage(data="nonsense"), id="nonsense"),
        pytest.param(BytesMessage(data=b"\0"), id="binary"),
    ],
)
def test_who_sends_something_else_is_sent_away(server, visit, message):
    visitor = visit(server.url)
    assert isinstance(visitor.receive(), AcceptConnection)
    visitor.receive()
    visitor.send(message)

    assert isinstance(visitor.receive(), CloseConnection)


def test_a_port_that_is_taken_is_said(server):
    port = int(server.url.rpartition(":")[2])
    with pytest.raises(CaptureError, match=f"port {port} of 127.0.0.1 cannot be used"), DemoServer(port):
        pass


def test_the_command_serves_until_ctrl_c():
    code = "from capture.cli.demo import command; command(port=0, config=None, open_page=False)"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    url = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())[0]
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
    connection.request("GET", "/")
    status = connection.getresponse().status
    connection.close()
    process.send_signal(signal.SIGINT)

    assert status == 200
    assert process.wait(120) != 0  # the interrupt is passed on, for the command line to exit with 130
    process.stdout.close()
