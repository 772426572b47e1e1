"""Objects as Python and browsers print them, which are no JSON: other quotes, keys without any."""

from __future__ import annotations

import re

import msgspec

from capture.logs.decoding import DECODE_ERRORS, attempt, literal
from capture.logs.names import has_place_names

__all__ = ["json_of", "looks_printed"]

_decode_raw = msgspec.json.Decoder(msgspec.Raw).decode
#: Objects are read up to this size (bytes).
_PRINTED_BYTES = 1 << 20
#: The first text of Python's is in so many bytes.
_BEGIN_BYTES = 256
_OBJECT = re.compile(r"(?:\[\s*+)?\{\s*+[A-Za-z_$][\w$]{0,63}+\s*+:")
_KEYS = re.compile(r"(?<![\w$.])[A-Za-z_$][\w$]{0,63}+(?=\s*+:)")
#: Texts, which stay; and what JavaScript writes otherwise than JSON. Each place is looked at once.
_TOKEN = re.compile(
    r'(?P<text>"[^"\\]*+(?:\\.[^"\\]*+)*+")|(?P<quoted>\'[^\'\\]*+(?:\\.[^\'\\]*+)*+\')|(?P<broken>["\'])'
    r"|(?<![\w$])(?P<key>[A-Za-z_$][\w$]{0,63}+)(?=\s*+:)"
    r"|(?P<none>undefined|NaN|-?Infinity)|(?P<last>,)(?=\s*+[}\]])"
)


def json_of(text: bytes | bytearray) -> bytes | None:
    """Return the JSON of a list or an object as Python or JavaScript prints it; None if it is not one."""
    if len(text) > _PRINTED_BYTES:
        return None
    if b"'" in text[:_BEGIN_BYTES]:
        try:
            return msgspec.json.encode(literal(text.decode("utf-8", "replace").strip()))
        except (*DECODE_ERRORS, ValueError, TypeError):
            pass
    script = text.decode("utf-8", "replace").strip().rstrip(";")
    if _OBJECT.match(script) is None:
        return None
    try:
        found = _TOKEN.sub(_as_json, script).encode()
    except (*DECODE_ERRORS, ValueError, TypeError):
        return None
    return None if attempt(_decode_raw, found) is None else found


def looks_printed(line: str) -> bool:
    """Return whether a text begins with an object of JavaScript with a place in it."""
    begin = line[:_BEGIN_BYTES]
    return _OBJECT.match(begin) is not None and has_place_names(_KEYS.findall(begin))


def _as_json(token: re.Match[str]) -> str:
    match token.lastgroup:
        case "key":
            return f'"{token["key"]}"'
        case "quoted":
            return msgspec.json.encode(literal(token["quoted"])).decode()
        case "none":
            return "null"
        case "last":
            return ""
        case "broken":
            raise ValueError("a text without an end")
    return token[0]
