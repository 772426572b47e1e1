"""Upkeep of the store, on a worker thread: taking out what is done, bounds, age, log, empty space."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from capture.store import schema
from capture.store.dead_letters import drop_letters, has_letters
from capture.store.file import BUSY_S

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from capture.store.file import StoreFile

__all__ = ["CHUNK", "Upkeep", "drop_to"]

#: Acknowledged events are taken out in chunks of this many: an append may wait for one.
CHUNK = 500
#: Rows that one transaction of a pruning deletes at most: an append waits no longer than for these.
_PRUNE_ROWS = 200
#: Pruning starts above the first and ends below the second share of the bound.
_HIGH, _LOW = 0.95, 0.90
#: Share of the bound above which a refused append means the bound and not the disk.
_NEARLY = 0.8
_SMALL_PAGES = 256
#: The last id of the n-th row, from 0.
_NTH = f"SELECT {schema.LAST_ID} FROM events ORDER BY id LIMIT 1 OFFSET ?"  # noqa: S608 - constant text


class Upkeep:
    """Keeps a store's file within its bounds.

    Parameters
    ----------
    file : StoreFile
        The file.
    max_bytes : int
        Bound of database and log together (bytes).
    on_loss : callable
        Called with a cause and a number of events.
    """

    def __init__(self, file: StoreFile, *, max_bytes: int, on_loss: Callable[[str, int], None]) -> None:
        self._file = file
        self._on_loss = on_loss
        #: The log is emptied above this (bytes); while that happens it may grow to twice as much.
        self.max_log_bytes = min(4 * 1024 * 1024, max_bytes // 8)
        # The log's most, and half its cap for what pruning writes to it meanwhile.
        self._max_pages = max(16, (max_bytes - 5 * self.max_log_bytes // 2) // schema.PAGE_BYTES)
        # A row takes half a page or so: a small store is not to be emptied at once.
        self._prune_rows = max(10, min(_PRUNE_ROWS, self._max_pages // 25))
        #: Bytes that may be written before the file is looked after again.
        self.slice_bytes = self.max_log_bytes // 4
        self._taken_out: dict[str, int] = {}
        self._log = file.path.with_name(file.path.name + "-wal")
        self._emptied = threading.Event()

    def forget(self) -> None:
        """Start afresh: in a forked child, after a recovery."""
        self._taken_out.clear()

    def limit(self, connection: sqlite3.Connection) -> None:
        """Tell SQLite the bound, so that an append fails rather than passes it."""
        connection.execute(f"PRAGMA max_page_count = {self._max_pages}")
        connection.execute(f"PRAGMA journal_size_limit = {self.max_log_bytes}")

    def takes_out(self, wire: str, reached: int) -> bool:
        """Tell whether a queue has come far enough for `take_out` to delete something."""
        return reached - self._taken_out.get(wire, 0) >= CHUNK

    def take_out(self, connection: sqlite3.Connection, wire: str, reached: int | None = None) -> None:
        """Delete the rows of a format that every queue of it has done; within a transaction.

        Parameters
        ----------
        connection : sqlite3.Connection
            Where the transaction is.
        wire : str
            The format.
        reached : int or None
            How far a queue has just come: nothing is looked at while this is near the last time's.
        """
        since = self._taken_out.get(wire, 0)
        if reached is not None and not self.takes_out(wire, reached):
            return
        done = _done(connection, wire)
        if done <= since:
            return
        _delete(
            connection, "id > ? AND id <= ? AND id + count - 1 <= ? AND format = ?", (since, done, done, wire)
        )
        schema.set_mark(connection, done)
        # A packed row may reach beyond what is done: it is looked at again.
        row = connection.execute("SELECT MAX(id) FROM events WHERE id <= ?", (done,)).fetchone()
        self._taken_out[wire] = done if row[0] is None else min(done, row[0] - 1)

    def tidy(self, wires: Iterable[str], *, at_least: int = 1) -> None:
        """Take out what is done, of each format of which `at_least` so many events are."""
        with self._file.reading() as connection:
            ready = [
                wire for wire in wires if _done(connection, wire) - self._taken_out.get(wire, 0) >= at_least
            ]
        # An append that meets this waits: not for nothing.
        if ready:
            with self._file.writing(_nothing) as connection:
                for wire in ready:
                    self.take_out(connection, wire)

    def drop_old(self, oldest_ms: int) -> None:
        """Drop what is at the head of the store and older than `oldest_ms`: events, and dead letters."""
        while True:
            with self._file.reading() as connection:
                if not has_letters(connection, before_ms=oldest_ms):
                    break
            self._drop_letters("dead_letters_old", oldest_ms)
        while True:
            with self._file.reading() as connection:
                head = connection.execute(
                    "SELECT id, count, time_ms FROM events ORDER BY id LIMIT ?", (_PRUNE_ROWS,)
                )
                last = 0
                for row_id, count, time_ms in head:
                    if not isinstance(time_ms, int) or time_ms >= oldest_ms:
                        break
                    last = row_id + (count - 1 if isinstance(count, int) else 0)
                head.close()
                if not last:
                    return
                self._drop(last, "too_old")

    def keep_bound(self) -> None:
        """Drop the oldest events while the file is over its bound."""
        with self._file.reading() as connection:
            if _used_pages(connection) < self._max_pages * _HIGH:
                return
        while True:
            with self._file.reading() as connection:
                if _used_pages(connection) < self._max_pages * _LOW:
                    return
                letters = has_letters(connection)
                row = connection.execute(_NTH, (self._prune_rows - 1,)).fetchone()
                last = schema.largest_id(connection) if row is None else row[0]
            # What can still be delivered stays longer than what was given up.
            if letters:
                self._drop_letters("dead_letters_full")
            else:
                self._drop(last, "store_full")
            # Deleting writes to the log as well.
            self.checkpoint()
            if row is None and not letters:
                return

    def is_full(self, connection: sqlite3.Connection) -> bool:
        """Tell whether it is the bound that is reached, and not the disk that is full."""
        return int(connection.execute("PRAGMA page_count").fetchone()[0]) >= self._max_pages * _NEARLY

    def make_room(self, connection: sqlite3.Connection, at_least: int = 1) -> None:
        """Drop the oldest dead letters or events at once, on the connection that appends: it is full."""
        count = max(self._prune_rows, at_least)
        row = connection.execute(_NTH, (count - 1,)).fetchone()
        last = schema.largest_id(connection) if row is None else row[0]
        connection.execute("BEGIN IMMEDIATE")
        try:
            letters = drop_letters(connection, count)
            lost = 0 if letters else drop_to(connection, last)
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        self._on_loss("dead_letters_full", letters)
        self._on_loss("store_full", lost)

    def checkpoint(self) -> None:
        """Copy the log into the database; empty it when it has grown over its cap."""
        with self._file.reading() as connection:
            if _size(self._log) < self.max_log_bytes // 4:
                return
            # Appends go on meanwhile.
            _, pages, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            if pages * schema.PAGE_BYTES > self.max_log_bytes:
                # Without writers for a moment the log can start over; most of it is copied already. A log of
                # the usual length keeps it: to write over it is a fifth cheaper than to make it grow again.
                usual = _size(self._log) <= self.max_log_bytes * 3 // 2
                with self._file.exclusive():
                    connection.execute(f"PRAGMA wal_checkpoint({'RESTART' if usual else 'TRUNCATE'})")
        self._emptied.set()

    def has_room(self) -> bool:
        """Tell whether the log may grow; where it is too long, wait for it as long as for another writer.

        The last resort, where events come faster than the worker can copy them: the bound holds all the same.
        """
        limit = 2 * self.max_log_bytes - self.slice_bytes
        if _size(self._log) <= limit:
            return True
        file = self._file
        if file.write_lock.acquire(timeout=BUSY_S):
            try:
                file.hold.release()
                busy, log, copied = file.writer().execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            finally:
                file.write_lock.release()
            if not busy and log == copied:
                # The next write starts the log over.
                return True
        self._emptied.clear()
        return self._emptied.wait(BUSY_S) and _size(self._log) <= limit

    def shrink(self) -> None:
        """Give empty space back to the file system, when next to nothing is stored."""
        with self._file.reading() as connection:
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
            used = _used_pages(connection)
            if used > _SMALL_PAGES or pages < 4 * _SMALL_PAGES:
                return
            with self._file.exclusive():
                connection.execute("VACUUM")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def empty(self, connection: sqlite3.Connection) -> None:
        """Take out everything, dead letters included; within a transaction."""
        drop_to(connection, schema.largest_id(connection))
        connection.execute("DELETE FROM dead_letters")

    def _drop_letters(self, cause: str, before_ms: int | None = None) -> None:
        with self._file.writing(_nothing) as connection:
            lost = drop_letters(connection, self._prune_rows, before_ms=before_ms)
        self._on_loss(cause, lost)

    def _drop(self, last: int, cause: str) -> None:
        with self._file.writing(_nothing) as connection:
            lost = drop_to(connection, last)
        self._on_loss(cause, lost)


def drop_to(connection: sqlite3.Connection, last: int) -> int:
    """Take out every row up to the id `last`, for all queues; return how many events that lost."""
    queues = connection.execute("SELECT name, format FROM queues").fetchall()
    lowest: dict[str, int] = {}
    for name, wire in queues:
        cursor = schema.cursor_of(connection, name)
        lowest[wire] = min(lowest.get(wire, cursor), cursor)
        if cursor < last:
            schema.set_cursor(connection, name, last)
    lost = 0
    for wire, cursor in lowest.items():
        lost += connection.execute(
            "SELECT COALESCE(SUM(MIN(count, id + count - 1 - ?)), 0) FROM events "
            "WHERE format = ? AND id <= ? AND id + count - 1 > ?",
            (cursor, wire, last, cursor),
        ).fetchone()[0]
    _delete(connection, "id <= ?", (last,))
    connection.execute("DELETE FROM ahead WHERE last <= ?", (last,))
    schema.set_mark(connection, last)
    return int(lost)


def _delete(connection: sqlite3.Connection, where: str, bounds: Sequence[Any]) -> None:
    """Delete rows, and keep the newest state that they carried."""
    connection.execute(
        f"INSERT INTO state SELECT 'session', session, id, state FROM events WHERE {where} "  # noqa: S608
        "AND length(state) > 0 ORDER BY session DESC, id DESC LIMIT 1 ON CONFLICT (name) DO UPDATE "
        "SET session = excluded.session, id = excluded.id, value = excluded.value "
        "WHERE (excluded.session, excluded.id) > (session, id)",
        bounds,
    )
    connection.execute(f"DELETE FROM events WHERE {where}", bounds)  # noqa: S608 - constant text


def _done(connection: sqlite3.Connection, wire: str) -> int:
    """Return the id up to which every queue of a format is done."""
    names = connection.execute("SELECT name FROM queues WHERE format = ?", (wire,)).fetchall()
    return min((schema.cursor_of(connection, name) for (name,) in names), default=0)


def _nothing(connection: sqlite3.Connection) -> None:
    """Leave what waits in memory: `Store.upkeep` has written it."""


def _used_pages(connection: sqlite3.Connection) -> int:
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    return int(pages - connection.execute("PRAGMA freelist_count").fetchone()[0])


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
