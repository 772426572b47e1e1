"""``state.db``: which segments are in which files, the ids of their events, and who is forgotten.

One SQLite database in the output folder. A file and the ids of its events are committed in one transaction.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import hmac
import os
import secrets
import sqlite3
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["State", "totals"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS files (
    path TEXT PRIMARY KEY, segment TEXT NOT NULL, rows INTEGER NOT NULL, bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL, min_t INTEGER, max_t INTEGER);
CREATE TABLE IF NOT EXISTS segments (
    name TEXT PRIMARY KEY, rows INTEGER NOT NULL, duplicates INTEGER NOT NULL, conflicts INTEGER NOT NULL,
    quarantined INTEGER NOT NULL, forgotten INTEGER NOT NULL, damaged_bytes INTEGER NOT NULL,
    written INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS ids (
    project INTEGER NOT NULL, wire TEXT NOT NULL, bucket INTEGER NOT NULL, run TEXT NOT NULL,
    count INTEGER NOT NULL, received INTEGER NOT NULL, data BLOB,
    PRIMARY KEY (project, wire, bucket, run)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS forgotten (
    project INTEGER NOT NULL, user BLOB NOT NULL, PRIMARY KEY (project, user));
CREATE TABLE IF NOT EXISTS swaps (target TEXT PRIMARY KEY, fresh TEXT NOT NULL, others TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS plans (path TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS offsets (stream TEXT PRIMARY KEY, next INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS totals (name TEXT NOT NULL, project INTEGER NOT NULL, value INTEGER NOT NULL,
    PRIMARY KEY (name, project));
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value BLOB NOT NULL);
"""


class State:
    """The database, and the lock that one unit of work at a time holds.

    Parameters
    ----------
    folder : Path
        The output folder.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder = folder
        self.path = folder / "state.db"
        self.is_new = not self.path.exists()
        self._lock = os.open(folder / "state.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self.path.touch(0o600)
        self.db = sqlite3.connect(self.path, timeout=60, isolation_level=None)
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute("PRAGMA synchronous=FULL")
        self.db.executescript(_SCHEMA)
        self.db.execute("INSERT OR IGNORE INTO facts VALUES ('key', ?)", (secrets.token_bytes(32),))
        self._key: bytes = self.db.execute("SELECT value FROM facts WHERE name = 'key'").fetchone()[0]

    def close(self) -> None:
        """Close it."""
        self.db.close()
        os.close(self._lock)

    @contextlib.contextmanager
    def unit(self) -> Iterator[None]:
        """Hold the lock of the output folder: files change in here alone."""
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit everything at the end, or nothing."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield self.db
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    def add_total(self, name: str, project: int, amount: int) -> None:
        """Add to a count, inside a transaction."""
        if amount:
            self.db.execute(
                "INSERT INTO totals VALUES (?, ?, ?) "
                "ON CONFLICT DO UPDATE SET value = value + excluded.value",
                (name, project, amount),
            )

    def user_hash(self, project: int, user: str) -> bytes:
        """Return what `forgotten` holds of a user: without the database's key it says nothing."""
        return hmac.digest(self._key, f"{project}/{user}".encode(), hashlib.sha256)

    def forgotten(self) -> set[bytes]:
        """Return the hashes of all who are forgotten."""
        return {row[0] for row in self.db.execute("SELECT user FROM forgotten")}

    def has_segment(self, name: str) -> bool:
        """Return whether a segment is in files already."""
        return self.db.execute("SELECT 1 FROM segments WHERE name = ?", (name,)).fetchone() is not None

    def offset(self, stream: str) -> int:
        """Return the next offset of a stream of records."""
        row = self.db.execute("SELECT next FROM offsets WHERE stream = ?", (stream,)).fetchone()
        return row[0] if row else 0


def totals(folder: Path) -> dict[tuple[str, str], float]:
    """Return what the writer has counted, by name and labels; nothing where there is no writer yet."""
    found: dict[tuple[str, str], float] = {}
    path = folder / "state.db"
    if not path.exists():
        return found
    with contextlib.suppress(sqlite3.Error), contextlib.closing(_read_only(path)) as db:
        for name, project, value in db.execute("SELECT name, project, value FROM totals"):
            found[name, f'{{project="{project}"}}'] = value
        sums: Any = db.execute("SELECT count(*), total(rows), total(bytes) FROM files").fetchone()
        found.update(zip((("files_total", ""), ("rows_total", ""), ("file_bytes", "")), sums, strict=True))
        damaged = db.execute("SELECT total(damaged_bytes) FROM segments").fetchone()[0]
        found["damaged_bytes_total", ""] = damaged
    return found


def _read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)
