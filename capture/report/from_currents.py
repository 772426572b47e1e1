"""Read Currents records as recordings, one for each user.

Measures and positions stay in the records: the page shows the timeline and the table, as for batches.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from capture.errors import TouchLogError
from capture.events import currencies
from capture.events.domain import HIDDEN_MOVEMENT
from capture.events.targets import Target
from capture.formats.currents.files import find_files, is_batch_of_records, records_in
from capture.gestures.kinds import KINDS, Direction
from capture.report.from_batches import Entry, Reader, find_batches

if TYPE_CHECKING:
    from capture.report.recording import Recording

__all__ = ["find_currents", "read_currents"]

_PLAIN = frozenset({"app_start", "app_show", "app_hide"})
#: Name of a gesture's custom event -> its kind.
_GESTURES = {row.name: row for row in KINDS if row.event is not None}
_decode = msgspec.json.Decoder(dict[str, Any]).decode
#: A record and its properties.
_Known = tuple[dict[str, Any], dict[str, Any]]


def find_currents(path: str) -> list[Path]:
    """Return the files of records that a folder has, in the documented layout or as batches."""
    batches = find_batches(path)
    if batches is not None:
        return [batches] if is_batch_of_records(batches) else []
    place = Path(path)
    return find_files(place) if place.is_dir() else []


def read_currents(files: list[Path]) -> list[Recording]:
    """Read records, which may come more than once and in any order.

    Raises
    ------
    TouchLogError
        When a file is damaged.
    """
    users: dict[str, dict[str, dict[str, Any]]] = {}
    for path in files:
        try:
            for record in records_in(path):
                users.setdefault(record["user_id"], {})[record["id"]] = record
        except (msgspec.MsgspecError, KeyError, TypeError, ValueError, EOFError, OSError) as error:
            raise TouchLogError(f"not a file of Currents records: {error}", path=str(path)) from None
    recordings = []
    for user_id, records in users.items():
        recording = _recording(f"user {user_id[:8]}", list(records.values()))
        recording.format = "currents"
        recordings.append(recording)
    return recordings


def _recording(name: str, records: list[dict[str, Any]]) -> Recording:
    reader = Reader()
    known = [(record, _decode(record.get("properties", "{}"))) for record in records]
    session, title = 1, ""
    for record, properties in _in_order(known):
        if "session_number" in properties and "screen" in properties:
            session, title = properties["session_number"], properties["screen"]
        if record.get("name") == "screen_view":
            title = properties.get("title", "")
        time_ms, stage = _time_ms((record, properties)), (title, False)
        entry = Entry(event_id=record["id"], time_ms=time_ms, session=session, stage=stage)
        if _describe(entry, record, properties):
            reader.add([entry])
    return reader.recording(name)


def _in_order(known: list[_Known]) -> list[_Known]:
    """Return the records of all files in the order of their times.

    A screen view has whole seconds only: it comes before the first gesture on its screen in its second.
    """
    first: dict[tuple[str, int], int] = {}
    for each in known:
        record, properties = each
        if "screen" in properties:
            seen = properties["screen"], record["time"]
            first[seen] = min(first.get(seen, _time_ms(each)), _time_ms(each))

    def order(each: _Known) -> tuple[int, bool]:
        record, properties = each
        if record.get("name") != "screen_view":
            return _time_ms(each), True
        return first.get((properties.get("title", ""), record["time"]), _time_ms(each)), False

    return sorted(known, key=order)


def _describe(entry: Entry, record: dict[str, Any], properties: dict[str, Any]) -> bool:
    """Complete the event of a record; return whether it had one."""
    name = entry.name = record.get("name", "")
    if record["event_type"].endswith(".Purchase"):
        _, number = currencies.find(record["currency"]) or ("", 999)
        entry.set_transaction(record["price"], number)
    elif name == "screen_view":
        entry.name, entry.label = "screen", properties.get("title", "")
    elif name == "dynamic_variable" and {"key", "value"} <= properties.keys():
        entry.set_variable(properties["key"], properties["value"])
    elif name in _GESTURES and "time_down" in properties:
        kind = _GESTURES[name]
        entry.target = Target(
            path=properties.get("target_path", ""),
            id=properties.get("target_id", ""),
            responsive=properties.get("responsive", True) if kind.runs else None,
        )
        entry.kind = kind.kind
        if kind.moves:
            entry.direction, entry.distance, entry.velocity = _movement(properties)
    else:
        return name in _PLAIN
    return True


def _movement(properties: dict[str, Any]) -> tuple[int, int, int]:
    """Return direction, distance and velocity."""
    direction = Direction.__members__.get(properties.get("direction", "none").upper(), Direction.NONE)
    if direction is Direction.NONE:
        return HIDDEN_MOVEMENT
    return direction, round(properties.get("distance", 0)), round(properties.get("velocity", 0))


def _time_ms(known: _Known) -> int:
    record, properties = known
    time_ms = properties.get("time_ms")
    return time_ms if isinstance(time_ms, int) else record["time"] * 1000
