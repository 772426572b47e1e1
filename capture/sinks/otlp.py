"""The otlp sink: events as log records of OpenTelemetry, by HTTP, as protobuf or JSON."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote

import msgspec

from capture.formats.currents import otlp
from capture.formats.currents.record import decode_record
from capture.optional import require
from capture.settings import Section, Text
from capture.sinks.answers import answer_of
from capture.sinks.base import Answer, Batch, BatchLimits, Outcome, Sink, read_settings
from capture.sinks.client import HttpClient, Url, check_address

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from capture.config import RunConfig, SinkConfig

__all__ = ["OtlpSettings", "OtlpSink"]

_PROTOBUF = "opentelemetry.proto.collector.logs.v1.logs_service_pb2"
_MAX_ANSWER_BYTES = 65_536
_encode = msgspec.json.Encoder().encode


class _PartialSuccess(msgspec.Struct):
    #: A number in text, as protobuf's JSON has it, or a plain one.
    rejected: int | str = msgspec.field(name="rejectedLogRecords", default=0)


class _Response(msgspec.Struct):
    partial_success: _PartialSuccess = msgspec.field(name="partialSuccess", default_factory=_PartialSuccess)


class OtlpSettings(Section, frozen=True, kw_only=True):
    """Keys of an ``otlp`` sink."""

    #: Where logs are posted to; a collector's is ``http://localhost:4318/v1/logs``.
    url: Url = "http://localhost:4318/v1/logs"
    #: How requests are encoded: ``protobuf`` needs the package opentelemetry-proto.
    encoding: Literal["json", "protobuf"] = "json"
    #: Environment variable with the bearer token, read at each request.
    token_env: Text | None = None
    #: Environment variable with more headers, as in ``OTEL_EXPORTER_OTLP_HEADERS``: ``name=value,...``.
    headers_env: Text | None = None


class OtlpSink(Sink):
    """Posts events as log records.

    Parameters
    ----------
    settings : OtlpSettings
    name : str
        Key of its queue.
    environ : mapping, optional
        Where token and headers are; default ``os.environ``.
    """

    def __init__(
        self, settings: OtlpSettings, *, name: str = "otlp", environ: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.formats: tuple[str, ...] = ("currents",)
        self.limits = BatchLimits(max_bytes=1_000_000)
        self.not_sent: dict[str, int] = {}
        self._settings = settings
        self._environ = os.environ if environ is None else environ
        self._client = HttpClient(
            settings.url, name=name, environ=self._environ, content_bytes=_MAX_ANSWER_BYTES
        )
        self._app: dict[str, str] = {}

    @classmethod
    def from_config(cls, config: SinkConfig, *, base: Path | None = None) -> OtlpSink:
        """Make the sink of a ``[[sinks]]`` table."""
        del base
        settings = read_settings(OtlpSettings, config)
        check_address(f"sinks.{config.name}.url", settings.url)
        if settings.encoding == "protobuf":
            require(_PROTOBUF, f"sinks.{config.name}.encoding = 'protobuf'")
        return cls(settings, name=config.name)

    def configure(self, config: RunConfig) -> None:
        """Use the name and the version of the app."""
        project = config.project
        self._app = {"service.name": project.app_id or "", "service.version": project.app_version}

    def send(self, batch: Batch, timeout_s: float) -> Answer:
        """Post the log records of a batch."""
        records = [decode_record(payload) for payload in batch.payloads]
        taken = [record for record in records if otlp.takes(record["event_type"])]
        answer = self._post(taken, batch.batch_id, timeout_s) if taken else Answer(Outcome.ACCEPTED)
        if answer.outcome is Outcome.ACCEPTED:
            self._count("storage_only", len(records) - len(taken))
        return answer

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _post(self, records: list[dict[str, Any]], key: str, timeout_s: float) -> Answer:
        headers = self._headers()
        if isinstance(headers, Answer):
            return headers
        # Not every record names every fact: those of one user have them from all.
        resources: dict[str, dict[str, str]] = {}
        for record in records:
            resources.setdefault(record["user_id"], dict(self._app)).update(otlp.resource_of(record))
        content = otlp.request(
            [(resources[record["user_id"]], otlp.log_record(record)) for record in records]
        )
        is_json = self._settings.encoding == "json"
        headers["Content-Type"] = "application/json" if is_json else "application/x-protobuf"
        headers["Idempotency-Key"] = key
        reply = self._client.post(_encode(content) if is_json else _packed(content), headers, timeout_s)
        answer = answer_of(reply)
        if answer.outcome is Outcome.ACCEPTED:
            # The rest of the request was taken; the refused records are not to be sent again.
            self._count("rejected", min(_rejected(reply.content, is_json=is_json), len(records)))
        return answer

    def _count(self, cause: str, count: int) -> None:
        if count:
            self.not_sent[cause] = self.not_sent.get(cause, 0) + count

    def _headers(self) -> dict[str, str] | Answer:
        headers = {"User-Agent": "touchcapture", "Accept": "*/*"}
        for variable in (self._settings.token_env, self._settings.headers_env):
            if variable is None:
                continue
            text = self._environ.get(variable, "").strip()
            if not text or not (text.isascii() and text.isprintable()):
                return Answer(Outcome.UNAVAILABLE, f"no usable text in the environment variable {variable}")
            if variable == self._settings.token_env:
                headers["Authorization"] = f"Bearer {text}"
                continue
            for pair in text.split(","):
                name, _, value = pair.partition("=")
                headers[unquote(name.strip())] = unquote(value.strip())
        return headers


def _packed(content: dict[str, Any]) -> bytes:
    """Return an export request as protobuf."""
    service = require(_PROTOBUF, "encoding = 'protobuf'")
    parser = require("google.protobuf.json_format", "encoding = 'protobuf'")
    packed: bytes = parser.ParseDict(content, service.ExportLogsServiceRequest()).SerializeToString()
    return packed


def _rejected(content: bytes, *, is_json: bool) -> int:
    """Return the number of log records that an answer to an accepted request left out."""
    try:
        if is_json:
            found = msgspec.json.decode(content or b"{}", type=_Response).partial_success
            return max(0, int(found.rejected))
        service = require(_PROTOBUF, "encoding = 'protobuf'")
        response = service.ExportLogsServiceResponse.FromString(content)
        return max(0, int(response.partial_success.rejected_log_records))
    except Exception:  # noqa: BLE001 - protobuf's errors have no common base; a 200 is an acceptance
        return 0
