"""The HTTP sink: posts each batch as JSON, and reads the answer's status as the delivery table has it."""

from __future__ import annotations

import gzip
import os
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta

from capture.errors import ConfigError
from capture.settings import Section, expanded
from capture.sinks._address import check_address
from capture.sinks._deadline import DeadlineCaller
from capture.sinks._line import Line
from capture.sinks.base import ACCEPTED, Answer, Batch, Outcome, read_settings, wire_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from urllib3 import PoolManager

    from capture.config.sections import SinkConfig

__all__ = ["HttpSettings", "HttpSink", "answer_of"]

#: Bodies up to this (bytes) are not worth compressing.
_GZIP_FROM_BYTES = 1024
#: What is read of an answer (bytes); the connection is given up where there is more.
_MAX_ANSWER_BYTES = 65_536
_TEMPORARY = frozenset({408, 425, 429})
_UNAVAILABLE = frozenset({401, 403, 404, 405, 407, 410})
_URL = r"^[Hh][Tt][Tt][Pp][Ss]?://[^\s/?#@]+([/?][^\s#]*)?$"
_HEADER_NAME = re.compile(r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
#: Header names that are this module's own.
_OWN_HEADERS = frozenset({"content-type", "content-encoding", "content-length", "idempotency-key", "host"})


class HttpSettings(Section, frozen=True, kw_only=True):
    """Keys of an ``http`` sink."""

    #: Where batches are posted to: http or https, without user and password.
    url: Annotated[str, Meta(pattern=_URL, max_length=2083)]
    #: More request headers.
    headers: dict[str, str] = {}  # noqa: RUF012 - msgspec copies defaults
    #: Environment variable with the bearer token, read at each request.
    token_env: Annotated[str, Meta(min_length=1, max_length=255)] | None = None
    #: File of certificates to trust instead of the system's.
    ca: Annotated[str, Meta(min_length=1, max_length=4096)] | None = None
    #: Proxy that requests go through.
    proxy: Annotated[str, Meta(pattern=_URL, max_length=2083)] | None = None
    #: Whether bodies above 1 kB are compressed.
    gzip: bool = True


class HttpSink:
    """Posts batches to a URL.

    One connection is kept open. Redirects are not followed, certificates are always verified, and each
    request carries the batch's idempotency key.

    Parameters
    ----------
    settings : HttpSettings
        Its keys.
    name : str
        Key of its queue.
    formats : tuple of str
        Wire formats that it takes.
    environ : mapping, optional
        Where the token is; default ``os.environ``.
    """

    def __init__(
        self,
        settings: HttpSettings,
        *,
        name: str = "http",
        formats: tuple[str, ...] = ("native",),
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.formats = formats
        self.max_bytes: int | None = None
        self._settings = settings
        self._environ = os.environ if environ is None else environ
        self._caller = DeadlineCaller(f"touchcapture-{name}-request")
        self._line: Line | None = None
        self._pool: PoolManager | None = None
        self._pid = os.getpid()
        self._gzip = settings.gzip

    @classmethod
    def from_config(cls, config: SinkConfig, *, base: Path | None = None) -> HttpSink:
        """Make the sink of a ``[[sinks]]`` table; a relative `ca` starts from `base`."""
        settings = read_settings(HttpSettings, config)
        path = f"sinks.{config.name}"
        check_address(f"{path}.url", settings.url)
        check_address(f"{path}.proxy", settings.proxy)
        for name, value in settings.headers.items():
            if not _HEADER_NAME.match(name) or name.lower() in _OWN_HEADERS:
                raise ConfigError(f"{path}.headers: {name!r} is not a header name that can be set")
            if not _is_header_value(value):
                raise ConfigError(f"{path}.headers.{name}: expected printable text on one line")
        if settings.ca is not None:
            file = expanded(f"{path}.ca", settings.ca)
            file = base / file if base else file
            if not file.is_file():
                raise ConfigError(f"{path}.ca = {settings.ca!r}: no such file")
            settings = msgspec.structs.replace(settings, ca=str(file))
        return cls(settings, name=config.name, formats=wire_of(config))

    def send(self, batch: Batch, timeout_s: float) -> Answer:
        """Post the batch; the deadline is for all of it, from the name lookup to the answer's end."""
        headers = self._headers(batch)
        if isinstance(headers, Answer):
            return headers
        body = batch.body
        if self._gzip and len(body) > _GZIP_FROM_BYTES:
            body = gzip.compress(body, compresslevel=1, mtime=0)
            headers["Content-Encoding"] = "gzip"
        answer, status = self._post(body, headers, timeout_s)
        if status == 415 and "Content-Encoding" in headers:
            # The receiver may know the content and not the encoding.
            self._gzip = False
            return Answer(Outcome.TEMPORARY, "HTTP 415 for a compressed body", 0.0)
        return answer

    def flush(self) -> None:
        """Do nothing: each batch is posted when it is sent."""

    def close(self) -> None:
        """Give up the connection, and a request that is under way."""
        self._caller.abandon()
        if self._line is not None:
            self._line.close()
        if self._pool is not None:
            self._pool.clear()
            self._pool = None

    def _headers(self, batch: Batch) -> dict[str, str] | Answer:
        headers = {"User-Agent": "touchcapture", "Accept": "application/json", **self._settings.headers}
        headers["Content-Type"] = "application/json"
        headers["Idempotency-Key"] = batch.batch_id
        variable = self._settings.token_env
        if variable is not None:
            token = self._environ.get(variable, "").strip()
            if not token or not _is_header_value(token):
                return Answer(Outcome.UNAVAILABLE, f"no usable token in the environment variable {variable}")
            headers["Authorization"] = f"Bearer {token}"
        return headers

    def _post(self, body: bytes, headers: dict[str, str], timeout_s: float) -> tuple[Answer, int]:
        from urllib3.exceptions import HTTPError

        try:
            if self._settings.proxy is None:
                status, received = self._direct().post(body, headers, timeout_s)
            else:
                status, received = self._caller.call(
                    lambda: self._request(body, headers, timeout_s), timeout_s
                )
        except TimeoutError:
            # The connection belongs to the request that was left behind.
            self._pool = None
            return Answer(Outcome.TEMPORARY, f"no answer within {timeout_s:.3g} s"), 0
        except (HTTPError, OSError, ValueError) as error:
            # The text of an error may quote headers, and with them the token.
            return Answer(Outcome.TEMPORARY, type(error).__name__), 0
        return answer_of(status, received), status

    def _direct(self) -> Line:
        if self._line is None:
            name = f"touchcapture-{self.name}-connect"
            self._line = Line(self._settings.url, ca=self._settings.ca, name=name)
        return self._line

    def _request(
        self, body: bytes, headers: dict[str, str], timeout_s: float
    ) -> tuple[int, Mapping[str, str]]:
        response = self._connections().request(
            "POST",
            self._settings.url,
            body=body,
            headers=headers,
            timeout=timeout_s,
            retries=False,
            redirect=False,
            preload_content=False,
        )
        try:
            response.read(_MAX_ANSWER_BYTES, decode_content=False)
            if response.length_remaining:
                response.close()
        except BaseException:
            response.close()
            raise
        finally:
            response.release_conn()
        return response.status, response.headers

    def _connections(self) -> PoolManager:
        if self._pool is not None and self._pid == os.getpid():
            return self._pool
        import urllib3

        options: dict[str, Any] = {"num_pools": 1, "maxsize": 1, "cert_reqs": "CERT_REQUIRED"}
        if self._settings.ca is not None:
            options["ca_certs"] = self._settings.ca
        self._pool = urllib3.ProxyManager(str(self._settings.proxy), **options)
        self._pid = os.getpid()
        return self._pool


def answer_of(status: int, headers: Mapping[str, str]) -> Answer:
    """Return what an HTTP answer means for its batch.

    Parameters
    ----------
    status : int
        HTTP status.
    headers : mapping
        Headers of the answer, by names as in ``Retry-After`` or in any case.
    """
    reason = f"HTTP {status}"
    if 200 <= status <= 204:
        if "text/html" in headers.get("Content-Type", "").lower():
            return Answer(Outcome.TEMPORARY, f"{reason} with a web page: a captive portal?")
        return ACCEPTED
    if status == 413:
        return Answer(Outcome.TOO_LARGE, reason)
    if status in _UNAVAILABLE:
        return Answer(Outcome.UNAVAILABLE, reason)
    if 400 <= status < 500 and status not in _TEMPORARY:
        return Answer(Outcome.REFUSED, reason)
    return Answer(Outcome.TEMPORARY, reason, _retry_after_s(headers))


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


def _is_header_value(value: str) -> bool:
    return value.isascii() and value.isprintable()
