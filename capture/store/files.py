"""Files of a store: listing, reading, writing and deleting these and no other."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import time
from io import FileIO
from typing import TYPE_CHECKING, Any

import msgspec

from capture._native.journal import SegmentWriter, crc32c
from capture.events.privacy import OPTED_OUT
from capture.store.segment import OWN_NAME, make_head, wire_number

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from capture.store.segment import Header

__all__ = [
    "BLOCK",
    "KEEPS_OPEN",
    "PASSING",
    "KeptFile",
    "checked",
    "create_segment",
    "delete_own",
    "delete_unreadable",
    "delete_withdrawn",
    "exists",
    "files_of",
    "read_at",
    "replace_file",
    "store_bytes",
    "sync_folder",
    "with_checksum",
    "write_private",
]

_POLL_S = 0.005
_REPLACE_TRIES = 20
#: Least size that a file counts (bytes): a block of the file system.
BLOCK = 4096
#: Errors that are not the file's: it is waited for, lest later events go before those in it.
PASSING = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
#: Whether a file may be kept open: Windows deletes no open file, and knows only the one position in it,
#: which a signal handler that looks at the store moves.
KEEPS_OPEN = hasattr(os, "pread")
_log = logging.getLogger("capture.store")


class _Checked(msgspec.Struct):
    crc32c: int
    state: msgspec.Raw


def files_of(folder: Path) -> list[str]:
    """Return the names of the files in a folder; none if it cannot be listed."""
    try:
        return os.listdir(folder)  # noqa: PTH208 - a path for each of thousands of files takes longer
    except OSError:
        return []


def exists(path: Path) -> bool:
    """Return whether there is a file or a folder; False if the system cannot tell.

    Not for a deletion: what cannot be looked at now may be there all the same.
    """
    try:
        path.stat()
    except (OSError, ValueError):
        return False
    return True


class KeptFile(FileIO):
    """A file that is open for reading and writing until nobody refers to it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "r+")

    def __del__(self) -> None:
        """Close it, without the warning that it was left open."""
        self.close()


def read_at(place: Path | FileIO, offset: int, size: int) -> bytes:
    """Return a part of a file, up to its end; a path is opened for that and closed again."""
    if not isinstance(place, FileIO):
        with FileIO(place) as file:
            return read_at(file, offset, size)
    # A read takes memory for all that it asks for, and a caller's bound may be more than a device has.
    size = max(0, min(size, os.fstat(place.fileno()).st_size - offset))
    data = _read(place, size, offset)
    while len(data) < size:
        more = _read(place, size - len(data), offset + len(data))
        if not more:
            break
        data += more
    return data


def _read(file: FileIO, size: int, offset: int) -> bytes:
    if KEEPS_OPEN:
        return os.pread(file.fileno(), size, offset)
    file.seek(offset)
    return file.read(size)


def store_bytes(folder: Path) -> int:
    """Return the size of a store's files (bytes); lock files hold nothing and do not count."""
    total = 0
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if OWN_NAME.fullmatch(entry.name) and not entry.name.endswith(".lock"):
                with contextlib.suppress(OSError):
                    total += max(entry.stat().st_size, BLOCK)
    return total


def create_segment(
    path: Path, header: Header, queues: Mapping[str, str], *wires: str, **more: Any
) -> SegmentWriter:
    """Make a file that is not there yet, which its owner alone can read, and return its writer.

    Parameters
    ----------
    path : Path
    header : Header
    queues : mapping
        Those that have a slot -> their wire format.
    *wires : str
        Wire formats of records without a queue.
    **more
        As for `SegmentWriter`.

    Raises
    ------
    FileExistsError
        When it is there; other OSErrors when it cannot be made.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
    flags |= getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    numbers = {wire: wire_number(wire) for wire in (*queues.values(), *wires)}
    seqs = header.seqs or dict.fromkeys(numbers.values(), 0)
    head = make_head(header, queues)  # before there is a descriptor to close
    descriptor = os.open(path, flags, 0o600)
    return SegmentWriter(descriptor, header.session, head, numbers, seqs, **more)


def write_private(path: Path, data: bytes, *, sync: bool = True) -> Path:
    """Write a file that its owner alone can read, and return it; delete it if it is not complete.

    Raises
    ------
    OSError
        When it cannot be written, or the disk takes only a part.
    """
    try:
        with FileIO(path, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            if file.write(data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # noqa: TRY301 - deleted below
            if sync:
                os.fsync(file.fileno())
    except OSError:
        with contextlib.suppress(OSError):
            path.unlink()
        raise
    return path


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


def with_checksum(state: Mapping[str, Any]) -> bytes:
    """Return a file's bytes: JSON with its CRC."""
    body = msgspec.json.encode(state)
    return msgspec.json.encode(_Checked(crc32c(body), msgspec.Raw(body)))


def checked(data: bytes) -> dict[str, Any] | None:
    """Return the content of a file; None if it is damaged."""
    try:
        file = msgspec.json.decode(data, type=_Checked)
        if crc32c(bytes(file.state)) != file.crc32c:
            return None
        state: dict[str, Any] = msgspec.json.decode(file.state, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return state


def delete_own(folder: Path) -> None:
    """Delete the files of a store, and no other, until none is left."""
    for _ in range(10):
        files = [file for file in files_of(folder) if OWN_NAME.fullmatch(file)]
        if not files:
            return
        for file in files:
            with contextlib.suppress(OSError):
                (folder / file).unlink()


def delete_withdrawn(folder: Path) -> None:
    """Delete files that a process made before it noticed that the user has opted out in another one."""
    if exists(folder / OPTED_OUT):
        delete_own(folder)


def delete_unreadable(folder: Path) -> None:
    """Delete the store of a version that kept it in a database: its events are not carried over."""
    found = [file for file in files_of(folder) if OWN_NAME.fullmatch(file) and file.startswith("capture.db")]
    if found:
        _log.warning("%s: events of an earlier version (capture.db) are not carried over: deleted", folder)
    for file in found:
        with contextlib.suppress(OSError):
            (folder / file).unlink()


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk, where the system can do that."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno not in {errno.EINVAL, errno.ENOTSUP}:  # a file system that syncs no folders
                raise
        finally:
            os.close(descriptor)
