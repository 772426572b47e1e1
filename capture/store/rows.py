"""What a row of the store is: its checksum, its packing, the state that rides on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zlib import crc32

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "Pending",
    "StoredBatch",
    "StoredEvent",
    "checksum",
    "decode_state",
    "encode_state",
    "intact",
    "pack",
]

_CRC_BYTES = 4
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(list[bytes]).decode


class StoredEvent(msgspec.Struct, frozen=True, gc=False):
    """An event on its way into the store.

    Attributes
    ----------
    session : int
        Its session number.
    payloads : sequence of (str, bytes)
        Wire format and encoded event, one for each wire format that a sink wants.
    time_ms : int
        When it occurred (ms since the epoch, wall clock): its age counts from here.
    event_id : str
        Its unique id.
    state : bytes
        Encoded state to be stored in the same transaction; empty for none.
    """

    session: int
    payloads: Sequence[tuple[str, bytes]]
    time_ms: int
    event_id: str
    state: bytes = b""


class StoredBatch(msgspec.Struct, frozen=True):
    """Stored events of exactly one session, in the order in which they were recorded.

    Attributes
    ----------
    queue : str
        The queue that it was read from.
    format : str
        Wire format of the payloads.
    session : int
        The session of every event in it.
    row_ids, payloads, event_ids : list
        One element per event.
    oldest_ms : int
        Time of the first event (ms since the epoch).
    byte_count : int
        Sum of the payloads' lengths.
    floor : int
        Where the queue's cursor may stand once every event of the batch is acknowledged.
    gap : int
        Ids missing between the cursor and the end of the batch: rows that the file lost.
    full : bool
        Whether it ends where it does because it reached a bound.
    has_ahead : bool
        Whether events behind the queue's cursor were done when it was read.
    generation : int
        How often the file had been replaced when it was read.
    """

    queue: str
    format: str
    session: int
    row_ids: list[int]
    payloads: list[bytes]
    event_ids: list[str]
    oldest_ms: int
    byte_count: int
    floor: int
    gap: int = 0
    full: bool = False
    has_ahead: bool = False
    generation: int = 0


class Pending(msgspec.Struct, frozen=True):
    """What a queue holds that its sink has not acknowledged.

    Attributes
    ----------
    count : int
        Events.
    sessions : dict
        Session number -> events.
    oldest_ms : int or None
        Time of the oldest event (ms since the epoch).
    """

    count: int
    sessions: dict[int, int]
    oldest_ms: int | None


def checksum(row_id: int, session: int, wire: str, payload: bytes) -> int:
    """Return the CRC-32 over (id, session, format, payload)."""
    return crc32(payload, crc32(f"{row_id},{session},{wire},".encode()))


def intact(row: Sequence[Any]) -> list[bytes] | None:
    """Return the events of a row, or None where it is not what was written.

    Parameters
    ----------
    row : sequence
        id, session, format (bytes), count, time, crc, event ids, payload, as the file has them: a flipped bit
        may change a column's type as well.
    """
    row_id, session, wire, count, _, crc, _, payload = row
    try:
        label = wire if count == 1 else b"%s*%d" % (wire, count)
        if crc32(payload, crc32(b"%d,%d,%s," % (row_id, session, label))) != crc:
            return None
        events = [payload] if count == 1 else _unpack(payload)
    except (TypeError, ValueError, msgspec.MsgspecError):
        return None
    return events if len(events) == count else None


def pack(payloads: Sequence[bytes]) -> bytes:
    """Return several encoded events as the payload of one row."""
    return _pack(payloads)


def encode_state(state: Mapping[str, Any]) -> bytes:
    """Return `state` as JSON behind its own CRC-32: a flipped bit must not become a user id."""
    body = msgspec.json.encode(state)
    return crc32(body).to_bytes(_CRC_BYTES, "big") + body


def decode_state(blob: object) -> dict[str, Any] | None:
    """Return the state in `blob`, or None where it is damaged."""
    if not isinstance(blob, bytes):
        return None
    body = blob[_CRC_BYTES:]
    if crc32(body).to_bytes(_CRC_BYTES, "big") != blob[:_CRC_BYTES]:
        return None
    state: dict[str, Any] = msgspec.json.decode(body)
    return state
