"""Dead letters of the store: rows that are never sent become some, and the oldest make room."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture.store import schema

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

__all__ = ["bury", "drop_letters", "has_letters"]

#: Letters have no order but that in which they were written.
_OLDEST = "FROM dead_letters ORDER BY rowid LIMIT ?"


def bury(connection: sqlite3.Connection, damaged: Sequence[Any], now_ms: int) -> int:
    """Move rows whose CRC is wrong to the dead letters, for every queue; return how many events that were."""
    lost = 0
    for row in damaged:
        following = connection.execute("SELECT MIN(id) FROM events WHERE id > ?", (row.id,)).fetchone()[0]
        count = connection.execute("SELECT count FROM events WHERE id = ?", (row.id,)).fetchone()
        if count is None:
            continue
        stated = count[0] if isinstance(count[0], int) and 1 <= count[0] <= 10_000 else 1
        last = following - 1 if following is not None else row.id + stated - 1
        connection.execute("DELETE FROM events WHERE id = ?", (row.id,))
        connection.execute(
            "INSERT OR REPLACE INTO dead_letters VALUES ('', ?, ?, ?, ?, 'wrong CRC', ?, ?)",
            (row.id, row.session, row.format or "", row.event_ids or "", now_ms, row.payload or b""),
        )
        connection.execute("INSERT OR REPLACE INTO ahead SELECT name, ?, ? FROM queues", (row.id, last))
        schema.set_mark(connection, last)
        lost += last - row.id + 1
    return lost


def has_letters(connection: sqlite3.Connection, *, before_ms: int | None = None) -> bool:
    """Tell whether there is a dead letter, or whether the oldest was given up before a time (ms)."""
    row = connection.execute(f"SELECT time_ms {_OLDEST}", (1,)).fetchone()
    return row is not None and (before_ms is None or not isinstance(row[0], int) or row[0] < before_ms)


def drop_letters(connection: sqlite3.Connection, most: int, *, before_ms: int | None = None) -> int:
    """Delete the oldest `most`, of these only what was given up before a time (ms); return how many.

    Within a transaction.
    """
    young = "" if before_ms is None else " AND (typeof(time_ms) <> 'integer' OR time_ms < ?)"
    statement = f"DELETE FROM dead_letters WHERE rowid IN (SELECT rowid {_OLDEST}){young}"  # noqa: S608 - constant
    return connection.execute(statement, (most,) if before_ms is None else (most, before_ms)).rowcount
