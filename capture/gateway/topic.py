"""A Kafka topic in the place of the journal: a batch is acknowledged when the brokers have it."""

from __future__ import annotations

import asyncio
import zlib
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from capture.formats.receive import unpack
from capture.gateway.journal import Line
from capture.optional import require
from capture.sinks.kafka import client_options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from capture.formats.receive import Received
    from capture.gateway.config import KafkaSection

__all__ = ["MessageTooLargeError", "Topic", "line_of_message"]

#: Time (s) that the brokers have for a message: less than a device waits for its answer.
_DELIVERY_S = 8.0
#: How often (s) reports are looked for while any is due.
_POLL_S = 0.002
_encode = msgspec.json.encode


class _Record(msgspec.Struct):
    user_id: str


class _Records(msgspec.Struct):
    """A batch; its events go on in the text that the sender gave them."""

    events: list[msgspec.Raw]


_decode_record = msgspec.json.Decoder(_Record).decode
_decode_records = msgspec.json.Decoder(_Records).decode


class MessageTooLargeError(Exception):
    """A batch is larger than the brokers take."""


class Topic:
    """Produces a message for each batch, keyed by user: copies and a user's order meet in a partition.

    Parameters
    ----------
    settings : KafkaSection
    """

    def __init__(self, settings: KafkaSection) -> None:
        self._settings = settings
        self._kafka = require("confluent_kafka", "kafka.brokers")
        #: Why nothing can be taken at the moment.
        self.problem = ""
        self._producer: Any = None
        #: Producers that may have reports: the one in use, and those that it replaced.
        self._producers: list[Any] = []
        self._timer: asyncio.TimerHandle | None = None

    async def take(self, line: Line, received: Received, member: bytes) -> None:
        """Return when the brokers have the batch.

        Raises
        ------
        OSError
            When they do not, or it is not known.
        MessageTooLargeError
        """
        producer, loop = self._connected(), asyncio.get_running_loop()
        futures = []
        for user, each, value in _messages(line, received, member):
            done: asyncio.Future[None] = loop.create_future()
            headers = [(name, _encode(field)) for name, field in msgspec.structs.asdict(each).items()]
            report = partial(self._reported, done)
            try:
                producer.produce(self._settings.topic, value, user, headers=headers, on_delivery=report)
            except BufferError:
                raise OSError("the producer's queue is full") from None
            except self._kafka.KafkaException as error:
                self._reported(done, error.args[0])
            futures.append(done)
        if self._timer is None:
            self._timer = loop.call_later(_POLL_S, self._poll)
        for done in futures:
            await done

    async def tick(self) -> None:
        """Check whether unreachable brokers can be reached again."""
        self._take_reports()
        if self.problem:
            await asyncio.to_thread(self._look)

    def _look(self) -> None:
        producer = self._producer
        try:
            if producer is not None:  # else the next batch connects
                producer.list_topics(self._settings.topic, timeout=1)
        except self._kafka.KafkaException as error:
            self.problem = f"Kafka: {error.args[0].name()}"
        else:
            self.problem = ""

    async def close(self) -> None:
        """Wait for the reports of messages in flight."""
        loop = asyncio.get_running_loop()
        end_s = loop.time() + _DELIVERY_S
        while self._take_reports() and loop.time() < end_s:  # noqa: ASYNC110 - reports come by polling
            await asyncio.sleep(_POLL_S)
        if self._timer is not None:
            self._timer.cancel()
        self._producer, self._producers = None, []

    def _connected(self) -> Any:
        if self._producer is None:
            options = {
                "message.timeout.ms": int(_DELIVERY_S * 1000),
                **client_options(
                    self._settings.brokers or "", self._settings.options, self._settings.options_env
                ),
                "enable.idempotence": True,
                "error_cb": self._failed,
            }
            self._producer = self._kafka.Producer(options)
            self._producers.append(self._producer)
        return self._producer

    def _poll(self) -> None:
        """Read delivery reports on the event loop, until none is due: a thread would compete for the lock."""
        self._timer = None
        if self._take_reports():
            self._timer = asyncio.get_running_loop().call_later(_POLL_S, self._poll)

    def _take_reports(self) -> bool:
        """Read the delivery reports that have arrived; return whether more are due."""
        for producer in self._producers:
            producer.poll(0)
        self._producers = [each for each in self._producers if len(each) or each is self._producer]
        return any(map(len, self._producers))

    def _failed(self, error: Any) -> None:
        if error.code() == self._kafka.KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001 - its public name
            self.problem = "Kafka: no broker answers"
        elif error.fatal():
            self._producer = None  # an idempotent producer that lost its place can only be replaced

    def _reported(self, done: asyncio.Future[None], error: Any, message: object = None) -> None:
        del message
        too_large = {self._kafka.KafkaError.MSG_SIZE_TOO_LARGE, self._kafka.KafkaError.INVALID_MSG_SIZE}
        if done.done():
            return  # its request was cancelled
        if error is None:
            done.set_result(None)
        elif error.code() in too_large:
            done.set_exception(MessageTooLargeError())
        else:
            done.set_exception(OSError(f"Kafka: {error.name()}"))


def _messages(line: Line, received: Received, member: bytes) -> Iterator[tuple[str, Line, bytes]]:
    """Yield user, line and value of the messages of a batch: one for each user."""
    if len(received.users) < 2:
        yield "".join(received.users), line, member
        return
    by_user: dict[str, list[msgspec.Raw]] = {}
    for record in _decode_records(received.body).events:
        by_user.setdefault(_decode_record(record).user_id, []).append(record)
    for user, records in by_user.items():
        yield user, line, zlib.compress(_encode({"events": records}), 1, 31)
        line = msgspec.structs.replace(line, bad=[])


def line_of_message(message: Any, most_bytes: int) -> tuple[Line, bytes]:
    """Return a message's note on a batch, and the batch.

    Raises
    ------
    ValueError
        When it is not of a gateway.
    """
    fields = {name: msgspec.json.decode(value) for name, value in message.headers() or ()}
    return msgspec.convert(fields, Line), unpack(message.value() or b"", most_bytes)
