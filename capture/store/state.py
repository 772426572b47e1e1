"""``state.json``: user id, salt, and the wire format of every queue that ever was.

It is written under ``state.lock``, after it was read again, into a new file that takes its place; the one
before stays as ``state.json.bak``. A CRC keeps a flipped bit from becoming another user id.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from typing import TYPE_CHECKING, Any

import msgspec

from capture._native.journal import crc32c
from capture.errors import StoreError
from capture.process import make_private_folder
from capture.store.files import exists, sync_folder
from capture.store.locks import FileLock
from capture.store.recovery import segment_names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

__all__ = [
    "STATE_FILE",
    "checked",
    "is_store",
    "read_state",
    "replace_file",
    "update_state",
    "with_checksum",
    "write_file",
    "write_private",
]

STATE_FILE = "state.json"
_LOCK_S = 1.0
_POLL_S = 0.005
_REPLACE_TRIES = 20


class _File(msgspec.Struct):
    crc32c: int
    state: msgspec.Raw


def is_store(folder: Path) -> bool:
    """Return whether there is a store in a folder."""
    if any(exists(folder / name) for name in (STATE_FILE, f"{STATE_FILE}.bak")):
        return True
    with contextlib.suppress(OSError):
        return bool(segment_names(folder))
    return False


def read_state(folder: Path) -> dict[str, Any] | None:
    """Return the state of a folder; None if missing.

    Raises
    ------
    StoreError
        When there is one that cannot be read, or is damaged and has no good predecessor.
    """
    problem: str | None = None
    for name in (STATE_FILE, f"{STATE_FILE}.bak"):
        path = folder / name
        try:
            found = checked(path.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise StoreError(f"{path}: cannot be read: {error}") from error
        if found is not None:
            return found if name == STATE_FILE or problem else None
        problem = problem or f"{path}: damaged"
    if problem is not None:
        raise StoreError(problem)
    return None


def with_checksum(state: Mapping[str, Any]) -> bytes:
    """Return a file's bytes: JSON with its CRC."""
    body = msgspec.json.encode(state)
    return msgspec.json.encode(_File(crc32c(body), msgspec.Raw(body)))


def checked(data: bytes) -> dict[str, Any] | None:
    """Return the content of a file; None if it is damaged."""
    try:
        file = msgspec.json.decode(data, type=_File)
        if crc32c(bytes(file.state)) != file.crc32c:
            return None
        state: dict[str, Any] = msgspec.json.decode(file.state, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return state


def update_state(
    folder: Path, change: Callable[[dict[str, Any] | None], Mapping[str, Any]]
) -> dict[str, Any]:
    """Replace the state by the result of `change`; return that.

    Raises
    ------
    StoreError
        When it cannot be written, or another process holds ``state.lock`` too long.
    """
    lock = FileLock(folder / "state.lock")
    try:
        make_private_folder(folder)
        end = time.monotonic() + _LOCK_S
        while not lock.claim():
            if time.monotonic() > end:
                raise StoreError(f"{lock.path}: held by another process")
            time.sleep(_POLL_S)
        known = read_state(folder)
        state = dict(change(known))
        if state != known:
            _replace(folder, state, lock)
    except OSError as error:
        raise StoreError(f"{folder}: the state cannot be written: {error}") from error
    finally:
        lock.release()
    return state


def _replace(folder: Path, state: dict[str, Any], lock: FileLock) -> None:
    path, kept = folder / STATE_FILE, folder / f"{STATE_FILE}.bak"
    new = write_file(folder, "state", with_checksum(state))
    if not lock.is_in_place():
        new.unlink()
        raise FileNotFoundError("the folder was replaced meanwhile")
    with contextlib.suppress(OSError):
        kept.unlink()
    with contextlib.suppress(OSError):
        os.link(path, kept)
    replace_file(new, path)
    sync_folder(folder)


def replace_file(new: Path, path: Path) -> None:
    """Put a new file in the place of another."""
    for attempt in range(_REPLACE_TRIES):
        try:
            new.replace(path)
            break
        except PermissionError:
            # On Windows somebody may have it open.
            if attempt == _REPLACE_TRIES - 1:
                raise
            time.sleep(_POLL_S)


def write_file(folder: Path, kind: str, data: bytes) -> Path:
    """Write a new ``KIND-...tmp`` file, synced; the caller renames it."""
    path = folder / f"{kind}-{os.getpid()}-{time.monotonic_ns()}.tmp"
    write_private(path, data, os.O_EXCL, sync=True)
    return path


def write_private(path: Path, data: bytes, flags: int, *, sync: bool) -> None:
    """Write a file that its owner alone can read; delete it if it is not complete.

    Raises
    ------
    OSError
        When it cannot be written, or the disk takes only a part.
    """
    flags |= os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    descriptor = os.open(path, flags, 0o600)
    try:
        try:
            if os.write(descriptor, data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if sync:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError:
        with contextlib.suppress(OSError):
            path.unlink()
        raise
