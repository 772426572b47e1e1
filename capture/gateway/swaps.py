"""Replacing files that readers may have open: written aside, recorded, renamed, the others deleted.

A swap that was recorded is finished by whoever opens the output folder next. A reader that lists files
between the rename and the deletion sees some rows twice, for milliseconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from capture.gateway.journal import sync_folder
from capture.gateway.steps import step

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from capture.gateway.state import State

__all__ = ["FileRow", "finish_swaps", "fresh_path", "swap"]


class FileRow(msgspec.Struct):
    """A row of `files`."""

    path: str
    segment: str
    rows: int
    bytes: int = 0
    sha256: str = ""
    min_t: int | None = None
    max_t: int | None = None


def fresh_path(state: State, path: str) -> Path:
    """Return where the new content of a file is written."""
    target = state.folder / path
    return target.with_name(f".{target.name}.new")


def swap(state: State, row: FileRow, others: Sequence[str] = ()) -> None:
    """Put the content at `fresh_path` in the place of a file, and delete the `others`; in a `State.unit`.

    A row without rows deletes its file.
    """
    step("swap.written")
    with state.transaction() as db:
        listed = msgspec.json.encode([*others, *([] if row.rows else [row.path])]).decode()
        fresh = str(fresh_path(state, row.path).relative_to(state.folder)) if row.rows else ""
        db.execute("INSERT OR REPLACE INTO swaps VALUES (?, ?, ?)", (row.path, fresh, listed))
        db.executemany("DELETE FROM files WHERE path = ?", [(path,) for path in (row.path, *others)])
        if row.rows and row.segment:
            values: Any = msgspec.structs.astuple(row)
            db.execute("INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?)", values)
    step("swap.recorded")
    finish_swaps(state)


def finish_swaps(state: State) -> None:
    """Finish the swaps that are recorded."""
    for target, fresh, others in state.db.execute("SELECT target, fresh, others FROM swaps").fetchall():
        path = state.folder / target
        if fresh and (state.folder / fresh).exists():
            (state.folder / fresh).rename(path)
        step("swap.renamed")
        for other in msgspec.json.decode(others):
            (state.folder / other).unlink(missing_ok=True)
        if path.parent.exists():
            sync_folder(path.parent)
        step("swap.unlinked")
        state.db.execute("DELETE FROM swaps WHERE target = ?", (target,))
