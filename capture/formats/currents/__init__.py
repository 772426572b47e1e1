"""The wire format ``currents``: behaviour as customer and user events, one canonical JSON record each.

A record is made when its event is collected (`maker`), holds every source field and never changes.
Avro files (`avro`) and the bodies of analytics partners (`shapes`) are made from records when they are
sent, by the table in `schema`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture.formats.currents.record import Record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.formats.native import Header

__all__ = ["FORMAT", "CurrentsFormat", "Record"]


class CurrentsFormat:
    """Canonical records. What happened in an app becomes records in a `maker.RecordMaker`."""

    name = "currents"

    def encode(self, event: object) -> bytes | None:
        """Return a record's canonical JSON; None for events, whose records need to know their session."""
        return event.encode() if isinstance(event, Record) else None

    def compose(self, header: Header, payloads: Sequence[bytes], sent_at_ms: int) -> bytes:
        """Return a batch: ``{"events": [...]}``; records name their user themselves."""
        del header, sent_at_ms
        return b'{"events":[%b]}' % b",".join(payloads)


FORMAT = CurrentsFormat()
