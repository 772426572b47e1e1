"""The SQLite file of the store: its tables, versions and settings, and how a connection to it is opened."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["APPLICATION_ID", "FILE_NAME", "MIGRATIONS", "PAGE_BYTES", "Foreign", "connect", "prepare"]

#: Name of the database inside the store's folder.
FILE_NAME = "capture.db"
#: Marks the file as ours ("TCap"): any other file under the name is moved aside, not overwritten.
APPLICATION_ID = 0x54436170
#: Measured: the fastest for rows of half a kilobyte.
PAGE_BYTES = 2048

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
    cursor INTEGER NOT NULL      -- every id up to here is acknowledged, dead or dropped
) WITHOUT ROWID;
CREATE TABLE ahead (             -- ids behind the cursor that are done already
    queue TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (queue, first)
) WITHOUT ROWID;
CREATE TABLE mark (
    removed INTEGER NOT NULL,    -- the largest id that was ever taken out: new ids are above it
    session INTEGER NOT NULL     -- the largest session number that was ever claimed
);
INSERT INTO mark VALUES (0, 0);
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


def _create(connection: sqlite3.Connection) -> None:
    for statement in _VERSION_1.split(";"):
        if statement.strip():
            connection.execute(statement)


#: Migration n takes a file from schema version n to n + 1; version 0 is an empty file.
MIGRATIONS: list[Callable[[sqlite3.Connection], None]] = [_create]


class Foreign(Exception):  # noqa: N818 - names what the file is
    """The file under our name is no store that this version can read."""


def connect(path: Path, *, durability: str, busy_s: float) -> sqlite3.Connection:
    """Open a connection in autocommit mode.

    Parameters
    ----------
    path : Path
        The database.
    durability : str
        ``process``, ``power``, or ``none`` for a store that is thrown away.
    busy_s : float
        How long (s) a statement waits for another process's lock.
    """
    connection = sqlite3.connect(path, timeout=busy_s, isolation_level=None, check_same_thread=False)
    try:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA journal_mode = WAL")
        level = {"process": "NORMAL", "power": "FULL", "none": "OFF"}[durability]
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
