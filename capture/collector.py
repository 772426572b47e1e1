"""The reference collector: an HTTP receiver for tests and for trying things out.

It reads batches of both wire formats, keeps each event once by its id, and may write them to a file. It is no
server: it keeps every event in memory and syncs nothing to the disk. `capture gateway serve` does.
`capture.testing.Fault` makes it fail in the ways that a receiver or a network fails.

>>> with Collector() as collector:
...     collector.fail(Fault(status=503, headers={"Retry-After": "1"}), times=2)
...     ...  # an http sink with url = collector.url
...     collector.events
"""

from __future__ import annotations

import contextlib
import hmac
import os
import socket
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import msgspec

from capture.errors import ConfigError, cannot_listen, plain
from capture.formats import native
from capture.formats.receive import NotABatchError, TooLargeError, payloads_of, read_batch, unpack
from capture.settings import is_loopback
from capture.testing import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Collector", "CollectorCounters", "Fault"]

_MAX_BODY_BYTES = 4 * 1024 * 1024
_TIMEOUT_S = 30.0
#: Connections at a time.
_MAX_CONNECTIONS = 256
_PATHS = frozenset({"/", "/batches"})
#: Names by which a page on another site cannot make a browser come here.
_OWN_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
_SHOWN_CHARS = 120


class CollectorCounters(msgspec.Struct):
    """Counts of a collector.

    Attributes
    ----------
    requests, batches, invalid : int
        Posts, those that were accepted, and those that were no batches.
    duplicates : int
        Events that were there already.
    quarantined : int
        Events that could not be read, in batches that were accepted.
    last_error : str
        The last refusal: status, reason and the received text; empty for none.
    """

    requests: int = 0
    batches: int = 0
    duplicates: int = 0
    invalid: int = 0
    quarantined: int = 0
    last_error: str = ""


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
        Whether events are checked against their wire format; without it any JSON with events passes.
    strict : bool
        Whether one event that cannot be read, or one unknown key, refuses its native batch. Otherwise unknown
        keys are kept, and such an event is counted and left out.
    on_refused : callable, optional
        Called with a line: why a batch was refused or an event left out, and the received text.

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
        Its counts.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        token: str | None = None,
        folder: str | os.PathLike[str] | None = None,
        check: bool = True,
        strict: bool = False,
        on_refused: Callable[[str], object] = len,
    ) -> None:
        if token is None and not is_loopback(host):
            raise ConfigError(f"a collector on {host!r} needs a token: others can reach it")
        self.events: dict[str, bytes] = {}
        self.keys: list[str] = []
        self.counters = CollectorCounters()
        self.refuse: Callable[[bytes], bool] | None = None
        self._token = token
        self._check = check
        self._strict = strict
        self._on_refused = on_refused
        self._names = _OWN_NAMES | {host} if is_loopback(host) else None
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
                self._file = (Path(folder) / "batches.jsonl").open("ab", buffering=0)
        except OSError:
            self._server.server_close()
            raise
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where to post batches to."""
        host, port = self._server.server_address[:2]
        return f"http://{f'[{host!s}]' if ':' in str(host) else host!s}:{port}/batches"

    def start(self) -> Self:
        """Serve on a thread."""
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="touchcapture-collector", daemon=True
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

    def knows(self, host: str, origin: str) -> bool:
        """Return whether a request is meant for this collector, and not sent by a web page."""
        if origin:
            return False
        return self._names is None or urlsplit(f"//{host}").hostname in self._names

    def refused(self, status: int, reason: str, came: bytes) -> None:
        """Count a request that was no batch, and report why."""
        why = f"refused ({status}): {reason}; came: {_shown(came)}"
        with self._lock:
            self.counters.invalid += 1
            self.counters.last_error = why
        self._on_refused(why)

    def take(self, body: bytes, key: str) -> str:
        """Store a batch; return why it was refused, or an empty text."""
        try:
            batch = self._read(body)
        except (ValueError, RecursionError) as error:
            self.refused(400, str(error), body)
            return str(error)
        if self.refuse is not None and any(self.refuse(payload) for payload in batch.values()):
            return "refused"
        with self._lock:
            new = {euid: payload for euid, payload in batch.items() if euid not in self.events}
            if self._file is not None and new:
                _append(self._file, _only(body, list(new.values())) + b"\n")
            self.counters.batches += 1
            self.counters.duplicates += len(batch) - len(new)
            self.keys.append(key)
            self.events.update(new)
        return ""

    def _read(self, body: bytes) -> dict[str, bytes]:
        """Return event id -> event of a batch."""
        if self._strict:
            native.decode(body)
        problems = read_batch(body).problems if self._check else []
        for problem in problems:
            came = _shown(problem.event.encode())
            self._on_refused(f"event {problem.index} left out: {problem.reason}; came: {came}")
        with self._lock:
            self.counters.quarantined += len(problems)
        return payloads_of(body, problems)

    def wait(self, seconds: float) -> None:
        """Wait, but no longer than until `close`."""
        self._closing.wait(seconds)


def _append(file: IO[bytes], line: bytes) -> None:
    """Append a whole line, or nothing and raise."""
    start = file.seek(0, os.SEEK_END)
    try:
        while line:
            line = line[file.write(line) :]
    except OSError:
        file.truncate(start)
        raise


def _only(body: bytes, payloads: list[bytes]) -> bytes:
    """Return a batch with these of its events alone, in one line."""
    fields: dict[str, Any] = msgspec.json.decode(body)
    name = "pl" if "pl" in fields else "events"
    if len(payloads) == len(fields[name]) and b"\n" not in body:
        return body
    return msgspec.json.encode({**fields, name: [msgspec.json.decode(payload) for payload in payloads]})


def _shown(came: bytes) -> str:
    return plain(came[: 4 * _SHOWN_CHARS].decode(errors="replace"), _SHOWN_CHARS) or "nothing"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], handler: Any) -> None:
        self._open: set[socket.socket] = set()
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection: closing the server must end it. One too many is closed at once."""
        if len(self._open) >= _MAX_CONNECTIONS:
            super().shutdown_request(request)
            return
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection."""
        self._open.discard(request)
        super().shutdown_request(request)

    def cut_connections(self) -> None:
        """Close the open connections."""
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
        body, status, problem = self._read()
        fault = collector.next_fault()
        if body is None:
            collector.refused(status, problem, b"")
            self._answer(status, _error(problem), close=True)
            return
        if not collector.admits(self.headers.get("Authorization", "")):
            collector.refused(401, "the bearer token is missing or wrong", b"")
            self._answer(401, _error("token"))
            return
        key = self.headers.get("Idempotency-Key", "")
        if fault is not None:
            fault.answer(self, keep=lambda: collector.take(body, key), wait=collector.wait)
            return
        try:
            status, problem = 400, collector.take(body, key)
        except OSError as error:
            status, problem = 503, f"cannot be written: {error.strerror}"
            collector.refused(status, problem, body)
        if problem:
            self._answer(status, _error(problem))
        else:
            self._answer(200, b"{}")

    def _read(self) -> tuple[bytes | None, int, str]:
        """Return the body, or None with the status and the reason of a refusal."""
        if not self.collector.knows(self.headers.get("Host", ""), self.headers.get("Origin", "")):
            return None, 403, "the request comes from a web page, or names another host"
        if self.path.partition("?")[0] not in _PATHS:
            return None, 404, f"no such path: {plain(self.path, 80)}; batches are posted to /batches"
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            return None, 411, "Content-Length is missing"
        if int(length[:12]) > _MAX_BODY_BYTES:
            return None, 413, f"larger than {_MAX_BODY_BYTES} bytes"
        return self._unpack(self.rfile.read(int(length)), self.headers.get("Content-Encoding", ""))

    def _unpack(self, body: bytes, encoding: str) -> tuple[bytes | None, int, str]:
        if encoding in {"", "identity"}:
            return body, 200, ""
        if encoding != "gzip":
            return None, 415, f"Content-Encoding {plain(encoding, 40)!r}: expected gzip or none"
        try:
            return unpack(body, _MAX_BODY_BYTES), 200, ""
        except NotABatchError as error:
            return None, 400, str(error)
        except TooLargeError as error:
            return None, 413, str(error)

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


def _error(problem: str) -> bytes:
    return msgspec.json.encode({"error": problem})
