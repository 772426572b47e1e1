"""What a writer knows of its output: ``state.db``, and the users who are forgotten.

``state.db`` is one SQLite database: which segments are in files, the ids of their events, and files that are
being replaced. It holds nothing that the files do not say: without it the index is read from them.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import hmac
import os
import secrets
import sqlite3
from collections import Counter
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from capture.errors import StoreError
from capture.gateway.steps import step
from capture.store.locks import FileLock

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from capture.sinks.objects import Objects

__all__ = ["NO_PROJECT", "Forgotten", "State", "finish_swaps", "swap", "totals"]

_FORGOTTEN = "forgotten"
_KEY = f"{_FORGOTTEN}/key"
_PUT_S = 60.0
#: Project of a count that is of no project.
NO_PROJECT = -1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS segments (name TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS ids (
    project INTEGER NOT NULL, wire TEXT NOT NULL, bucket INTEGER NOT NULL, run TEXT NOT NULL,
    count INTEGER NOT NULL, received INTEGER NOT NULL, data BLOB,
    PRIMARY KEY (project, wire, bucket, run)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS swaps (target TEXT PRIMARY KEY, fresh TEXT NOT NULL, others TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS offsets (stream TEXT PRIMARY KEY, next INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS totals (name TEXT NOT NULL, project INTEGER NOT NULL, value INTEGER NOT NULL,
    PRIMARY KEY (name, project));
"""


class State:
    """The database, and the lock that one unit of work at a time holds.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder = folder
        self._member = FileLock(folder / "member.lock")
        self._lock = os.open(folder / "state.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        path = folder / "state.db"
        path.touch(0o600)
        self.db = sqlite3.connect(path, timeout=60, isolation_level=None)
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute("PRAGMA synchronous=FULL")
        self.db.executescript(_SCHEMA)

    @classmethod
    def of_member(cls, folder: Path) -> State:
        """Return the first state in a folder that no other process has: ``0``, ``1``, ..."""
        for number in count():
            made = cls(folder / str(number))
            try:
                if made._member.claim_or_raise():
                    return made
            except OSError:
                made.close()
                raise
            made.close()
        raise AssertionError

    def close(self) -> None:
        """Close it."""
        self._member.release()
        self.db.close()
        os.close(self._lock)

    @contextlib.contextmanager
    def unit(self) -> Iterator[None]:
        """Hold the lock of the output: files change in here alone."""
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit everything at the end, or nothing."""
        with self.db:
            self.db.execute("BEGIN IMMEDIATE")
            yield self.db

    def add_total(self, name: str, project: int, amount: int) -> None:
        """Add to a count, inside a transaction."""
        if amount:
            self.db.execute(
                "INSERT INTO totals VALUES (?, ?, ?) "
                "ON CONFLICT DO UPDATE SET value = value + excluded.value",
                (name, project, amount),
            )

    def add_files(self, files: int, size: int, rows: int) -> None:
        """Count files that are there, or no longer, inside a transaction."""
        for name, amount in (("files_total", files), ("file_bytes", size), ("rows_total", rows)):
            self.add_total(name, NO_PROJECT, amount)

    def has_segment(self, name: str) -> bool:
        """Return whether a segment is in files already."""
        return self.db.execute("SELECT 1 FROM segments WHERE name = ?", (name,)).fetchone() is not None

    def offset(self, stream: str) -> int | None:
        """Return the next offset of a stream, if it has one."""
        row = self.db.execute("SELECT next FROM offsets WHERE stream = ?", (stream,)).fetchone()
        return row[0] if row else None

    def set_offset(self, stream: str, offset: int) -> None:
        """Note the next offset of a stream."""
        self.db.execute("INSERT OR REPLACE INTO offsets VALUES (?, ?)", (stream, offset))


class Forgotten:
    """The forgotten users of an output: an empty file for each.

    Its name means nothing without the key beside it.

    Parameters
    ----------
    objects : Objects
    scratch : Path
        Folder for files on their way.
    """

    def __init__(self, objects: Objects, scratch: Path) -> None:
        self._objects, self._scratch = objects, scratch
        self._names: set[str] = set()
        self._key = b""

    def load(self) -> None:
        """Read the list of forgotten users."""
        self._names = set(self._objects.listed(_FORGOTTEN))
        if _KEY in self._names and not self._key:
            self._key = self._objects.fetch(_KEY, self._scratch).read_bytes()

    def has(self, project: int, user: str) -> bool:
        """Return whether a user is forgotten, as of `load`."""
        return len(self._names) > 1 and self._name(project, user) in self._names

    def add(self, project: int, users: Iterable[str]) -> None:
        """Forget users."""
        fresh = self._scratch / "key"
        fresh.write_bytes(secrets.token_bytes(32))
        self._objects.move(fresh, _KEY)  # the first one stays
        self.load()
        for user in users:
            self._objects.put(self._name(project, user), b"", _PUT_S)

    def _name(self, project: int, user: str) -> str:
        digest = hmac.new(self._key, f"{project}/{user}".encode(), hashlib.sha256).hexdigest()
        return f"{_FORGOTTEN}/{digest}"


def swap(state: State, objects: Objects, path: str, fresh: Path | None, others: Sequence[str] = ()) -> None:
    """Put the local file `fresh`, or none, in the place of a file, and delete the `others`; in a unit.

    Once recorded, the next process that opens the state finishes it. A reader that lists files in
    between sees some rows twice, for milliseconds.
    """
    step("swap.written")
    gone = [*others, *([] if fresh else [path])]
    row = path, str(fresh or ""), msgspec.json.encode(gone).decode()
    state.db.execute("INSERT OR REPLACE INTO swaps VALUES (?, ?, ?)", row)
    step("swap.recorded")
    finish_swaps(state, objects)


def finish_swaps(state: State, objects: Objects) -> None:
    """Finish the swaps that are recorded; a file that was only planned goes."""
    for target, fresh, others in state.db.execute("SELECT target, fresh, others FROM swaps").fetchall():
        if fresh and Path(fresh).exists():
            objects.move(Path(fresh), target, replace=True)
        step("swap.renamed")
        for other in msgspec.json.decode(others):
            objects.delete(other)
        step("swap.unlinked")
        state.db.execute("DELETE FROM swaps WHERE target = ?", (target,))


def totals(folder: Path) -> dict[tuple[str, str], float]:
    """Return the counts of a folder's writers, by name and labels; none before the first one has begun.

    Raises
    ------
    StoreError
        When a database is damaged.
    """
    found: Counter[tuple[str, str]] = Counter()
    for path in (folder / "state.db", *folder.glob("*/state.db")):
        try:
            _add_totals(path, found)
        except sqlite3.OperationalError:
            continue  # not there yet, or not all of it
        except sqlite3.DatabaseError as error:
            raise StoreError(f"{path}: {error}") from error
    return dict(found)


def _add_totals(path: Path, found: Counter[tuple[str, str]]) -> None:
    uri = f"{path.absolute().as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=5)) as db:
        for (lag,) in db.execute("SELECT next FROM offsets WHERE stream GLOB 'lag/*'"):
            found["kafka_lag", ""] += lag
        for name, project, value in db.execute("SELECT name, project, value FROM totals"):
            found[name, "" if project == NO_PROJECT else f'{{project="{project}"}}'] += value
