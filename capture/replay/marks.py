"""Meaning of the marks of a log: a call of a `Capture`, or a note on a stroke's target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from capture.errors import InvalidEventError
from capture.events.targets import Target

if TYPE_CHECKING:
    from capture.logs import Mark

__all__ = ["BAD_MARK", "Note", "call_of", "note_of"]

#: Raised for a mark with a value that an event may not have: it is counted, and the log continues.
BAD_MARK = (InvalidEventError, KeyError, TypeError, ValueError)
#: Marks that are no more than a call.
_MOMENTS = frozenset({"app_start", "app_show", "app_hide"})
#: Marks that describe a stroke's target.
_NOTES = frozenset({"target", "verdict"})
_NOWHERE = Target()


class Note(NamedTuple):
    """The known target of a pointer: which it is, or (`is_verdict`) whether it reacts."""

    pointer: int
    target: Target
    is_verdict: bool


def note_of(mark: Mark) -> Note | None:
    """Return a mark's note on a target; None for another mark.

    Raises
    ------
    InvalidEventError, TypeError, ValueError
        When it has a value that no target has.
    """
    if mark.kind not in _NOTES:
        return None
    known = {name: mark.fields[name] for name in ("path", "id", "responsive") if name in mark.fields}
    try:
        target = msgspec.convert(known, Target) if known else _NOWHERE
    except msgspec.ValidationError as error:
        raise InvalidEventError(str(error)) from None
    return Note(int(mark.fields.get("pointer", 0)), target, mark.kind == "verdict")


def call_of(mark: Mark) -> tuple[str, tuple[Any, ...]] | None:
    """Return the method of `Capture` for a mark, and its arguments, unchecked; None if missing.

    Raises
    ------
    KeyError, TypeError
        When a field is missing, or no sequence where one has to be.
    """
    fields = mark.fields
    match mark.kind:
        case "screen":
            return "screen_view", (fields["name"], tuple(fields.get("path", ())))
        case "transaction":
            return "track_transaction", (fields["value"], fields["currency"], fields.get("id"))
        case "variable":
            return "track_variable", (fields["key"], fields["value"])
        case kind if kind in _MOMENTS:
            return kind, ()
    return None
