"""The rows of an Avro file: Avro's binary encoding for the few types that records have.

fastavro writes the same bytes, but looks for the branch of each optional field anew, which is most of its
time: of the 16 fields of a custom event 11 are optional, and the same in most rows of a file. A test holds
this against fastavro.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from capture.formats.currents.schema import EVENTS, FIELDS, fields_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from capture.formats.currents.schema import Version

__all__ = ["blocks", "encode_rows"]

_NULL, _PRESENT = b"\x00", b"\x02"
#: Fields whose encoding is remembered: those that come again; and 0.0 equals -0.0 to a dict.
_REMEMBERED = {
    name for name, field in FIELDS.items() if name not in {"id", "properties"} and field.type != "float"
}
_float = struct.Struct("<f").pack


@lru_cache(4096)
def _long(number: int) -> bytes:
    """Return an int or long: zigzag, seven bits to a byte, the lowest first."""
    left = number << 1 if number >= 0 else (-number << 1) - 1
    digits = bytearray()
    while left > 0x7F:
        digits.append(left & 0x7F | 0x80)
        left >>= 7
    digits.append(left)
    return bytes(digits)


def _text(value: str) -> bytes:
    encoded = value.encode()
    return _long(len(encoded)) + encoded


def _boolean(value: bool) -> bytes:
    return b"\x01" if value else b"\x00"


_WRITERS: dict[str, Callable[[Any], bytes]] = {
    "string": _text,
    "int": _long,
    "float": _float,
    "boolean": _boolean,
}


def encode_rows(event: str, records: Iterable[Mapping[str, Any]], version: Version) -> Iterator[bytes]:
    """Yield the encoding of each record, in the order of the fields in `avro.avro_schema`.

    Parameters
    ----------
    event : str
        The event that all of them are of.
    records : iterable of mapping
        Canonical records.
    version : {"current", "legacy"}
        Whose fields.
    """
    required = EVENTS[event].required
    #: Name, writer, whether it may be missing, and what is known of values that come again.
    plan: list[tuple[str, Callable[[Any], bytes], bool, dict[Any, bytes]]] = [
        (name, _WRITERS[FIELDS[name].type], name not in required, {}) for name in fields_of(event, version)
    ]
    for record in records:
        parts: list[bytes] = []
        for name, write, optional, known in plan:
            value = record.get(name) if optional else record[name]
            part = known.get(value)
            if part is None:
                part = _NULL if value is None else _PRESENT + write(value) if optional else write(value)
                if name in _REMEMBERED:
                    known[value] = part
            parts.append(part)
        yield b"".join(parts)


def blocks(rows: Iterable[bytes], sync_marker: bytes, least_bytes: int) -> Iterator[bytes]:
    """Yield the blocks of a file, each of at least `least_bytes` of rows but for the last.

    Parameters
    ----------
    rows : iterable of bytes
        Encoded records.
    sync_marker : bytes
        The 16 bytes that end a block, as in the file's header.
    least_bytes : int
    """
    block: list[bytes] = []
    size = 0
    for row in rows:
        block.append(row)
        size += len(row)
        if size >= least_bytes:
            yield b"".join((_long(len(block)), _long(size), *block, sync_marker))
            block, size = [], 0
    if block:
        yield b"".join((_long(len(block)), _long(size), *block, sync_marker))
