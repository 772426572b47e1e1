"""Evdev events as the kernel hands them out (``cat /dev/input/eventN``), and as tools print those bytes."""

from __future__ import annotations

import contextlib
import re
import struct
from itertools import chain, islice
from typing import TYPE_CHECKING

from capture.logs.evdev import Device, EvdevLog
from capture.logs.lines import CONTEXT, USED, Start

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from capture._native.evdev.frames import EventModel

__all__ = ["Log", "dump_bytes"]

#: Sizes of a record on 32 and on 64 bit machines.
_SIZES = (24, 16)
_TYPES, _MICROS = 32, 1_000_000
#: Records of the head that are looked at.
_LOOKED_AT = 256
#: A recording has no pause of more seconds than this between two records.
_LONGEST_PAUSE_S = 30 * 86_400
_XXD = r"[0-9a-fA-F]{6,16}: (?:[0-9a-fA-F]{2,4} ){1,16}"
_HEXDUMP = r"[0-9a-fA-F]{6,8} {1,2}(?:[0-9a-fA-F]{2,4}(?: {1,2}|$)){1,16}"
#: Without addresses, as xxd -p and od -An -v -t x1 print it: 16 bytes a line at least.
_BYTES = r"(?:[0-9a-fA-F]{2} ?){16,}\s*$"
_DUMP = Start(rf"(?:{_XXD}|{_HEXDUMP}|{_BYTES})", b"0000", b"00 00")
_LINE = re.compile(r"([0-9a-fA-F]{6,16}):? {1,2}((?:[0-9a-fA-F]{2}(?:[0-9a-fA-F]{2})?(?: {1,2}|\s*$)){1,16})")
_ADDRESS = re.compile(r"[0-9a-fA-F]{6,16}:?\s*$")
_ALONE = re.compile(r"(?:[0-9a-fA-F]{2} ?)+")


class Log(EvdevLog):
    """Records of 16 or 24 bytes, or a dump of them."""

    name = "evdevbinary"
    description = (
        "evdev events as bytes (cat /dev/input/eventN) or as xxd, hexdump (-C) and od (-x, -t x1) print them"
    )
    example = "00000000: e280 0b5b d2e7 0800 0300 3900 2c00 0000"
    binary = True

    @classmethod
    def matches(cls, head: bytes) -> bool:
        """Return whether the head has records of events, as bytes or as a dump of them."""
        return bool(record_size(head) or dumped_size(head))

    def devices(self) -> list[Device]:
        """Return the one device, of which nothing is known."""
        self._record_size = record_size(self.source.head)
        # From here on the source gives its bytes as they are; a dump of them is text.
        self.source.is_binary = bool(self._record_size)
        return [Device()]

    def pump(self, model: EventModel, blocks: Iterable[bytes]) -> Iterator[None]:
        """Feed the events of whole records."""
        parts, size = blocks, self._record_size
        if not size:
            size = dumped_size(self.source.text_head())
            if not size:
                raise self.error("has no records of evdev events, nor a dump of them")
            parts = aligned(self._dumped(blocks), size)
        rest = b""
        for block in parts:
            data = rest + block
            whole = len(data) // size * size
            rest = data[whole:]
            used = _feed(model, data[:whole], size)
            if self.source.is_binary:
                self.count(USED, used)
                self.count("skipped_rows", whole // size - used)
            yield
        if rest:
            self.warnings["cut_off"] += 1

    def _dumped(self, blocks: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
        for address, data, became in dump_bytes(self.lines(blocks)):
            self.count(became)
            yield address, data


def record_size(data: bytes) -> int:
    """Return the size of the records of events that bytes are; 0 if they are none."""
    if b"\0" not in data[:48]:
        return 0
    return next((size for size in _SIZES if _are_events(data, size)), 0)


def dumped_size(head: bytes) -> int:
    """Return the size of the event records of a dump; 0 if it is no such dump."""
    if not _DUMP.matches(head[:4096]):
        return 0
    parts = [(address, data) for address, data, _ in dump_bytes(head.decode("ascii", "replace").splitlines())]
    return next((size for size in _SIZES if _are_events(b"".join(aligned(parts, size)), size)), 0)


def aligned(parts: Iterable[tuple[int, bytes]], size: int) -> Iterator[bytes]:
    """Yield the bytes of a dump; where lines are missing, from the next whole record on."""
    first, end, rest = None, 0, b""
    for address, data in parts:
        if not data:
            continue
        first = address if first is None else first
        at = address - first
        if at != end:
            rest = b""
            # As many bytes belong to a record whose beginning is lost.
            lost = -at % size
            data, at = data[lost:], at + min(lost, len(data))  # noqa: PLW2901
        end = at + len(data)
        rest += data
        whole = len(rest) // size * size
        yield rest[:whole]
        rest = rest[whole:]
    yield rest


def _are_events(data: bytes, size: int) -> bool:
    """Return whether the first records of a size have types of events and times that rise."""
    part = data[: min(len(data), size * _LOOKED_AT) // size * size]
    events = list(struct.iter_unpack("<QQHHi" if size == 24 else "<IIHHi", part))
    before = events[0][0] if events else 0
    for seconds, micros, kind, _, _ in events:
        if kind >= _TYPES or micros >= _MICROS or not -1 <= seconds - before < _LONGEST_PAUSE_S:
            return False
        before = seconds
    kinds = {(kind, code) for _, _, kind, code, _ in events}
    return any(kind in {1, 3} for kind, _ in kinds) and before < 1 << 32 and (0, 0) in kinds


def _feed(model: EventModel, data: bytes, size: int) -> int:
    """Feed the records that are events; return how many are."""
    import numpy as np

    whole = "<u8" if size == 24 else "<u4"
    kind = np.dtype([("sec", whole), ("usec", whole), ("type", "<u2"), ("code", "<u2"), ("value", "<i4")])
    records = np.frombuffer(data, kind)
    records = records[(records["type"] < _TYPES) & (records["usec"] < _MICROS) & (records["sec"] < 1 << 33)]
    times = records["sec"].astype("<i8") * 1_000_000_000 + records["usec"].astype("<i8") * 1000
    columns = (times, records["type"], records["code"], records["value"])
    for event in zip(*(column.tolist() for column in columns), strict=True):
        model.event(*event)
    return len(records)


def dump_bytes(lines: Iterable[str]) -> Iterator[tuple[int, bytes, str]]:
    """Yield the address and the bytes of each line of a dump (xxd, hexdump, od), and the line's outcome."""
    last, at = b"", 0
    bare = _DUMP.bare(b"")
    repeated = addressed = False
    rest = iter(lines)
    first = list(islice(rest, _LOOKED_AT))
    base = _base(map(bare, first))
    for line in chain(first, rest):
        text = bare(line).strip()
        found = _LINE.match(text)
        if text == "*" and last:
            repeated = True
            yield 0, b"", CONTEXT
            continue
        if found is None and not addressed and _ALONE.fullmatch(text):
            data = bytes.fromhex(text)
            yield at, data, USED
            at += len(data)
            continue
        if found is None:
            yield 0, b"", CONTEXT if not text or _ADDRESS.match(text) else "unknown_lines"
            continue
        try:
            address = int(found[1], base)
        except ValueError:
            yield 0, b"", "unknown_lines"
            continue
        if repeated and 0 < address - at < 1 << 24:
            yield at, last * ((address - at) // max(len(last), 1)), ""
        repeated, addressed = False, True
        groups = found[2].split()
        # hexdump without -C prints words of the machine, their low byte last.
        swapped = ":" not in text[:17] and len(groups[0]) == 4
        if swapped and len(groups[-1]) != 4:
            groups.pop()
        if address < at and (address or at <= 16):
            yield 0, b"", "duplicate_events"
            continue
        last = b"".join(bytes.fromhex(group)[:: -1 if swapped else 1] for group in groups)
        at = address + len(last)
        yield address, last, USED


def _base(lines: Iterable[str]) -> int:
    """Return the base of the addresses of a dump: 8 where more of them follow so, as od prints them."""
    steps = {8: 0, 16: 0}
    before, size = "", 0
    for line in lines:
        found = _LINE.match(line.strip())
        if found is None or ":" in found[0]:
            continue
        for base in steps if before else ():
            with contextlib.suppress(ValueError):
                steps[base] += int(found[1], base) - int(before, base) == size
        before, size = found[1], sum(map(len, found[2].split())) // 2
    return 8 if steps[8] > steps[16] else 16
