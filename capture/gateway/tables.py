"""Native batches as rows of a DuckDB table, on its way from a segment to a Parquet file."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from capture.formats import native
from capture.gateway.ids import Keys
from capture.optional import require

if TYPE_CHECKING:
    from capture.gateway.journal import Line

__all__ = ["ORDER", "PARQUET", "Tables", "connect", "quoted", "select_from"]

#: Text that is handed to the database at a time (bytes): this bounds its memory.
_PIECE_BYTES = 24 * 1024 * 1024
_LEAST_BUFFER = 1024 * 1024
#: How rows are sorted in a file.
ORDER = "project_id, user_id, time, uptime_ms"
_HALVES = "(event_id::UHUGEINT >> 64)::UBIGINT, (event_id::UHUGEINT & 18446744073709551615)::UBIGINT"
#: Half a byte of what an event says: a copy that says something else is counted.
_MARK = (
    "(hash(event_name, uptime_ms, url, title, target_path, target_id, direction, distance, velocity, amount, "
    "key, text, number) & 15)::UTINYINT"
)
KEYS = f"{_HALVES}, epoch_ms(time), {_MARK}"


def connect(folder: Path, memory_bytes: int) -> Any:
    """Return a connection to a database in memory; it spills into `folder` and loads nothing from outside."""
    duckdb = require("duckdb", "the gateway's writer")
    connection = duckdb.connect(
        ":memory:",
        config={
            "memory_limit": f"{memory_bytes}B",
            "threads": 1,
            "preserve_insertion_order": False,
            "temp_directory": str(folder / ".spill"),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    # It would write to the standard output of whoever runs a command.
    connection.execute("SET enable_progress_bar = false")
    return connection


class Tables:
    """The rows of one segment.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    scratch : Path
        File for the text that the database reads.
    """

    def __init__(self, connection: Any, scratch: Path) -> None:
        self._connection = connection
        self._scratch = scratch
        self._lines: list[tuple[Line, bytes]] = []
        self._bytes = 0
        #: Batches that the database cannot read, with its reason.
        self.failed: list[tuple[Line, bytes, str]] = []
        scratch.write_bytes(b"")
        connection.execute(f"CREATE OR REPLACE TEMP TABLE rows AS {select_from(scratch, _LEAST_BUFFER)}")

    def add(self, line: Line, batch: bytes) -> None:
        """Add a batch; `flush` when all are added."""
        self._lines.append((line, batch))
        self._bytes += len(batch)
        if self._bytes >= _PIECE_BYTES:
            self.flush()

    def flush(self) -> None:
        """Hand what was added to the database."""
        lines, self._lines, self._bytes = self._lines, [], 0
        self._insert(lines)
        with contextlib.suppress(FileNotFoundError):
            self._scratch.unlink()

    def _insert(self, lines: list[tuple[Line, bytes]]) -> None:
        """Insert batches; one that cannot be read must not hold up the others."""
        if not lines:
            return
        with self._scratch.open("wb") as file:
            file.writelines(
                b'{"project":%d,"received":%d,"batch":%b}\n' % (line.project, line.received, batch)
                for line, batch in lines
            )
        # The database's buffers are as large as the longest line may be.
        most = max(_LEAST_BUFFER, 1024 + max(len(batch) for _, batch in lines))
        try:
            self._connection.execute(f"INSERT INTO rows {select_from(self._scratch, most)}")
        except require("duckdb").Error as error:
            if len(lines) == 1:
                self.failed.append((*lines[0], str(error).partition("\n")[0][:200]))
                return
            middle = len(lines) // 2
            self._insert(lines[:middle])
            self._insert(lines[middle:])

    def projects(self) -> list[int]:
        """Return the projects that have rows."""
        return [row[0] for row in self._all("SELECT DISTINCT project_id FROM rows ORDER BY 1")]

    def users(self) -> list[tuple[int, str]]:
        """Return the project and the id of each user."""
        return self._all("SELECT DISTINCT project_id, user_id FROM rows")

    def delete_users(self, users: list[tuple[int, str]]) -> list[tuple[int, int]]:
        """Delete the rows of users; return project and number of each."""
        query = "DELETE FROM rows WHERE project_id = ? AND user_id = ?"
        return [(user[0], self._all(query, user)[0][0]) for user in users]

    def keys(self, project: int) -> tuple[Any, Keys]:
        """Return the numbers and the keys of a project's rows, in the order of arrival."""
        query = f"SELECT rowid, {KEYS} FROM rows WHERE project_id = ? ORDER BY rowid"  # noqa: S608
        columns = self._connection.execute(query, [project]).fetchnumpy()
        rowid, *keys = (np.asarray(column) for column in columns.values())
        return rowid, Keys(*keys)

    def delete(self, rowids: Any) -> None:
        """Delete rows."""
        if len(rowids):
            self._connection.execute("DELETE FROM rows WHERE rowid IN (SELECT unnest(?))", [rowids.tolist()])

    def summary(self) -> list[tuple[int, int, int, int]]:
        """Return project, number of rows, and the first and last time (ms) of each."""
        query = "SELECT project_id, count(*), min(epoch_ms(time)), max(epoch_ms(time)) FROM rows GROUP BY 1"
        return self._all(query)

    def save(self, path: Path) -> None:
        """Write the rows to a Parquet file, sorted."""
        self._connection.execute(f"COPY (FROM rows ORDER BY {ORDER}) TO '{quoted(path)}' ({PARQUET})")

    def _all(self, query: str, values: Any = ()) -> list[Any]:
        found: list[Any] = self._connection.execute(query, values).fetchall()
        return found


#: Options of every Parquet file.
PARQUET = "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 100000"


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
