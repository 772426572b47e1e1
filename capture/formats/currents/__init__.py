"""The wire format ``currents``: behaviour as customer and user events, one canonical JSON record each.

A record is made when its event is collected (`encoder`), holds every source field and never changes.
Avro files (`avro`) and the bodies of analytics partners (`shapes`) are made from records when they are
sent, by the table in `schema`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture.formats.currents.record import Record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.formats.base import Encoder, Source
    from capture.formats.header import Header

__all__ = ["FORMAT", "CurrentsFormat", "Record"]


class CurrentsFormat:
    """Canonical records of one user each."""

    name = "currents"

    def encoder(self, source: Source) -> Encoder:
        """Return an encoder for the events of a user."""
        # Late: most importers of this package make no records.
        from capture.formats.currents.encoder import CurrentsEncoder

        return CurrentsEncoder(source)

    def compose(self, header: Header, payloads: Sequence[bytes], sent_at_ms: int) -> bytes:
        """Return a batch: ``{"events": [...]}``; records name their user themselves."""
        del header, sent_at_ms
        return b'{"events":[%b]}' % b",".join(payloads)


FORMAT = CurrentsFormat()
