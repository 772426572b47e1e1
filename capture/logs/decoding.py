"""JSON, and literals of Python, that may be damaged."""

from __future__ import annotations

import ast
import warnings
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "DECODE_ERRORS",
    "attempt",
    "decode_dict",
    "decode_list",
    "decode_row",
    "decode_text",
    "literal",
]

_Text = TypeVar("_Text")
_Value = TypeVar("_Value")
#: Errors of the JSON decoder on bad input.
DECODE_ERRORS = (msgspec.MsgspecError, UnicodeError, RecursionError)

decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
decode_dict = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
decode_row = msgspec.json.Decoder(dict[str, Any]).decode
decode_text = msgspec.json.Decoder(str).decode


def attempt(decode: Callable[[_Text], _Value], text: _Text) -> _Value | None:
    """Return the value of a text; None where it is damaged."""
    try:
        return decode(text)
    except DECODE_ERRORS:
        return None


def literal(text: str) -> Any:
    """Return the value of a Python literal.

    Raises
    ------
    ValueError
        When it is none.
    """
    try:
        with warnings.catch_warnings():
            # Python's warnings on a damaged line's spelling are nothing for the user.
            warnings.simplefilter("ignore")
            return ast.literal_eval(text)
    except (SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise ValueError(str(error)) from None
