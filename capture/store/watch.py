"""Another process's delivery, as seen from one that waits for it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from capture._native.journal_scan import walk
from capture.store.dead_letters import letter_files, read_letters
from capture.store.recovery import read_at
from capture.store.sink_reports import read_reports

if TYPE_CHECKING:
    from capture.store.known import Segment
    from capture.store.reader import Index
    from capture.store.segment import Name, Position
    from capture.store.shared import Shared

__all__ = ["Watch"]


class Watch:
    """Watches the pending events of every queue until none of them is pending.

    Parameters
    ----------
    shared : Shared
        Of a store that another process delivers.
    """

    def __init__(self, shared: Shared) -> None:
        self._s, self._folder = shared, shared.context.folder
        self._queues = tuple(shared.context.formats)
        if shared.writer.waiting:
            shared.writer.write_waiting()
        self._number = shared.memory.number_all()
        self._letters, self._dropped = self._dead_letters(), self._drops()
        #: Segment and queue -> up to where (bytes) its events are waited for.
        self._ends: dict[tuple[Name, str], int] = {}
        index = self._look()
        for segment in index.order:
            for queue in self._queues:
                position = index.position(segment, queue)
                with contextlib.suppress(OSError):  # delivered and deleted meanwhile
                    if position is not None and index.pending(segment, position):
                        self._ends[segment.name, queue] = position.counted

    def is_over(self) -> bool:
        """Return whether none of them is pending any more."""
        index = self._look()
        for (name, queue), end in self._ends.items():
            segment = index.segments.get(name)
            position = None if segment is None else index.position(segment, queue)
            if segment is not None and position is not None and _holds(segment, position, end):
                return False
        return not any(self._s.memory.has_before(queue, self._number) for queue in self._queues)

    def has_lost(self) -> bool:
        """Return whether events of these queues became dead letters, or were dropped, meanwhile."""
        return not self._dead_letters() <= self._letters or self._drops() != self._dropped

    def _look(self) -> Index:
        index = self._s.make_index(writes=False)
        with contextlib.suppress(OSError):
            index.refresh()
        return index

    def _dead_letters(self) -> set[tuple[str, str | bytes]]:
        letters: set[tuple[str, str | bytes]] = set()
        for path in letter_files(self._folder):
            with contextlib.suppress(OSError):
                letters.update((each.queue, each.event_id) for each in read_letters(path))
        return {letter for letter in letters if letter[0] in self._queues}

    def _drops(self) -> int:
        reports = read_reports(self._folder)
        return sum(reports[queue].dropped for queue in self._queues if queue in reports)


def _holds(segment: Segment, position: Position, end: int) -> bool:
    """Return whether a segment has an event for a queue between its position and an offset."""
    try:
        data = read_at(segment.path, position.offset, max(0, end - position.offset))
    except OSError:
        return False  # deleted meanwhile
    return any(record[2] == position.wire for record in walk(data, segment.seed, True)[0])
