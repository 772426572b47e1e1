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
from capture.report.from_batches import Reader
from capture.store.schema import FILE_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from capture.report.recording import Recording

__all__ = ["find_store", "follow", "read_growing", "read_store"]

#: How often (s) it is looked whether there is more.
_LOOK_S = 0.25
#: Reading takes at most this share of the time: a long log is looked at less often.
_SHARE = 0.2
_decode = msgspec.json.Decoder(list[native.WireEvent]).decode


def find_store(path: str) -> Path | None:
    """Return the database that a path is, or that a folder holds; None where it is none."""
    given = Path(path)
    file = given / FILE_NAME if given.is_dir() else given
    return file if file.name == FILE_NAME and file.is_file() else None


def read_store(file: Path, reader: Reader | None = None) -> Recording:
    """Read the events that wait in a store; the store is only read, and may be in use.

    Parameters
    ----------
    file : Path
    reader : Reader, optional
        Keeps what was read before: events leave a store when they are delivered.

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
            found = connection.execute("SELECT payload FROM events WHERE format = 'native' ORDER BY id")
            for (payload,) in found:
                reader.take_events(_decode(b"[" + payload + b"]"))
        finally:
            connection.close()
    except (sqlite3.Error, msgspec.DecodeError) as error:
        raise StoreError(f"{file}: cannot be read: {error}") from None
    return reader.recording(file)


def read_growing(path: str, read: Callable[[str], Recording]) -> Recording:
    """Read a log that may end in the middle of a line: then without that line.

    Parameters
    ----------
    path : str
    read : callable
        Reads the log of a path.

    Raises
    ------
    TouchLogError
        When the whole lines are no log either.
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
    """Yield a recording now and each time that its file has changed, for ever.

    Parameters
    ----------
    path : str
        The file that is looked at, with the write-ahead log of a store.
    read : callable
        Reads the recording; from the second time on a failure is tried again when the file changes.
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
