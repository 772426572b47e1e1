"""Gestures in Currents records: from files in the documented layout, and from batches of records.

Records come at least once: a reader deduplicates by ``id``. Records of other events are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from capture.errors import ConfigError
from capture.formats.currents.files import BATCH_START, READ_BYTES, find_files
from capture.formats.currents.mapping import GESTURES
from capture.optional import require

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import pyarrow as pa

__all__ = ["COLUMNS", "find_currents", "gesture_batches"]

_CUSTOM = "users.behaviors.CustomEvent"
_NAMES = frozenset(GESTURES.values())
_ROWS = 50_000
_NS_PER_MS = 1_000_000


class _Properties(msgspec.Struct, gc=False):
    """The counted fields of a gesture's record; a hidden target's has fewer."""

    time_down: int | None = None
    time_up: int | None = None
    time_ms: int | None = None
    reason: str = "recognized"
    direction: str | None = None
    duration: float | None = None
    distance: float | None = None
    velocity: float | None = None
    tap_count: int | None = None
    rage: bool | None = None
    screen: str | None = None
    target_id: str | None = None
    target_path: str | None = None
    responsive: bool | None = None
    x_down: float | None = None
    y_down: float | None = None


class _Record(msgspec.Struct, gc=False):
    """The fields that are read from a JSON record."""

    id: str
    user_id: str
    time: int
    name: str = ""
    properties: str = "{}"
    event_type: str = _CUSTOM


class _Batch(msgspec.Struct):
    """A batch of records."""

    events: list[_Record]


#: Column of the rows -> its Arrow type.
COLUMNS = {
    "id": "string",
    "stream": "string",
    "kind": "string",
    "reason": "string",
    "direction": "string",
    "time_down": "int64",
    "time_up": "int64",
    "duration": "double",
    "distance": "float",
    "velocity": "float",
    "tap_count": "int32",
    "rage": "bool",
    "screen": "string",
    "target": "string",
    "responsive": "bool",
    "x": "float",
    "y": "float",
}
_decode_properties = msgspec.json.Decoder(_Properties).decode
_decode_record = msgspec.json.Decoder(_Record).decode
_decode_batch = msgspec.json.Decoder(_Batch).decode


def find_currents(folder: Path) -> list[Path]:
    """Return the files of custom events, which gestures are, in a folder in the documented layout."""
    return find_files(folder, _CUSTOM)


def gesture_batches(files: Iterable[Path]) -> Iterator[pa.RecordBatch]:
    """Yield the gestures of Currents files or batches, `COLUMNS` of them.

    Raises
    ------
    ConfigError
        When a file is damaged, or is none of them.
    """
    arrow = require("pyarrow")
    schema = arrow.schema([(name, arrow.type_for_alias(kind)) for name, kind in COLUMNS.items()])
    rows: list[tuple[Any, ...]] = []
    for path in files:
        try:
            for row in _rows(path):
                rows.append(row)
                if len(rows) == _ROWS:
                    yield _batch(arrow, schema, rows)
                    rows = []
        except (msgspec.MsgspecError, UnicodeDecodeError, KeyError, ValueError, EOFError, OSError) as error:
            raise ConfigError(f"{path}: not a file of Currents records: {error}") from None
    if rows:
        yield _batch(arrow, schema, rows)


def _batch(arrow: Any, schema: Any, rows: list[tuple[Any, ...]]) -> Any:
    columns = zip(*rows, strict=True)
    arrays = [arrow.array(column, each.type) for column, each in zip(columns, schema, strict=True)]
    return arrow.record_batch(arrays, schema=schema)


def _rows(path: Path) -> Iterator[tuple[Any, ...]]:
    """Yield the gestures of a file."""
    if path.suffix == ".avro":
        fastavro = require("fastavro", "Avro")
        with path.open("rb", buffering=READ_BYTES) as file:
            for record in fastavro.reader(file):
                if record["name"] in _NAMES:
                    yield _row(
                        record["id"], record["user_id"], record["name"], record["time"], record["properties"]
                    )
        return
    with path.open("rb") as lines:
        for line in lines:
            records = _decode_batch(line).events if line.startswith(BATCH_START) else [_decode_record(line)]
            for each in records:
                if each.name in _NAMES and each.event_type == _CUSTOM:
                    yield _row(each.id, each.user_id, each.name, each.time, each.properties)


def _row(record_id: str, user_id: str, name: str, time_s: int, properties: str) -> tuple[Any, ...]:
    found = _decode_properties(properties)
    # The touches' own clock may begin anew; that of the record does not.
    end = (time_s * 1000 if found.time_ms is None else found.time_ms) * _NS_PER_MS
    length = 0 if found.time_down is None or found.time_up is None else found.time_up - found.time_down
    return (
        record_id,
        user_id,
        name,
        found.reason,
        found.direction or "none",
        end - length,
        end,
        found.duration,
        found.distance,
        found.velocity,
        found.tap_count,
        found.rage,
        found.screen or None,
        found.target_id or found.target_path,
        found.responsive,
        found.x_down,
        found.y_down,
    )
