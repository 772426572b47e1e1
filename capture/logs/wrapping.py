"""Logs inside of other files: in the records of a logging service, in cells of an export, in texts of JSON.

A wrapping gives the log's own lines back. It is tried by the content of the head, and kept only where the
lines inside are in a format that is known: nothing is taken off on suspicion.
"""

from __future__ import annotations

import csv
import html
import re
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from capture.errors import TouchLogError
from capture.logs.decoding import attempt, decode_row, decode_text
from capture.logs.jsoncells import flat
from capture.logs.lines import whole_lines
from capture.logs.names import time_name
from capture.logs.pairs import of_pairs
from capture.logs.times import line_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["Wrapping", "document_wrappings", "pair_wrappings", "wrappings"]

#: Lines that are looked at, and the part of them that must be wrapped alike.
_LINES, _PART = 100, 0.6
#: Texts with these keys are tried first; any other text may be the log too, the longest first.
_KEYS = ("log", "message", "MESSAGE", "msg", "line", "text", "textPayload", "body", "_raw", "event")
_CANDIDATES = 6
#: Keys of texts that hold nothing but lines of logs.
_LOG_KEYS = frozenset([b"log", b"message", b"MESSAGE", b"msg"])
#: A document that is a text, or a list of texts.
_ALONE = re.compile(rb'\s*(?:\[\s*)?"')
#: A line of a log is no shorter, and has one of these.
_SHORTEST, _SIGNS = 8, " ({,|:"
_COLUMNS = 64
#: Keys of the time of a record.
_TIMES = ("time", "@timestamp", "timestamp", "ts", "_time", "date", "__REALTIME_TIMESTAMP")
#: A document around a log is held whole.
_DOCUMENT_BYTES = 128 << 20
#: A text of JSON, and whether it is a key.
_TEXT = re.compile(rb'"((?:[^"\\]|\\.)*)(?:"(\s*:)?|\Z)', re.DOTALL)
_LOGFMT = re.compile(r'(?:^|\s)(?:msg|message|log|line)="((?:[^"\\]|\\.)*)"')
#: Signs at both ends of a line, and at its end alone.
_ENDS = {'"': '"', "'": "'", "`": "`", "|": "|", "“": "”", "": "$"}
_CELLS = re.compile(r'"\s*[,;\t|]\s*"')
_TAG = re.compile(r"  \([^()\d][^()]{0,60}\)$")
_HTML = re.compile(rb"&(?:lt|gt|quot|amp|#3[49]|#x2[27]);")
_encode = msgspec.json.encode

#: Text with the time of a line, and the log's own line; None for a line that is not wrapped.
_Taken = tuple[str, str] | None


class _Lines:
    """Each line holds one of the log; others stay as they are.

    Attributes
    ----------
    tables : bool
        Whether the content may also be a table, or JSON of touches, which do not name their format.
    by_lines : bool
        Whether a line is wrapped by itself, so that a head must have whole lines.
    """

    by_lines = True

    def __init__(self, take: Callable[[str], _Taken], *, tables: bool, skip: int = 0) -> None:
        self.tables = tables
        self._take = take
        self._skip = skip  # lines of a header
        self._end = "\n"  # none where the inner text ends its lines itself: one may come in parts

    def head(self, head: bytes) -> bytes:
        """Return the head of the log inside."""
        lines = head.decode("utf-8", "replace").split("\n")
        taken = [self._take(line) for line in lines[self._skip :]]
        self._end = "" if any(each is not None and each[1].endswith("\n") for each in taken) else "\n"
        return b"".join(self._lines(lines, 0, times=False))

    def blocks(self, blocks: Iterable[bytes], *, times: bool) -> Iterator[bytes]:
        """Yield the log inside; with `times`, those of the records before lines that have none."""
        number = 0
        for text in whole_lines(blocks):
            lines = text.decode("utf-8", "replace").split("\n")
            yield b"".join(self._lines(lines, number, times=times))
            number += len(lines)

    def _lines(self, lines: list[str], number: int, *, times: bool) -> Iterator[bytes]:
        for at, line in enumerate(lines, number):
            taken = None if at < self._skip else self._take(line)
            if taken is not None:
                time, text = taken
                if times and text.strip() and line_time(text) is None and line_time(time) is not None:
                    text = f"{time} {text}"
                yield (text + self._end).encode("utf-8", "replace")
            else:
                yield b"\n" if at < self._skip else line.encode() + b"\n"


class _Texts:
    """The texts of a JSON document, those with one key, are lines of the log or the whole log."""

    by_lines = False

    def __init__(self, key: bytes, *, tables: bool) -> None:
        self.tables = tables
        self._key = key

    def head(self, head: bytes) -> bytes:
        """Return the head of the log inside."""
        return b"".join(self._texts(head))

    def blocks(self, blocks: Iterable[bytes], *, times: bool) -> Iterator[bytes]:  # noqa: ARG002 - as lines
        """Yield the log inside."""
        whole = bytearray()
        for block in blocks:
            whole += block
            if len(whole) > _DOCUMENT_BYTES:
                limit = _DOCUMENT_BYTES >> 20
                raise TouchLogError(f"the log is larger than {limit} MiB, too large for one document")
        yield from self._texts(whole)

    def _texts(self, document: bytes | bytearray) -> Iterator[bytes]:
        for key, text in _keyed(document):
            if key == self._key:
                line = _unescaped(text)
                yield line if line.endswith(b"\n") else line + b"\n"


#: The text around a log.
Wrapping = _Lines | _Texts


def wrappings(head: bytes) -> Iterator[Wrapping]:
    """Yield the wrappings that the lines of a log may be in, by its head.

    Parameters
    ----------
    head : bytes
        Of text, without the rest after its last line end.
    """
    lines = _first_lines(head)
    if not lines:
        return
    yield from _records(lines)
    if '"' in lines[-1]:
        yield from _cells(lines)
        if _share(lines, _of_logfmt):
            yield _Lines(_of_logfmt, tables=True)
    for opening, closing in _ENDS.items():
        take = _between(opening, closing)
        if all(line.rstrip().endswith(closing) for line in lines[1:]) and _share(lines, take):
            yield _Lines(take, tables=True)
    if len(lines) > 2 and (tag := _TAG.search(lines[-1])) and all(tag[0] in line for line in lines):
        # The tag that logcat puts behind a line.
        yield _Lines(lambda line: ("", _TAG.sub("", line.rstrip())), tables=True)
    if _HTML.search(head):
        yield _Lines(lambda line: ("", html.unescape(line)), tables=False)


def pair_wrappings(head: bytes) -> Iterator[Wrapping]:
    """Yield the wrapping of lines of names and values, by the head of a log that no format is known for."""
    lines = _first_lines(head)
    if lines and _share(lines, of_pairs):
        yield _Lines(of_pairs, tables=True)


def _first_lines(head: bytes) -> list[str]:
    return [line for line in head.decode("utf-8", "replace").split("\n") if line.strip()][:_LINES]


def document_wrappings(head: bytes) -> Iterator[Wrapping]:
    """Yield the wrappings of a log that a JSON document may hold in its texts, by its head."""
    sizes: Counter[bytes] = Counter()
    for key, text in _keyed(head):
        if _may_be_log(text[:256].decode("utf-8", "replace")):
            sizes[key] += len(text)
    for key, _ in sizes.most_common(_CANDIDATES):
        yield _Texts(key, tables=_ALONE.match(head) is not None or key in _LOG_KEYS)


def _keyed(document: bytes | bytearray) -> Iterator[tuple[bytes, bytes]]:
    """Yield the texts of a document that are no keys, with the key before each, as they are written."""
    key = b""
    for found in _TEXT.finditer(document):
        if found[2]:
            key = found[1]
        else:
            yield key, found[1]


def _may_be_log(text: str) -> bool:
    """Return whether a text may be a line of a log: most texts around logs are names."""
    return len(text) >= _SHORTEST and any(sign in text for sign in _SIGNS)


def _share(lines: list[str], take: Callable[[str], _Taken]) -> bool:
    """Return whether most lines are wrapped so."""
    return sum(take(line) is not None for line in lines) >= _PART * len(lines)


def _records(lines: list[str]) -> Iterator[Wrapping]:
    """Yield a wrapping for each key under which lines, most of them JSON objects, hold a text."""
    records = [record for record in map(_record, lines) if record is not None]
    if len(records) < _PART * len(lines):
        return
    sizes: dict[tuple[str, ...], list[int]] = {}
    for record in records:
        for path, text in _texts_of(record):
            if _may_be_log(text):
                sizes.setdefault(path, []).append(len(text))
    found = [path for path, lengths in sizes.items() if len(lengths) >= _PART * len(records)]
    known = [path for path in found if path[-1] in _KEYS]
    known.sort(key=lambda path: (len(path), _KEYS.index(path[-1])))
    found.sort(key=lambda path: -sum(sizes[path]))
    for path in [*known, *(path for path in found if path not in known)][:_CANDIDATES]:
        yield _Lines(_of_record(path), tables=path[-1] in _KEYS)


def _record(line: str) -> dict[str, Any] | None:
    at = line.find("{", 0, 256)
    if at < 0:
        return None
    return attempt(decode_row, line[at:])


def _texts_of(record: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the texts of a record and of the records in it, with their keys."""
    for key, value in record.items():
        if isinstance(value, dict):
            yield from (((key, name), text) for name, text in value.items() if isinstance(text, str))
        elif (text := _text(value)) is not None:
            yield (key,), text


def _text(value: Any) -> str | None:
    """Return a text; journald gives one with control characters as a list of its bytes."""
    if isinstance(value, list) and value:
        try:
            return bytes(value).decode("utf-8", "replace")
        except (TypeError, ValueError):
            return None
    return value if isinstance(value, str) else None


def _of_record(path: tuple[str, ...]) -> Callable[[str], _Taken]:
    def take(line: str) -> _Taken:
        record = _record(line)
        value: Any = record
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        text = _text(value)
        return None if text is None or record is None else (_time_of(record), text)

    return take


def _time_of(record: dict[str, Any]) -> str:
    """Return the time of a record as text; "" for none."""
    given = next((record[key] for key in _TIMES if key in record), "")
    try:
        number = float(given)
    except (TypeError, ValueError):
        return str(given)
    # 2001 and later in s, ms, us or ns.
    unit = next((unit for unit in (1, 10**3, 10**6, 10**9) if 9e8 <= number / unit < 5e9), 0)
    return datetime.fromtimestamp(number / unit, UTC).isoformat(" ") if unit else ""


def _cells(lines: list[str]) -> Iterator[Wrapping]:
    """Yield a wrapping for each quoted column of the lines."""
    if _share(lines, _of_quotes):
        yield _Lines(_of_quotes, tables=True, skip=int(len(lines) > 1 and _of_quotes(lines[0]) is None))
        return
    rows = [row for row in map(_row, lines) if row is not None]
    width, count = Counter(map(len, rows)).most_common(1)[0] if rows else (0, 0)
    if not 1 < width <= _COLUMNS or count < _PART * len(lines):
        return
    sizes: Counter[int] = Counter()
    quoted: Counter[int] = Counter()
    whole = [(line, row) for line in lines[1:] if (row := _row(line)) is not None and len(row) == width]
    for line, row in whole:
        sizes.update({at: len(cell) for at, cell in enumerate(row) if _may_be_log(cell)})
        quoted.update(at for at, cell in enumerate(row) if _quoted(cell) in line)
    for column, _ in sizes.most_common(_CANDIDATES):
        if quoted[column] < _PART * count - 1:
            continue
        # A cell that is an object is no cell of a table of touches.
        cells = [row[column] for _, row in whole if row[column].lstrip()[:1] == "{"]
        are_objects = len(cells) >= _PART * count - 1
        take = _of_cell(column, width, _time_beside(_row(lines[0]) or [], width, cells))
        begun = take(lines[0])
        yield _Lines(take, tables=are_objects, skip=int(begun is not None and not _may_be_log(begun[1])))


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'


def _row(line: str) -> list[str] | None:
    try:
        return next(csv.reader([line.rstrip("\r")], skipinitialspace=True, strict=True), None)
    except csv.Error:
        return None


def _time_beside(names: list[str], width: int, cells: list[str]) -> tuple[int, str] | None:
    """Return the column of the times of objects in cells, and its name; None where they have their own."""
    record = next(filter(None, map(_record, cells)), None)
    if record is None or len(names) != width or time_name(list(flat(record))) is not None:
        return None
    name = time_name(names)
    return None if name is None else (names.index(name), name)


def _of_cell(column: int, width: int, time: tuple[int, str] | None) -> Callable[[str], _Taken]:
    def take(line: str) -> _Taken:
        row = _row(line)
        if row is None or len(row) != width:
            return None
        text = row[column]
        if time is not None and text.lstrip()[:2] != "{}" and text.lstrip()[:1] == "{":
            at, name = time
            text = f"{_encode({name: row[at]}).decode()[:-1]},{text.lstrip()[1:]}"
        return " ".join(row[:column]), text

    return take


def _of_quotes(line: str) -> _Taken:
    """Return the text between the quotes of a line that is one JSON text or one cell."""
    text = line.strip().rstrip(",").rstrip()
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return None
    whole = attempt(decode_text, text)
    if whole is not None:
        return "", whole
    row = _row(text)
    return ("", row[0]) if row is not None and len(row) == 1 else None


def _of_logfmt(line: str) -> _Taken:
    found = _LOGFMT.search(line)
    if found is None:
        return None
    return line[: found.start()], _unescaped(found[1].encode()).decode("utf-8", "replace")


def _between(opening: str, closing: str) -> Callable[[str], _Taken]:
    def take(line: str) -> _Taken:
        text = line.strip()
        if len(text) < 2 or not text.startswith(opening) or not text.endswith(closing):
            return None
        if opening:
            # More than one cell is a row.
            return None if opening == '"' and _CELLS.search(text) else ("", text[1:-1])
        # As cat -A shows line ends and tabs.
        return "", line.rstrip()[:-1].removesuffix("^M").replace("^I", "\t")

    return take


def _unescaped(text: bytes) -> bytes:
    """Return a text of JSON; to its last whole escape where it is cut, as it is where it is damaged."""
    text = text.replace(b"\r", b"").replace(b"\n", b"\\n")
    for part in (text, text[: text.rfind(b"\\")]) if b"\\" in text[-8:] else (text,):
        whole = attempt(decode_text, b'"' + part + b'"')
        if whole is not None:
            return whole.encode("utf-8", "replace")
    return text
