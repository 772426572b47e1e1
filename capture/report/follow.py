"""Recordings that grow: a log that is being written, or the live store of an app."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from capture.errors import StoreError, TouchLogError
from capture.formats import native
from capture.report.from_batches import Reader, find_file
from capture.store.schema import FILE_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from capture.report.recording import Recording

__all__ = ["find_store", "follow", "read_growing", "read_store"]

#: Interval (s) of looking for changes.
_LOOK_S = 0.25
#: Share of the time that may be spent reading: a long log is read less often.
_SHARE = 0.2
_decode = msgspec.json.Decoder(list[native.WireEvent]).decode


def find_store(path: str) -> Path | None:
    """Return the database that a path is, or that is in its folder; None if there is none."""
    return find_file(path, FILE_NAME)


def read_store(file: Path, reader: Reader | None = None) -> Recording:
    """Read the undelivered events of a store, which may be in use; nothing is written.

    Parameters
    ----------
    file : Path
    reader : Reader, optional
        Keeps events that were read before: delivered events are no longer in the store.

    Raises
    ------
    StoreError
        When it cannot be read.
    """
    reader = reader or Reader()
    try:
        # Read-only, by address: opening a store must never make one.
        connection = sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=2.0)
        try:
            query = "SELECT payload FROM events WHERE format = 'native' ORDER BY id"
            for (payload,) in connection.execute(query):
                reader.add(_decode(b"[" + payload + b"]"))
        finally:
            connection.close()
    except (sqlite3.Error, msgspec.DecodeError) as error:
        raise StoreError(f"{file}: cannot be read: {error}") from None
    return reader.recording(file)


def read_growing(path: str, read: Callable[[str], Recording]) -> Recording:
    """Read a log; an unfinished last line is ignored.

    Parameters
    ----------
    path : str
    read : callable
        Reads the log of a path.

    Raises
    ------
    TouchLogError
        When the complete lines are not a log.
    """
    try:
        return read(path)
    except TouchLogError:
        data = Path(path).read_bytes()
        end = data.rfind(b"\n") + 1
        if end in {0, len(data)}:
            raise
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / Path(path).name
        copy.write_bytes(data[:end])
        return read(str(copy))


def follow(
    path: str,
    read: Callable[[], Recording],
    *,
    wait: Callable[[float], None] = time.sleep,
    timer: Callable[[], float] = time.monotonic,
) -> Iterator[Recording]:
    """Yield a recording at once and after each change of its file, for ever.

    Parameters
    ----------
    path : str
        The file that is watched, with the write-ahead log of a store.
    read : callable
        Reads the recording. After the first success a failure is retried when the file changes.
    wait, timer : callable
        Replaced by tests.
    """
    known: object = None
    while True:
        state = _state(path)
        pause = _LOOK_S
        if state != known:
            begun = timer()
            try:
                recording = read()
            except (TouchLogError, StoreError):
                # The first reading must succeed; later what is being written may be read too early.
                if known is None:
                    raise
            else:
                known = state
                yield recording
            pause = max(_LOOK_S, (timer() - begun) / _SHARE)
        wait(pause)


def _state(path: str) -> object:
    states: list[tuple[int, int] | None] = []
    for name in (path, f"{path}-wal"):
        try:
            stat = Path(name).stat()
        except OSError:
            states.append(None)
        else:
            states.append((stat.st_size, stat.st_mtime_ns))
    return states
