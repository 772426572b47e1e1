"""Sending from memory: events that cannot be written are delivered, and never written afterwards."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from capture.store.rows import StoredBatch

if TYPE_CHECKING:
    from collections.abc import Collection

    from capture.store.context import Context
    from capture.store.writer import WaitingCall, Writer

__all__ = ["MemoryQueue"]

_PLACE = "memory"


class MemoryQueue:
    """Batches of the calls that wait in memory."""

    def __init__(self, context: Context, writer: Writer) -> None:
        self._formats, self._writer = context.formats, writer
        self._delivered: dict[str, int] = {}

    def next_batch(
        self, queue: str, max_events: int, max_bytes: int, skip: Collection[int]
    ) -> StoredBatch | None:
        """Return the next events of a queue, as `Store.next_batch` does."""
        wire = self._formats[queue]
        payloads: list[bytes] = []
        ids: list[str] = []
        calls: list[WaitingCall] = []
        size, full, oldest_ms = 0, False, 0
        for call in list(self._writer.waiting):
            rows = [] if queue in call.sent else _rows_of(call, wire)
            if not rows:
                continue
            if calls and call.session != calls[0].session:
                break
            if call.session in skip:
                return None
            more = sum(len(payload) for payload, _, _ in rows)
            if calls and (len(payloads) + len(rows) > max_events or size + more > max_bytes):
                full = True
                break
            oldest_ms = oldest_ms or rows[0][1]
            payloads += [payload for payload, _, _ in rows]
            ids += [event_id for _, _, event_id in rows]
            size += more
            calls.append(call)
        if not calls:
            return None
        return StoredBatch(
            queue=queue,
            format=wire,
            session=calls[0].session,
            payloads=payloads,
            event_ids=ids,
            oldest_ms=oldest_ms,
            place=_PLACE,
            start=calls[0].number,
            end=calls[-1].number + 1,
            full=full or len(payloads) >= max_events,
            calls=calls,
        )

    def has_before(self, queue: str, number: int) -> bool:
        """Return whether a call up to a number waits for a queue."""
        wire = self._formats[queue]
        return any(
            call.number <= number and queue not in call.sent and _rows_of(call, wire)
            for call in list(self._writer.waiting)
        )

    def count(self, queue: str) -> dict[int, int]:
        """Return how many events wait for a queue, by session."""
        wire, sessions = self._formats[queue], dict[int, int]()
        for call in list(self._writer.waiting):
            count = 0 if queue in call.sent else len(_rows_of(call, wire))
            if count:
                sessions[call.session] = sessions.get(call.session, 0) + count
        return sessions

    def stored_of(self, queue: str) -> int:
        """Return how many events wait for a queue, or were delivered from memory."""
        return sum(self.count(queue).values()) + self._delivered.get(queue, 0)

    def begin_send(self, queue: str, batch: StoredBatch) -> bool:
        """Note that the calls of a batch are being sent; False if one was written or dropped meanwhile."""
        waiting = list(self._writer.waiting)
        if not all(call in waiting for call in batch.calls):
            return False
        for call in batch.calls:
            call.sending.add(queue)
        return True

    def acknowledge(self, queue: str, batch: StoredBatch) -> bool:
        """Note that a sink has the calls of a batch; calls that every queue has leave the memory."""
        self._delivered[queue] = self._delivered.get(queue, 0) + batch.count
        for call in batch.calls:
            call.sent.add(queue)
            if all(name in call.sent or not _rows_of(call, wire) for name, wire in self._formats.items()):
                try:
                    self._writer.waiting.remove(call)
                except ValueError:
                    return False
        return True


def _rows_of(call: WaitingCall, wire: str) -> list[tuple[bytes, int, str]]:
    return [
        (payload, time_ms, event_id if isinstance(event_id, str) else str(uuid.UUID(bytes=event_id)))
        for _, payloads, time_ms, event_id in call.rows
        for name, payload in payloads
        if name == wire
    ]
