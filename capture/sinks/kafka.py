"""The kafka sink: one message per record, keyed by user; delivery reports are the acknowledgement."""

from __future__ import annotations

import logging
import os
import time
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta

from capture.errors import ConfigError
from capture.formats.currents.avro import to_message
from capture.formats.currents.record import decode_record
from capture.optional import need
from capture.process import PerProcess
from capture.settings import Section
from capture.sinks.base import ACCEPTED, Answer, Batch, BatchLimits, Outcome, Sink, read_settings, wire_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from capture.config import RunConfig, SinkConfig
    from capture.formats.currents.schema import Layout, Version

__all__ = ["KafkaSettings", "KafkaSink", "client_options"]

_log = logging.getLogger("capture.sinks")
_encode = msgspec.json.Encoder().encode
#: Longest wait (s) of one poll for delivery reports.
_POLL_S = 0.1
#: Messages whose outcome is remembered, at most; beyond that they are sent again.
_MAX_REMEMBERED = 100_000
_RECORDS = BatchLimits(max_events=1000, max_bytes=4_000_000)
_Text = Annotated[str, Meta(min_length=1, max_length=4096)]


class KafkaSettings(Section, frozen=True, kw_only=True):
    """Keys of a ``kafka`` sink."""

    #: Addresses to start from: ``host:port``, separated by commas.
    brokers: _Text
    topic: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,249}$")]
    #: How Currents records are encoded: JSON, or Avro's single-object encoding.
    format: Literal["json", "avro"] = "json"
    #: Whether records may carry the advertising id.
    send_ad_id: bool = False
    #: More properties of librdkafka: ``security.protocol``, ...
    options: dict[str, str] = {}  # noqa: RUF012 - msgspec copies defaults
    #: Property of librdkafka -> environment variable with its value: ``sasl.password``, ...
    options_env: dict[str, str] = {}  # noqa: RUF012 - as above


def client_options(
    brokers: str,
    options: Mapping[str, str],
    options_env: Mapping[str, str],
    environ: Mapping[str, str] = os.environ,
) -> dict[str, Any]:
    """Return the properties that settings give a client of librdkafka, secrets included."""
    secrets = {option: environ.get(variable, "") for option, variable in options_env.items()}
    return {**options, **secrets, "bootstrap.servers": brokers}


class _Head(msgspec.Struct):
    """The field that is read from a native batch: its user."""

    uid: str


class _Message(msgspec.Struct, frozen=True):
    """A message: id, Kafka key, value, event type."""

    id: str
    key: str
    value: bytes
    event: str


class KafkaSink(Sink):
    """Produces to a Kafka topic, idempotently: retries neither repeat nor reorder events.

    A message that is in flight at the deadline of a batch stays in flight; the next attempt waits for
    its report and does not produce it again.

    Parameters
    ----------
    settings : KafkaSettings
    name : str
        Key of its queue.
    formats : tuple of str
        Wire format: ``native`` sends whole batches, ``currents`` single records.
    environ : mapping, optional
        Where `options_env` points; default ``os.environ``.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        *,
        name: str = "kafka",
        formats: tuple[str, ...] = ("currents",),
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.formats = formats
        self.limits = _RECORDS if formats == ("currents",) else BatchLimits()
        self.not_sent: dict[str, int] = {}
        self._settings = settings
        self._environ = os.environ if environ is None else environ
        self._version: Version = "current"
        self._layout: Layout = "glossary"
        self._producer: PerProcess[Any] = PerProcess()
        self._under_way: set[str] = set()
        self._accepted: set[str] = set()
        self._failed: dict[str, Any] = {}

    @classmethod
    def from_config(cls, config: SinkConfig, *, base: Path | None = None) -> KafkaSink:
        """Make the sink of a ``[[sinks]]`` table; the wire format is ``currents`` by default."""
        del base
        settings = read_settings(KafkaSettings, config)
        need("confluent_kafka", f"sinks.{config.name}")
        if settings.format == "avro":
            need("fastavro", f"sinks.{config.name}")
        formats = wire_of(config, ("currents", "native"))
        if formats == ("native",) and settings.format == "avro":
            raise ConfigError(f"sinks.{config.name}.format = 'avro': native batches are JSON")
        return cls(settings, name=config.name, formats=formats)

    def configure(self, config: RunConfig) -> None:
        """Use the run configuration's section ``currents``."""
        self._version, self._layout = config.currents.schema_version, config.currents.layout

    def send(self, batch: Batch, timeout_s: float) -> Answer:
        """Produce the messages that are not under way, and wait for every report."""
        deadline_s = time.monotonic() + timeout_s
        producer = self._connected()
        ids = []
        for message in self._messages(batch):
            ids.append(message.id)
            if not self._produce(producer, message, deadline_s):
                return Answer(Outcome.TEMPORARY, "the producer's queue is full", 0.0)
        while not self._under_way.isdisjoint(ids):
            remaining_s = deadline_s - time.monotonic()
            if remaining_s <= 0:
                return Answer(Outcome.TEMPORARY, f"no report within {timeout_s:.3g} s")
            producer.poll(min(remaining_s, _POLL_S))
        return self._answer(ids)

    def close(self) -> None:
        """Drop the messages under way: they are not acknowledged, and are sent again at the next start."""
        producer, self._producer.value = self._producer.value, None
        if producer is not None:
            producer.purge(blocking=False)
            producer.flush(0)
        # Last: a `send` in another thread treats messages that are not under way as reported.
        self._under_way.clear()

    # Internals

    def _messages(self, batch: Batch) -> Iterator[_Message]:
        if batch.format == "native":
            user_id = msgspec.json.decode(batch.body, type=_Head).uid
            yield _Message(batch.batch_id, user_id, batch.body, "batch")
            return
        for payload in batch.payloads:
            record = decode_record(payload)
            if not self._settings.send_ad_id and record.pop("ad_id", None) is not None:
                payload = _encode(record)  # noqa: PLW2901 - the same record without it
            value = (
                to_message(record, self._version, self._layout)
                if self._settings.format == "avro"
                else payload
            )
            yield _Message(record["id"], record["user_id"], value, record["event_type"])

    def _produce(self, producer: Any, message: _Message, deadline_s: float) -> bool:
        """Produce a message unless it is accepted or under way; return False if the queue is full."""
        if message.id in self._under_way or message.id in self._accepted:
            return True
        from confluent_kafka import KafkaException

        self._failed.pop(message.id, None)
        while True:
            try:
                producer.produce(
                    self._settings.topic,
                    key=message.key,
                    value=message.value,
                    headers={"event_type": message.event},
                    on_delivery=partial(self._reported, message.id),
                )
            except BufferError:
                remaining_s = deadline_s - time.monotonic()
                if remaining_s <= 0:
                    return False
                producer.poll(min(remaining_s, _POLL_S))
            except KafkaException as error:
                self._failed[message.id] = error.args[0]
                return True
            else:
                self._under_way.add(message.id)
                return True

    def _reported(self, message_id: str, error: Any, message: object) -> None:
        del message
        self._under_way.discard(message_id)
        if error is None:
            self._accepted.add(message_id)
        else:
            self._failed[message_id] = error

    def _answer(self, ids: list[str]) -> Answer:
        from confluent_kafka import KafkaError

        if self._accepted.issuperset(ids):
            self._accepted.difference_update(ids)
            if len(self._accepted) > _MAX_REMEMBERED:
                self._accepted.clear()
            return ACCEPTED
        error = next((self._failed[message_id] for message_id in ids if message_id in self._failed), None)
        if error is None:
            # Neither accepted nor failed: `close` dropped it.
            return Answer(Outcome.TEMPORARY, "closed")
        reason = error.name()
        if error.fatal():
            # An idempotent producer that lost its place can only be replaced.
            self.close()
            return Answer(Outcome.TEMPORARY, reason)
        if error.code() in {
            KafkaError.MSG_SIZE_TOO_LARGE,
            KafkaError.INVALID_MSG,
            KafkaError.INVALID_MSG_SIZE,
        }:
            return Answer(Outcome.REFUSED, reason)
        absent = {
            KafkaError.TOPIC_AUTHORIZATION_FAILED,
            KafkaError.CLUSTER_AUTHORIZATION_FAILED,
            KafkaError.UNKNOWN_TOPIC_OR_PART,
            KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001 - its public name begins with an underscore
            KafkaError._AUTHENTICATION,  # noqa: SLF001 - as above
        }
        outcome = Outcome.UNAVAILABLE if error.code() in absent else Outcome.TEMPORARY
        return Answer(outcome, reason)

    def _connected(self) -> Any:
        producer = self._producer.value
        if producer is not None:
            return producer
        from confluent_kafka import Producer

        settings = self._settings
        options = {
            # No time limit: a message that librdkafka drops would be sent again out of order.
            "message.timeout.ms": 0,
            "linger.ms": 5,
            **client_options(settings.brokers, settings.options, settings.options_env, self._environ),
            "enable.idempotence": True,
        }
        # In a forked child it is the parent's.
        self._under_way.clear()
        self._producer.value = producer = Producer(options, logger=_log)
        return producer
