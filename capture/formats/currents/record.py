"""One Currents record, checked against the table of events and fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from capture import settings
from capture.errors import InvalidEventError
from capture.events.checks import shown
from capture.formats.currents.float32 import shortest
from capture.formats.currents.schema import (
    EVENTS,
    FIELDS,
    MAX_RECORD_BYTES,
    SESSION_START,
    Field,
    platform_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["Record", "check_fields", "decode_record", "decode_records"]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode
#: Type of a field -> the Python types of its values, and words for messages.
_TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    "string": ((str,), "a text"),
    "int": ((int,), "a whole number of 32 bits"),
    "float": ((int, float), "a finite number in the range of 32-bit floats"),
    "boolean": ((bool,), "true or false"),
}
#: The first field that differs from record to record.
_ID = b',"id":'


class Record:
    """A Currents record: made by imports, and for the events that a device cannot observe.

    Parameters
    ----------
    event_type : str
        The event in full: ``users.behaviors.Uninstall``.
    **fields
        Its fields by their names in storage. Optional ones may be left out or None; `properties` may be
        a dict.

    Attributes
    ----------
    event_type : str
    fields : dict
        The values, in the order of the event's fields.

    Raises
    ------
    InvalidEventError
        When the event or a field does not exist, is missing or has a wrong value.

    Examples
    --------
    >>> record = Record("users.behaviors.Uninstall", id="7b0e", user_id="u", time=1_700_000_000)
    >>> record.encode()
    b'{"event_type":"users.behaviors.Uninstall","id":"7b0e","user_id":"u","time":1700000000}'
    """

    __slots__ = ("event_type", "fields")

    def __init__(self, event_type: str, /, **fields: Any) -> None:
        self.event_type = event_type
        self.fields = check_fields(event_type, fields)

    def encode(self) -> bytes:
        """Return the canonical JSON.

        Raises
        ------
        InvalidEventError
            When it is larger than a record may be.
        """
        encoded = _encode({"event_type": self.event_type, **self.fields})
        if len(encoded) > MAX_RECORD_BYTES:
            raise InvalidEventError(f"{self.event_type}: {len(encoded)} bytes, more than {MAX_RECORD_BYTES}")
        return encoded

    @classmethod
    def decode(cls, payload: bytes) -> Record:
        """Read canonical JSON back.

        Raises
        ------
        InvalidEventError
            When it is no record.
        """
        try:
            fields = _decode(payload)
        except msgspec.DecodeError as error:
            raise InvalidEventError(f"not a Currents record: {error}") from None
        event_type = fields.pop("event_type", None)
        if not isinstance(event_type, str):
            raise InvalidEventError("not a Currents record: it has no event_type")
        return cls(event_type, **fields)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Record):
            return NotImplemented
        return self.event_type == other.event_type and self.fields == other.fields

    def __hash__(self) -> int:
        return hash((self.event_type, self.fields["id"]))

    def __repr__(self) -> str:
        return f"Record({self.event_type!r}, id={self.fields['id']!r})"


def decode_record(payload: bytes) -> dict[str, Any]:
    """Read canonical JSON that this package made as plain data, unchecked: for sinks."""
    return _decode(payload)


def decode_records(
    payloads: Iterable[bytes], prepare: Callable[[dict[str, Any]], dict[str, Any]] | None = None
) -> list[dict[str, Any]]:
    """Return the result of `decode_record` for each; equal bytes before the id are read only once.

    The records of one user begin with the same facts about user and device. Within a text every quote is
    escaped, so that the name of a field is found nowhere else.

    Parameters
    ----------
    payloads : iterable of bytes
    prepare : callable, optional
        Changes the common fields of the records, once for all of them.
    """
    records = []
    alike, known = b"", None
    for payload in payloads:
        if known is None or not payload.startswith(alike):
            start, name, _ = payload.partition(_ID)
            if not name:
                records.append(_decode(payload))
                continue
            alike, known = start + name, _decode(start + b"}")
            known = known if prepare is None else prepare(known)
        records.append(known | _decode(b'{"id":' + payload[len(alike) :]))
    return records


def check_fields(event: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a record as they are stored, in the table's order, without those that are None.

    Raises
    ------
    InvalidEventError
        As for `Record`.
    """
    schema = EVENTS.get(event)
    if schema is None:
        raise InvalidEventError(f"event_type = {event!r}: no such event; {settings.nearest(event, EVENTS)}")
    names = schema.source_fields
    for name in fields:
        if name not in names and name != SESSION_START:
            raise InvalidEventError(f"{event}.{name}: no such field; {settings.nearest(name, names)}")
    checked: dict[str, Any] = {}
    for name in names:
        value = fields.get(name)
        if value is None:
            if name in schema.required:
                expected = _TYPES[FIELDS[name].type][1]
                raise InvalidEventError(f"{event}.{name}: required; expected {expected}")
            continue
        checked[name] = _checked(f"{event}.{name}", name, value, FIELDS[name])
    start_ms = fields.get(SESSION_START)
    if start_ms is not None:
        if type(start_ms) is not int or not 0 <= start_ms < 2**63:
            raise InvalidEventError(
                f"{event}.{SESSION_START} = {shown(start_ms)}: expected ms since the epoch"
            )
        checked[SESSION_START] = start_ms
    return checked


def _checked(path: str, name: str, value: Any, field: Field) -> Any:
    if name == "properties":
        return _properties(path, value)
    types, expected = _TYPES[field.type]
    # A bool is an int to Python, and to nobody else.
    fits = isinstance(value, types) and isinstance(value, bool) == (field.type == "boolean")
    if fits and field.type == "int":
        fits = -(2**31) <= value < 2**31
    elif fits and field.type == "float":
        try:
            return shortest(float(value))
        except OverflowError:
            fits = False
    if not fits:
        raise InvalidEventError(f"{path} = {shown(value)}: expected {expected}")
    if name == "platform":
        value = platform_of(value) or value
    if field.values and value not in field.values:
        raise InvalidEventError(f"{path} = {value!r}: expected one of {', '.join(field.values)}")
    return value


def _properties(path: str, value: Any) -> str:
    """Return JSON text of an object, from such a text or from the object."""
    try:
        text = value if isinstance(value, str) else _encode(value).decode()
        _decode(text)
    except (TypeError, ValueError, msgspec.MsgspecError, RecursionError):
        raise InvalidEventError(f"{path} = {shown(value)}: expected a JSON object, or its text") from None
    return text
