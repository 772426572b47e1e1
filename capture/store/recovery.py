"""Reading a damaged store: what can be read is copied to a new file.

A row is copied only when its CRC is right. Ids are kept, so that cursors stay true and a missing id
is a lost event. Rows are read from the front, from the back, and one by one in between.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from typing import TYPE_CHECKING, Any

import msgspec

from capture.store import schema
from capture.store.rows import intact

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from capture.store.fresh import Row

__all__ = ["Salvage", "event_rows", "free_name", "move", "salvage"]

_COLUMNS = "id, session, CAST(format AS BLOB), count, time_ms, crc, CAST(event_ids AS BLOB), payload, state"
#: More ids than this between the readable ends are not asked for one by one.
_MAX_PROBES = 60_000
_MAX_PADDED_BYTES = 2**32


class Salvage(msgspec.Struct, frozen=True):
    """What a recovery found.

    Attributes
    ----------
    saved : int
        Events that were copied.
    lost : int or None
        Events that were not; None where nobody knows how many there were.
    """

    saved: int
    lost: int | None


def free_name(path: Path) -> Path:
    """Return a name that is free for a damaged database to be moved to."""
    stamp = time.time_ns() // 1_000_000
    while True:
        aside = path.with_name(f"{path.name}.damaged-{stamp}")
        if not aside.exists():
            return aside
        stamp += 1


def move(path: Path, aside: Path) -> None:
    """Rename a database, its log and the index of the log: whoever has them open goes on with all three."""
    for suffix in ("", "-wal", "-shm"):
        source = path.with_name(path.name + suffix)
        with contextlib.suppress(FileNotFoundError):
            source.rename(aside.with_name(aside.name + suffix))


def salvage(path: Path, target: sqlite3.Connection, *, note: str) -> Salvage:
    """Copy what is readable in a database to the new one behind `target`.

    Parameters
    ----------
    path : Path
        The damaged database.
    target : sqlite3.Connection
        An empty store.
    note : str
        Name in the state under which it is noted up to which id there was anything to copy.
    """
    _pad(path)
    try:
        source = sqlite3.connect(path, isolation_level=None)
        source.text_factory = schema.lenient
    except sqlite3.Error:
        return Salvage(saved=0, lost=None)
    try:
        return _copy(source, target, note)
    finally:
        with contextlib.suppress(sqlite3.Error):
            source.close()


def _copy(source: sqlite3.Connection, target: sqlite3.Connection, note: str) -> Salvage:
    try:
        ours = source.execute("PRAGMA application_id").fetchone()[0] == schema.APPLICATION_ID
    except sqlite3.Error:
        ours = True
    if not ours:
        return Salvage(saved=0, lost=None)
    queues = _table(source, "queues", 4)
    dead = _table(source, "dead_letters", 8)
    cursors = [row[2] for row in queues if schema.queue_crc(row[0], row[2]) == row[3]]
    rows = {row[0]: row for row in event_rows(source, min(cursors, default=0))}
    largest = max([*(row[0] + row[3] - 1 for row in rows.values()), *cursors], default=0)
    target.execute("BEGIN IMMEDIATE")
    try:
        target.executemany("INSERT OR REPLACE INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows.values())
        target.executemany(
            "INSERT OR REPLACE INTO queues VALUES (?, ?, ?, ?)",
            [row for row in queues if schema.queue_crc(row[0], row[2]) == row[3]],
        )
        target.executemany("INSERT OR IGNORE INTO dead_letters VALUES (?, ?, ?, ?, ?, ?, ?, ?)", dead)
        target.executemany("INSERT OR REPLACE INTO state VALUES (?, ?, ?, ?)", _table(source, "state", 4))
        target.execute("INSERT OR REPLACE INTO state VALUES (?, 0, ?, x'')", (note, largest))
        done = _table(source, "ahead", 3)
        target.executemany("INSERT OR REPLACE INTO ahead VALUES (?, ?, ?)", done)
        marks = _table(source, "mark", 3)
        session = max((row[1] for row in marks if schema.mark_crc(row[0], row[1]) == row[2]), default=0)
        session = max([session, *(row[1] for row in rows.values())])
        schema.set_mark(target, largest, session)
        saved = sum(row[3] for row in rows.values())
        lost = _note_missing(target, rows, queues, largest)
        target.execute("COMMIT")
    except BaseException:
        target.execute("ROLLBACK")
        raise
    return Salvage(saved=saved, lost=lost)


def _note_missing(
    target: sqlite3.Connection, rows: dict[int, Any], queues: list[tuple[Any, ...]], largest: int
) -> int | None:
    """Mark missing ids as done, for every queue, and count them once."""
    if not queues:
        return None if not rows else 0
    known = [row[2] for row in queues if schema.queue_crc(row[0], row[2]) == row[3]]
    expected = min(known, default=min(rows, default=1) - 1) + 1
    missing: list[tuple[int, int]] = []
    for row_id in sorted(rows):
        if row_id > expected:
            missing.append((expected, row_id - 1))
        expected = max(expected, row_id + rows[row_id][3])
    if largest >= expected:
        missing.append((expected, largest))
    target.executemany("INSERT OR REPLACE INTO ahead SELECT name, ?, ? FROM queues", missing)
    # A row for each format: events are counted once for all of them.
    wires = len({row[1] for row in queues}) or 1
    return sum(last - first + 1 for first, last in missing) // wires


def event_rows(source: sqlite3.Connection, done: int, *, after: int = -(2**63)) -> Iterator[Row]:
    """Read the rows that are as they were written: from the front, from the back, one by one in between.

    Parameters
    ----------
    source : sqlite3.Connection
        A database that may be damaged.
    done : int
        Where the queues stand: the ids behind that are asked for one by one, where that is needed.
    after : int
        Only ids behind this one.
    """
    select, first = f"SELECT {_COLUMNS} FROM events", done  # noqa: S608 - constant text
    for row in _until_error(source, f"{select} WHERE id > ? ORDER BY id", after):
        first = row[0] if isinstance(row[0], int) else first
        yield from _intact(row)
    last = first + _MAX_PROBES
    for row in _until_error(source, f"{select} WHERE id > ? ORDER BY id DESC", after):
        last = row[0] if isinstance(row[0], int) else last
        if last <= first:
            return
        yield from _intact(row)
    for row_id in range(first + 1, min(last, first + _MAX_PROBES)):
        with contextlib.suppress(sqlite3.Error):
            for row in source.execute(f"{select} WHERE id = ?", (row_id,)).fetchall():
                yield from _intact(row)


def _pad(path: Path) -> None:
    """Fill a truncated database up to the length that its header states, or SQLite reads nothing."""
    with contextlib.suppress(OSError), path.open("r+b") as file:
        header = file.read(100)
        if header.startswith(b"SQLite format 3\0") and len(header) == 100:
            stated = int.from_bytes(header[28:32], "big") * schema.PAGE_BYTES
            if path.stat().st_size < stated <= _MAX_PADDED_BYTES:
                file.truncate(stated)


def _intact(row: tuple[Any, ...]) -> Iterator[Row]:
    if intact(row[:8]) is None:
        return
    state = row[8] if isinstance(row[8], bytes) else b""
    yield (row[0], row[1], row[2].decode(), *row[3:6], row[6].decode(errors="replace"), row[7], state)


def _table(source: sqlite3.Connection, name: str, columns: int) -> list[tuple[Any, ...]]:
    """Return the rows of a small table, as far as they can be read."""
    rows = _until_error(source, f"SELECT * FROM {name}")  # noqa: S608 - our own names
    return [row for row in rows if len(row) == columns and None not in row]


def _until_error(source: sqlite3.Connection, query: str, *values: int) -> Iterator[tuple[Any, ...]]:
    with contextlib.suppress(sqlite3.Error):
        yield from source.execute(query, values)
