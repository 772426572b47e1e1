"""Lines without other tools' text around them, and the outcomes of lines.

Indentation, signs of quotation, line numbers, a time or a prompt of another tool, escape sequences and byte
order marks are no part of a log. `plain_blocks` removes decoration anywhere; the prefix of a line ends
where the format's own text begins (`Start`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from capture.errors import TouchLogError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = [
    "CONTEXT",
    "LINE_LIMIT_BYTES",
    "USED",
    "Start",
    "has_controls",
    "is_nothing",
    "plain",
    "plain_blocks",
    "shape",
    "undecorated",
    "whole_lines",
]


#: A text log with a longer line is none.
LINE_LIMIT_BYTES = 1 << 20
#: Outcomes of a line, a row or a record; else the cause for which it was left out.
USED, CONTEXT = "used", "context"

_ESCAPE = re.compile(
    rb"\x1b\[[0-?]{0,64}[ -/]{0,8}[@-~]|\x1b\][^\x07\x1b\n]{0,512}(?:\x07|\x1b\\)|\x1b[ -/]?[0-~]"
    rb"|\xc2\x9b[0-?]{0,64}[@-~]"
)
_MARK = b"\xef\xbb\xbf"
_HARD_BLANK = b"\xc2\xa0"
#: Signs of writing direction and of no width, which nothing shows, where a line begins.
_UNSEEN = re.compile(rb"^(?:\xe2\x80[\x8b-\x8f\xaa-\xae]|\xe2\x81[\xa0-\xaf])+", re.MULTILINE)
_CONTROLS = bytes({*range(32), 127} - {*b"\t\n\r\x1b"})
#: An escape sequence is not longer, so that this much of a block may have to wait for the next.
_TAIL_BYTES = 600
#: Text before a line of a log is shorter.
_BEFORE_CHARS = 256
#: Lines that are no part of a log, in any format: blanks, comments, prompts, messages of terminals.
_NOTHING = re.compile(
    r"[\s>|]*(?:#.*|//.*|--.*|[\w.@~/:\\-]{0,64} ?[$#%>] .*|\^C.*|Script (?:started|done).*|```\w*)?$"
)


def has_controls(head: bytes) -> bool:
    """Return whether a text has control characters that no log has."""
    return len(head.translate(None, _CONTROLS)) != len(head)


def plain(text: bytes, *, controls: bool = False) -> bytes:
    """Return text without escape sequences, zero bytes and byte order marks; hard blanks are blanks.

    With `controls` it loses all other control characters but tabs and line ends too.
    """
    if b"\x1b" in text:
        text = _ESCAPE.sub(b"", text)
    if b"\0" in text:
        text = text.replace(b"\xff\xfe", b"").replace(b"\xfe\xff", b"").replace(b"\0", b"")
    if not text.isascii():
        if b"\xc2\x9b" in text:
            text = _ESCAPE.sub(b"", text)
        text = text.replace(_MARK, b"").replace(_HARD_BLANK, b" ")
        if b"\xe2\x80" in text or b"\xe2\x81" in text:
            text = _UNSEEN.sub(b"", text)
    return text.translate(None, _CONTROLS) if controls else text


def plain_blocks(blocks: Iterable[bytes], *, controls: bool = False) -> Iterator[bytes]:
    """Yield blocks of text without the bytes that `plain` takes out, also across their borders."""
    rest = b""
    for block in blocks:
        text = rest + block if rest else block
        cut = len(text)
        if b"\x1b" in text[-_TAIL_BYTES:] or (text[-3:] and not text[-3:].isascii()):
            cut = text.rfind(b"\n") + 1 or len(text)
        rest = text[cut:]
        yield plain(text[:cut] if rest else text, controls=controls)
    if rest:
        yield plain(rest, controls=controls)


def whole_lines(blocks: Iterable[bytes], limit_bytes: int = LINE_LIMIT_BYTES) -> Iterator[bytes]:
    """Yield the text of blocks in blocks of whole lines, without the line end of the last.

    Raises
    ------
    TouchLogError
        When a line is longer than the limit.
    """
    number = 0
    rest = b""
    for block in blocks:
        whole, end, rest = (rest + block).rpartition(b"\n")
        if end:
            number += whole.count(b"\n") + 1
            yield whole
        if len(rest) > limit_bytes:
            raise TouchLogError(f"the line is longer than {limit_bytes >> 20} MiB", line=number + 1)
    if rest:
        yield rest


def shape(prefix: str) -> re.Pattern[str] | None:
    """Return a pattern of the prefix of each line, by the prefix of one; None if missing.

    A text matches it in one way at most, so that no line takes long: blanks between two words are needed, and
    no two words touch.
    """
    if not prefix:
        return None
    parts = re.findall(r"\w+|\s+|.", prefix)
    # Behind the last sign there may be the log's own indentation.
    last = rf"\s{{0,{len(parts.pop())}}}" if parts[-1].isspace() else ""
    around = zip(["", *parts], parts, [*parts[1:], ""], strict=False)
    return re.compile("^" + "".join(_part(part, before, after) for before, part, after in around) + last)


def _part(part: str, before: str, after: str) -> str:
    if part.isspace():
        return r"\s+" if _is_word(before) and _is_word(after) else r"\s*"
    if part.isdecimal():
        return r"\d+"
    return r"\w+" if _is_word(part) else re.escape(part)


def _is_word(part: str) -> bool:
    return part[:1].isalnum() or part[:1] == "_"


class Start:
    """Where the text of a format begins in a line.

    Parameters
    ----------
    pattern : str
        How a line of the format begins; a prefix ends at a blank or at a sign.
    *needed : bytes
        One of these is in every line that begins so: without them a head need not be searched.
    """

    def __init__(self, pattern: str, *needed: bytes) -> None:
        self._needed = needed
        self._text = re.compile(rf"(?:^|(?<=[\s>|:\])}}$#+'\"`]))(?:{pattern})", re.MULTILINE)
        self._bytes = re.compile(self._text.pattern.encode(), re.MULTILINE)

    def matches(self, head: bytes) -> bool:
        """Return whether a line of the head begins so."""
        return self._search(head) is not None

    def before(self, head: bytes) -> re.Pattern[str] | None:
        """Return a pattern of the prefix of the lines, by the first that begins so in the head."""
        found = self._search(head)
        if found is None:
            return None
        line = head.rfind(b"\n", 0, found.start()) + 1
        prefix = head[line : found.start()]
        return shape(prefix.decode("utf-8", "replace")) if len(prefix) <= _BEFORE_CHARS else None

    def bare(self, head: bytes) -> Callable[[str], str]:
        """Return a function that returns a line from where the format's own text begins.

        Lines that do not begin so lose the prefix of the others, by the head of the log.
        """
        begins, before = self._text.search, self.before(head)

        def without_prefix(line: str) -> str:
            found = begins(line)
            if found is not None and found.start() <= _BEFORE_CHARS:
                return line[found.start() :]
            return line if before is None else before.sub("", line, count=1)

        return without_prefix

    def _search(self, head: bytes) -> re.Match[bytes] | None:
        if self._needed and not any(text in head for text in self._needed):
            return None
        return self._bytes.search(head)


def undecorated(text: bytes | bytearray, before: re.Pattern[str] | None) -> bytes:
    """Return text without the prefixes of its lines."""
    if before is None:
        return bytes(text)
    return re.sub(before.pattern.encode(), b"", text, flags=re.MULTILINE)


def is_nothing(line: str) -> bool:
    """Return whether a line is blank, a comment or a prompt."""
    return len(line) < _BEFORE_CHARS and _NOTHING.match(line) is not None
