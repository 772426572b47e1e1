"""One kept connection to an HTTP receiver, and an exchange over it within a deadline.

urllib3 connects (lookup, TLS, verification). What it does for each request beyond that costs ten times the
exchange itself; here a request is one write, and of an answer status and headers matter.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from typing import TYPE_CHECKING, Any

from capture.sinks._deadline import DeadlineCaller

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping

__all__ = ["Line"]

#: What is read of an answer (bytes): head, and body; the connection is given up where there is more.
_MAX_ANSWER_BYTES = 65_536
_RECEIVE_BYTES = 16_384
_STATUS = re.compile(rb"HTTP/1\.([0-9]) +([1-9][0-9]{2})(?: |\r?\n|$)")


class _Answer:
    """The bytes of an answer as they come, until a deadline."""

    def __init__(self, sock: socket.socket, left_s: Callable[[], float]) -> None:
        self._socket = sock
        self._left_s = left_s
        self._unread = b""
        self._taken = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left over."""
        return not self._unread

    def line(self) -> bytes:
        """Return the next line; what there is of it where the other side ends."""
        while (end := self._unread.find(b"\n") + 1) == 0:
            if not self._receive():
                end = len(self._unread)
                break
        line, self._unread = self._unread[:end], self._unread[end:]
        return line

    def skip(self, count: int) -> bool:
        """Pass over `count` bytes; False where the other side ends before."""
        while len(self._unread) < count:
            if not self._receive():
                return False
        self._unread = self._unread[count:]
        return True

    def _receive(self) -> bool:
        # An answer that comes a byte at a time has no more time than any other.
        self._socket.settimeout(self._left_s())
        part = self._socket.recv(_RECEIVE_BYTES)
        self._taken += len(part)
        if self._taken > 2 * _MAX_ANSWER_BYTES:
            raise ValueError("a long answer")
        self._unread += part
        return bool(part)


class Line:
    """A connection to one URL, made when it is first needed and kept while the receiver keeps it.

    Parameters
    ----------
    url : str
    ca : str or None
        File of certificates to trust instead of the system's.
    name : str
        Name of the threads that connect: a name lookup can only be left behind.
    """

    def __init__(self, url: str, *, ca: str | None, name: str) -> None:
        from urllib3.util import parse_url

        parts = parse_url(url)
        self._secure = parts.scheme == "https"
        self._host = (parts.host or "").strip("[]")
        self._port = parts.port or (443 if self._secure else 80)
        self._ca = ca
        self._start = f"POST {parts.request_uri} HTTP/1.1\r\nHost: {parts.netloc}\r\n".encode("ascii")
        self._caller = DeadlineCaller(name)
        self._connection: Any = None
        self._pid = 0

    def post(self, body: bytes, headers: Mapping[str, str], timeout_s: float) -> tuple[int, dict[str, str]]:
        """Post `body`; return status and headers of the answer, by names as in ``Retry-After``.

        Raises
        ------
        TimeoutError
            When the deadline (s) passes first.
        OSError, ValueError, urllib3.exceptions.HTTPError
            When there is no answer, or none that is HTTP.
        """
        deadline = time.monotonic() + timeout_s

        def left_s() -> float:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            return left

        lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
        lines.append(f"Accept-Encoding: identity\r\nContent-Length: {len(body)}\r\n\r\n")
        sock = self._connected(left_s)
        kept = False
        try:
            _send(sock, self._start + "".join(lines).encode("latin-1") + body, left_s)
            status, received, kept = _receive(_Answer(sock, left_s))
        finally:
            if not kept:
                self._drop()
        return status, received

    def close(self) -> None:
        """Give up the connection, and an exchange that is under way in another thread."""
        self._caller.abandon()
        self._drop()

    def _connected(self, left_s: Callable[[], float]) -> socket.socket:
        from urllib3.util import wait_for_read

        connection = self._connection
        # An idle connection has nothing to say but that it ends; in a forked child it is the parent's.
        if connection is not None and (
            self._pid != os.getpid() or wait_for_read(connection.sock, timeout=0.0)
        ):
            self._drop()
            connection = None
        if connection is None:
            connection = self._new_connection(left_s())
            self._caller.call(connection.connect, left_s())
            self._connection, self._pid = connection, os.getpid()
        sock: socket.socket = connection.sock
        return sock

    def _new_connection(self, timeout_s: float) -> Any:
        from urllib3.connection import HTTPConnection, HTTPSConnection

        if not self._secure:
            return HTTPConnection(self._host, self._port, timeout=timeout_s)
        return HTTPSConnection(
            self._host, self._port, timeout=timeout_s, cert_reqs="CERT_REQUIRED", ca_certs=self._ca
        )

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if self._pid == os.getpid():
            with contextlib.suppress(OSError, AttributeError):
                # Another thread that waits for an answer notices this, and not a close.
                connection.sock.shutdown(2)
        connection.close()


def _send(sock: socket.socket, request: bytes, left_s: Callable[[], float]) -> None:
    rest = memoryview(request)
    while rest:
        sock.settimeout(left_s())
        rest = rest[sock.send(rest) :]


def _receive(answer: _Answer) -> tuple[int, dict[str, str], bool]:
    """Return status, headers, and whether the connection can be used again."""
    while True:
        found = _STATUS.match(answer.line())
        if found is None:
            raise ValueError("not an answer of HTTP")
        headers, whole = _headers(answer)
        status = int(found[2])
        if status >= 200:
            break
    # The status is there: whatever becomes of the rest, the receiver has decided.
    try:
        ended = whole and status != 101 and _skip_body(answer, status, headers)
    except (OSError, ValueError):
        ended = False
    alive = found[1] != b"0" and "close" not in headers.get("Connection", "").lower()
    return status, headers, ended and alive and answer.is_empty


def _headers(answer: _Answer) -> tuple[dict[str, str], bool]:
    """Return the headers, and whether their end was there."""
    headers: dict[str, str] = {}
    while True:
        line = answer.line()
        if not line.endswith(b"\n"):
            return headers, False
        line = line.rstrip(b"\r\n")
        if not line:
            return headers, True
        name, _, value = line.decode("latin-1").partition(":")
        headers.setdefault(name.strip().title(), value.strip())


def _skip_body(answer: _Answer, status: int, headers: Mapping[str, str]) -> bool:
    """Pass over the body; tell whether its end is known and was there."""
    if status in {204, 304}:
        return True
    if "Transfer-Encoding" in headers:
        return headers["Transfer-Encoding"].lower() == "chunked" and _skip_chunks(answer)
    length = headers.get("Content-Length", "")
    if not length.isascii() or not length.isdigit() or int(length) > _MAX_ANSWER_BYTES:
        return False
    return answer.skip(int(length))


def _skip_chunks(answer: _Answer) -> bool:
    while True:
        size = int(answer.line().partition(b";")[0], 16)
        if size == 0:
            break
        if size < 0 or not answer.skip(size + 2):
            return False
    while (line := answer.line()).strip():
        pass
    return line.endswith(b"\n")
