"""Which files a batch becomes: a batch that comes again, longer or shorter, never changes one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["BatchFiles", "PlannedFile"]


class PlannedFile(msgspec.Struct, eq=False):
    """A file that was begun: its records and the hour of its path are settled.

    Attributes
    ----------
    event : str
        Event type of its records.
    ids : tuple of str
        Ids of its records, in order.
    hour : str
        Of the first attempt; empty before it.
    """

    event: str
    ids: tuple[str, ...]
    hour: str = ""


class BatchFiles:
    """Remembers, until a batch is accepted, which records are in finished files and which in begun ones.

    The delivery composes a batch again for each attempt: with events recorded since then, without
    refused ones.

    Parameters
    ----------
    max_events : int
        Records of a file, at most.
    """

    def __init__(self, max_events: int) -> None:
        self._max_events = max_events
        self._written: set[str] = set()
        self._begun: list[PlannedFile] = []

    def plan(
        self, records: Iterable[Mapping[str, Any]]
    ) -> list[tuple[PlannedFile, Sequence[Mapping[str, Any]]]]:
        """Return the files that are still to write for a batch, each with its records."""
        left: dict[str, dict[str, Mapping[str, Any]]] = {}
        for record in records:
            if record["id"] not in self._written:
                left.setdefault(record["event_type"], {})[record["id"]] = record
        # One that a record was taken out of cannot be made any more.
        self._begun = [file for file in self._begun if left.get(file.event, {}).keys() >= set(file.ids)]
        files: list[tuple[PlannedFile, Sequence[Mapping[str, Any]]]] = [
            (file, [left[file.event].pop(record_id) for record_id in file.ids]) for file in self._begun
        ]
        for event, rows in left.items():
            ids = list(rows)
            for start in range(0, len(ids), self._max_events):
                file = PlannedFile(event, tuple(ids[start : start + self._max_events]))
                files.append((file, [rows[record_id] for record_id in file.ids]))
                self._begun.append(file)
        return files

    def finish(self, file: PlannedFile) -> None:
        """Note that a file is finished."""
        self._begun = [each for each in self._begun if each is not file]
        self._written.update(file.ids)

    def accept(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Forget the records of an accepted batch: they do not come again."""
        self._written.difference_update(record["id"] for record in records)
