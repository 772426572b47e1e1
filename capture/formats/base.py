"""What a wire format is: how an event becomes bytes, and how stored bytes become a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.events.domain import Event
    from capture.formats.native import Header

__all__ = ["Format"]


class Format(Protocol):
    """A wire format: stateless, safe to use from several threads."""

    name: str

    def encode(self, event: Event) -> bytes | None:
        """Return the event as it will be stored and sent; None where this format has nothing for it."""

    def compose(self, header: Header, payloads: Sequence[bytes], sent_at_ms: int) -> bytes:
        """Return a batch of stored events, in order; their bytes are spliced in, not decoded."""
