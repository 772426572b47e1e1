"""The reference collector: an HTTP receiver for tests and for trying things out.

It checks batches against the wire format, keeps each event once by its id, and may write them to a file.
`capture.testing.Fault` makes it fail in the ways that a receiver or a network fails.

>>> with Collector() as collector:
...     collector.fail(Fault(status=503, headers={"Retry-After": "1"}), times=2)
...     ...  # an http sink with url = collector.url
...     collector.events
"""

from __future__ import annotations

import contextlib
import hmac
import ipaddress
import socket
import threading
import zlib
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol, Self

import msgspec

from capture.errors import ConfigError
from capture.formats import native

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

__all__ = ["Collector", "CollectorCounters", "cannot_listen"]

_MAX_BODY_BYTES = 4 * 1024 * 1024
_TIMEOUT_S = 30.0


class Fault(Protocol):
    """What answers a request in place of the collector: `capture.testing.Fault`."""

    def answer(
        self, handler: BaseHTTPRequestHandler, *, keep: Callable[[], object], wait: Callable[[float], object]
    ) -> None:
        """Answer the request; `keep` stores its batch, `wait` waits (s) until the collector is closed."""


class CollectorCounters(msgspec.Struct):
    """What a collector has seen.

    Attributes
    ----------
    requests, batches : int
        Posts, and those that were accepted.
    duplicates : int
        Events that were there already.
    invalid : int
        Posts that were no batches.
    """

    requests: int = 0
    batches: int = 0
    duplicates: int = 0
    invalid: int = 0


class _Body(msgspec.Struct):
    """A batch with its events as they came."""

    pl: list[msgspec.Raw]


class _Id(msgspec.Struct):
    euid: str


class Collector:
    """A receiver on a thread of its own; use it as a context manager, or `start` and `close` it.

    Parameters
    ----------
    host : str
        Address to listen on.
    port : int
        Port; 0 picks a free one.
    token : str, optional
        Bearer token that requests must carry. Required where `host` is not loopback.
    folder : path-like, optional
        Where to append ``batches.jsonl``, one accepted batch a line, without events that were there before.
    check : bool
        Whether bodies are checked against the native wire format; without it any JSON with events passes.

    Raises
    ------
    ConfigError
        When a token is missing, or the port cannot be used.

    Attributes
    ----------
    events : dict
        Event id -> the event's bytes, in the order of arrival.
    keys : list of str
        Idempotency key of each accepted batch.
    refuse : callable or None
        An event's bytes -> whether its batch is answered with 400.
    counters : CollectorCounters
        What it has seen.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        token: str | None = None,
        folder: str | os.PathLike[str] | None = None,
        check: bool = True,
    ) -> None:
        if token is None and not _is_loopback(host):
            raise ConfigError(f"a collector on {host!r} needs a token: others can reach it")
        self.events: dict[str, bytes] = {}
        self.keys: list[str] = []
        self.counters = CollectorCounters()
        self.refuse: Callable[[bytes], bool] | None = None
        self._token = token
        self._check = check
        self._faults: deque[Fault] = deque()
        self._always: Fault | None = None
        self._lock = threading.Lock()
        self._closing = threading.Event()
        handler = type("_Handler", (_Handler,), {"collector": self})
        try:
            self._server = _Server((host, port), handler)
        except OSError as error:
            raise cannot_listen(host, port, error) from error
        self._file: IO[bytes] | None = None
        try:
            if folder is not None:
                Path(folder).mkdir(parents=True, exist_ok=True)
                self._file = (Path(folder) / "batches.jsonl").open("ab")
        except OSError:
            self._server.server_close()
            raise
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where to post batches to."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}/batches"

    def start(self) -> Self:
        """Serve on a thread."""
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.05},
            name="touchcapture-collector",
            daemon=True,
        )
        self._thread.start()
        return self

    def serve(self) -> None:
        """Serve in the caller's thread until `close` is called from another one, or Ctrl-C."""
        self._server.serve_forever(poll_interval=0.2)

    def close(self) -> None:
        """Stop serving; may be called twice."""
        self._closing.set()
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._thread = None
        self._server.server_close()
        self._server.cut_connections()
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.close()

    def fail(self, fault: Fault | None, *, times: int | None = None) -> None:
        """Fail the next `times` requests with `fault`, or all of them; None ends every failure.

        Parameters
        ----------
        fault : Fault or None
            How.
        times : int, optional
            How many requests; None for all from now on.
        """
        with self._lock:
            if fault is None:
                self._faults.clear()
                self._always = None
            elif times is None:
                self._always = fault
            else:
                self._faults.extend([fault] * times)

    def next_fault(self) -> Fault | None:
        """Count a request and return its fault; None for a good answer."""
        with self._lock:
            self.counters.requests += 1
            return self._faults.popleft() if self._faults else self._always

    def admits(self, authorization: str) -> bool:
        """Return whether a request's ``Authorization`` is the right one."""
        if self._token is None:
            return True
        return hmac.compare_digest(authorization.encode(), f"Bearer {self._token}".encode())

    def take(self, body: bytes, key: str) -> str:
        """Store a batch; return why it was refused, or an empty text."""
        try:
            raw = msgspec.json.decode(body, type=_Body).pl
            ids = [msgspec.json.decode(event, type=_Id).euid for event in raw]
            if self._check:
                native.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            with self._lock:
                self.counters.invalid += 1
            return str(error)
        payloads = [bytes(event) for event in raw]
        if self.refuse is not None and any(self.refuse(payload) for payload in payloads):
            return "refused"
        with self._lock:
            new = [index for index, euid in enumerate(ids) if euid not in self.events]
            self.counters.batches += 1
            self.counters.duplicates += len(ids) - len(new)
            self.keys.append(key)
            self.events.update((ids[index], payloads[index]) for index in new)
            if self._file is not None and new:
                self._file.write(body if len(new) == len(ids) else _without(body, raw, new))
                self._file.write(b"\n")
                self._file.flush()
        return ""

    def wait(self, seconds: float) -> None:
        """Wait, but no longer than until `close`."""
        self._closing.wait(seconds)


def cannot_listen(host: str, port: int, error: OSError) -> ConfigError:
    """Return the error for a port in use, or for an address that is not this machine's."""
    return ConfigError(f"port {port} of {host} cannot be used: {error.strerror or error}")


def _without(body: bytes, raw: list[msgspec.Raw], kept: list[int]) -> bytes:
    fields: dict[str, Any] = msgspec.json.decode(body)
    return msgspec.json.encode({**fields, "pl": [raw[index] for index in kept]})


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, *values: Any) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(*values)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection: closing the server must end it."""
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection."""
        self._open.discard(request)
        super().shutdown_request(request)

    def cut_connections(self) -> None:
        """End what is still connected."""
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log nothing: clients that are killed in the middle of a request are expected."""


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    timeout = _TIMEOUT_S
    disable_nagle_algorithm = True
    collector: Collector

    def do_POST(self) -> None:
        """Answer one posted batch."""
        collector = self.collector
        body = self._read()
        fault = collector.next_fault()
        if body is None:
            self._answer(413, b'{"error": "too large"}', close=True)
            return
        if not collector.admits(self.headers.get("Authorization", "")):
            self._answer(401, b'{"error": "token"}')
            return
        if fault is not None:
            key = self.headers.get("Idempotency-Key", "")
            fault.answer(self, keep=lambda: collector.take(body, key), wait=collector.wait)
            return
        problem = collector.take(body, self.headers.get("Idempotency-Key", ""))
        if problem:
            self._answer(400, msgspec.json.encode({"error": problem}))
        else:
            self._answer(200, b"{}")

    def _read(self) -> bytes | None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > _MAX_BODY_BYTES:
            return None
        body = self.rfile.read(int(length))
        if self.headers.get("Content-Encoding", "") != "gzip":
            return body
        # Read with a limit: a small body may unpack to a huge one.
        unpacker = zlib.decompressobj(wbits=31)
        try:
            body = unpacker.decompress(body, _MAX_BODY_BYTES)
        except zlib.error:
            return b""
        return None if unpacker.unconsumed_tail else body

    def _answer(self, status: int, body: bytes, *, close: bool = False) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if close:
            # This sets `close_connection`, too.
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *values: object) -> None:
        """Log nothing: see `Collector.counters`."""
