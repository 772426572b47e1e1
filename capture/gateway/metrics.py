"""Counters and histograms, as text for Prometheus."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

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


class Metrics:
    """Counts of a process, by name and labels."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, str], float] = {}
        self._syncs = [0] * (len(_SYNC_BOUNDS) + 1)
        self._sync_seconds = 0.0

    def add(self, name: str, amount: float = 1, **labels: object) -> None:
        """Add to a counter."""
        key = name, _labels(labels)
        self._values[key] = self._values.get(key, 0) + amount

    def set(self, name: str, value: float, **labels: object) -> None:
        """Set a gauge."""
        self._values[name, _labels(labels)] = value

    def synced(self, seconds: float) -> None:
        """Count a sync and its time (s)."""
        self._syncs[bisect_left(_SYNC_BOUNDS, seconds)] += 1
        self._sync_seconds += seconds

    def text(self, more: Mapping[tuple[str, str], float]) -> str:
        """Return everything as text; `more` are values from elsewhere, by name and labels."""
        values = {**self._values, **more, ("syncs_total", ""): sum(self._syncs)}
        lines: list[str] = []
        for name, (kind, about) in _ABOUT.items():
            rows = [(labels, value) for (each, labels), value in values.items() if each == name]
            if rows:
                lines += [f"# HELP gateway_{name} {about}", f"# TYPE gateway_{name} {kind}"]
                lines += [f"gateway_{name}{labels} {value:.15g}" for labels, value in sorted(rows)]
        return "\n".join([*lines, *self._histogram(), ""])

    def _histogram(self) -> list[str]:
        name = "gateway_journal_sync_seconds"
        lines = [f"# HELP {name} Time of a sync of the journal.", f"# TYPE {name} histogram"]
        total = 0
        for bound, count in zip((*_SYNC_BOUNDS, "+Inf"), self._syncs, strict=True):
            total += count
            lines.append(f'{name}_bucket{{le="{bound}"}} {total}')
        return [*lines, f"{name}_sum {self._sync_seconds:.9g}", f"{name}_count {total}"]


def _labels(labels: Mapping[str, object]) -> str:
    """Return labels as text; their values are numbers of ours, never text of a request."""
    inner = ",".join(f'{name}="{value}"' for name, value in labels.items())
    return f"{{{inner}}}" if inner else ""
