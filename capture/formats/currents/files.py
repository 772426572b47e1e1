"""Files of Currents records: which are in a folder, and the records in one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from capture.optional import require

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["BATCH_START", "READ_BYTES", "find_files", "is_batch_of_records", "records_in"]

#: Bytes of a file that are read at a time.
READ_BYTES = 1 << 20
_EVENT = "event_type="
#: How a batch of records begins.
BATCH_START = b'{"events":'
_decode = msgspec.json.Decoder(dict[str, Any]).decode


def find_files(folder: Path, event: str = "") -> list[Path]:
    """Return the files of an event, or of all events, in a folder in the documented layout; sorted."""
    return sorted(
        path
        for pattern in ("*.avro", "*.json", "*.jsonl")
        for path in folder.rglob(pattern)
        if not path.name.startswith(("_", ".")) and (_event_of(path) == event if event else _event_of(path))
    )


def is_batch_of_records(path: Path) -> bool:
    """Return whether a file of batches holds Currents records."""
    with path.open("rb") as file:
        return file.read(len(BATCH_START)) == BATCH_START


def records_in(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the records of a file or of batches, each with its ``event_type``; nulls are left out.

    The event type is the one that the path names, or the schema of an Avro file.

    Raises
    ------
    ValueError, EOFError, OSError, msgspec.MsgspecError
        When it is none, or damaged.
    """
    event = {"event_type": _event_of(path)}
    if path.suffix == ".avro":
        fastavro = require("fastavro", "Avro")
        with path.open("rb", buffering=READ_BYTES) as file:
            reader = fastavro.reader(file)
            event["event_type"] = event["event_type"] or _event_in(reader.writer_schema)
            for record in reader:
                yield event | {name: value for name, value in record.items() if value is not None}
        return
    with path.open("rb") as lines:
        for line in lines:
            found = _decode(line)
            batch = found.get("events")
            yield from batch if isinstance(batch, list) else (event | found,)


def _event_in(schema: dict[str, Any]) -> str:
    """Return the event type that the name of a schema ends with."""
    name = schema["name"] if "." in schema["name"] else f"{schema.get('namespace', '')}.{schema['name']}"
    return f"users{name.partition('users')[2]}"


def _event_of(path: Path) -> str:
    """Return the event type that the path of a file names; empty for none."""
    return next((part[len(_EVENT) :] for part in path.parts if part.startswith(_EVENT)), "")
