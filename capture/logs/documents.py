"""Source of JSON documents: reads them record by record, also nested, cut off or damaged ones.

A log is one document, or JSON lines. Containers are opened one level at a time (`msgspec.Raw`), so that
nothing but a record becomes an object, and an odd record is no reason to refuse the others.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from itertools import chain, groupby
from operator import itemgetter
from typing import TYPE_CHECKING, TypeVar

import msgspec

from capture.logs.base import DOCUMENT_LIMIT_BYTES
from capture.logs.decoding import DECODE_ERRORS, attempt, decode_dict, decode_list, decode_text
from capture.logs.lines import CONTEXT, is_nothing, shape, undecorated
from capture.logs.printed import json_of, looks_printed
from capture.logs.source import HEAD_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from capture.logs.base import TouchLog
    from capture.logs.source import LogSource

__all__ = [
    "documents",
    "first_sign",
    "has_lines",
    "head_pieces",
    "is_json",
    "line_values",
    "records",
    "unpacked",
]

_Record = TypeVar("_Record")
_decode_raw = msgspec.json.Decoder(msgspec.Raw).decode
_TOKEN = re.compile(rb'"(?:[^"\\\n]|\\.){0,65536}"|[{}\[\]]')
_PAIRS = {b"}": b"{", b"]": b"["}
_START = re.compile(rb"[\[{]")
_BEGIN = re.compile(rb'\{[ \t\r]*(?:["\'}\n]|$)|\[[ \t\r]*(?:[\[{"\n]|$)')
#: Objects whose keys have no quotes.
_PRINTED = re.compile(rb"\{ ?[A-Za-z_$]")
_BEFORE = 256
_FIRST_BYTES = 2048
#: Places of a line at which an object as a program prints it may begin.
_PRINTED_TRIES = 4
#: How deep records may lie, and how large data packed in a text may become.
_DEEPEST = 32
_UNPACKED_BYTES = 64 << 20
#: A line of JSON may hold a whole page.
_LINE_BYTES = 64 << 20
#: A document with more values is looked at: a record has so many of them at most, and is no smaller.
_MANY, _MOST_VALUES, _SMALLEST_BYTES = 1_000_000, 50, 16
#: A damaged document with more pieces, or one that is nested deeper, is refused.
_MOST_PIECES, _MOST_OPEN = 1_000_000, 10_000
#: Lines that are looked at to tell JSON lines from one document.
_FIRST_LINES = 20
_GZIP = "\x1f\x8b"
_ZLIB = ("x\x01", "x\x5e", "x\x9c", "x\xda")
#: How a text begins that is packed, and is nothing else.
_PACKED = (_GZIP, *_ZLIB, "H4sI")


def is_json(head: bytes) -> bool:
    """Return whether a log begins as JSON with objects does, a prefix of another tool before it or not."""
    first = head.lstrip()[:_FIRST_BYTES]
    printed = (found for found in _PRINTED.finditer(first) if _is_printed(first, found.start()))
    for found in chain(_BEGIN.finditer(first), printed):
        before, _, indent = first[: found.start()].rpartition(b"\n")
        # Some lines of something else may come first.
        if len(indent) < _BEFORE and (
            not before or not (indent.strip() or before.count(b"\n") > _FIRST_LINES)
        ):
            return True
    return False


def _is_printed(text: bytes, start: int) -> bool:
    end = text.find(b"\n", start)
    return looks_printed(text[start : end if end >= 0 else None].decode("utf-8", "replace"))


def documents(log: TouchLog) -> Iterator[tuple[bytes, bool]]:
    """Yield the JSON values of a log, its lines or the one document that it is, and whether each is a piece.

    A line that is none is counted, and so are lost parts of a document: it is given piece by piece then,
    whole objects that stand beside one another as a list.
    """
    if has_lines(log.source):
        for line in line_values(log):
            yield line, False
        return
    text = log.source.everything(DOCUMENT_LIMIT_BYTES)
    if not _is_dense(text):
        for version in (text, _undecorated(text)):
            if _is_value(version):
                yield bytes(version), False
                return
        if (printed := json_of(text)) is not None:
            yield printed, False
            return
    for piece in _pieces(log, _undecorated(text)):
        yield piece, True


def _is_dense(text: bytes | bytearray) -> bool:
    """Return whether a document has so many values for its size that they are no records."""
    commas = text.count(b",")
    if commas < _MANY:
        return False
    objects = text.count(b"{")
    return objects * _MOST_VALUES < commas or objects * _SMALLEST_BYTES > len(text)


def records(log: TouchLog, read: Callable[[msgspec.Raw], _Record | None]) -> Iterator[_Record]:
    """Yield the records of a log in their order.

    Parameters
    ----------
    log : TouchLog
    read : callable
        Returns the record that an object is; None for one that has records inside.
    """
    for text, _ in documents(log):
        yield from _walk(log, msgspec.Raw(text), read, 1)


def _walk(
    log: TouchLog, raw: msgspec.Raw, read: Callable[[msgspec.Raw], _Record | None], depth: int
) -> Iterator[_Record]:
    inside: Iterable[msgspec.Raw] = ()
    record = None
    try:
        match first_sign(raw):
            case b"{":
                record = read(raw)
                inside = decode_dict(raw).values() if record is None else ()
            case b"[":
                inside = decode_list(raw)
            case b'"':
                text = decode_text(raw)
                packed = unpacked(text)
                if packed is not None:
                    inside = [msgspec.Raw(packed)]
                elif text.startswith(_PACKED):
                    log.count("packed_records")
    except DECODE_ERRORS:
        return
    if record is not None:
        yield record
    elif depth < _DEEPEST:
        for item in inside:
            yield from _walk(log, item, read, depth + 1)


def first_sign(raw: msgspec.Raw) -> bytes:
    """Return the first sign of a value."""
    return bytes(memoryview(raw)[:64]).lstrip()[:1]


def unpacked(text: str) -> bytes | None:
    """Return the JSON that a text holds, plain or compressed (gzip, zlib; in base64 too); None for others."""
    if text.startswith((_GZIP, *_ZLIB)):
        try:
            data = text.encode("latin-1")
        except UnicodeEncodeError:
            return None
    elif text.lstrip()[:1] in {"[", "{"}:
        inside = text.encode("utf-8", "replace")
        return inside if _is_value(inside) else None
    elif text.startswith(("H4sI", "eJ", "eN")):
        try:
            data = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            return None
    else:
        return None
    try:
        expanded = zlib.decompressobj(wbits=47).decompress(data, _UNPACKED_BYTES)
    except zlib.error:
        return None
    return expanded if _is_value(expanded) else None


def _is_value(text: bytes | bytearray) -> bool:
    return attempt(_decode_raw, text) is not None


def has_lines(source: LogSource) -> bool:
    """Return whether most of the first lines that hold JSON hold a whole value each."""
    lines = [line for line in source.text_head().split(b"\n") if line.strip()]
    # The head may end within a line.
    first = lines[:-1][:_FIRST_LINES] if len(source.head) >= HEAD_BYTES else lines[:_FIRST_LINES]
    found = [_line_value(line) is not None for line in first if _START.search(line)]
    return len(lines) > 1 and 2 * sum(found) > len(found)


def _line_value(line: bytes) -> bytes | None:
    """Return the JSON value of a line, without a prefix; None if it has no JSON."""
    for number, found in enumerate(_START.finditer(line[:256])):
        if _is_value(line[found.start() :]):
            return line[found.start() :]
        if number < _PRINTED_TRIES and (value := json_of(line[found.start() :])) is not None:
            return value
    return None


def line_values(
    log: TouchLog, whole: Callable[[bytes], _Record | None] = lambda _: None
) -> Iterator[bytes | _Record]:
    """Yield the JSON values of the lines of a log; those that are none are counted.

    Parameters
    ----------
    log : TouchLog
    whole : callable
        Returns the value of a block of whole lines; None if they must be read one by one.
    """
    broken = ""
    for block in log.source.line_blocks(_LINE_BYTES):
        found = whole(block)
        if found is not None:
            if broken:
                log.count("unknown_lines")
                broken = ""
            yield found
            continue
        for data in block.split(b"\n"):
            if broken:
                log.count("unknown_lines")
                broken = ""
            line = data.decode("utf-8", "replace").rstrip()
            value = _line_value(line.encode())
            if value is not None:
                yield value
            elif is_nothing(line):
                log.count(CONTEXT)
            else:
                broken = line
    if broken:
        log.count("cut_off" if broken.lstrip()[:1] in {"{", "["} else "unknown_lines")


def head_pieces(log: TouchLog) -> Iterator[bytes]:
    """Yield the whole objects at the begin of a document that is longer than the head, as lists."""
    if len(log.source.head) >= HEAD_BYTES and not has_lines(log.source):
        yield from _pieces(log, _undecorated(log.source.text_head()))


def _undecorated(text: bytes | bytearray) -> bytes | bytearray:
    """Return a document without the prefixes of its lines, as the first line has it."""
    line = len(text) - len(text.lstrip(b"\r\n"))
    found = _BEGIN.search(text, line, line + 2 * _BEFORE)
    if found is None or b"\n" in text[line : found.start()] or not text[line : found.start()].strip():
        return text
    return undecorated(text, shape(bytes(text[line : found.start()]).decode("utf-8", "replace")))


def _pieces(log: TouchLog, text: bytes | bytearray) -> Iterator[bytes]:
    """Yield the whole objects of a damaged document, the largest that are whole, in their order.

    Those that are in one list, or in one object, are yielded as a list.
    """
    whole: list[tuple[int, int, int]] = []
    stack: list[tuple[bytes, int]] = []
    lost = 0
    for token in _TOKEN.finditer(text):
        sign = token[0]
        if len(whole) > _MOST_PIECES or len(stack) > _MOST_OPEN:
            raise log.error("is damaged or no recording: it has too many pieces to be read one by one")
        if sign in {b"{", b"["}:
            stack.append((sign, token.start()))
        elif sign in {b"}", b"]"} and any(opened == _PAIRS[sign] for opened, _ in stack[-_DEEPEST:]):
            while stack[-1][0] != _PAIRS[sign]:
                stack.pop()
            start = stack.pop()[1]
            if sign == b"}":
                around = stack[-1][1] if stack else -1
                lost += _keep(text, whole, (start, token.end(), around))
    if stack:
        log.warnings["cut_off"] += 1
    if lost:
        log.count("skipped_rows", lost)
    for _, group in groupby(whole, key=itemgetter(2)):
        yield b"[" + b",".join(bytes(text[start:end]) for start, end, _ in group) + b"]"


def _keep(text: bytes | bytearray, whole: list[tuple[int, int, int]], piece: tuple[int, int, int]) -> bool:
    """Keep an object in place of those inside it where it is whole; return whether a record is lost."""
    start, end, _ = piece
    inner = len(whole)
    while inner and whole[inner - 1][0] > start:
        inner -= 1
    if not _is_value(text[start:end]):
        return inner == len(whole)
    del whole[inner:]
    whole.append(piece)
    return False
