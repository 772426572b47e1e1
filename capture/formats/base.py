"""Base of wire formats: how events become bytes, and how stored bytes become a batch.

A format with independent events is a `Format`. One that makes more rows than events, or remembers
something between them, is an `EncoderFormat`: it makes an `Encoder` for each recorder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

import msgspec

from capture.events.session import SessionState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from capture.config import RunConfig
    from capture.events.device import Device
    from capture.events.domain import Event
    from capture.formats.header import Header

__all__ = ["Encoder", "EncoderFormat", "Format", "PlainEncoder", "Row", "Source"]


class Row(msgspec.Struct, frozen=True, gc=False):
    """An encoded event, or a record beside it, as it is stored and sent.

    Attributes
    ----------
    session : int
        Session number.
    time_ms : int
        ms since the epoch.
    event_id : str
        Unique; the row of an event has the id of the event.
    payload : bytes
    """

    session: int
    time_ms: int
    event_id: str
    payload: bytes


class Source(msgspec.Struct, kw_only=True):
    """Origin of an encoder's events.

    Attributes
    ----------
    config : RunConfig
    device : Device
    user_id : str
    salt : str
        Of the installation, for hashed personal data.
    new_id : callable
        Makes a UUID from a name: at random in a live app, derived from the name in a replay.
    on_drop : callable
        Called with a cause for each row that could not be made.
    session : SessionState
        Where the user's last session stands.
    state : dict
        Stored state of the installation. Keys that an encoder adds are remembered as well.
    is_live : bool
        Whether the events happen on this machine, now; a replay asks the machine nothing.
    """

    config: RunConfig
    device: Device
    user_id: str
    salt: str
    new_id: Callable[[str], str]
    on_drop: Callable[[str], None]
    session: SessionState = SessionState()
    state: dict[str, Any] = {}
    is_live: bool = True


class Encoder(Protocol):
    """Encodes the events of one user, in the order in which they are recorded.

    A subclass needs `encode` alone: the other methods do nothing by default.
    """

    #: Whether it makes rows for sessions or remembers anything. Otherwise only `encode` and `encode_all` are
    #: called.
    has_state: ClassVar[bool] = True

    def encode(self, event: Event) -> Sequence[Row]:
        """Return the rows that an event makes due, in order; the event's own, if it has one, is the last."""

    def encode_all(self, events: Iterable[Event]) -> Sequence[Row]:
        """Return the rows of several events, as `encode` does."""
        return [row for event in events for row in self.encode(event)]

    def begin(self, time_ms: int) -> Sequence[Row]:
        """Return the rows that are due when recording begins, before the first event."""
        del time_ms
        return ()

    def end(self) -> Sequence[Row]:
        """Return the rows that the end of the current session makes due; the next event opens another."""
        return ()

    def forget(self) -> None:
        """Forget the current session without its end: another process continues it."""
        return

    def state(self, session: int) -> dict[str, Any]:
        """Return the state of a session to store: it is in `Source.state` after a restart."""
        del session
        return {}

    def change(self, device: Device, **facts: Any) -> None:
        """Use other facts about the device and the user from now on.

        The user's are `external_user_id`, `platform`, `ad_id`, `ad_id_type` and `ad_tracking_enabled`.
        """
        del device, facts


class Format(Protocol):
    """A wire format with independent events: stateless, safe to use from several threads."""

    name: str

    def encode(self, event: Event) -> bytes | None:
        """Return the event as it is stored and sent; None where this format does not have it."""

    def compose(self, header: Header, payloads: Sequence[bytes], sent_at_ms: int) -> bytes:
        """Return a batch of stored events, in order; their bytes are spliced in, not decoded."""


@runtime_checkable
class EncoderFormat(Protocol):
    """A wire format that makes an `Encoder` for each recorder; `compose` as in `Format`."""

    name: str

    def encoder(self, source: Source) -> Encoder:
        """Return an encoder for the events of a user."""

    def compose(self, header: Header, payloads: Sequence[bytes], sent_at_ms: int) -> bytes:
        """Return a batch of stored rows, in order."""


class PlainEncoder(Encoder):
    """The encoder of a `Format`: one row for each event, no state."""

    has_state: ClassVar[bool] = False

    def __init__(self, wire_format: Format) -> None:
        self._encode = wire_format.encode

    def encode(self, event: Event) -> Sequence[Row]:
        """Return the event's row; no row where the format does not have it."""
        payload = self._encode(event)
        if payload is None:
            return ()
        common = event.common
        return (Row(common.session_number, common.time_ms, common.event_id, payload),)
