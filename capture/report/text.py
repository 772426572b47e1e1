"""Words for displayed values. Text of a recording is made safe: it cannot control a terminal or a page."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from capture.gestures.kinds import Direction, GestureKind, kind_of

if TYPE_CHECKING:
    from enum import IntEnum

__all__ = ["moved", "shorten", "shown", "words"]

#: Categories of characters that act instead of being seen: controls, formats (bidi among them), lone
#: surrogates, values that are no character (XML has no place for some), separators of lines and paragraphs.
_ACTING = frozenset({"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"})
#: Formats that words of some languages, and joined emoji, are written with.
_JOINERS = "\u200c\u200d"
_ELLIPSIS = "…"


def shown(text: str) -> str:
    r"""Return a text with every character that acts replaced by its escape.

    >>> shown("Pay\x1b[2J")
    'Pay\\x1b[2J'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(char) if _acts(char) else char for char in text)


def shorten(text: str, limit: int) -> str:
    """Return a text of at most `limit` characters, the middle left out.

    >>> shorten("[root]>screen>button>", 12)
    '[root]…tton>'
    """
    if len(text) <= limit:
        return text
    head = limit // 2
    return text[:head] + _ELLIPSIS + text[len(text) - (limit - head - 1) :]


def words(member: IntEnum) -> str:
    """Return the name of a kind, a reason or a direction in prose: ``long press``."""
    return member.name.lower().replace("_", " ")


def moved(kind: GestureKind, direction: Direction) -> str:
    """Return a kind with its direction, if it has one: ``fling up``."""
    label = kind_of(kind).label
    return label if direction is Direction.NONE else f"{label} {words(direction)}"


def _acts(char: str) -> bool:
    return unicodedata.category(char) in _ACTING and char not in _JOINERS


def _escape(char: str) -> str:
    code = ord(char)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
