"""Writers of a Kafka topic: a consumer group, and for each partition a chain of files.

A file is named by the partition and its first offset, has its last offset in its metadata, and is created
only if no file has its name. If two members hold one partition, because one of them did not run for a while,
one creates the file and the other continues after it. No event is lost or duplicated. The file of rows is
written first; the records of the same messages follow under names with the same offsets.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from capture.errors import StoreError
from capture.gateway.rows import end_of
from capture.gateway.state import NO_PROJECT
from capture.gateway.steps import step
from capture.gateway.topic import line_of_message
from capture.optional import require
from capture.sinks.kafka import client_options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from capture.gateway.config import GatewayConfig
    from capture.gateway.journal import Line
    from capture.gateway.writer import Writer

__all__ = ["Group"]

_log = logging.getLogger("capture.gateway")
_POLL_S = 0.5
_AT_ONCE = 500
_WAIT_S = 30.0


class _Part:
    """Messages of a partition in memory, from `start` to before `next`, for a file.

    `stop` is the end of a file that is there, but whose records may be missing. Nothing was read of a part
    that `is_fresh` before it was assigned.
    """

    is_fresh = False

    def __init__(self, start: int, stop: int | None = None) -> None:
        self.start = self.next = start
        self.stop = stop
        self.messages: list[Any] = []
        self.size = 0
        self.since_s = 0.0
        self.is_read = False

    def add(self, message: Any) -> None:
        self.messages.append(message)
        self.since_s = self.since_s or time.monotonic()
        self.size += len(message)
        self.next = message.offset() + 1
        self.is_read = False


class Group:
    """A member of the group.

    Parameters
    ----------
    config : GatewayConfig
    writer : Writer
    once : bool
        Whether `run_once` ends at the end of the topic.
    """

    def __init__(self, config: GatewayConfig, writer: Writer, *, once: bool = False) -> None:
        self._kafka = require("confluent_kafka", "kafka.brokers")
        self._config, self._settings = config, config.kafka
        self._writer, self._state, self._objects = writer, writer.state, writer.objects
        self._once = once
        self._parts: dict[int, _Part] = {}
        self._problem = ""
        self._consumer = self._kafka.Consumer(
            {
                "auto.offset.reset": "earliest",
                **client_options(
                    self._settings.brokers or "", self._settings.options, self._settings.options_env
                ),
                "group.id": self._settings.group,
                "enable.auto.commit": False,
                "enable.partition.eof": True,
            }
        )
        self._consumer.subscribe(
            [self._settings.topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked
        )

    def close(self) -> None:
        """Leave the group; other members read the messages in memory again."""
        self._consumer.close()

    def run_once(self) -> bool | None:
        """Read messages and write the files that are due; return None at the end of the topic."""
        for message in self._consumer.consume(_AT_ONCE, _POLL_S):
            part = self._parts.get(message.partition())
            if message.error() is None:
                self._problem = ""
                self._take(message)
            elif message.error().code() == self._kafka.KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
                if part is not None:
                    _check_end(part, message)
                    part.is_read = True
            elif message.error().name() != self._problem:  # said once, not at each poll
                self._problem = message.error().name()
                _log.warning("Kafka: %s", self._problem)
        ends = self._once and self._parts and all(part.is_read for part in self._parts.values())
        for number, part in list(self._parts.items()):
            held_s = time.monotonic() - part.since_s
            if part.messages and (ends or held_s >= self._settings.segment_age_s):
                self._write(number, part)
        return None if ends else True

    def _take(self, message: Any) -> None:
        number, offset = message.partition(), message.offset()
        part = self._parts.get(number)
        if part is not None and part.stop is not None and offset >= part.stop:
            self._write(number, part)
            part = self._parts.get(number)
        if part is None or offset < part.next:
            return  # it went to another member, or is read again
        part.add(message)
        if part.next == part.stop:
            self._write(number, part)
        elif sum(each.size for each in self._parts.values()) >= self._settings.segment_bytes:
            self._write(*max(self._parts.items(), key=lambda item: item[1].size))

    def _write(self, number: int, part: _Part) -> None:
        """Write the messages of a partition in memory, and continue after them."""
        end = part.stop or part.next
        with self._state.unit():
            self._writer.prepare()
            if part.messages and not self._make(number, part, end):
                self._follow(number)
                return
        self._parts[number] = _Part(end)
        self._commit(number, end)

    def _make(self, number: int, part: _Part, end: int) -> bool:
        """Make the files of a partition's messages; return False if another member did."""
        unit = self._writer.unit(lambda damaged: self._lines(part, damaged), end)
        time_s = part.messages[0].timestamp()[1] // 1000
        files = list(self._writer.files(unit, f"events+{number}+{part.start:020d}", time_s, number))
        if part.stop is None:
            step("chain.written")
            if not self._objects.move(files[0].local, files[0].path):
                return False
            step("chain.created")
        for file in files[1:]:
            self._objects.move(file.local, file.path)  # where it is there, it is the same
        with self._state.transaction():
            self._writer.commit(unit, files[0].path)
            self._state.set_offset(f"ids/{number}", end)
        return True

    def _lines(
        self, part: _Part, damaged: Callable[[int], object]
    ) -> Iterator[tuple[Line, bytes, int | None]]:
        for message in part.messages:
            try:
                line, text = line_of_message(message, 2 * self._config.limits.max_unpacked_bytes)
            except ValueError:
                damaged(len(message))
                continue
            yield line, text, message.offset()

    def _commit(self, number: int, end: int) -> None:
        """Note for the group how far a partition is written: a hint, the files have it."""
        place = self._kafka.TopicPartition(self._settings.topic, number, end)
        try:
            self._consumer.commit(offsets=[place], asynchronous=False)
            lag = self._consumer.get_watermark_offsets(place, cached=True)[1] - end
            self._state.set_offset(f"lag/{number}", max(lag, 0))
        except self._kafka.KafkaException as error:
            _log.warning("Kafka: no commit: %s", error.args[0].name())

    # Partitions that come and go

    def _assigned(self, consumer: Any, places: list[Any]) -> None:
        try:
            committed = {place.partition: place.offset for place in consumer.committed(places, _WAIT_S)}
        except self._kafka.KafkaException:
            committed = {}
        for place in places:
            number = place.partition
            part = self._parts[number] = self._part(number, committed.get(number, 0))
            part.is_fresh = True
            place.offset = part.start
        consumer.assign(places)

    def _revoked(self, consumer: object, places: Iterable[Any]) -> None:
        del consumer
        for place in places:
            self._parts.pop(place.partition, None)

    def _follow(self, number: int) -> None:
        """Go on behind the file that another member made."""
        _log.warning("partition %d: another member wrote these messages; continuing after its file", number)
        with self._state.transaction():
            self._state.add_total("kafka_fenced_total", NO_PROJECT, 1)
        part = self._parts[number] = self._part(number)
        try:
            self._consumer.seek(self._kafka.TopicPartition(self._settings.topic, number, part.start))
        except self._kafka.KafkaException:
            del self._parts[number]  # it is the other's by now

    def _part(self, number: int, committed: int = 0) -> _Part:
        """Return where a partition is to be read from; its ids are in the index then."""
        committed = max(committed, 0)
        files = [path for path in self._writer.listed() if f"+{number}+" in path]
        chain = sorted((path for path in files if path.startswith("events/")), key=_start)
        start = end = committed
        if chain:
            path = chain[-1]
            last = end_of(self._writer.connection, self._objects.fetch(path, self._writer.scratch))
            if last is None:
                raise StoreError(f"{path}: no end_offset in its metadata")
            start, end = _start(path), last
        with self._state.unit():
            self._writer.prepare()
            stream = f"ids/{number}"
            self._writer.index(_unindexed(files, self._state.offset(stream) or 0), stream, end)
        return _Part(start, end) if committed < end else _Part(committed)


def _check_end(part: _Part, end: Any) -> None:
    """Raise a StoreError if a partition ends before its files do: its messages would be passed over."""
    written = part.stop or part.start
    if part.is_fresh and end.offset() < written:
        place = f"partition {end.partition()} of {end.topic()}"
        raise StoreError(
            f"{place} ends at {end.offset()}, its files at {written}: was it made anew? "
            "Choose another topic, or another output.url and kafka.group"
        )


def _start(path: str) -> int:
    """Return the offset that a file's name has."""
    return int(path.rpartition("+")[2].partition(".")[0])


def _unindexed(paths: list[str], indexed: int) -> Iterator[str]:
    """Yield the files that may hold messages from an offset on: not those that another follows before it."""
    following: dict[str, int] = {}
    for path in sorted(paths, key=_start, reverse=True):
        stream = path.partition("/date=")[0]
        if following.get(stream, indexed + 1) > indexed:
            yield path
        following[stream] = _start(path)
