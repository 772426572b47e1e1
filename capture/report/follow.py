"""Recordings that grow: a log that is being written, or the live store of an app."""

from __future__ import annotations

import contextlib
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from capture.errors import StoreError, TouchLogError
from capture.formats import native
from capture.report.from_batches import Reader, entry_of
from capture.store.recovery import read_payloads
from capture.store.state import STATE_FILE, is_store

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
    """Return the folder of a store if a path is one, or a file in it; None otherwise."""
    given = Path(path)
    folder = given if given.is_dir() else given.parent
    return folder if is_store(folder) and (given.is_dir() or given.name == STATE_FILE) else None


def read_store(folder: Path, reader: Reader | None = None) -> Recording:
    """Read the native events that are in a store; the store is only read, and may be in use.

    Parameters
    ----------
    folder : Path
    reader : Reader, optional
        Keeps events that were read before: delivered events are no longer in the store.

    Raises
    ------
    StoreError
        When it cannot be read.
    """
    reader = reader or Reader()
    try:
        for payload in read_payloads(folder, "native"):
            reader.add(map(entry_of, _decode(b"[" + payload + b"]")))
    except (OSError, msgspec.DecodeError) as error:
        raise StoreError(f"{folder}: cannot be read: {error}") from None
    return reader.recording(folder.resolve().name)


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
        The file or the folder of a store that is watched.
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
                # The first reading must succeed; later a file may be read while it is being written.
                if known is None:
                    raise
            else:
                known = state
                yield recording
            pause = max(_LOOK_S, (timer() - begun) / _SHARE)
        wait(pause)


def _state(path: str) -> object:
    given = Path(path)
    states: list[tuple[str, int, int]] = []
    for file in sorted(given.iterdir()) if given.is_dir() else [given]:
        with contextlib.suppress(OSError):
            stat = file.stat()
            states.append((file.name, stat.st_size, stat.st_mtime_ns))
    return states
