"""The HTTP client of all sinks: posts to one URL over a kept connection, with one deadline for the whole.

urllib3 connects (name lookup, proxy, TLS, verification); redirects are not followed. A request is one write
from the caller's thread, and of an answer only status, headers and content are read: that costs a fifth of
urllib3's request.
"""

from __future__ import annotations

import base64
import contextlib
import os
import re
import time
import zlib
from http.client import HTTPException
from io import BufferedReader, RawIOBase
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import unquote, urlsplit

from msgspec import Meta

from capture.errors import ConfigError, hide_values
from capture.process import PerProcess
from capture.settings import shown
from capture.sinks.answers import SNIFFED_BYTES, Reply, excerpt, is_markup
from capture.sinks.deadline import call_with_deadline
from capture.sinks.environment import proxy_of, trusting_context

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["HttpClient", "Url", "check_address"]

#: An address to post to: http or https; user and password become the request's basic authentication.
Url = Annotated[
    str,
    Meta(
        pattern=r"^[Hh][Tt][Tt][Pp][Ss]?://([^\s/?#]*@)?[^\s/?#@]+([/?][^\s#]*)?$",
        max_length=2083,
        description="http://host/path or https://host/path, without a fragment",
    ),
]
#: A host, or an address in brackets, and a port.
_AUTHORITY = re.compile(r"(\[[^\[\]]+\]|[^\[\]:%\\]+)(:[0-9]*)?")
#: Longest content (bytes) that is read of an answer only to keep the connection.
_MAX_SKIPPED_BYTES = 65_536
_RECEIVE_BYTES = 16_384
_STATUS = re.compile(rb"HTTP/1\.([0-9]) +([1-9][0-9]{2})(?: |\r?\n|$)")
#: Headers of requests without secrets.
_OPEN_HEADERS = frozenset(
    {"user-agent", "accept", "content-type", "content-encoding", "idempotency-key", "host", "connection"}
)


class HttpClient:
    """Posts to one URL; the connection is made at the first request and kept while the receiver keeps it.

    Parameters
    ----------
    url : str
    name : str
        Name of the sink.
    ca : str, optional
        File of certificates to trust instead of the system's and the environment's.
    proxy : str, optional
        URL of a proxy; default that of the environment (``HTTPS_PROXY``, ``NO_PROXY``, ...).
    content_bytes : int, default 4096
        How much of an answer's content the caller reads (bytes).
    environ : mapping, optional
        Default ``os.environ``; read at each connection.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str,
        ca: str | None = None,
        proxy: str | None = None,
        content_bytes: int = SNIFFED_BYTES,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.url = url
        self._name = f"touchcapture-{name}-connect"
        self._ca = ca
        self._proxy = proxy
        self._login = _login("Authorization", urlsplit(url).netloc.rpartition("@")[0])
        self._environ = os.environ if environ is None else environ
        self._content_bytes = content_bytes
        self._limit = max(content_bytes, _MAX_SKIPPED_BYTES)
        self._start = b""
        self._connection: PerProcess[Any] = PerProcess()

    def post(
        self, body: bytes, headers: Mapping[str, str], timeout_s: float, secrets: Iterable[str] = ()
    ) -> Reply:
        """Post `body` within `timeout_s` seconds; a failure on the way is a reply with status 0.

        Neither the failure nor `Reply.said` shows the values of headers, the secrets of URLs, or `secrets`.
        """
        from urllib3.exceptions import HTTPError

        try:
            status, received, content, is_whole = self._exchange(body, headers, timeout_s)
        except TimeoutError:
            return Reply(0, problem=f"no answer in time ({self._peer()})")
        except (HTTPError, HTTPException, OSError, ValueError) as error:
            return Reply(0, problem=f"{_failure(error)} ({self._peer()})")
        # The text of an acceptance is not kept: that would be a tenth of the cost of a batch.
        is_accepted = 200 <= status <= 204 and not is_markup(content)
        said = "" if is_accepted else hide_values(excerpt(content), [*secrets, *self._secrets(headers)])
        return Reply(status, received, content, is_whole=is_whole, said=said)

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

    def _peer(self) -> str:
        """Return the host, and the proxy on the way, without user and password."""
        host = urlsplit(self.url).netloc.rpartition("@")[2]
        proxy = self._proxy or proxy_of(self.url, self._environ)
        return f"{host} by the proxy {urlsplit(proxy).netloc.rpartition('@')[2]}" if proxy else host

    def _secrets(self, headers: Mapping[str, str]) -> Iterable[str]:
        """Yield the secrets that must not be quoted from an answer, which may repeat the request."""
        for name, value in {**self._login, **headers}.items():
            if name.lower() not in _OPEN_HEADERS:
                yield value
                yield value.partition(" ")[2]
        for url in (self.url, self._proxy or ""):
            parts = urlsplit(url)
            user = parts.netloc.rpartition("@")[0]
            yield from (user, *user.split(":", 1))
            for part in parts.query.split("&"):
                yield part.partition("=")[2] or part

    def _exchange(
        self, body: bytes, headers: Mapping[str, str], timeout_s: float
    ) -> tuple[int, dict[str, str], bytes, bool]:
        """Return status, headers, content, and whether the content is whole."""
        deadline_s = time.monotonic() + timeout_s

        def remaining_s() -> float:
            remaining = deadline_s - time.monotonic()
            if remaining <= 0:
                raise TimeoutError
            return remaining

        sock = self._connected(remaining_s)
        kept = False
        try:
            if self._login and not any(name.lower() == "authorization" for name in headers):
                headers = self._login | dict(headers)
            lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
            lines.append(f"Accept-Encoding: identity\r\nContent-Length: {len(body)}\r\n\r\n")
            request = self._start + "".join(lines).encode("latin-1") + body
            cut = _send(sock, request, remaining_s)
            reader = BufferedReader(_Receiver(sock, remaining_s, 2 * self._limit), _RECEIVE_BYTES)
            try:
                status, received, is_alive = _head(reader)
            except (OSError, ValueError) as error:
                raise cut or error from None
            content, is_whole, ends = self._content(reader, status, received)
            kept = is_alive and is_whole and not ends and cut is None
        finally:
            if not kept:
                self.close()
        return status, received, content, is_whole

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
        proxy_url = self._proxy or proxy_of(self.url, self._environ)
        proxy = parse_url(proxy_url) if proxy_url else None
        tunnel = proxy is not None and target.scheme == "https"
        login = {} if proxy is None else _login("Proxy-Authorization", proxy.auth)
        self._start = _request_start(target, login, whole=proxy is not None and not tunnel)
        peer = proxy or target
        options: dict[str, Any] = {"timeout": timeout_s}
        if proxy is not None:
            options |= {"proxy": proxy, "proxy_config": ProxyConfig(None, False, None, None)}
        secure = "https" in {target.scheme, peer.scheme}
        if secure:
            options |= {"cert_reqs": "CERT_REQUIRED", "ca_certs": self._ca}
            if self._ca is None:
                options["ssl_context"] = trusting_context(self._environ)
        kind = HTTPSConnection if secure else HTTPConnection
        port = peer.port or (443 if peer.scheme == "https" else 80)
        connection = kind((peer.host or "").strip("[]"), port, **options)
        if proxy is not None and tunnel:
            host = (target.host or "").strip("[]")
            connection.set_tunnel(host, target.port or 443, headers=login, scheme=proxy.scheme or "http")
        return connection

    def _content(
        self, reader: BufferedReader[Any], status: int, headers: Mapping[str, str]
    ) -> tuple[bytes, bool, bool]:
        """Return the content, whether it is whole as far as it is read, and whether the connection ends.

        It ends with a content that has no length, and behind an unread rest.
        """
        received = bytearray()
        is_whole = ends = True
        length = headers.get("Content-Length", "")
        try:
            if status in {204, 304}:
                ends = False
            elif "Transfer-Encoding" in headers:
                ends = _read_chunks(reader, received, self._limit)
            elif length.isascii() and length.isdigit():
                size = int(length)
                _read(reader, received, size if size <= self._limit else self._content_bytes)
                ends = size > self._limit
            else:
                # The end of the connection is the end of the content, and may not come.
                while len(received) < self._content_bytes and (part := reader.read1(_RECEIVE_BYTES)):
                    received += part
                    if self._content_bytes <= SNIFFED_BYTES and part.strip():
                        break
        except (OSError, ValueError):
            # The status is there: the receiver has decided, even if the rest does not come.
            is_whole = False
        content = bytes(received)
        if content and "Content-Encoding" in headers:
            with contextlib.suppress(zlib.error):
                content = zlib.decompressobj(wbits=47).decompress(content, self._limit)
        return content, is_whole, ends


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
            raise AnswerError("the answer is too long")
        return count


class AnswerError(ValueError):
    """A receiver's bytes are no answer of HTTP; `reason` has none of them."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def _send(sock: socket.socket, request: bytes, remaining_s: Callable[[], float]) -> OSError | None:
    """Send a request; return why it was cut off: the receiver may have answered before it closed."""
    rest = memoryview(request)
    try:
        while rest:
            sock.settimeout(remaining_s())
            rest = rest[sock.send(rest) :]
    except (BrokenPipeError, ConnectionResetError) as error:
        return error
    return None


def _head(reader: BufferedReader[Any]) -> tuple[int, dict[str, str], bool]:
    """Read status and headers after any interim answers; return them, and whether the connection stays open.

    The standard library's parser of headers would double the cost of a request.
    """
    while True:
        line = reader.readline()
        match = _STATUS.match(line)
        if match is None:
            raise AnswerError("not an answer of HTTP" if line else "closed without an answer")
        headers: dict[str, str] = {}
        while (line := reader.readline()).strip():
            name, _, value = line.decode("latin-1").partition(":")
            name = name.strip().title()
            if name == "Retry-After" and name in headers:
                value = f"{headers.pop(name)}; {value}"
            headers.setdefault(name, value.strip())
        status = int(match[2])
        if status >= 200:
            return status, headers, match[1] != b"0" and "close" not in headers.get("Connection", "").lower()


def _read(reader: BufferedReader[Any], into: bytearray, size: int) -> None:
    """Read `size` bytes; bytes before a failure are kept."""
    while size > 0:
        part = reader.read1(size)
        if not part:
            raise ValueError("the content is cut off")
        into += part
        size -= len(part)


def _read_chunks(reader: BufferedReader[Any], into: bytearray, limit: int) -> bool:
    """Read a chunked content, at most `limit` bytes; return whether a rest is unread."""
    while size := int(reader.readline().partition(b";")[0], 16):
        if size < 0:
            raise ValueError("a chunk of negative size")
        _read(reader, into, min(size, limit - len(into)))
        if len(into) == limit:
            return True
        reader.readline()
    while reader.readline().strip():
        pass
    return False


def _request_start(target: Any, login: Mapping[str, str], *, whole: bool) -> bytes:
    """Return the first lines of each request; `whole`: a proxy gets the whole URL, and our login there."""
    path = target._replace(auth=None).url if whole else target.request_uri
    lines = [f"POST {path} HTTP/1.1", f"Host: {target.netloc}"]
    if whole:
        lines += [f"{name}: {value}" for name, value in login.items()]
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")


def _login(header: str, auth: str | None) -> dict[str, str]:
    """Return the header of the user and password of a URL."""
    if not auth:
        return {}
    user, _, password = auth.partition(":")
    login = f"{unquote(user)}:{unquote(password)}"
    return {header: f"Basic {base64.b64encode(login.encode()).decode()}"}


def _failure(error: Exception) -> str:
    """Return the class of a failure: its text may quote headers, and with them a token or key."""
    cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
    name = type(cause).__name__
    tunnel = re.match(r"Tunnel connection failed: ([0-9]{3})", str(cause))
    detail = f"the proxy answered {tunnel[1]}" if tunnel else getattr(cause, "reason", None)
    return f"{name}: {detail}" if isinstance(detail, str) and detail.isascii() else name


def check_address(key: str, url: str | None) -> None:
    """Refuse a url that urllib3 could not connect to; that is not imported before the first batch.

    Raises
    ------
    ConfigError
        When its host or port is wrong; the settings' types check the rest of a url.
    """
    if url is None:
        return
    try:
        parts = urlsplit(url)
        good = parts.port != 0 and _AUTHORITY.fullmatch(parts.netloc.rpartition("@")[2])
    except ValueError:
        good = None
    if not good:
        raise ConfigError(
            f"{key} = {shown(key, url)}: expected http(s)://host or http(s)://host:port, port 1 to 65535"
        )
