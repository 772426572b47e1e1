"""The encoders of a replay: events of all logs become packed rows, a whole batch each."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

import msgspec

from capture.events.device import Device
from capture.formats import Source, make_encoder
from capture.ids import derived_id

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from capture.config.run import RunConfig
    from capture.events.domain import Event
    from capture.formats import Row

__all__ = ["EventEncoder", "Pack", "Packer"]

_session = attrgetter("session")


class Pack(msgspec.Struct, frozen=True, gc=False):
    """Neighbouring rows of one session in one wire format.

    Attributes
    ----------
    wire : str
        Wire format of the payloads.
    session : int
        Their session number.
    time_ms : int
        When the first of them occurred (ms since the epoch).
    event_ids : list of str
    payloads : list of bytes
    """

    wire: str
    session: int
    time_ms: int
    event_ids: list[str]
    payloads: list[bytes]


class Packer:
    """Packs the rows of one wire format: up to `size` rows of one session, which are a whole batch."""

    def __init__(self, wire: str, size: int) -> None:
        self._wire = wire
        self._size = size
        self._session = 0
        self._rows: list[Row] = []
        self._packs: list[Pack] = []

    def put(self, rows: Sequence[Row]) -> None:
        """Append the next rows."""
        for session, run in groupby(rows, _session):
            if session != self._session:
                self._end_pack()
                self._session = session
            self._rows += run
            while len(self._rows) >= self._size:
                rest = self._rows[self._size :]
                del self._rows[self._size :]
                self._end_pack()
                self._rows = rest

    def packs(self, active: Collection[int]) -> list[Pack]:
        """Return the packs since the last call; rows that do not fill one in an `active` session wait."""
        if self._session not in active:
            self._end_pack()
        packs, self._packs = self._packs, []
        return packs

    def _end_pack(self) -> None:
        rows, self._rows = self._rows, []
        if rows:
            ids, payloads = [row.event_id for row in rows], [row.payload for row in rows]
            self._packs.append(Pack(self._wire, self._session, rows[0].time_ms, ids, payloads))


class EventEncoder:
    """Encodes the events of a replay in each wire format that the sinks want.

    Parameters
    ----------
    config : RunConfig
    wires : sequence of str
    user_id : str
        Also the salt of hidden names and personal data: they come out the same each time.

    Attributes
    ----------
    wires : tuple of str
    events : int
        How many there were so far, with the rows that they made due beside their own.
    """

    def __init__(self, config: RunConfig, wires: Sequence[str], user_id: str) -> None:
        self.events = 0
        self.wires = tuple(wires)
        self._device = Device()
        source = Source(
            config=config,
            device=self._device,
            user_id=user_id,
            salt=user_id,
            new_id=derived_id,
            on_drop=lambda _: None,
            is_live=False,
        )
        size = config.buffer.batch_size
        self._encoders = [(make_encoder(wire, source), Packer(wire, size)) for wire in wires]

    def put(self, events: Sequence[Event], device: Device) -> None:
        """Encode the next events, which happened on `device`."""
        if device is not self._device:
            self._device = device
            for encoder, _ in self._encoders:
                encoder.change(device)
        self.events += len(events)
        for encoder, packer in self._encoders:
            rows = encoder.encode_all(events)
            packer.put(rows)
            if encoder.has_state:
                own = {event.common.event_id for event in events}
                self.events += sum(row.event_id not in own for row in rows)

    def end(self) -> None:
        """Encode the events that the end of the last session makes due."""
        for encoder, packer in self._encoders:
            packer.put(encoder.end())

    def packs(self, active: Collection[int]) -> list[Pack]:
        """Return the packs since the last call; see `Packer.packs`."""
        return [pack for _, packer in self._encoders for pack in packer.packs(active)]
