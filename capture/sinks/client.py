"""The HTTP client of all sinks: posts to one URL over a kept connection, with one deadline for all of it.

urllib3 connects (name lookup, proxy, TLS, verification); redirects are not followed. A request is one write
from the caller's thread, and of an answer only status, headers and content are read: that costs a fifth of
urllib3's request.
"""

from __future__ import annotations

import contextlib
import re
import time
import zlib
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from io import BufferedReader, RawIOBase
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from capture.errors import ConfigError
from capture.process import PerProcess
from capture.sinks.base import ACCEPTED, Answer, Outcome
from capture.sinks.deadline import call_with_deadline

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping

__all__ = ["HttpClient", "Reply", "Url", "answer_of", "check_address"]

#: An address to post to: http or https, without user and password.
Url = Annotated[str, Meta(pattern=r"^[Hh][Tt][Tt][Pp][Ss]?://[^\s/?#@]+([/?][^\s#]*)?$", max_length=2083)]
#: A host, or an address in brackets, and a port.
_AUTHORITY = re.compile(r"(\[[^\[\]]+\]|[^\[\]:%\\]+)(:[0-9]*)?")
#: Longest content (bytes) that is read of an answer only to keep the connection.
_MAX_SKIPPED_BYTES = 65_536
_RECEIVE_BYTES = 16_384
_STATUS = re.compile(rb"HTTP/1\.([0-9]) +([1-9][0-9]{2})(?: |\r?\n|$)")
_TEMPORARY = frozenset({408, 425, 429})
_UNAVAILABLE = frozenset({401, 403, 404, 405, 407, 410})


class Reply(msgspec.Struct, frozen=True):
    """An answer: status (0 if there was none), headers by names as in ``Retry-After``, content, failure."""

    status: int
    headers: Mapping[str, str] = {}
    content: bytes = b""
    problem: str = ""


class HttpClient:
    """Posts to one URL; the connection is made at the first request and kept while the receiver keeps it.

    Parameters
    ----------
    url : str
    name : str
        Name of the sink.
    ca : str, optional
        File of certificates to trust instead of the system's.
    proxy : str, optional
        URL of a proxy.
    content_bytes : int, default 0
        How much of an answer's content the caller reads (bytes).
    """

    def __init__(
        self, url: str, *, name: str, ca: str | None = None, proxy: str | None = None, content_bytes: int = 0
    ) -> None:
        self.url = url
        self._name = f"touchcapture-{name}-connect"
        self._ca = ca
        self._proxy = proxy
        self._content_bytes = content_bytes
        self._limit = max(content_bytes, _MAX_SKIPPED_BYTES)
        self._start = b""
        self._connection: PerProcess[Any] = PerProcess()

    def post(self, body: bytes, headers: Mapping[str, str], timeout_s: float) -> Reply:
        """Post `body` within `timeout_s` seconds; a failure on the way is a reply with status 0."""
        from urllib3.exceptions import HTTPError

        try:
            return self._exchange(body, headers, timeout_s)
        except TimeoutError:
            return Reply(0, problem=f"no answer within {timeout_s:.3g} s")
        except (HTTPError, HTTPException, OSError, ValueError) as error:
            # The text of an error may quote headers, and with them a token or key.
            return Reply(0, problem=type(error).__name__)

    def close(self) -> None:
        """Close the connection, and end an exchange in another thread."""
        connection, self._connection.value = self._connection.value, None
        if connection is not None:
            with contextlib.suppress(OSError, AttributeError):
                # A thread that waits for an answer notices this, and not a close.
                connection.sock.shutdown(2)
            connection.close()

    def __del__(self) -> None:
        self.close()

    def _exchange(self, body: bytes, headers: Mapping[str, str], timeout_s: float) -> Reply:
        deadline_s = time.monotonic() + timeout_s

        def remaining_s() -> float:
            remaining = deadline_s - time.monotonic()
            if remaining <= 0:
                raise TimeoutError
            return remaining

        sock = self._connected(remaining_s)
        kept = False
        try:
            lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
            lines.append(f"Accept-Encoding: identity\r\nContent-Length: {len(body)}\r\n\r\n")
            rest = memoryview(self._start + "".join(lines).encode("latin-1") + body)
            while rest:
                sock.settimeout(remaining_s())
                rest = rest[sock.send(rest) :]
            reader = BufferedReader(_Receiver(sock, remaining_s, 2 * self._limit), _RECEIVE_BYTES)
            status, received, is_alive = _head(reader)
            content, is_whole = self._content(reader, status, received)
            kept = is_alive and is_whole
        finally:
            if not kept:
                self.close()
        return Reply(status, received, content)

    def _connected(self, remaining_s: Callable[[], float]) -> socket.socket:
        from urllib3.util import wait_for_read

        connection = self._connection.value
        # An idle connection that can be read has ended.
        if connection is not None and wait_for_read(connection.sock, timeout=0.0):
            self.close()
            connection = None
        if connection is None:
            connection = self._new_connection(remaining_s())
            call_with_deadline(connection.connect, remaining_s(), name=self._name)
            self._connection.value = connection
        sock: socket.socket = connection.sock
        return sock

    def _new_connection(self, timeout_s: float) -> Any:
        from urllib3.connection import HTTPConnection, HTTPSConnection, ProxyConfig
        from urllib3.util import parse_url

        target = parse_url(self.url)
        proxy = parse_url(self._proxy) if self._proxy else None
        tunnel = proxy is not None and target.scheme == "https"
        path = target.url if proxy is not None and not tunnel else target.request_uri
        self._start = f"POST {path} HTTP/1.1\r\nHost: {target.netloc}\r\n".encode("ascii")
        peer = proxy or target
        options: dict[str, Any] = {"timeout": timeout_s}
        if proxy is not None:
            options |= {"proxy": proxy, "proxy_config": ProxyConfig(None, False, None, None)}
        secure = "https" in {target.scheme, peer.scheme}
        if secure:
            options |= {"cert_reqs": "CERT_REQUIRED", "ca_certs": self._ca}
        kind = HTTPSConnection if secure else HTTPConnection
        port = peer.port or (443 if peer.scheme == "https" else 80)
        connection = kind((peer.host or "").strip("[]"), port, **options)
        if proxy is not None and tunnel:
            host = (target.host or "").strip("[]")
            connection.set_tunnel(host, target.port or 443, scheme=proxy.scheme or "http")
        return connection

    def _content(
        self, reader: BufferedReader[Any], status: int, headers: Mapping[str, str]
    ) -> tuple[bytes, bool]:
        """Return the content, and whether it ended as announced: only then the connection is kept."""
        # The status is there: whatever becomes of the rest, the receiver has decided.
        try:
            content, is_whole = self._raw_content(reader, status, headers)
            if content and self._content_bytes and "Content-Encoding" in headers:
                content = zlib.decompressobj(wbits=47).decompress(content, self._limit)
        except (OSError, ValueError, zlib.error):
            return b"", False
        return content, is_whole

    def _raw_content(
        self, reader: BufferedReader[Any], status: int, headers: Mapping[str, str]
    ) -> tuple[bytes, bool]:
        if status in {204, 304}:
            return b"", True
        if "Transfer-Encoding" in headers:
            return _chunks(reader), True
        length = headers.get("Content-Length", "")
        if length.isascii() and length.isdigit():
            size = int(length)
            content = reader.read(size) if size <= self._limit else b""
            return content, len(content) == size
        # The end of the connection is the end of the content.
        return reader.read(self._limit) if self._content_bytes else b"", False


class _Receiver(RawIOBase):
    """The reading side of a socket: one deadline for all reads, and at most `max_bytes`."""

    def __init__(self, sock: socket.socket, remaining_s: Callable[[], float], max_bytes: int) -> None:
        self._socket = sock
        self._remaining_s = remaining_s
        self._max_bytes = max_bytes

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Receive into `buffer`; return the number of bytes, 0 at the end."""
        self._socket.settimeout(self._remaining_s())
        count = self._socket.recv_into(buffer)
        self._max_bytes -= count
        if self._max_bytes < 0:
            raise ValueError("a long answer")
        return count


def _head(reader: BufferedReader[Any]) -> tuple[int, dict[str, str], bool]:
    """Read status and headers after any interim answers; return them, and whether the connection stays open.

    The standard library's parser of headers would double the cost of a request.
    """
    while True:
        match = _STATUS.match(reader.readline())
        if match is None:
            raise ValueError("not an answer of HTTP")
        headers: dict[str, str] = {}
        while (line := reader.readline()).strip():
            name, _, value = line.decode("latin-1").partition(":")
            headers.setdefault(name.strip().title(), value.strip())
        status = int(match[2])
        if status >= 200:
            return status, headers, match[1] != b"0" and "close" not in headers.get("Connection", "").lower()


def _chunks(reader: BufferedReader[Any]) -> bytes:
    """Read a chunked content; ValueError where it breaks off."""
    parts: list[bytes] = []
    while size := int(reader.readline().partition(b";")[0], 16):
        parts.append(reader.read(size))
        reader.readline()
    while reader.readline().strip():
        pass
    return b"".join(parts)


def check_address(key: str, url: str | None) -> None:
    """Refuse a url that urllib3 could not connect to; that is not imported before the first batch.

    Raises
    ------
    ConfigError
        When its host or port is wrong; what else a url has to be is in the settings' types.
    """
    if url is None:
        return
    try:
        parts = urlsplit(url)
        good = parts.port != 0 and _AUTHORITY.fullmatch(parts.netloc)
    except ValueError:
        good = None
    if not good:
        raise ConfigError(f"{key} = {url!r}: expected http(s)://host or http(s)://host:port, port 1 to 65535")


def answer_of(reply: Reply) -> Answer:
    """Return what an HTTP reply means for its batch."""
    status, reason = reply.status, reply.problem or f"HTTP {reply.status}"
    if 200 <= status <= 204:
        if "text/html" in reply.headers.get("Content-Type", "").lower():
            return Answer(Outcome.TEMPORARY, f"{reason} with a web page: a captive portal?")
        return ACCEPTED
    if status == 413:
        return Answer(Outcome.TOO_LARGE, reason)
    if status in _UNAVAILABLE:
        return Answer(Outcome.UNAVAILABLE, reason)
    if 400 <= status < 500 and status not in _TEMPORARY:
        return Answer(Outcome.REFUSED, reason)
    return Answer(Outcome.TEMPORARY, reason, _retry_after_s(reply.headers))


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return what ``Retry-After`` asks for (s): a number, or a date against the server's own clock."""
    text = headers.get("Retry-After", "").strip()
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return float(text[:9])
    until = _date(text)
    if until is None:
        return None
    now = _date(headers.get("Date", "")) or datetime.now(UTC)
    return max(0.0, (until - now).total_seconds())


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)
