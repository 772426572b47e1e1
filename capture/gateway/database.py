"""Settings of the database engine that writes and merges Parquet files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

from capture.formats import native
from capture.optional import require

__all__ = ["HALVES", "LEAST_BUFFER", "ORDER", "PARQUET", "connect", "quoted", "select_from"]

#: How rows are sorted in a file.
ORDER = "project_id, user_id, time, uptime_ms"
#: Options of every Parquet file; a group of rows is held in memory, several times as large as in the file.
PARQUET = "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 24576"
#: The two halves of an id.
HALVES = "(event_id::UHUGEINT >> 64)::UBIGINT, (event_id::UHUGEINT & 18446744073709551615)::UBIGINT"
#: Least size (bytes) of its buffer for a line.
LEAST_BUFFER = 1024 * 1024


def connect(scratch: Path, memory_bytes: int) -> Any:
    """Return a connection to a database in memory, which spills into `scratch` and loads no extension."""
    connection = require("duckdb", "the gateway's writer").connect(
        ":memory:",
        config={
            "memory_limit": f"{memory_bytes}B",
            "threads": 1,
            "temp_directory": str(scratch),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    # It would write to the standard output of the command.
    connection.execute("SET enable_progress_bar = false")
    return connection


def quoted(path: Path) -> str:
    """Return a path for a statement that takes no parameter."""
    return str(path).replace("'", "''")


def select_from(path: Path, most_bytes: int) -> str:
    """Return the statement that reads rows from a file of lines, each at most so long (bytes)."""
    names = {struct.__struct_config__.tag: struct.__name__ for struct in get_args(native.WireEvent)}
    case = " ".join(f"WHEN {tag} THEN '{_event_name(name)}'" for tag, name in names.items())
    text = (Path(__file__).parent / "events.sql").read_text(encoding="utf-8")
    text = text.replace("$names", f"CASE e.ea {case} END").replace("$most", str(most_bytes))
    return text.replace("$path", f"'{quoted(path)}'")


def _event_name(struct: str) -> str:
    """Return ``long_press`` for LongPressWire."""
    return re.sub("(?<!^)([A-Z])", r"_\1", struct.removesuffix("Wire")).lower()
