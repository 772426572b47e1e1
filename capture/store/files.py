"""Files of a store: deleting these and no other, and having their names on the disk."""

from __future__ import annotations

import contextlib
import logging
import os
from typing import TYPE_CHECKING

from capture.store.recovery import files_of
from capture.store.segment import OWN_NAME

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["delete_own", "delete_unreadable", "sync_folder"]

_log = logging.getLogger("capture.store")


def delete_own(folder: Path) -> None:
    """Delete the files of a store, and no other, until none is left."""
    for _ in range(10):
        files = [file for file in files_of(folder) if OWN_NAME.fullmatch(file)]
        if not files:
            return
        for file in files:
            with contextlib.suppress(OSError):
                (folder / file).unlink()


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
