"""Replacing a damaged store that other processes may have open as well.

Under one lock for all processes (`guard`): the readable rows are copied to a new file beside the damaged
one, which is then moved aside, and the new one takes its place. While that happens nobody can write to the
old file where SQLite still can lock it; before it is let go its tables are renamed, so that whoever has it
open fails there, looks, and opens the new file. Where that was not possible a process may go on writing to
the old file for a while: the new one remembers which file that was and how far it was copied, and
`take_over` copies what came behind.

A process may be killed at any step: the old file is in its place until the new one is whole.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from capture.store import schema
from capture.store.recovery import Salvage, event_rows, free_name, move, salvage
from capture.store.rows import checksum

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from capture.store.fresh import Row

__all__ = ["FileId", "Replaced", "file_id", "finish", "is_unfinished", "moved_to", "replace", "take_over"]

#: Device and inode: what stays of a file that is renamed.
FileId: TypeAlias = "tuple[int, int]"
_NEW = ".new"
_SEALED = ("queues", "events")
_INSERT = "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"


class Replaced(msgspec.Struct, frozen=True):
    """What became of a damaged file.

    Attributes
    ----------
    aside : Path
        Where it is now.
    salvage : Salvage
        What was found in it.
    """

    aside: Path
    salvage: Salvage


def file_id(path: Path) -> FileId | None:
    """Return which file is at `path`; None for none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def moved_to(path: Path, identity: FileId) -> Path | None:
    """Return where the file `identity`, once at `path`, was moved to; None where it is not there any more."""
    for aside in path.parent.glob(f"{path.name}.damaged-*"):
        if file_id(aside) == identity:
            return aside
    return None


def replace(path: Path, *, durability: str, busy_s: float) -> Replaced:
    """Put a new file with the readable rows in the place of a damaged one; the caller holds the guard.

    Parameters
    ----------
    path : Path
        The store's file.
    durability : str
        As in `capture.store.schema.connect`.
    busy_s : float
        How long (s) to wait for another process's writes.

    Raises
    ------
    sqlite3.Error, OSError
        When the new file cannot be written; the old one is where it was.
    """
    new = path.with_name(path.name + _NEW)
    _remove(new)
    with _blocked(path, busy_s) as blocker:
        try:
            saved = _copy(path, new, durability, busy_s)
        except BaseException:
            _remove(new)
            raise
        aside = free_name(path)
        move(path, aside)
        new.rename(path)
        _seal(blocker)
    return Replaced(aside, saved)


def is_unfinished(path: Path) -> bool:
    """Tell whether a process ended after it had moved a damaged file and before the new one was in place."""
    return not path.exists() and path.with_name(path.name + _NEW).exists()


def finish(path: Path) -> None:
    """Complete such a replacement; the caller holds the guard."""
    if not is_unfinished(path):
        return
    # The old file's log must not be taken for the new file's.
    asides = path.parent.glob(f"{path.name}.damaged-*")
    newest = max((each for each in asides if not each.name.endswith(("-wal", "-shm"))), default=None)
    move(path, newest or free_name(path))
    path.with_name(path.name + _NEW).rename(path)


def take_over(path: Path, target: sqlite3.Connection) -> int:
    """Copy what was written to files that had been copied and moved aside; return how many events.

    Parameters
    ----------
    path : Path
        The store's file.
    target : sqlite3.Connection
        Open on it, without a transaction.
    """
    if not _notes(target):
        return 0
    count = 0
    target.execute("BEGIN IMMEDIATE")
    try:
        for name, known in _notes(target):
            device, inode = name.split(":")[1:]
            aside = moved_to(path, (int(device), int(inode)))
            rows, sealed = ([], True) if aside is None else _written_behind(aside, known)
            count += _append(target, rows)
            if sealed:
                target.execute("DELETE FROM state WHERE name = ?", (name,))
            elif rows:
                target.execute(
                    "UPDATE state SET id = ? WHERE name = ?", (rows[-1][0] + rows[-1][3] - 1, name)
                )
        target.execute("COMMIT")
    finally:
        if target.in_transaction:
            target.execute("ROLLBACK")
    return count


def _notes(target: sqlite3.Connection) -> list[tuple[str, int]]:
    return target.execute("SELECT name, id FROM state WHERE name LIKE 'moved:%'").fetchall()


def _copy(path: Path, new: Path, durability: str, busy_s: float) -> Salvage:
    """Make the new file; everything is in it, and not in its log, when this returns."""
    identity = file_id(path) or (0, 0)
    target = schema.connect(new, durability=durability, busy_s=busy_s)
    try:
        schema.prepare(target)
        saved = salvage(path, target, note="moved:{}:{}".format(*identity))
        # It is renamed without its log: a failure must show here, not in the closing.
        target.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        target.close()
    return saved


@contextlib.contextmanager
def _blocked(path: Path, busy_s: float) -> Iterator[sqlite3.Connection | None]:
    """Let nobody write to the file; yield the connection that sees to it, None where it cannot."""
    blocker = None
    # Windows moves no file that is open: there whoever else has it open keeps it in its place anyway.
    if os.name != "nt":
        blocker = sqlite3.connect(path, timeout=busy_s, isolation_level=None)
    try:
        try:
            if blocker is not None:
                blocker.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
                raise
            yield None
        else:
            yield blocker
    finally:
        if blocker is not None:
            blocker.close()


def _seal(blocker: sqlite3.Connection | None) -> None:
    """Rename the tables of a file of ours, so that nobody goes on using it unawares."""
    if blocker is None:
        return
    with contextlib.suppress(sqlite3.Error):
        if blocker.execute("PRAGMA application_id").fetchone()[0] != schema.APPLICATION_ID:
            return
        if blocker.execute("PRAGMA user_version").fetchone()[0] > len(schema.MIGRATIONS):
            return
        for table in _SEALED:
            blocker.execute(f"ALTER TABLE {table} RENAME TO moved_{table}")
        blocker.execute("COMMIT")


def _written_behind(aside: Path, known: int) -> tuple[list[Row], bool]:
    """Return the rows behind the id `known`, and whether no more can follow."""
    source = sqlite3.connect(aside, isolation_level=None)
    try:
        sealed = bool(source.execute("SELECT 1 FROM sqlite_master WHERE name = 'moved_events'").fetchone())
        found = {} if sealed else {row[0]: row for row in event_rows(source, known, after=known)}
    except sqlite3.Error:
        return [], False
    finally:
        source.close()
    return [found[row_id] for row_id in sorted(found)], sealed


def _append(target: sqlite3.Connection, rows: list[Row]) -> int:
    """Insert rows under new ids; return how many events they are."""
    next_id = schema.largest_id(target) + 1
    first = next_id
    for _, session, wire, count, time_ms, _, event_ids, payload, state in rows:
        label = wire if count == 1 else f"{wire}*{count}"
        crc = checksum(next_id, session, label, payload)
        target.execute(_INSERT, (next_id, session, wire, count, time_ms, crc, event_ids, payload, state))
        next_id += count
    return next_id - first


def _remove(new: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(OSError):
            new.with_name(new.name + suffix).unlink()
