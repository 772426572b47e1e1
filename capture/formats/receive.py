"""Batches as a receiver reads them: both wire formats, lenient.

A fleet's devices are newer than their receiver for months. Unknown keys are kept, and an event that
cannot be read is quarantined alone, with its reason; only bodies that are not batches are refused.
`native.decode` is tried first: a batch of a known SDK has no further cost.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, get_args

import msgspec
from msgspec import UNSET, UnsetType

from capture.errors import InvalidEventError, plain
from capture.formats import native
from capture.formats.currents.record import check_fields
from capture.formats.currents.schema import EVENTS
from capture.formats.header import Header

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["NotABatchError", "Problem", "Received", "TooLargeError", "payloads_of", "read_batch", "unpack"]

#: Errors of a document, from any reader.
_ERRORS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, InvalidEventError)
_REASON_CHARS = 200
#: A body of a few kB may unpack to a million events that cannot be read, each with its reason.
_MOST_PROBLEMS = 1000
#: Number of an event kind -> its struct.
_KINDS: dict[int, type[msgspec.Struct]] = {
    kind.__struct_config__.tag: kind for kind in get_args(native.WireEvent)
}


class NotABatchError(ValueError):
    """A body is not a batch: no JSON, no header, no events."""


class TooLargeError(ValueError):
    """A body unpacks to more bytes, or has more events that cannot be read, than are allowed."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """An event that could not be read.

    Attributes
    ----------
    index : int
        Its place in the batch.
    reason : str
    event : str
        The event's JSON as it came.
    """

    index: int
    reason: str
    event: str


class Received(msgspec.Struct, kw_only=True):
    """A batch that was read.

    Attributes
    ----------
    wire : str
        ``native`` or ``currents``.
    project_id : int or None
        Project of a native header; Currents records name no project.
    users : list of str
        Users of the events; a native batch has one user.
    accepted : int
        Number of good events.
    body : bytes
        The batch without its bad events, in one line. Unknown keys are gathered under the key ``extra`` of
        their event or header; a batch without either is the unchanged body.
    is_changed : bool
        Whether `body` differs from the received one.
    problems : list of Problem
        The bad events.
    sent_at_ms : int or None
        When the device sent it, by its own clock.
    """

    wire: str
    project_id: int | None
    users: list[str]
    accepted: int
    body: bytes
    is_changed: bool = False
    problems: list[Problem] = []
    sent_at_ms: int | None = None


class _Top(msgspec.Struct):
    pl: msgspec.Raw | UnsetType = UNSET
    events: msgspec.Raw | UnsetType = UNSET


class _Id(msgspec.Struct):
    euid: str = ""
    id: str = ""


def unpack(body: bytes, limit: int) -> bytes:
    """Return the text of a gzip body, which is one whole member: a second one might forge batches.

    Raises
    ------
    NotABatchError
        When it is something else.
    TooLargeError
        When there are more bytes than `limit`; no more than these were unpacked.
    """
    unpacker = zlib.decompressobj(wbits=31)
    try:
        text = unpacker.decompress(body, limit)
    except zlib.error as error:
        raise NotABatchError(f"not gzip: {error}") from None
    if unpacker.unconsumed_tail:
        raise TooLargeError(f"more than {limit} bytes unpacked")
    if not unpacker.eof or unpacker.unused_data:
        raise NotABatchError("not one whole gzip member")
    return text


def payloads_of(body: bytes, problems: list[Problem] = []) -> dict[str, bytes]:  # noqa: B006 - not changed
    """Return event id -> event of a batch, without those that `read_batch` found bad.

    Raises
    ------
    NotABatchError
        When it has no events, or one of them has no id.
    """
    try:
        top = msgspec.json.decode(body, type=_Top)
        found = top.events if top.pl is UNSET else top.pl
        events = [] if found is UNSET else msgspec.json.decode(found, type=list[msgspec.Raw])
        bad = {problem.index for problem in problems}
        good = [bytes(event) for index, event in enumerate(events) if index not in bad]
        ids = [msgspec.json.decode(event, type=_Id) for event in good]
    except _ERRORS as error:
        raise NotABatchError(_reason(error)) from None
    if not events or not all(each.euid or each.id for each in ids):
        raise NotABatchError("a batch has events, and each an id: `euid` (native) or `id` (Currents)")
    return {each.euid or each.id: event for each, event in zip(ids, good, strict=True)}


def read_batch(body: bytes) -> Received:
    """Read a batch of either wire format.

    Raises
    ------
    NotABatchError
        When nothing in it can be used; the message has the reason.
    TooLargeError
        When there are too many events that cannot be read.
    """
    try:
        batch = native.decode(body)
    except _ERRORS:
        return _read_lenient(body)
    broken = b"\n" in body or b"\r" in body
    return Received(
        wire="native",
        project_id=batch.project_id,
        users=[batch.user_id],
        accepted=len(batch.events),
        body=msgspec.json.encode(msgspec.json.decode(body)) if broken else body,
        is_changed=broken,
        sent_at_ms=batch.sent_at,
    )


def _read_lenient(body: bytes) -> Received:
    try:
        top = msgspec.json.decode(body, type=_Top)
        if top.pl is not UNSET:
            return _read_native(body)
        if top.events is not UNSET:
            return _read_currents(body, msgspec.json.decode(top.events, type=list[msgspec.Raw]))
    except _ERRORS as error:
        raise NotABatchError(_reason(error)) from None
    raise NotABatchError("a batch has `pl` (native) or `events` (Currents); this has neither")


def _read_native(body: bytes) -> Received:
    fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    events = fields.pop("pl")
    known, extra = _split({key: _plain_data(raw) for key, raw in fields.items()}, Header)
    header = msgspec.json.decode(msgspec.json.encode(known), type=Header)
    payloads = msgspec.json.decode(events, type=list[msgspec.Raw])
    good, problems = _sort_out(payloads, _native_event)
    document = {**known, **({"extra": extra} if extra else {}), "pl": good}
    return Received(
        wire="native",
        project_id=header.project_id,
        users=[header.user_id],
        accepted=len(good),
        body=msgspec.json.encode(document),
        is_changed=True,
        problems=problems,
        sent_at_ms=header.sent_at,
    )


def _native_event(payload: msgspec.Raw) -> dict[str, Any]:
    known = _plain_data(payload)
    extra: dict[str, Any] = {}
    tag = known.get("ea") if isinstance(known, dict) else None
    if isinstance(tag, int) and tag in _KINDS:
        known, extra = _split(known, _KINDS[tag])
    native.EVENT_DECODER.decode(msgspec.json.encode(known))
    return {**known, "extra": extra} if extra else known


def _read_currents(body: bytes, payloads: list[msgspec.Raw]) -> Received:
    changed = False

    def record(payload: msgspec.Raw) -> dict[str, Any]:
        nonlocal changed
        fields = _plain_data(payload)
        if not isinstance(fields, dict):
            raise InvalidEventError("a record is an object")
        event = fields.pop("event_type", None)
        if not isinstance(event, str):
            raise InvalidEventError("a record has its event_type")
        names = EVENTS[event].source_fields if event in EVENTS else tuple(fields)
        extra = {name: value for name, value in fields.items() if name not in names}
        given = {name: value for name, value in fields.items() if name in names}
        checked = check_fields(event, given)
        changed = changed or bool(extra) or checked != given
        return {"event_type": event, **checked, **({"extra": extra} if extra else {})}

    good, problems = _sort_out(payloads, record)
    changed = changed or bool(problems) or b"\n" in body or b"\r" in body
    return Received(
        wire="currents",
        project_id=None,
        users=list(dict.fromkeys(each["user_id"] for each in good)),
        accepted=len(good),
        body=msgspec.json.encode({"events": good}) if changed else body,
        is_changed=changed,
        problems=problems,
    )


def _sort_out(
    payloads: list[msgspec.Raw], read: Callable[[msgspec.Raw], dict[str, Any]]
) -> tuple[list[dict[str, Any]], list[Problem]]:
    """Return the events that `read` takes, and the others with the reason."""
    if not payloads:
        raise NotABatchError("a batch has at least one event")
    good: list[dict[str, Any]] = []
    problems: list[Problem] = []
    for index, payload in enumerate(payloads):
        try:
            good.append(read(payload))
        except _ERRORS as error:
            text = bytes(payload).decode(errors="backslashreplace")
            problems.append(Problem(index=index, reason=_reason(error), event=text))
            if len(problems) > _MOST_PROBLEMS:
                raise TooLargeError(f"more than {_MOST_PROBLEMS} events that cannot be read") from None
    return good, problems


def _plain_data(payload: msgspec.Raw) -> Any:
    data = msgspec.json.decode(payload)
    msgspec.json.encode(data)  # an event that cannot be written again (nesting) is at fault
    return data


def _reason(error: BaseException) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return plain(str(error), _REASON_CHARS)


def _split(data: dict[str, Any], struct: type[msgspec.Struct]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the known and the unknown keys of a document for a struct."""
    kinds = {field.encode_name: field.type for field in msgspec.structs.fields(struct)}
    tag = struct.__struct_config__.tag_field
    known: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    for key, value in data.items():
        inner = kinds.get(key)
        if isinstance(inner, type) and issubclass(inner, msgspec.Struct) and isinstance(value, dict):
            known[key], more = _split(value, inner)
            if more:
                extra[key] = more
        elif key in kinds or key == tag:
            known[key] = value
        else:
            extra[key] = value
    return known, extra
