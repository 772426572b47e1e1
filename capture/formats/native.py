"""The native wire format: JSON batches with short keys, in a fixed order.

Each wire struct has the Python names in full; ``rename`` and the order of its fields give the keys.
`NativeFormat.encode` runs once, when an event is collected; the bytes are never decoded again on the
device. `decode` is for receivers and tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeAlias, get_args

import msgspec
from msgspec import UNSET, Meta, UnsetType, field

from capture.events import domain as events
from capture.formats.base import Encoder, Row
from capture.formats.header import Header, Int64, Origin, Resolution, Uuid, make_header

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from capture.formats.base import Source

__all__ = [
    "EVENT_DECODER",
    "FORMAT",
    "Batch",
    "Header",
    "NativeFormat",
    "Origin",
    "Resolution",
    "WireEvent",
    "check",
    "decode",
    "make_header",
]

Int32 = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Direction = Annotated[int, Meta(ge=1, le=5)]


class _EventWire(
    msgspec.Struct, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True, tag_field="ea"
):
    """The common section as it leads every event, after `ea`."""

    uptime_ms: Int64 = field(name="upt")
    event_id: Uuid = field(name="euid")
    url: str
    screen_count: Annotated[int, Meta(ge=0)] = field(name="scn")
    connectivity: Annotated[int, Meta(ge=-1, le=4)] = field(name="c")
    carrier_id: str | UnsetType = field(name="ci", default=UNSET)
    orientation: Annotated[int, Meta(ge=0, le=1)] = field(name="o")
    version_origin: events.VersionOrigin = field(name="vo")
    session_number: Annotated[int, Meta(gt=0)] = field(name="sn")
    time_ms: Int64 = field(name="t")


class AppStartWire(_EventWire, frozen=True, kw_only=True, tag=0):
    """`ea` 0."""


class AppShowWire(_EventWire, frozen=True, kw_only=True, tag=1):
    """`ea` 1."""


class AppHideWire(_EventWire, frozen=True, kw_only=True, tag=2):
    """`ea` 2."""


class ScreenViewWire(_EventWire, frozen=True, kw_only=True, tag=4):
    """`ea` 4."""

    title: str = field(name="st")
    load_time_ms: Annotated[int, Meta(ge=0, le=2**63 - 1)] = field(name="sl")


class _TargetWire(_EventWire, frozen=True, kw_only=True):
    target_path: str = field(name="tvp")
    target_id: str = field(name="tvid")


class TapWire(_TargetWire, frozen=True, kw_only=True, tag=6):
    """`ea` 6."""

    responsive: bool = field(name="ur")


class LongPressWire(_TargetWire, frozen=True, kw_only=True, tag=8):
    """`ea` 8."""


class _MovementWire(_TargetWire, frozen=True, kw_only=True):
    direction: Direction = field(name="fd")
    distance: Int32 = field(name="tvd")
    velocity: Int32 = field(name="tvv")


class DragWire(_MovementWire, frozen=True, kw_only=True, tag=9):
    """`ea` 9."""


class FlingWire(_MovementWire, frozen=True, kw_only=True, tag=10):
    """`ea` 10."""


class Payment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The inner object of a transaction."""

    value: float = field(name="vl")
    currency: Annotated[int, Meta(ge=0, le=999)] = field(name="cu")
    id: str | UnsetType = UNSET


class TransactionWire(_EventWire, frozen=True, kw_only=True, tag=16):
    """`ea` 16."""

    payment: Payment = field(name="tr")


class StringVariableWire(_EventWire, frozen=True, kw_only=True, tag=18):
    """`ea` 18."""

    key: Annotated[str, Meta(min_length=1, max_length=512)] = field(name="k")
    value: Annotated[str, Meta(min_length=1, max_length=255)] = field(name="v")


class NumberVariableWire(_EventWire, frozen=True, kw_only=True, tag=19):
    """`ea` 19."""

    key: Annotated[str, Meta(min_length=1, max_length=512)] = field(name="k")
    value: Annotated[int, Meta(ge=0, le=2**32 - 1)] = field(name="v")


WireEvent: TypeAlias = (
    AppStartWire
    | AppShowWire
    | AppHideWire
    | ScreenViewWire
    | TapWire
    | LongPressWire
    | DragWire
    | FlingWire
    | TransactionWire
    | StringVariableWire
    | NumberVariableWire
)


class Batch(Header, frozen=True, kw_only=True):
    """A whole batch as a receiver reads it: the header's fields, then the events."""

    events: Annotated[list[WireEvent], Meta(min_length=1)] = field(name="pl")

    @property
    def header(self) -> Header:
        """The header alone."""
        return Header(**{name: getattr(self, name) for name in Header.__struct_fields__})


#: The source of a wire field that is not the field of the same name in the event or its common section.
_SOURCES = {
    "carrier_id": "UNSET if common.carrier_id is None else common.carrier_id",
    "target_path": "event.target.path",
    "target_id": "event.target.id",
    "payment": "Payment(event.value, event.currency, UNSET if event.id is None else event.id)",
}


def _builder(struct: type[WireEvent]) -> Callable[[Any, events.CommonSection], WireEvent]:
    """Return the function that makes a wire struct from an event and its common section.

    It is compiled with all fields written out, as dataclasses do it: to unpack a dict of the common fields
    would cost a microsecond an event.
    """
    fields = ", ".join(f"{name}={_source(name)}" for name in struct.__struct_fields__)
    names = {"struct": struct, "Payment": Payment, "UNSET": UNSET}
    build: Callable[[Any, events.CommonSection], WireEvent] = eval(  # noqa: S307 - the text is made here
        f"lambda event, common: struct({fields})", names
    )
    return build


def _source(name: str) -> str:
    owner = "common" if name in events.CommonSection.__struct_fields__ else "event"
    return _SOURCES.get(name, f"{owner}.{name}")


#: Domain event -> maker of its wire struct, which has the event's name.
_BUILDERS: dict[type, Callable[[Any, events.CommonSection], WireEvent]] = {
    getattr(events, struct.__name__.removesuffix("Wire")): _builder(struct) for struct in get_args(WireEvent)
}
_BUILDERS[events.Purchase] = _BUILDERS[events.Transaction]


class NativeFormat:
    """The format of the project's own batches."""

    name = "native"

    def encoder(self, source: Source) -> Encoder:
        """Return an encoder for the events of a user."""
        del source
        return NativeEncoder()

    def __init__(self) -> None:
        self._encode = msgspec.json.Encoder().encode

    def encode(self, event: events.Event) -> bytes | None:
        """Return the event's bytes; None for events that only other formats carry."""
        build = _BUILDERS.get(type(event))
        return None if build is None else self._encode(build(event, event.common))

    def compose(self, header: Header, payloads: Sequence[bytes], sent_at_ms: int) -> bytes:
        """Return a batch: the header with its time of sending, then the stored bytes as they are."""
        head = self._encode(msgspec.structs.replace(header, sent_at=sent_at_ms))
        return b'%b,"pl":[%b]}' % (head[:-1], b",".join(payloads))


FORMAT = NativeFormat()


class NativeEncoder(Encoder):
    """One row for each event that the format has, no state."""

    has_state: ClassVar[bool] = False

    def __init__(self) -> None:
        encoder = msgspec.json.Encoder()
        self._encode, self._encode_lines = encoder.encode, encoder.encode_lines

    def encode(self, event: events.Event) -> Sequence[Row]:
        """Return the event's row, if any."""
        build = _BUILDERS.get(type(event))
        if build is None:
            return ()
        common = event.common
        payload = self._encode(build(event, common))
        return (Row(common.session_number, common.time_ms, common.event_id, payload),)

    def encode_all(self, many: Iterable[events.Event]) -> Sequence[Row]:
        """Return the rows of several events, encoded in one call."""
        known = [event for event in many if type(event) in _BUILDERS]
        commons = [event.common for event in known]
        wires = [_BUILDERS[type(event)](event, common) for event, common in zip(known, commons, strict=True)]
        # JSON holds no line break but as an escape.
        payloads = self._encode_lines(wires).split(b"\n")
        # One line more than events: the text ends with a break.
        return [
            Row(common.session_number, common.time_ms, common.event_id, payload)
            for common, payload in zip(commons, payloads, strict=False)
        ]


_DECODER = msgspec.json.Decoder(Batch)
#: Reads one event, and refuses what does not belong to its kind.
EVENT_DECODER: msgspec.json.Decoder[WireEvent] = msgspec.json.Decoder(WireEvent)


def check(event: events.Event) -> None:
    """Check an event that was not made by this package against the format.

    Raises
    ------
    ValueError, TypeError
        When it cannot be encoded, or not be read back.
    """
    # An event that only other formats carry has the common section of this one.
    EVENT_DECODER.decode(FORMAT.encode(event) or FORMAT.encode(events.AppStart(event.common)) or b"")


def decode(body: bytes) -> Batch:
    """Read a batch back, checked against the format.

    Raises
    ------
    msgspec.ValidationError
        When it is JSON, but no batch; the message names the place.
    """
    return _DECODER.decode(body)
