"""The small state of an app: what was stored as a whole, under what later events changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture.store.rows import decode_state, encode_state
from capture.store.schema import largest_id

if TYPE_CHECKING:
    import sqlite3

__all__ = ["read_state", "write_state"]

_NEWEST = (
    "SELECT session, id, state FROM events WHERE length(state) > 0 AND typeof(session) = 'integer' "
    "ORDER BY session DESC, id DESC LIMIT 1"
)


def read_state(connection: sqlite3.Connection, unwritten: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the state, None for none.

    Events carry the keys that they change, so that an append is one statement. What the newest event of
    the latest session carried counts, if it came after the state as a whole.
    """
    stored = {
        name: (session, row_id, value)
        for name, session, row_id, value in connection.execute("SELECT name, session, id, value FROM state")
        if isinstance(session, int) and isinstance(row_id, int)
    }
    app = stored.get("app", (0, 0, b""))
    state = unwritten or (decode_state(app[2]) if app[2] else None)
    newest = connection.execute(_NEWEST).fetchone()
    carried = max((row for row in (stored.get("session"), newest) if row), default=None)
    if carried and carried[1] > app[1] and carried[0] >= app[0]:
        changes = decode_state(carried[2])
        if changes is not None:
            state = {**(state or {}), **changes}
    return state


def write_state(connection: sqlite3.Connection, state: dict[str, Any]) -> None:
    """Store the state as a whole; within a transaction or as one statement."""
    values = (int(state.get("session_number") or 0), largest_id(connection), encode_state(state))
    connection.execute("INSERT OR REPLACE INTO state VALUES ('app', ?, ?, ?)", values)
