"""The HTTP sink against the reference collector."""

import contextlib
import json
import logging
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
import uuid

import pytest
from free_port import free_port
from http_server import serving

from capture.collector import Collector, Fault
from capture.sinks import ACCEPTED, Batch, Outcome
from capture.sinks.http import HttpSettings, HttpSink

TOKEN = "s3cret-t0ken"


def batch(count=3, size=30):
    events = [json.dumps({"euid": str(uuid.uuid4()), "pad": "x" * size}).encode() for _ in range(count)]
    return Batch(b'{"pl":[' + b",".join(events) + b"]}", 1, count, str(uuid.uuid4()), "native", events)


@pytest.fixture
def collector():
    with Collector(check=False) as made:
        yield made


@pytest.fixture
def sink(collector):
    made = HttpSink(HttpSettings(url=collector.url))
    yield made
    made.close()


@pytest.mark.parametrize("size", [30, 3000], ids=["plain", "compressed"])
def test_a_batch_arrives_with_its_key(collector, sink, size):
    sent = batch(size=size)

    assert sink.send(sent, 10.0) is ACCEPTED
    assert list(collector.events.values()) == sent.payloads
    assert collector.keys == [sent.batch_id]


def test_the_connection_is_kept():
    with serving() as server:
        sink = HttpSink(HttpSettings(url=server.url))
        for _ in range(20):
            assert sink.send(batch(), 10.0) is ACCEPTED
        sink.close()

    assert server.connections == 1


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        pytest.param(Fault(status=500), Outcome.TEMPORARY, id="500"),
        pytest.param(Fault(status=413), Outcome.TOO_LARGE, id="413"),
        pytest.param(Fault(status=400), Outcome.REFUSED, id="400"),
        pytest.param(Fault(status=404), Outcome.UNAVAILABLE, id="404"),
        pytest.param(Fault(body=b"<html>Log in"), Outcome.TEMPORARY, id="captive-portal"),
        pytest.param(Fault(body=b"<p>" * 100_000), Outcome.TEMPORARY, id="a-long-captive-portal"),
        pytest.param(Fault(body=b"ok", headers={"Content-Type": "text/html"}), Outcome.ACCEPTED, id="flask"),
        pytest.param(Fault(cut="before"), Outcome.TEMPORARY, id="cut-before-the-answer"),
        pytest.param(Fault(garbage=b"hello\r\n\r\n"), Outcome.TEMPORARY, id="garbage"),
        pytest.param(Fault(garbage=b"HTTP/1.1 200 OK\r\nno colon"), Outcome.ACCEPTED, id="half-a-header"),
        pytest.param(Fault(body=b"x" * 200_000), Outcome.ACCEPTED, id="a-long-answer"),
        pytest.param(Fault(length_error=5), Outcome.ACCEPTED, id="a-wrong-length"),
        pytest.param(Fault(body=b"x" * 100, cut="half"), Outcome.ACCEPTED, id="half-a-body"),
    ],
)
def test_answers(collector, sink, fault, outcome):
    collector.fail(fault, times=1)

    assert sink.send(batch(), 10.0).outcome is outcome
    # The connection is usable, or a new one is made.
    assert sink.send(batch(), 10.0) is ACCEPTED


def test_redirects_are_not_followed(collector, sink):
    with Collector(check=False) as other:
        collector.fail(Fault(status=307, headers={"Location": other.url}), times=1)
        answer = sink.send(batch(), 10.0)

        assert answer.outcome is Outcome.TEMPORARY
        assert other.counters.requests == 0


def test_the_deadline_covers_a_slow_answer(collector, sink):
    collector.fail(Fault(delay_s=20.0), times=1)
    start = time.monotonic()
    answer = sink.send(batch(), 0.3)

    assert answer.outcome is Outcome.TEMPORARY
    assert time.monotonic() - start < 15.0
    assert sink.send(batch(), 10.0) is ACCEPTED


def test_the_deadline_covers_an_answer_that_drips():
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def drip():
        connection, _ = listener.accept()
        with connection:
            while not stop.wait(0.05):
                try:
                    connection.sendall(b"H")
                except OSError:
                    return

    thread = threading.Thread(target=drip)
    thread.start()
    sink = HttpSink(HttpSettings(url=f"http://127.0.0.1:{listener.getsockname()[1]}/"))
    start = time.monotonic()
    answer = sink.send(batch(), 0.5)

    assert answer.outcome is Outcome.TEMPORARY
    assert time.monotonic() - start < 15.0
    stop.set()
    thread.join()
    listener.close()
    sink.close()


def test_the_deadline_covers_the_name_lookup(monkeypatch):
    release = threading.Event()

    def hang(*_, **__):
        release.wait(30)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    sink = HttpSink(HttpSettings(url="http://receiver.invalid/"))
    start = time.monotonic()
    answer = sink.send(batch(), 0.3)
    release.set()

    assert answer.outcome is Outcome.TEMPORARY
    assert time.monotonic() - start < 15.0
    sink.close()


def test_nobody_listens():
    sink = HttpSink(HttpSettings(url=f"http://127.0.0.1:{free_port()}/"))

    assert sink.send(batch(), 5.0).outcome is Outcome.TEMPORARY
    sink.close()


def test_token_and_headers(caplog):
    caplog.set_level(logging.DEBUG)
    with Collector(check=False, token=TOKEN) as collector:
        settings = HttpSettings(url=collector.url, token_env="T", headers={"X-App": "1"})
        environ = {}
        sink = HttpSink(settings, environ=environ)
        missing = sink.send(batch(), 10.0)
        environ["T"] = "wrong"
        wrong = sink.send(batch(), 10.0)
        environ["T"] = TOKEN + "\n"
        right = sink.send(batch(), 10.0)
        environ["T"] = TOKEN + "\r\nX-More: 1"
        broken = sink.send(batch(), 10.0)
        sink.close()

    assert [answer.outcome for answer in (missing, wrong, right, broken)] == [
        Outcome.UNAVAILABLE,
        Outcome.UNAVAILABLE,
        Outcome.ACCEPTED,
        Outcome.UNAVAILABLE,
    ]
    said = caplog.text + "".join(answer.reason for answer in (missing, wrong, right, broken))
    assert TOKEN not in said


@pytest.mark.parametrize("status", [400, 415, 422, 500])
def test_a_receiver_without_compression_gets_plain_bodies(status):
    with serving() as server:
        server.default = refuse_compressed(server, status)
        sink = HttpSink(HttpSettings(url=server.url))
        answers = [sink.send(batch(size=3000), 10.0) for _ in range(3)]
        sink.close()

    assert answers == [ACCEPTED] * 3
    assert ["Content-Encoding" in headers for headers in server.headers] == [True, False, False, False]


def test_a_compressed_body_that_is_refused_plain_too_stays_compressed():
    with serving((400, {"error": "no session"})) as server:
        sink = HttpSink(HttpSettings(url=server.url))
        refused = sink.send(batch(size=3000), 10.0)
        server.default = (500, {})
        failed = [sink.send(batch(size=3000), 10.0) for _ in range(3)]
        server.default = (200, {})
        accepted = sink.send(batch(size=3000), 10.0)
        sink.close()

    assert refused.outcome is Outcome.REFUSED
    assert refused.reason == 'HTTP 400: {"error": "no session"}'
    assert {answer.outcome for answer in failed} == {Outcome.TEMPORARY}
    assert accepted is ACCEPTED
    compressed = ["Content-Encoding" in headers for headers in server.headers]
    # A server that fails anyway is asked once, not each time.
    assert compressed == [True, False, True, False, True, True, True]


def refuse_compressed(server, status):
    return lambda _body: (status if "Content-Encoding" in server.headers[-1] else 200, {"error": "not JSON"})


def test_secrets_are_not_quoted_from_answers():
    environ = {"T": TOKEN}
    with serving() as server:
        server.default = lambda _body: (403, {"sent": [server.headers[-1], server.paths[-1]]})
        url = server.url.replace("://", "://user:p%40ss-w0rd@") + "/in?key=k3y-in-url"
        sink = HttpSink(
            HttpSettings(url=url, token_env="T", headers={"X-Key": "k3y-in-header"}), environ=environ
        )
        answers = [sink.send(batch(), 10.0)]
        sink.close()
        sink = HttpSink(HttpSettings(url=url))
        answers.append(sink.send(batch(), 10.0))
        sink.close()

    login = server.headers[1]["Authorization"]
    assert login == "Basic dXNlcjpwQHNzLXcwcmQ="
    for answer in answers:
        assert answer.reason.startswith('HTTP 403: {"sent": ')
        for secret in (TOKEN, "p%40ss-w0rd", "p@ss-w0rd", "k3y-in-url", "k3y-in-header", login[6:]):
            assert secret not in answer.reason


def test_a_failure_names_its_class_and_the_host():
    port = free_port()
    sink = HttpSink(HttpSettings(url=f"http://user:{TOKEN}@127.0.0.1:{port}/in?key={TOKEN}"))
    answer = sink.send(batch(), 5.0)
    sink.close()

    assert answer.reason == f"ConnectionRefusedError (127.0.0.1:{port})"


@pytest.fixture
def secure(tmp_path):
    """A server behind TLS, and the file with its certificate."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here")
    certificate, key = tmp_path / "c.pem", tmp_path / "k.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",  # noqa: S607
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with serving(tls=context) as server:
        yield server, str(certificate)


@pytest.mark.parametrize("trusted", [False, True])
def test_certificates_are_verified(secure, trusted):
    server, certificate = secure
    sink = HttpSink(HttpSettings(url=server.url, ca=certificate if trusted else None))
    answer = sink.send(batch(), 10.0)
    sink.close()

    assert answer.outcome is (Outcome.ACCEPTED if trusted else Outcome.TEMPORARY)
    assert len(server.requests) == (1 if trusted else 0)


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_certificates_of_the_environment_are_trusted(secure, variable):
    server, certificate = secure
    environ = {variable: certificate, "CURL_CA_BUNDLE": "/nowhere"}
    sink = HttpSink(HttpSettings(url=server.url), environ=environ)
    answer = sink.send(batch(), 10.0)
    sink.close()

    assert answer is ACCEPTED


def pump(source, target):
    with contextlib.suppress(OSError):
        while part := source.recv(65536):
            target.sendall(part)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("status", [200, 407])
def test_a_proxy_connects_to_a_secure_receiver(secure, status):
    server, certificate = secure
    heads = []

    def serve():
        inner, _ = listener.accept()
        head = b""
        while b"\r\n\r\n" not in head:
            head += inner.recv(65536)
        heads.append(head)
        inner.sendall(f"HTTP/1.1 {status} x\r\n\r\n".encode())
        if status == 200:
            host, port = head.split()[1].decode().split(":")
            with socket.create_connection((host, int(port))) as outer:
                back = threading.Thread(target=pump, args=(outer, inner))
                back.start()
                pump(inner, outer)
                back.join()
        inner.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        proxy = f"http://127.0.0.1:{listener.getsockname()[1]}"
        sink = HttpSink(HttpSettings(url=server.url, ca=certificate, proxy=proxy))
        answers = [sink.send(batch(), 10.0) for _ in range(2 if status == 200 else 1)]
        sink.close()
        thread.join()

    outcome = Outcome.ACCEPTED if status == 200 else Outcome.TEMPORARY
    assert {answer.outcome for answer in answers} == {outcome}
    assert len(server.requests) == (2 if status == 200 else 0)
    assert heads[0].startswith(f"CONNECT {server.url.split('/')[2]} HTTP/1.".encode())


def test_a_proxy_is_used():
    # A proxy for plain http gets the whole URL: the server plays it.
    with serving() as server:
        sink = HttpSink(HttpSettings(url="http://receiver.invalid/batches", proxy=server.url))
        answer = sink.send(batch(), 10.0)
        sink.close()

    assert answer is ACCEPTED
    assert server.paths == ["http://receiver.invalid/batches"]


@pytest.mark.parametrize(
    "environ",
    [
        pytest.param({"HTTP_PROXY": "{proxy}"}, id="upper"),
        pytest.param({"http_proxy": "{proxy}"}, id="lower"),
        pytest.param({"ALL_PROXY": "{proxy}"}, id="all"),
        pytest.param({"HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "{proxy}"}, id="lower-first"),
    ],
)
def test_the_proxy_of_the_environment_is_used(environ):
    with serving() as server:
        proxy = server.url.replace("://", f"://us:{TOKEN}@")
        values = {name: value.format(proxy=proxy) for name, value in environ.items()}
        sink = HttpSink(HttpSettings(url="http://receiver.invalid/in"), environ=values)
        answer = sink.send(batch(), 10.0)
        sink.close()

    assert answer is ACCEPTED
    assert server.paths == ["http://receiver.invalid/in"]


def test_a_proxy_gets_its_password_and_the_receiver_does_not():
    with serving() as server:
        proxy = server.url.replace("://", "://user:pass@")
        sink = HttpSink(HttpSettings(url="http://receiver.invalid/in", proxy=proxy))
        answer = sink.send(batch(), 10.0)
        server.default = (502, b"no way to the receiver")
        failed = sink.send(batch(), 10.0)
        sink.close()

    assert answer is ACCEPTED
    assert failed.reason == "HTTP 502: no way to the receiver"
    assert server.headers[0]["Proxy-Authorization"] == "Basic dXNlcjpwYXNz"
    assert server.paths[0] == "http://receiver.invalid/in"


def test_urllib3_is_imported_at_the_first_send():
    code = """
import sys
from capture.sinks.http import HttpSettings, HttpSink
HttpSink(HttpSettings(url="http://x"))
print("urllib3" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"


@contextlib.contextmanager
def answering(raw, *, reads_all=True):
    """Answer one connection with bytes as they are; yield the URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer():
            connection, _ = listener.accept()
            with connection:
                request = connection.recv(65_536)
                if reads_all:
                    while not request.endswith(b"]}"):
                        request += connection.recv(65_536)
                connection.sendall(raw)

        thread = threading.Thread(target=answer)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        thread.join()


def test_an_answer_before_the_end_of_the_body_counts():
    refusal = b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nno!"
    with answering(refusal, reads_all=False) as url:
        sink = HttpSink(HttpSettings(url=url, gzip=False))
        answer = sink.send(batch(1, size=8_000_000), 30.0)
        sink.close()

    assert (answer.outcome, answer.reason) == (Outcome.TOO_LARGE, "HTTP 413: no!")


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "AnswerError: closed without an answer"),
        (b"220 mail.example ready\r\n", "AnswerError: not an answer of HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 300_000, "AnswerError: the answer is too long"),
    ],
)
def test_what_is_no_answer_is_said(raw, reason):
    with answering(raw) as url:
        sink = HttpSink(HttpSettings(url=url))
        answer = sink.send(batch(), 30.0)
        sink.close()

    assert answer.outcome is Outcome.TEMPORARY
    assert answer.reason.startswith(reason)


def test_of_two_waits_the_longer_serves_both():
    raw = b"HTTP/1.1 429 x\r\nRetry-After: 5\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n"
    with answering(raw) as url:
        sink = HttpSink(HttpSettings(url=url))
        answer = sink.send(batch(), 30.0)
        sink.close()

    assert answer.retry_after_s == 120.0
