"""One exchange over a kept connection: every shape of an answer, and when the connection is kept."""

import socket
import threading

import pytest

from capture.sinks.client import HttpClient

OK = b"HTTP/1.1 200 OK\r\n"


class Scripted:
    """A server that sends the given answers, each after a whole request, over as many connections as come."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.connections = 0
        self.requests = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/in?a=1"
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.listener.close()
        self.thread.join(5)

    def _serve(self):
        while self.answers:
            connection, _ = self.listener.accept()
            self.connections += 1
            with connection:
                while self.answers and self._take(connection):
                    answer = self.answers.pop(0)
                    for part in answer if isinstance(answer, list) else [answer]:
                        connection.sendall(part)

    def _take(self, connection):
        got = b""
        while not got.endswith(b"body"):
            part = connection.recv(65536)
            if not part:
                return False
            got += part
        self.requests.append(got)
        return True


def exchange(server, count=2):
    client = HttpClient(server.url, name="test")
    replies = [client.post(b"body", {"X-App": "1"}, 5.0) for _ in range(count)]
    client.close()
    return replies


@pytest.mark.parametrize(
    ("answer", "connections"),
    [
        pytest.param(OK + b"Content-Length: 2\r\n\r\nok", 1, id="length"),
        pytest.param([OK, b"content-LENGTH:2", b"\r\n\r\n", b"o", b"k"], 1, id="in-pieces"),
        pytest.param(OK + b"Content-Length: 0\r\n\r\n", 1, id="empty"),
        pytest.param(b"HTTP/1.1 204 No Content\r\n\r\n", 1, id="204"),
        pytest.param(b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 1, id="no-reason"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 0\r\n\r\n", 1, id="100"),
        pytest.param(OK + b"Transfer-Encoding: chunked\r\n\r\n2;x=1\r\nok\r\n0\r\n\r\n", 1, id="chunked"),
        pytest.param(OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\nEnd: 1\r\n\r\n", 1, id="trailer"),
        pytest.param(OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 2, id="broken-chunk"),
        pytest.param(OK + b"Connection: close\r\nContent-Length: 0\r\n\r\n", 2, id="close"),
        pytest.param(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", 2, id="1.0"),
        pytest.param(OK + b"Content-Length: 1\r\n\r\nok", 1, id="left-over"),
        pytest.param(OK + b"Content-Length: 65537\r\n\r\n", 2, id="long"),
        pytest.param(OK + b"Content-Length: -1\r\n\r\n", 2, id="negative"),
    ],
)
def test_answers(answer, connections):
    with Scripted(answer, answer) as server:
        replies = exchange(server)

    assert {reply.status for reply in replies} <= {200, 204}
    assert server.connections == connections


def test_the_request_is_whole():
    with Scripted(OK + b"Retry-after:  7 \r\nContent-Length: 0\r\n\r\n") as server:
        [reply] = exchange(server, 1)
        head, _, body = server.requests[0].partition(b"\r\n\r\n")

    assert (reply.status, reply.headers["Retry-After"], body) == (200, "7", b"body")
    assert head.split(b"\r\n") == [
        b"POST /in?a=1 HTTP/1.1",
        b"Host: " + server.url.split("/")[2].encode(),
        b"X-App: 1",
        b"Accept-Encoding: identity",
        b"Content-Length: 4",
    ]


@pytest.mark.parametrize("answer", [b"hello\r\n\r\n", b"HTTP/2 200\r\n\r\n", b"\r\n\r\n", b"x" * 200_000])
def test_what_is_no_http_is_refused(answer):
    with Scripted(answer) as server:
        [reply] = exchange(server, 1)

    assert reply.status == 0
    assert reply.problem


def test_closing_ends_an_exchange_in_another_thread():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = HttpClient(f"http://127.0.0.1:{listener.getsockname()[1]}/", name="test")
        replies = []
        thread = threading.Thread(target=lambda: replies.append(client.post(b"body", {}, 60.0)))
        thread.start()
        connection, _ = listener.accept()
        connection.recv(10)
        client.close()
        thread.join(10)
        connection.close()

    assert [reply.status for reply in replies] == [0]
    assert not thread.is_alive()
