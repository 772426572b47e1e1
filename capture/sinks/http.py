"""The HTTP sink: posts each batch as JSON."""

from __future__ import annotations

import gzip
import os
import re
import time
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from capture.errors import ConfigError
from capture.settings import Section, Text, expanded
from capture.sinks.answers import answer_of
from capture.sinks.base import Answer, Batch, Outcome, Sink, read_settings, wire_of
from capture.sinks.client import HttpClient, Url, check_address

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from capture.config import SinkConfig

__all__ = ["HttpSettings", "HttpSink"]

#: Bodies up to this (bytes) are not worth compressing.
_GZIP_FROM_BYTES = 1024
_HEADER_NAME = re.compile(r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
#: Answers of a receiver that does not know the encoding, and of one that fails over it.
_ENCODING_REFUSED = frozenset({400, 415, 422})
_CHOKED = 500
#: Headers that the sink sets.
_OWN_HEADERS = frozenset({"content-type", "content-encoding", "content-length", "idempotency-key", "host"})


class HttpSettings(Section, frozen=True, kw_only=True):
    """Keys of an ``http`` sink."""

    #: Where batches are posted to: http or https; user and password are sent as basic authentication.
    url: Url
    #: More request headers.
    headers: dict[str, str] = {}  # noqa: RUF012 - msgspec copies defaults
    #: Environment variable with the bearer token, read at each request.
    token_env: Text | None = None
    #: File of certificates to trust instead of the system's; default also those of the variables
    #: ``SSL_CERT_FILE`` and ``REQUESTS_CA_BUNDLE``.
    ca: Annotated[str, Meta(min_length=1, max_length=4096)] | None = None
    #: Proxy that requests go through; default that of ``HTTPS_PROXY``, ``HTTP_PROXY`` or ``ALL_PROXY``,
    #: except for the hosts of ``NO_PROXY``.
    proxy: Url | None = None
    #: Whether bodies above 1 kB are compressed.
    gzip: bool = True


class HttpSink(Sink):
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
        Where the token is, and the proxy; default ``os.environ``.
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
        self.not_sent: dict[str, int] = {}
        self._settings = settings
        self._environ = os.environ if environ is None else environ
        self._client = HttpClient(
            settings.url, name=name, ca=settings.ca, proxy=settings.proxy, environ=self._environ
        )
        self._gzip = settings.gzip
        #: Whether a 500 may be due to the compression: asked once until a batch is accepted.
        self._may_choke = True

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
        """Post the batch; the deadline is for the whole, from the name lookup to the answer's end."""
        headers = self._headers(batch)
        if isinstance(headers, Answer):
            return headers
        deadline_s = time.monotonic() + timeout_s
        if self._gzip and len(batch.body) > _GZIP_FROM_BYTES:
            body = gzip.compress(batch.body, compresslevel=1, mtime=0)
            reply = self._client.post(body, headers | {"Content-Encoding": "gzip"}, timeout_s)
            answer = answer_of(reply)
            remaining_s = deadline_s - time.monotonic()
            if remaining_s > 0 and self._may_be_encoding(reply.status):
                # The receiver may know the content and not the encoding.
                answer = answer_of(self._client.post(batch.body, headers, remaining_s))
                self._gzip = answer.outcome is not Outcome.ACCEPTED
        else:
            answer = answer_of(self._client.post(batch.body, headers, timeout_s))
        self._may_choke = self._may_choke or answer.outcome is Outcome.ACCEPTED
        return answer

    def _may_be_encoding(self, status: int) -> bool:
        if status != _CHOKED:
            return status in _ENCODING_REFUSED
        may, self._may_choke = self._may_choke, False
        return may

    def close(self) -> None:
        """Close the connection, and end a request that is under way."""
        self._client.close()

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


def _is_header_value(value: str) -> bool:
    return value.isascii() and value.isprintable()
