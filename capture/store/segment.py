"""The bytes of a segment: header, slots, names; `capture._native.journal` writes the records.

All numbers are little endian::

    header, 128 bytes   0 "TCJ1"  4 u16 version  6 u16 bytes of header and slots  8 u32 session  12 u32 number
                        16 i64 made_ms  24 -  32 u8[16] user id  48 u8[16] boot id  64 -
                        88 six times u16 wire, u32 seq: last sequence numbers before this segment
                        124 u32 crc32c(0..123)
    slot, 64 bytes      0 char[40] sink  40 u64 offset  48 u32 tried  52 u16 wire
                        54 u16 1: done seq unknown  56 u32 done seq  60 u32 crc32c(0..59)
    record, 64 + size   0 u32 size  4 u32 crc32c(8..), started from the header's  8 u64 seq  16 i64 time_ms
                        24 i64 elapsed_ms  32 u8[16] event id  48 u32 screens  52 u16 wire  54 u8 flags  55 -
                        56 i64 boot_ms  64 payload, zero-padded to a multiple of 8
    flags               1 the next record belongs to the same call  2 the end mark
    wire of nobody      0xffff the end mark  0xfffe a note: JSON of the session's state for a restart,
                        beside its events; it is in the first call of each segment
"""

from __future__ import annotations

import hashlib
import re
import struct
from typing import TYPE_CHECKING

import msgspec

from capture._native.journal import crc32c, id_bytes
from capture.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "END_MARK",
    "MORE",
    "NOTE",
    "OWN_NAME",
    "RECORD",
    "SLOT",
    "UNSENT",
    "Header",
    "Name",
    "Position",
    "make_head",
    "read_header",
    "read_slot",
    "slot_bytes",
    "slot_name",
    "uuid_bytes",
    "wire_number",
]

_MAGIC = b"TCJ1"
_HEADER = struct.Struct("<4sHHIIq8x16s16s")
_SEQ = struct.Struct("<HI")
_SLOT = struct.Struct("<40sQIHHI")
_CRC = struct.Struct("<I")
#: Bytes of a header, of a slot, and of a record in front of its event.
HEADER, SLOT, RECORD = 128, 64, 64
#: Slots that every segment has room for, and wire formats whose sequence the header states.
_SLOTS, _SEQS, _SEQS_AT = 7, 6, 88
#: Flags of a record: another one of the same call follows; the end mark.
MORE, END_MARK = 1, 2
#: Numbers in place of a wire format's: of the end mark, and of a note on the session.
_MARK_WIRE, NOTE = 0xFFFF, 0xFFFE
#: The queue of a store without sinks.
UNSENT = "unsent"
_NAME = re.compile(r"([sr])(\d{10})-(\d{6})\.seg")
#: Files of a store: nothing else is ever deleted.
OWN_NAME = re.compile(
    r"[sr]\d{10}-\d{6}\.seg|dead-\d{6}\.seg|session-\d+\.lock|(delivery|state)\.lock|state\.json(\.bak)?"
    r"|sinks\.json|(s|r|dead|state|request)[\w.-]*\.tmp|request-(purge|retry)[\w-]*\.json|capture\.db[\w.-]*"
    r"|replace\.lock"
)


class Name(msgspec.Struct, frozen=True, order=True):
    """Which segment it is; they are read in this order, a session's retried dead letters after its own."""

    session: int
    retried: bool
    number: int

    @property
    def file(self) -> str:
        """The file's name."""
        return f"{'r' if self.retried else 's'}{self.session:010}-{self.number:06}.seg"

    @classmethod
    def parse(cls, file: str) -> Name | None:
        """Return the segment of a file's name; None if it is none."""
        found = _NAME.fullmatch(file)
        if found is None:
            return None
        return cls(int(found[2]), found[1] == "r", int(found[3]))


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """The fixed facts of a segment; ids are empty if there are none."""

    session: int
    number: int
    made_ms: int = 0
    user_id: bytes = b""
    boot_id: bytes = b""
    #: Number of a wire format -> its last sequence number before this segment.
    seqs: dict[int, int] = {}
    head: int = HEADER + _SLOTS * SLOT
    #: CRC of the header: the records' CRCs start from it.
    seed: int = 0


class Position(msgspec.Struct, eq=False):
    """Position of a queue in a segment.

    Attributes
    ----------
    queue : str
        The queue; empty for a slot that was never used.
    offset : int
        All before it is done.
    tried : int
        Bytes behind it that were sent and not acknowledged.
    seq : int
        Sequence number of the last record before; -1 unknown.
    wire : int
        Number of the wire format.
    slot : int
        Place of the slot in the file; -1 if it has none.
    unwritten : bool
        Whether the slot in the file is older.
    counted, pending : int
        Up to here the records were counted; those that are not done.
    last, last_seq : int
        Where the last of these begins; its sequence number.
    purged : int
        All before it was purged or done.
    """

    queue: str
    offset: int
    tried: int
    seq: int
    wire: int
    slot: int
    unwritten: bool = False
    counted: int = 0
    pending: int = 0
    last: int = 0
    last_seq: int = 0
    purged: int = 0


def wire_number(name: str) -> int:
    """Return the number of a wire format in records: low bits of the CRC of its name."""
    return crc32c(name.encode()) & 0xFFFF


def check_wires(names: Iterable[str]) -> None:
    """Check that the numbers of wire formats differ.

    Raises
    ------
    ConfigError
        When two have the same.
    """
    numbers: dict[int, str] = {_MARK_WIRE: "the end mark", NOTE: "the notes on sessions"}
    for name in sorted(set(names)):
        other = numbers.setdefault(wire_number(name), name)
        if other != name:
            raise ConfigError(f"wire = {name!r}: its number in the store is that of {other}; rename it")


def slot_name(queue: str) -> bytes:
    """Return a queue's name in slots: the name, or a hash of one that is too long."""
    name = queue.encode()
    return name if len(name) <= 40 else hashlib.sha256(name).hexdigest()[:40].encode()


def uuid_bytes(text: str | None) -> bytes:
    """Return a UUID as 16 bytes; a hash of any other text, nothing for none."""
    return id_bytes(text) if text else b""


def make_head(header: Header, queues: Mapping[str, str]) -> bytes:
    """Return header and slots of a new segment, one slot for each queue (name -> wire format)."""
    head = HEADER + max(_SLOTS, len(queues)) * SLOT
    fixed = _HEADER.pack(
        _MAGIC,
        1,
        head,
        header.session,
        header.number,
        header.made_ms,
        header.user_id,
        header.boot_id,
    )
    seqs = b"".join(_SEQ.pack(*each) for each in [*header.seqs.items()][:_SEQS])
    block = (fixed.ljust(_SEQS_AT, b"\0") + seqs).ljust(HEADER - 4, b"\0")
    block += _CRC.pack(crc32c(block))
    slots = [
        slot_bytes(Position(queue, head, 0, header.seqs.get(wire_number(wire), 0), wire_number(wire), 0))
        for queue, wire in queues.items()
    ]
    return (block + b"".join(slots)).ljust(head, b"\0")


def read_header(block: bytes) -> Header | None:
    """Return the header of a segment; None if it is damaged, or of a later version."""
    if len(block) < HEADER or _CRC.unpack_from(block, HEADER - 4)[0] != crc32c(block[: HEADER - 4]):
        return None
    magic, version, head, session, number, made, user, boot = _HEADER.unpack_from(block)
    if magic != _MAGIC or version != 1:
        return None
    seqs = [_SEQ.unpack_from(block, _SEQS_AT + _SEQ.size * at) for at in range(_SEQS)]
    return Header(
        session=session,
        number=number,
        made_ms=made,
        user_id=_known(user),
        boot_id=_known(boot),
        seqs={wire: seq for wire, seq in seqs if wire},
        head=head,
        seed=_CRC.unpack_from(block, HEADER - 4)[0],
    )


def is_later_version(block: bytes) -> bool:
    """Return whether a whole header is of a version that is not known here."""
    whole = len(block) >= HEADER and _CRC.unpack_from(block, HEADER - 4)[0] == crc32c(block[: HEADER - 4])
    return whole and block[:4] == _MAGIC and read_header(block) is None


def _known(raw: bytes) -> bytes:
    return raw if any(raw) else b""


def slot_bytes(position: Position) -> bytes:
    """Return a slot as it is in the file."""
    fixed = _SLOT.pack(
        slot_name(position.queue),
        position.offset,
        position.tried,
        position.wire,
        position.seq < 0,
        max(0, position.seq) & 0xFFFFFFFF,
    )
    return fixed + _CRC.pack(crc32c(fixed))


def read_slot(block: bytes, place: int, queues: Mapping[bytes, str]) -> Position | None:
    """Return the position that the slot at `place` states; None where its CRC is wrong.

    Parameters
    ----------
    queues : mapping
        Name in slots -> queue, for names that are hashes.
    """
    raw = block[place : place + SLOT]
    if not any(raw):
        return Position("", 0, 0, 0, 0, place)
    if len(raw) < SLOT or _CRC.unpack_from(raw, SLOT - 4)[0] != crc32c(raw[: SLOT - 4]):
        return None
    name, offset, tried, wire, unknown, seq = _SLOT.unpack_from(raw)
    name = name.rstrip(b"\0")
    queue = queues.get(name) or name.decode(errors="replace")
    return Position(queue, offset, tried, -1 if unknown else seq, wire, place)
