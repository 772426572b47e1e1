"""The newest rows of the store, kept at hand for the worker that sends them next.

They are in the file before they are here. Reading them back takes one change of threads for each row;
from here a full batch takes none, so that a busy worker does not hold up the app's touches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from capture.store.rows import StoredBatch

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["MAX_FRESH", "Fresh", "Row"]

#: Rows that are kept: what a worker may lag behind, and about a megabyte.
MAX_FRESH = 2048
#: A row as it is stored: id, session, wire format, count, time (ms), crc, event id, payload, state.
Row: TypeAlias = "tuple[int, int, str, int, int, int, str, bytes, bytes]"


class Fresh:
    """The last rows that this process has committed, by id.

    The appending thread writes, workers read; both hold no more than the interpreter's own lock.
    """

    def __init__(self) -> None:
        self._rows: dict[int, Row] = {}
        self._last_id = 0

    def add(self, row: Row) -> None:
        """Keep a row that was committed; the one `MAX_FRESH` ids before it goes."""
        rows, row_id = self._rows, row[0]
        rows[row_id] = row
        self._last_id = row_id
        rows.pop(row_id - MAX_FRESH, None)

    def clear(self) -> None:
        """Forget all of them: in a forked child, in a new file, after a loss."""
        self._rows = {}

    def batch(
        self,
        queue: str,
        wire: str,
        cursor: int,
        *,
        max_events: int,
        max_bytes: int,
        skip: Collection[int],
    ) -> StoredBatch | None:
        """Return the events behind `cursor`, as `Queue.read` would.

        None wherever the file must be asked: no event, a row that another process wrote or that is too
        old to be here, a change of session, more bytes than a batch takes.

        Parameters
        ----------
        queue, wire : str
            The queue's name and its wire format.
        cursor : int
            Where it stands in the file.
        max_events, max_bytes : int
            Bounds of the batch.
        skip : collection of int
            Sessions whose turn it is not.
        """
        rows = self._rows
        taken: list[Row] = []
        byte_count, row_id = 0, cursor
        while len(taken) < max_events and row_id != self._last_id:
            row_id += 1
            row = rows.get(row_id)
            if row is None:
                return None
            if row[2] != wire:
                continue
            byte_count += len(row[7])
            if row[1] in skip or byte_count > max_bytes or row[1] != (taken or [row])[0][1]:
                return None
            taken.append(row)
        if not taken:
            return None
        return StoredBatch(
            queue=queue,
            format=wire,
            session=taken[0][1],
            row_ids=[row[0] for row in taken],
            payloads=[row[7] for row in taken],
            event_ids=[row[6] for row in taken],
            oldest_ms=taken[0][4],
            byte_count=byte_count,
            floor=row_id,
            full=len(taken) == max_events,
        )
