"""What ``capture buffer`` does to a store, also while an app is using it.

Each function opens the store for itself, as a second process would, and leaves the sessions and the
delivery of a running app alone. `status` and `export` write to no file of the store; SQLite may put
an empty log and its index beside one that nobody has open.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from capture.errors import ConfigError, StoreError
from capture.settings import nearest
from capture.store import schema
from capture.store.file import PATIENT_S
from capture.store.locks import FileLock
from capture.store.queue import Queue
from capture.store.rows import checksum
from capture.store.upkeep import drop_to

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

__all__ = ["BufferStatus", "ExportedEvent", "QueueStatus", "export", "purge", "retry", "status"]


class QueueStatus(msgspec.Struct, frozen=True):
    """What one queue holds.

    Attributes
    ----------
    name, format : str
        The sink's name and its wire format.
    pending : int
        Events that the sink has not acknowledged.
    sessions : int
        Sessions that they belong to.
    oldest_ms : int or None
        Time of the oldest (ms since the epoch).
    dead_letters : int
        Events that were given up.
    """

    name: str
    format: str
    pending: int
    sessions: int
    oldest_ms: int | None
    dead_letters: int


class BufferStatus(msgspec.Struct, frozen=True):
    """A store at a glance.

    Attributes
    ----------
    path : str
        The database.
    bytes : int
        Its size, log included.
    delivering : bool
        Whether a process delivers from it now.
    queues : list of QueueStatus
        One for each sink that ever was.
    damaged_rows : int
        Rows that were taken out because their CRC was wrong.
    set_aside : list of str
        Damaged files that were moved aside.
    """

    path: str
    bytes: int
    delivering: bool
    queues: list[QueueStatus]
    damaged_rows: int
    set_aside: list[str]


class ExportedEvent(msgspec.Struct, frozen=True):
    """One stored event as it would be sent.

    Attributes
    ----------
    queue, format : str
        Whose it is.
    session : int
        Its session.
    event_id : str
        Its id.
    payload : bytes
        The event.
    reason : str
        Why it was given up; empty while it is pending.
    """

    queue: str
    format: str
    session: int
    event_id: str
    payload: bytes
    reason: str = ""


def status(folder: str | os.PathLike[str]) -> BufferStatus:
    """Look at the store in `folder`.

    Raises
    ------
    StoreError
        When there is no store, or it cannot be read.
    """
    path = Path(folder) / schema.FILE_NAME
    with closing(_look(folder)) as connection, _translated(path):
        letters = dict(
            connection.execute("SELECT queue, count(*) FROM dead_letters GROUP BY queue").fetchall()
        )
        queues = []
        for queue in _queues(connection):
            pending = queue.pending(connection)
            queues.append(
                QueueStatus(
                    name=queue.name,
                    format=queue.format,
                    pending=pending.count,
                    sessions=len(pending.sessions),
                    oldest_ms=pending.oldest_ms,
                    dead_letters=letters.get(queue.name, 0),
                )
            )
    files = sorted(path.parent.glob(f"{schema.FILE_NAME}*"))
    return BufferStatus(
        path=str(path),
        # SQLite makes the index of the log for whoever looks.
        bytes=sum(file.stat().st_size for file in files if file.name in {path.name, f"{path.name}-wal"}),
        delivering=_is_delivering(path.parent),
        queues=queues,
        damaged_rows=letters.get("", 0),
        set_aside=[
            file.name for file in files if ".damaged-" in file.name and file.suffix[-4:] not in _PARTS
        ],
    )


def retry(folder: str | os.PathLike[str], queue: str | None = None) -> int:
    """Put the dead letters of a queue, or of all, back into it; return how many.

    They are sent after what is pending, as events of their session.

    Raises
    ------
    ConfigError
        When there is no such queue.
    StoreError
        When there is no store, or it cannot be written.
    """
    with closing(_open(folder)) as connection, _translated(folder):
        known = [each.name for each in _queues(connection)]
        if queue is not None and queue not in known:
            raise ConfigError(f"queue = {queue!r}: {folder} has no such queue; {nearest(queue, known)}")
        connection.execute("BEGIN IMMEDIATE")
        letters = connection.execute(
            "SELECT queue, id, session, format, event_id, time_ms, payload FROM dead_letters "
            "WHERE queue != '' AND (? IS NULL OR queue = ?) ORDER BY id",
            (queue, queue),
        ).fetchall()
        next_id = schema.largest_id(connection) + 1
        for name, row_id, session, wire, event_id, time_ms, payload in letters:
            crc = checksum(next_id, session, wire, payload)
            values = (next_id, session, wire, 1, time_ms, crc, event_id, payload, b"")
            connection.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
            # The other sinks have had it.
            connection.execute(
                "INSERT OR REPLACE INTO ahead SELECT name, ?, ? FROM queues WHERE name != ?",
                (next_id, next_id, name),
            )
            connection.execute("DELETE FROM dead_letters WHERE queue = ? AND id = ?", (name, row_id))
            next_id += 1
        connection.execute("COMMIT")
    return len(letters)


def export(folder: str | os.PathLike[str], *, dead: bool = False) -> Iterator[ExportedEvent]:
    """Read what is pending in every queue, or with `dead` what was given up.

    Raises
    ------
    StoreError
        When there is no store, or it cannot be read.
    """
    with closing(_look(folder)) as connection, _translated(folder):
        if dead:
            for name, wire, session, event_id, payload, reason in connection.execute(
                "SELECT queue, format, session, event_id, payload, reason FROM dead_letters ORDER BY id"
            ):
                yield ExportedEvent(name, wire, session, event_id, payload, reason)
            return
        for queue in _queues(connection):
            for session, event_id, payload in queue.events(connection):
                yield ExportedEvent(queue.name, queue.format, session, event_id, payload)


def purge(folder: str | os.PathLike[str], *, dead_only: bool = False) -> int:
    """Drop what is pending and what was given up; return how many events that were.

    Parameters
    ----------
    folder : path-like
        Where the store is.
    dead_only : bool
        Leave what is pending.

    Raises
    ------
    StoreError
        When there is no store, or it cannot be written.
    """
    with closing(_open(folder)) as connection, _translated(folder):
        connection.execute("BEGIN IMMEDIATE")
        count = connection.execute("DELETE FROM dead_letters").rowcount
        if not dead_only:
            count += drop_to(connection, schema.largest_id(connection))
        connection.execute("COMMIT")
    return count


_PARTS = frozenset({"-wal", "-shm"})


def _look(folder: str | os.PathLike[str]) -> sqlite3.Connection:
    """Open the store to read it: nothing is written to a file, whosever it is."""
    path = Path(folder) / schema.FILE_NAME
    if not path.is_file():
        raise StoreError(f"{path}: there is no store")
    with _translated(path):
        address = f"{path.absolute().as_uri()}?mode=ro"
        connection = sqlite3.connect(address, uri=True, timeout=PATIENT_S, isolation_level=None)
        connection.text_factory = schema.lenient
        try:
            version = schema._checked_version(connection)  # noqa: SLF001 - one package
        except BaseException:
            connection.close()
            raise
    if version == 0:
        connection.close()
        raise StoreError(f"{path}: there is no store: the file is empty")
    return connection


def _open(folder: str | os.PathLike[str]) -> sqlite3.Connection:
    """Open the store to change it, once it is known to be one: to open it so changes it already."""
    path = Path(folder) / schema.FILE_NAME
    _look(folder).close()
    with _translated(path):
        connection = schema.connect(path, durability="process", busy_s=PATIENT_S)
        try:
            schema.prepare(connection)
        except BaseException:
            connection.close()
            raise
    return connection


class _translated:  # noqa: N801 - reads as a statement
    """Turn SQLite's errors into a `StoreError` that names the place."""

    def __init__(self, place: str | os.PathLike[str]) -> None:
        self._place = place

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, sqlite3.Error | schema.Foreign):
            raise StoreError(f"{self._place}: {error}") from error


def _queues(connection: sqlite3.Connection) -> list[Queue]:
    rows = connection.execute("SELECT name, format FROM queues ORDER BY name").fetchall()
    return [Queue(name, wire, count_gaps=False) for name, wire in rows]


def _is_delivering(folder: os.PathLike[str]) -> bool:
    lock = FileLock(Path(folder) / "delivery.lock")
    if not lock.path.exists():
        return False
    free = lock.claim()
    lock.release()
    return not free
