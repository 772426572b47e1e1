"""Currents records of a replay: whose they are and where their ids come from, without the machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture.events.device import Device
from capture.formats.currents.maker import Facts, RecordMaker
from capture.ids import derived_id

if TYPE_CHECKING:
    from capture.config.run import RunConfig
    from capture.events.domain import Event
    from capture.formats.currents.maker import Made

__all__ = ["replay_records", "take"]


def replay_records(config: RunConfig, user_id: str) -> RecordMaker:
    """Return what makes the records of a replay; `user_id` is the salt of hashed personal data as well."""
    facts = Facts(user_id=user_id, device_id=derived_id(f"device {user_id}"))
    return RecordMaker(config, Device(), facts, salt=user_id, new_id=derived_id, on_drop=_logged)


def take(records: RecordMaker, event: Event, device: Device) -> list[Made]:
    """Return the records that an event on `device` makes due."""
    if device is not records.device:
        records.change(device=device)
    return records.take(event)


def _logged(cause: str) -> None:
    """Leave it at the maker's log line: a replay has no counts of its own for it."""
