"""Counters and histograms, as text for Prometheus."""

from __future__ import annotations

import mmap
import struct
import zlib
from bisect import bisect_left
from itertools import accumulate, chain
from typing import TYPE_CHECKING, Self

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Metrics"]

#: Upper bounds of a sync's time (s).
_SYNC_BOUNDS = (0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0)
#: Name -> kind and meaning.
_ABOUT = {
    "requests_total": ("counter", "Requests by project and status."),
    "events_accepted_total": ("counter", "Events that were acknowledged, by project."),
    "events_quarantined_total": ("counter", "Events that could not be read, by project."),
    "clock_skew_seconds": ("gauge", "Time of arrival less the device's time of sending, of the last batch."),
    "in_flight": ("gauge", "Requests under way."),
    "in_flight_bytes": ("gauge", "Bytes of their bodies."),
    "journal_bytes": ("gauge", "Size of the closed segments that are not yet written."),
    "oldest_unwritten_seconds": ("gauge", "Age of the oldest of them."),
    "free_bytes": ("gauge", "Free space of the journal's disk."),
    "quarantine_bytes": ("gauge", "Size of the quarantine."),
    "syncs_total": ("counter", "Syncs of the journal."),
    "events_written_total": ("counter", "Events in files, by project."),
    "events_duplicate_total": ("counter", "Copies that were left out, by project."),
    "events_conflict_total": ("counter", "Copies that differ from the first, by project."),
    "events_forgotten_total": ("counter", "Events of forgotten users that were left out, by project."),
    "events_set_aside_total": ("counter", "Events in the quarantine, by project."),
    "kafka_lag": ("gauge", "Messages that are not yet in files."),
    "kafka_fenced_total": ("counter", "Files that another member made first."),
    "damaged_bytes_total": ("counter", "Bytes of damaged segments that were passed over."),
    "files_total": ("gauge", "Files."),
    "rows_total": ("gauge", "Rows in files."),
    "file_bytes": ("gauge", "Size of the files."),
}


#: A process's counts in memory that all processes of a door see begin with their size and checksum.
_HEAD = struct.Struct("<II")
_SHARED_BYTES = 1024 * 1024
#: Values that add up over the processes.
_PARTS = {"in_flight", "in_flight_bytes", *(name for name, about in _ABOUT.items() if about[0] == "counter")}
#: Names of the sync histogram's values: the count of each of its ranges, and the time.
_SYNCS, _SYNC_SECONDS = "journal_sync_seconds", "journal_sync_seconds_sum"


class Metrics:
    """Counts of a process, by name and labels; `text` has those of the processes `others` as well."""

    def __init__(self, own: mmap.mmap | None = None, others: Sequence[mmap.mmap] = ()) -> None:
        self._own, self._others = own, others
        self._values: dict[tuple[str, str], float] = {}

    @classmethod
    def of_processes(cls, count: int) -> list[Self]:
        """Return the counts of processes that are going to be forked."""
        shared = [mmap.mmap(-1, _SHARED_BYTES) for _ in range(count)]
        return [cls(own, [each for each in shared if each is not own]) for own in shared]

    def share(self) -> None:
        """Show the other processes how far this one has counted."""
        data = msgspec.msgpack.encode(list(self._values.items()))
        if self._own is not None and len(data) <= _SHARED_BYTES - _HEAD.size:
            self._own[: _HEAD.size + len(data)] = _HEAD.pack(len(data), zlib.crc32(data)) + data

    def resume(self) -> None:
        """Go on with the counts of the process that had this place before, and ended."""
        if self._own is not None:
            self._values = {key: value for key, value in _shared(self._own) if "in_flight" not in key[0]}

    def add(self, name: str, amount: float = 1, **labels: object) -> None:
        """Add to a counter."""
        key = name, _labels(labels)
        self._values[key] = self._values.get(key, 0) + amount

    def set(self, name: str, value: float, **labels: object) -> None:
        """Set a gauge."""
        self._values[name, _labels(labels)] = value

    def synced(self, seconds: float) -> None:
        """Count a sync and its time (s)."""
        self.add(_SYNCS, le=bisect_left(_SYNC_BOUNDS, seconds))
        self.add(_SYNC_SECONDS, seconds)

    def text(self, more: Mapping[tuple[str, str], float]) -> str:
        """Return everything as text; `more` are values from elsewhere, by name and labels."""
        values = self._values.copy()
        for key, value in chain.from_iterable(map(_shared, self._others)):
            adds_up = key[0] in _PARTS or key[0].startswith(_SYNCS)
            # Of gauges its own is the newest one: the other process may have ended.
            values[key] = values.get(key, 0) + value if adds_up else values.get(key, value)
        syncs = [int(values.get((_SYNCS, _labels({"le": at})), 0)) for at in range(len(_SYNC_BOUNDS) + 1)]
        values |= {**more, ("syncs_total", ""): sum(syncs)}
        lines: list[str] = []
        for name, (kind, about) in _ABOUT.items():
            rows = [(labels, value) for (each, labels), value in values.items() if each == name]
            if rows:
                lines += [f"# HELP gateway_{name} {about}", f"# TYPE gateway_{name} {kind}"]
                lines += [f"gateway_{name}{labels} {value:.15g}" for labels, value in sorted(rows)]
        return "\n".join([*lines, *_histogram(syncs, values.get((_SYNC_SECONDS, ""), 0)), ""])


def _shared(memory: mmap.mmap) -> list[tuple[tuple[str, str], float]]:
    """Return the counts that another process shows."""
    for _ in range(3):  # it may be writing them
        size, checksum = _HEAD.unpack_from(memory)
        data = memory[_HEAD.size : _HEAD.size + size]
        if size and zlib.crc32(data) == checksum:
            return msgspec.msgpack.decode(data, type=list[tuple[tuple[str, str], float]])
    return []


def _histogram(syncs: list[int], seconds: float) -> list[str]:
    name = f"gateway_{_SYNCS}"
    lines = [f"# HELP {name} Time of a sync of the journal.", f"# TYPE {name} histogram"]
    for bound, total in zip((*_SYNC_BOUNDS, "+Inf"), accumulate(syncs), strict=True):
        lines.append(f'{name}_bucket{{le="{bound}"}} {total}')
    return [*lines, f"{name}_sum {seconds:.9g}", f"{name}_count {sum(syncs)}"]


def _labels(labels: Mapping[str, object]) -> str:
    """Return labels as text; their values are numbers of ours, never text of a request."""
    inner = ",".join(f'{name}="{value}"' for name, value in labels.items())
    return f"{{{inner}}}" if inner else ""
