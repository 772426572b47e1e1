"""Read Currents records as recordings, one for each user: the native events that they were made beside.

Measures and positions stay in the records: the page shows the timeline and the table, as for batches.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from capture.errors import TouchLogError
from capture.events import currencies
from capture.events.domain import HIDDEN_MOVEMENT, VersionOrigin
from capture.formats import native
from capture.formats.currents.files import find_files, is_batch_of_records, records_in
from capture.formats.currents.mapping import GESTURES
from capture.gestures.kinds import KINDS, Direction
from capture.report.from_batches import Reader, find_batches

if TYPE_CHECKING:
    from capture.report.recording import Recording

__all__ = ["find_currents", "read_currents"]

_NOWHERE = VersionOrigin(sdk_version="", sdk_build=0, app_version="", app_flavor="", app_build=0)
_PLAIN = {
    "app_start": native.AppStartWire,
    "app_show": native.AppShowWire,
    "app_hide": native.AppHideWire,
}
_MOVING = frozenset(row.name for row in KINDS if row.moves)
#: Name of a gesture's custom event -> its wire struct.
_WIRES = {name: getattr(native, f"{event.__name__}Wire") for event, name in GESTURES.items()}
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
    where: dict[str, Any] = {"session_number": 1, "url": _url("", "")}
    for record, properties in _in_order(known):
        if "session_number" in properties and "screen" in properties:
            url = _url(properties["screen"], properties.get("screen_path", ""))
            where = {"session_number": properties["session_number"], "url": url}
        elif record.get("name") == "screen_view":
            where = where | {"url": _url(properties.get("title", ""), "")}
        event = _event(record, properties, where)
        if event is not None:
            reader.add([event])
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


def _event(record: dict[str, Any], properties: dict[str, Any], where: dict[str, Any]) -> Any:
    """Return the native event of a record; None for a record that had none."""
    common = {
        "uptime_ms": 0,
        "event_id": record["id"],
        "screen_count": 0,
        "connectivity": 0,
        "orientation": 0,
        "version_origin": _NOWHERE,
        "time_ms": _time_ms((record, properties)),
        **where,
    }
    name = record.get("name", "")
    if record["event_type"].endswith(".Purchase"):
        _, number = currencies.find(record["currency"]) or ("", 999)
        payment = native.Payment(value=record["price"], currency=number, id=record["product_id"])
        return native.TransactionWire(payment=payment, **common)
    if name in _PLAIN:
        return _PLAIN[name](**common)
    if name == "screen_view":
        return native.ScreenViewWire(
            title=properties.get("title", ""), load_time_ms=properties.get("load_time_ms", 0), **common
        )
    if name == "dynamic_variable" and {"key", "value"} <= properties.keys():
        wire = (
            native.StringVariableWire if isinstance(properties["value"], str) else native.NumberVariableWire
        )
        return wire(key=properties["key"], value=properties["value"], **common)
    if name in _WIRES and "time_down" in properties:
        return _WIRES[name](**_gesture(name, properties), **common)
    return None


def _gesture(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    fields = {"target_path": properties.get("target_path", ""), "target_id": properties.get("target_id", "")}
    if name in _MOVING:
        way = properties.get("direction", "none").upper()
        direction, distance, velocity = HIDDEN_MOVEMENT
        if way in Direction.__members__ and Direction[way] is not Direction.NONE:
            direction = int(Direction[way])
            distance, velocity = round(properties.get("distance", 0)), round(properties.get("velocity", 0))
        return fields | {"direction": direction, "distance": distance, "velocity": velocity}
    return fields | {"responsive": properties.get("responsive", True)} if name == "tap" else fields


def _time_ms(known: _Known) -> int:
    record, properties = known
    time_ms = properties.get("time_ms")
    return time_ms if isinstance(time_ms, int) else record["time"] * 1000


def _url(title: str, path: str) -> str:
    return f"app://records/{path}?title={quote(title, safe='')}"
