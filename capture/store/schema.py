"""The SQLite file of the store: its tables, versions and settings, and how a connection to it is opened."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

__all__ = [
    "APPLICATION_ID",
    "FILE_NAME",
    "LAST_ID",
    "MIGRATIONS",
    "PAGE_BYTES",
    "Foreign",
    "connect",
    "cursor_of",
    "largest_id",
    "lenient",
    "mark_crc",
    "mark_of",
    "mend_mark",
    "mend_queue",
    "prepare",
    "queue_crc",
    "set_cursor",
    "set_mark",
]

#: Name of the database inside the store's folder.
FILE_NAME = "capture.db"
#: Marks the file as ours ("TCap"): any other file under the name is moved aside, not overwritten.
APPLICATION_ID = 0x54436170
#: Measured: the fastest for rows of half a kilobyte.
PAGE_BYTES = 2048

#: The last of a row's ids, whatever a flipped bit has made of its count.
LAST_ID = "id + CASE WHEN typeof(count) = 'integer' AND count BETWEEN 1 AND 10000 THEN count - 1 ELSE 0 END"

_VERSION_1 = """
CREATE TABLE events (
    id INTEGER PRIMARY KEY,      -- given by us. A packed row owns the ids from id to id + count - 1
    session INTEGER NOT NULL,
    format TEXT NOT NULL,
    count INTEGER NOT NULL,
    time_ms INTEGER NOT NULL,
    crc INTEGER NOT NULL,        -- CRC-32 over (id, session, format, payload)
    event_ids TEXT NOT NULL,     -- separated by one space
    payload BLOB NOT NULL,
    state BLOB NOT NULL          -- state after this event, see _store_rows.encode_state
);
CREATE TABLE queues (
    name TEXT PRIMARY KEY,
    format TEXT NOT NULL,
    cursor INTEGER NOT NULL,     -- every id up to here is acknowledged, dead or dropped
    crc INTEGER NOT NULL         -- CRC-32 over (name, cursor)
) WITHOUT ROWID;
CREATE TABLE ahead (             -- ids behind the cursor that are done already
    queue TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (queue, first)
) WITHOUT ROWID;
CREATE TABLE mark (
    removed INTEGER NOT NULL,    -- the largest id that was ever taken out: new ids are above it
    session INTEGER NOT NULL,    -- the largest session number that was ever claimed
    crc INTEGER NOT NULL         -- CRC-32 over (removed, session)
);
CREATE TABLE state (
    name TEXT PRIMARY KEY,       -- app: what write_state stored, session: what the events carried
    session INTEGER NOT NULL,
    id INTEGER NOT NULL,         -- the largest event id when it was stored
    value BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE dead_letters (
    queue TEXT NOT NULL,
    id INTEGER NOT NULL,
    session INTEGER NOT NULL,
    format TEXT NOT NULL,
    event_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    time_ms INTEGER NOT NULL,    -- when it was given up
    payload BLOB NOT NULL,
    PRIMARY KEY (queue, id)
);
"""


def queue_crc(name: str, cursor: int) -> int:
    """Return the checksum of a queue's position: a flipped bit must not skip events."""
    return crc32(f"{name},{cursor}".encode())


def mark_crc(removed: int, session: int) -> int:
    """Return the checksum of the mark."""
    return crc32(f"{removed},{session}".encode())


def set_cursor(connection: sqlite3.Connection, name: str, cursor: int) -> bool:
    """Store a queue's position, unless it is there or beyond; tell whether there is such a queue."""
    row = connection.execute("SELECT cursor, crc FROM queues WHERE name = ?", (name,)).fetchone()
    if row is not None and (queue_crc(name, row[0]) != row[1] or row[0] < cursor):
        values = (cursor, queue_crc(name, cursor), name)
        connection.execute("UPDATE queues SET cursor = ?, crc = ? WHERE name = ?", values)
    return row is not None


def cursor_of(connection: sqlite3.Connection, name: str) -> int:
    """Return a queue's position; where it is damaged, the start: twice is better than never."""
    row = connection.execute("SELECT cursor, crc FROM queues WHERE name = ?", (name,)).fetchone()
    if row is not None and queue_crc(name, row[0]) == row[1]:
        return int(row[0])
    first = connection.execute("SELECT MIN(id) FROM events").fetchone()[0]
    return 0 if first is None else int(first) - 1


def mark_of(connection: sqlite3.Connection) -> tuple[int, int]:
    """Return the largest id ever taken out and the largest session number; (0, 0) where that is damaged."""
    row = connection.execute("SELECT removed, session, crc FROM mark").fetchone()
    if row is None or mark_crc(row[0], row[1]) != row[2]:
        return (0, 0)
    return int(row[0]), int(row[1])


def set_mark(connection: sqlite3.Connection, removed: int, session: int = 0) -> None:
    """Raise the largest id ever taken out, and the largest session number."""
    known = mark_of(connection)
    values = (max(known[0], removed), max(known[1], session))
    connection.execute("UPDATE mark SET removed = ?, session = ?, crc = ?", (*values, mark_crc(*values)))


def mend_mark(connection: sqlite3.Connection) -> None:
    """Make the mark anew where it is damaged or gone: from what is stored."""
    row = connection.execute("SELECT removed, session, crc FROM mark").fetchone()
    if row is None:
        connection.execute("INSERT INTO mark VALUES (0, 0, -1)")
    if row is None or mark_crc(row[0], row[1]) != row[2]:
        numbers = "SELECT MAX(session) FROM events WHERE typeof(session) = 'integer'"
        set_mark(connection, largest_id(connection), connection.execute(numbers).fetchone()[0] or 0)


def register(connection: sqlite3.Connection, formats: Mapping[str, str], *, takes_over: str) -> None:
    """Add the queues that are new, and mend a damaged mark.

    The first queues take over the position of `takes_over`, the queue of what was recorded without
    any sink; one that is added later starts with what is recorded from then on.
    """
    mend_mark(connection)
    known = {name for (name,) in connection.execute("SELECT name FROM queues")}
    for name, wire in formats.items():
        if name in known or _rename_damaged(connection, name, wire, formats):
            continue
        start = 0
        if known:
            start = cursor_of(connection, takes_over) if takes_over in known else largest_id(connection)
        _add_queue(connection, name, wire, start)
    if takes_over in known and takes_over not in formats:
        connection.execute("DELETE FROM queues WHERE name = ?", (takes_over,))


def mend_queue(connection: sqlite3.Connection, name: str, wire: str) -> None:
    """Put a queue in the place of the damaged row that must have been its; within a transaction."""
    if not _rename_damaged(connection, name, wire, ()):
        _add_queue(connection, name, wire, 0)


def _rename_damaged(connection: sqlite3.Connection, name: str, wire: str, others: Collection[str]) -> bool:
    """Give a queue the row of one whose checksum is wrong and whose name is nobody's; False without one.

    It starts at the front: twice is better than never.
    """
    start = cursor_of(connection, name)
    for found, cursor, crc in connection.execute("SELECT name, cursor, crc FROM queues").fetchall():
        if found not in others and queue_crc(found, cursor) != crc:
            connection.execute("DELETE FROM queues WHERE crc = ?", (crc,))
            _add_queue(connection, name, wire, start)
            return True
    return False


def _add_queue(connection: sqlite3.Connection, name: str, wire: str, cursor: int) -> None:
    values = (name, wire, cursor, queue_crc(name, cursor))
    connection.execute("INSERT OR IGNORE INTO queues VALUES (?, ?, ?, ?)", values)


def largest_id(connection: sqlite3.Connection) -> int:
    """Return the largest id that was ever given, as far as the file knows."""
    row = connection.execute(f"SELECT {LAST_ID} FROM events ORDER BY id DESC LIMIT 1").fetchone()  # noqa: S608
    names = connection.execute("SELECT name FROM queues").fetchall()
    cursors = [cursor_of(connection, name) for (name,) in names]
    return max([0 if row is None else int(row[0]), mark_of(connection)[0], *cursors])


def _create(connection: sqlite3.Connection) -> None:
    for statement in _VERSION_1.split(";"):
        if statement.strip():
            connection.execute(statement)
    connection.execute("INSERT INTO mark VALUES (0, 0, ?)", (mark_crc(0, 0),))


#: Migration n takes a file from schema version n to n + 1; version 0 is an empty file.
MIGRATIONS: list[Callable[[sqlite3.Connection], None]] = [_create]


def lenient(text: bytes) -> str:
    """Return a text of the file, whatever is in it."""
    return text.decode(errors="replace")


class Foreign(Exception):  # noqa: N818 - names what the file is
    """The file under our name is no store that this version can read."""


def connect(path: Path | str, *, durability: str, busy_s: float) -> sqlite3.Connection:
    """Open a connection in autocommit mode.

    Parameters
    ----------
    path : Path or str
        The database.
    durability : str
        ``process``, ``power``, or ``none`` for a store that is thrown away: one connection, in memory.
    busy_s : float
        How long (s) a statement waits for another process's lock.
    """
    connection = sqlite3.connect(path, timeout=busy_s, isolation_level=None, check_same_thread=False)
    # A flipped bit in a text is no reason to read nothing.
    connection.text_factory = lenient
    try:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA journal_mode = WAL")
        level = {"process": "NORMAL", "power": "FULL"}[durability]
        connection.execute(f"PRAGMA synchronous = {level}")
        # Checkpoints are a worker's: one inside an append costs milliseconds.
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        # Some systems default to overwriting what is deleted.
        connection.execute("PRAGMA secure_delete = OFF")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _checked_version(connection: sqlite3.Connection) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if application != APPLICATION_ID and (tables or version):
        raise Foreign(f"application id {application:#x}, not {APPLICATION_ID:#x}")
    if version > len(MIGRATIONS):
        raise Foreign(f"schema version {version}; this version reads up to {len(MIGRATIONS)}")
    return version


def prepare(connection: sqlite3.Connection) -> None:
    """Bring the file to the newest schema version, in one transaction.

    Raises
    ------
    Foreign
        When the file is another program's, or a newer version's.
    """
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    if version == len(MIGRATIONS) and application == APPLICATION_ID:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Read again: another process may have prepared the file meanwhile.
        for migrate in MIGRATIONS[_checked_version(connection) :]:
            migrate(connection)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
