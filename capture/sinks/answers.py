"""The meaning of an HTTP reply for its batch."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import msgspec

from capture.errors import plain
from capture.sinks.base import ACCEPTED, Answer, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["EXCERPT_CHARS", "SNIFFED_BYTES", "Reply", "answer_of", "excerpt", "is_markup"]

#: How much of an answer is quoted (characters), and read to tell a web page from an answer (bytes).
EXCERPT_CHARS = 200
SNIFFED_BYTES = 4096
_TEMPORARY = frozenset({408, 425, 429})
_UNAVAILABLE = frozenset({401, 403, 404, 405, 407, 410})
_BLANK = b" \t\r\n\x0b\x0c\x00\xef\xbb\xbf\xfe\xff"
_SECONDS = re.compile(
    r"\+?([0-9]+)(?:[.,]([0-9]+))?(?:e([+-]?[0-9]+))?\s*(?:s|secs?|seconds?)?",
    re.ASCII | re.IGNORECASE,
)
_QUOTES = ' \t"'
#: A server may ask for so long at most (s): a year.
_LONGEST_S = 366 * 86_400.0
_DECODED = frozenset({"", "identity", "gzip", "x-gzip", "deflate"})


class Reply(msgspec.Struct, frozen=True):
    """A reply: status (0 if there was none), headers by names as in ``Retry-After``, content, failure.

    Attributes
    ----------
    is_whole : bool
        Whether all of the content was received, as far as it is read.
    said : str
        The first characters of the content, without secrets and control characters; empty where the
        batch was accepted.
    """

    status: int
    headers: Mapping[str, str] = {}
    content: bytes = b""
    problem: str = ""
    is_whole: bool = True
    said: str = ""


def excerpt(content: bytes) -> str:
    """Return the beginning of a content as one line of plain text."""
    text = content[: 4 * EXCERPT_CHARS].decode("utf-8", "replace")
    return plain(" ".join(text.split()))[:EXCERPT_CHARS]


def is_markup(content: bytes) -> bool:
    """Return whether a content begins as HTML and XML do."""
    return content.lstrip(_BLANK).startswith(b"<")


def answer_of(reply: Reply) -> Answer:
    """Return the answer of a reply for its batch."""
    status = reply.status
    reason = reply.problem or f"HTTP {status}" + (f": {reply.said}" if reply.said else "")
    if 200 <= status <= 204:
        if _is_web_page(reply):
            return Answer(Outcome.TEMPORARY, f"HTTP {status} with a web page, a captive portal? {reply.said}")
        return ACCEPTED
    wait_s = _retry_after_s(reply.headers)
    if status == 413:
        return Answer(Outcome.TOO_LARGE, reason, wait_s)
    if status in _UNAVAILABLE:
        return Answer(Outcome.UNAVAILABLE, reason, wait_s)
    if 400 <= status < 500 and status not in _TEMPORARY:
        return Answer(Outcome.REFUSED, reason)
    return Answer(Outcome.TEMPORARY, reason, wait_s)


def _is_web_page(reply: Reply) -> bool:
    """Return whether a content is a web page: it begins with ``<``, for any content type.

    The type decides only where the content cannot be seen.
    """
    if reply.status == 204:
        return False
    if reply.headers.get("Content-Encoding", "").lower() in _DECODED and (reply.content or reply.is_whole):
        return is_markup(reply.content)
    return "html" in reply.headers.get("Content-Type", "").lower()


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return the pause of ``Retry-After`` (s): a number, or a date against the server's own clock.

    Of several, which a proxy joins with a comma, the longest is used; other values are left out.
    """
    waits: list[float] = []
    for text in headers.get("Retry-After", "").split(";"):
        numbers = [_SECONDS.fullmatch(part.strip(_QUOTES)) for part in re.split(r",(?=\s)", text)]
        if all(numbers):
            waits += [float(f"{found[1]}.{found[2] or 0}e{found[3] or 0}") for found in numbers if found]
        elif (until := _date(text.strip(_QUOTES))) is not None:
            now = _date(headers.get("Date", "")) or datetime.now(UTC)
            waits.append(max(0.0, (until - now).total_seconds()))
    return min(max(waits), _LONGEST_S) if waits else None


def _date(text: str) -> datetime | None:
    try:
        date = datetime.fromisoformat(text) if text[:4].isdigit() else parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)
