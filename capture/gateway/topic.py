"""A Kafka topic in the place of the journal: a batch is acknowledged when the brokers have it."""

from __future__ import annotations

import asyncio
import threading
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
_encode = msgspec.json.encode


class MessageTooLargeError(Exception):
    """A batch is larger than the brokers take."""


class _Record(msgspec.Struct):
    user_id: str


class _Records(msgspec.Struct):
    events: list[msgspec.Raw]


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
        self._reports: list[tuple[asyncio.Future[None], Any]] = []
        self._lock = threading.Lock()  # around the reports: they come from the threads of two producers
        self._loop: asyncio.AbstractEventLoop | None = None

    async def take(self, line: Line, received: Received, member: bytes) -> None:
        """Return when the brokers have the batch.

        Raises
        ------
        OSError
            When they do not, or it is not known.
        MessageTooLargeError
        """
        producer = self._connected()
        futures = []
        for user, each, value in _messages(line, received, member):
            done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            headers = [(name, _encode(field)) for name, field in msgspec.structs.asdict(each).items()]
            report = partial(self._reported, done)
            try:
                producer.produce(self._settings.topic, value, user, headers=headers, on_delivery=report)
            except BufferError:
                raise OSError("the producer's queue is full") from None
            except self._kafka.KafkaException as error:
                self._resolve(done, error.args[0])
            futures.append(done)
        for done in futures:
            await done

    async def tick(self) -> None:
        """Check whether unreachable brokers can be reached again."""
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
        producer, self._producer = self._producer, None
        if producer is not None:
            await asyncio.to_thread(producer.flush, _DELIVERY_S)

    def _connected(self) -> Any:
        if self._producer is None:
            self._loop = asyncio.get_running_loop()
            options = {
                "message.timeout.ms": int(_DELIVERY_S * 1000),
                **client_options(self._settings.brokers or "", self._settings),
                "enable.idempotence": True,
                "error_cb": self._failed,
            }
            self._producer = self._kafka.Producer(options)
            threading.Thread(target=self._poll, args=(self._producer,), daemon=True).start()
        return self._producer

    def _poll(self, producer: Any) -> None:
        while self._producer is producer:
            producer.poll(0.1)
        # Batches wait for the reports of what was under way when the producer was replaced.
        producer.flush(_DELIVERY_S)

    def _failed(self, error: Any) -> None:
        if error.code() == self._kafka.KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001 - its public name
            self.problem = "Kafka: no broker answers"
        elif error.fatal():
            self._producer = None  # an idempotent producer that lost its place can only be replaced

    def _reported(self, done: asyncio.Future[None], error: Any, message: object) -> None:
        """Pass a report to the event loop, which is woken once for all that come together."""
        del message
        assert self._loop is not None  # noqa: S101 - set with the producer
        with self._lock:
            self._reports.append((done, error))
            is_first = len(self._reports) == 1
        if is_first and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._resolve_all)

    def _resolve_all(self) -> None:
        with self._lock:
            reports, self._reports = self._reports, []
        for done, error in reports:
            if not done.done():  # its request was not cancelled
                self._resolve(done, error)

    def _resolve(self, done: asyncio.Future[None], error: Any) -> None:
        too_large = {self._kafka.KafkaError.MSG_SIZE_TOO_LARGE, self._kafka.KafkaError.INVALID_MSG_SIZE}
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
    for record in msgspec.json.decode(received.body, type=_Records).events:
        by_user.setdefault(msgspec.json.decode(record, type=_Record).user_id, []).append(record)
    for user, records in by_user.items():
        yield user, line, zlib.compress(_encode({"events": records}), 1, 31)
        line = msgspec.structs.replace(line, bad=[])


def line_of_message(message: Any, most_bytes: int) -> tuple[Line, bytes]:
    """Return what a message says of a batch, and the batch.

    Raises
    ------
    ValueError
        When it is not of a gateway.
    """
    fields = {name: msgspec.json.decode(value) for name, value in message.headers() or ()}
    return msgspec.convert(fields, Line), unpack(message.value() or b"", most_bytes)
