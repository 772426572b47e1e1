"""Files of a store: making them, deleting these and no other, and having their names on the disk."""

from __future__ import annotations

import contextlib
import logging
import os
from typing import TYPE_CHECKING, Any

from capture._native.journal import SegmentWriter
from capture.events.privacy import OPTED_OUT
from capture.store.recovery import files_of
from capture.store.segment import OWN_NAME

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["create_segment", "delete_own", "delete_unreadable", "delete_withdrawn", "exists", "sync_folder"]

_log = logging.getLogger("capture.store")


def create_segment(
    path: Path, session: int, head: bytes, wires: dict[str, int], **more: Any
) -> SegmentWriter:
    """Make a file that is not there yet, which its owner alone can read, and return its writer.

    Raises
    ------
    FileExistsError
        When it is there; other OSErrors when it cannot be made.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
    flags |= getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    return SegmentWriter(os.open(path, flags, 0o600), session, head, wires, **more)


def delete_own(folder: Path) -> None:
    """Delete the files of a store, and no other, until none is left."""
    for _ in range(10):
        files = [file for file in files_of(folder) if OWN_NAME.fullmatch(file)]
        if not files:
            return
        for file in files:
            with contextlib.suppress(OSError):
                (folder / file).unlink()


def exists(path: Path) -> bool:
    """Return whether there is a file or a folder; False if the system cannot tell."""
    try:
        path.stat()
    except (OSError, ValueError):
        return False
    return True


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
        finally:
            os.close(descriptor)
