"""Objects as Python and browsers print them, which are no JSON: other quotes, keys without any."""

from __future__ import annotations

import re

import msgspec

from capture.logs.base import DECODE_ERRORS, literal

__all__ = ["json_of"]

_decode_raw = msgspec.json.Decoder(msgspec.Raw).decode
#: Objects are read up to this size (bytes): of Python's each value becomes an object first.
_PYTHON_BYTES, _SCRIPT_BYTES = 1 << 20, 16 << 20
#: The first key or text is in so many bytes.
_BEGIN_BYTES = 256
_KEY = re.compile(rb"[{,]\s*[A-Za-z_$][\w$]{0,63}\s*:")
#: Texts, which stay; and what JavaScript writes otherwise than JSON.
_TOKEN = re.compile(
    r'(?P<text>"(?:[^"\\]|\\.)*")|\'(?P<quoted>(?:[^\'\\]|\\.)*)\''
    r"|(?P<key>[A-Za-z_$][\w$]{0,63})(?=\s*:)|(?P<none>undefined|NaN|-?Infinity)|(?P<last>,)(?=\s*[}\]])"
)


def json_of(text: bytes | bytearray) -> bytes | None:
    """Return the JSON of a list or an object as Python or JavaScript prints it; None if it is not one."""
    begin = text[:_BEGIN_BYTES]
    if b"'" in begin and len(text) <= _PYTHON_BYTES:
        try:
            return msgspec.json.encode(literal(text.decode("utf-8", "replace").strip()))
        except (*DECODE_ERRORS, ValueError, TypeError):
            pass
    if _KEY.search(begin) is None or len(text) > _SCRIPT_BYTES:
        return None
    found = _TOKEN.sub(_as_json, text.decode("utf-8", "replace").strip().rstrip(";")).encode()
    try:
        _decode_raw(found)
    except DECODE_ERRORS:
        return None
    return found


def _as_json(token: re.Match[str]) -> str:
    match token.lastgroup:
        case "key":
            return f'"{token["key"]}"'
        case "quoted":
            return msgspec.json.encode(token["quoted"].replace("\\'", "'")).decode()
        case "none":
            return "null"
        case "last":
            return ""
    return token[0]
