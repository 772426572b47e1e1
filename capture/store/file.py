"""The store's file in use: two connections, their locks, forks, and what to do when it is damaged."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import threading
import weakref
from typing import TYPE_CHECKING

from capture.errors import StoreError
from capture.store import schema
from capture.store.hold import Hold
from capture.store.locks import guard
from capture.store.replace import FileId, file_id, finish, is_unfinished, moved_to, replace, take_over

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["BUSY_S", "PATIENT_S", "StoreFile", "error_code"]

#: How long (s) an append waits for another writer.
BUSY_S = 0.005
#: How long (s) a worker waits for another process's lock.
PATIENT_S = 2.0
_FORK_WAIT_S = 1.0
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_log = logging.getLogger("capture.store")


def error_code(error: BaseException) -> int:
    """Return SQLite's primary result code of `error`; 0 where it has none."""
    code = getattr(error, "sqlite_errorcode", None)
    return 0 if code is None else int(code) & 0xFF


class StoreFile:
    """One database with a connection to append and a connection to read.

    `write_lock` orders the writes of this process, so that they wait for each other without SQLite's
    sleeps. `read_lock`, always taken first, guards the reading connection, which acknowledges as well.

    Parameters
    ----------
    path : Path
        The database; its folder is made when missing.
    durability : str
        See `capture.store.schema.connect`.
    on_open : callable
        Called with each new connection, before it is used.
    on_new : callable
        Called when another file is at the path than before, with the number of events that this lost.
    """

    def __init__(
        self,
        path: Path,
        *,
        durability: str,
        on_open: Callable[[sqlite3.Connection], None],
        on_new: Callable[[int], None],
    ) -> None:
        self.path = path
        self.durability = durability
        #: Whether the file must be replaced before it is used again.
        self.damaged = False
        #: Whether another process has put a new file in the place of the one that is open.
        self.moved = False
        #: How often the file was replaced: ids of the one before may be given again.
        self.generation = 0
        #: Whether there may be something to take over from files that were moved aside.
        self.leftovers = True
        self.closed = False
        self._id: FileId | None = None
        self._on_open = on_open
        self._on_new = on_new
        self._inherited: list[object] = []
        #: The appending connection's snapshot, during a burst.
        self.hold = Hold()
        self.reset()
        _files.add(self)

    def reset(self) -> None:
        """Start without connections and with new locks: at construction, and in a forked child."""
        self.pid = os.getpid()
        self.write_lock = threading.Lock()
        self.read_lock = threading.RLock()
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None

    def writer(self) -> sqlite3.Connection:
        """Return the connection that appends; the caller holds `write_lock`."""
        if self._writer is None:
            self._writer = self._open(BUSY_S)
        return self._writer

    @contextlib.contextmanager
    def appending(self) -> Iterator[sqlite3.Connection]:
        """Hold the connection that appends, and no snapshot; a `StoreError` after the wait of an append."""
        if not self.write_lock.acquire(timeout=BUSY_S):
            raise StoreError(f"{self.path}: in use for longer than {BUSY_S * 1000:.0f} ms")
        try:
            self.hold.release()
            with self._guarded():
                yield self.writer()
        finally:
            self.write_lock.release()

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Hold the reading connection; a `StoreError` for whatever goes wrong with it."""
        with self.read_lock, self._guarded():
            if self.damaged or self.moved:
                self._renew()
            if self._reader is None:
                self._reader = self._open(PATIENT_S)
            yield self._reader

    @contextlib.contextmanager
    def writing(self, before: Callable[[sqlite3.Connection], None]) -> Iterator[sqlite3.Connection]:
        """Hold a transaction on the reading connection, which waits for other processes as a worker may.

        Parameters
        ----------
        before : callable
            Called with the connection before the transaction begins.
        """
        with self.reading() as connection, self.exclusive():
            try:
                before(connection)
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold off the appends of this process; nothing of theirs is under way, no snapshot is held."""
        with self.write_lock:
            self.hold.release()
            yield

    def failed(self, error: sqlite3.Error) -> None:
        """Note what an error says about the file."""
        missing = error_code(error) == sqlite3.SQLITE_ERROR and "no such" in str(error)
        if error_code(error) in _DAMAGED or missing:
            self.damaged = True
        else:
            self.look()

    def look(self) -> None:
        """Notice that another process has replaced the file that is open here.

        One that was deleted, by an opt-out in another process, stays in use: what comes at its place is
        not this process's.
        """
        if self._id is None or self.moved:
            return
        found = file_id(self.path)
        if found not in {None, self._id} and moved_to(self.path, self._id) is not None:
            self.moved = True

    def take_over(self) -> None:
        """Copy what was written to files that had been moved aside; its writer may have died over it."""
        if self.leftovers:
            with self.reading() as connection, self.exclusive():
                take_over(self.path, connection)
                self.leftovers = False

    def disconnect(self) -> None:
        """Close both connections; the next use opens them again. The caller holds both locks."""
        self.hold.release()
        for connection in (self._reader, self._writer):
            if connection is not None:
                with contextlib.suppress(sqlite3.Error):
                    connection.close()
        self._reader = self._writer = None

    def inherit(self) -> None:
        """Start afresh in a forked child: it must neither use nor close its parent's connections."""
        self._inherited += [self._reader, self._writer, self.hold.forget()]
        self.reset()

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        if self.closed:
            raise StoreError(f"{self.path}: the store is closed")
        try:
            yield
        except sqlite3.Error as error:
            self.failed(error)
            raise StoreError(f"{self.path}: {error}") from error
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror or error}") from error

    def _open(self, busy_s: float) -> sqlite3.Connection:
        if self.closed:
            raise StoreError(f"{self.path}: the store is closed")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if is_unfinished(self.path):
                with guard(self.path, shared=False, wait_s=busy_s):
                    finish(self.path)
            # Nobody moves the file between our opening it and our knowing which one it is.
            with guard(self.path, shared=True, wait_s=busy_s):
                try:
                    connection = self._connect(self.path, busy_s)
                finally:
                    other, opened = self._id, file_id(self.path)
                    if self._reader is None and self._writer is None:
                        self._id = opened
        except OSError as error:
            raise StoreError(f"{self.path}: cannot be opened: {error.strerror or error}") from error
        if self._id != opened:
            connection.close()
            self.moved = True
            raise StoreError(f"{self.path}: replaced by another process")
        if other not in {None, opened}:
            # Replaced while nothing was open, around a fork: maybe not everything of ours is in it.
            self.leftovers = True
            self._start_over(0)
        return connection

    def _connect(self, place: Path | str, busy_s: float) -> sqlite3.Connection:
        connection = schema.connect(place, durability=self.durability, busy_s=busy_s)
        try:
            schema.prepare(connection)
            self._on_open(connection)
        except schema.Foreign as error:
            connection.close()
            self.damaged = True
            raise StoreError(f"{self.path}: {error}") from error
        except BaseException:
            connection.close()
            raise
        return connection

    def _renew(self) -> None:
        """Replace the damaged file, or open the one that another process has put in its place.

        The caller holds `read_lock`. Both connections are new afterwards, and what this process wrote to
        the old file is in the new one before it appends to it.
        """
        with self.write_lock:
            self.disconnect()
            lost = 0
            with guard(self.path, shared=False, wait_s=PATIENT_S):
                if self.damaged and self._id is not None and file_id(self.path) == self._id:
                    lost = self._replace()
            self.damaged = self.moved = False
            self._id = None
            self._start_over(lost)
            self._reader = self._open(PATIENT_S)
            self.leftovers = True
            take_over(self.path, self._reader)
            self.leftovers = False

    def _start_over(self, lost: int) -> None:
        self.generation += 1
        self._on_new(lost)

    def _replace(self) -> int:
        done = replace(self.path, durability=self.durability, busy_s=PATIENT_S)
        saved = done.salvage
        unknown = "" if saved.lost is not None else "an unknown number of "
        _log.error(
            "%s was damaged: moved to %s; %d events saved, %s%s events lost",
            self.path,
            done.aside.name,
            saved.saved,
            unknown,
            "" if saved.lost is None else saved.lost,
        )
        return saved.lost or 0


#: Live files, for the fork handlers.
_files: weakref.WeakSet[StoreFile] = weakref.WeakSet()
_held: list[StoreFile] = []


def _before_fork() -> None:
    # SQLite's own locks do not survive a fork: no thread may be inside it, no connection may be open.
    for file in list(_files):
        if file.closed or file.pid != os.getpid():
            continue
        if not file.read_lock.acquire(timeout=_FORK_WAIT_S):
            continue
        if not file.write_lock.acquire(timeout=_FORK_WAIT_S):
            file.read_lock.release()
            continue
        file.disconnect()
        _held.append(file)


def _after_fork_in_parent() -> None:
    while _held:
        file = _held.pop()
        file.write_lock.release()
        file.read_lock.release()


def _after_fork_in_child() -> None:
    _held.clear()
    for file in list(_files):
        file.inherit()
        # Whoever uses it first notices the other process and starts afresh as well.
        file.pid = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )
