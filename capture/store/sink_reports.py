"""``sinks.json``: how each sink is, for commands and for processes of the app that do not deliver.

Events that a sink has not accepted are read from the segments; its state is known only to the process that
delivers. That process replaces the file when a state changes. A CRC keeps half a file from being believed.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import msgspec

from capture.store.files import checked, replace_file, with_checksum, write_private

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["SINKS_FILE", "SinkReport", "add_drops", "add_reports", "read_reports"]

SINKS_FILE = "sinks.json"
#: One process writes at a time, so that a kill leaves one such file at most.
_NEW_FILE = "sinks.tmp"
_LONGEST = 500


class SinkReport(msgspec.Struct, frozen=True):
    """State of a sink in the process that delivers.

    Attributes
    ----------
    state : {"idle", "sending", "waiting", "paused"}
        As in `SinkCounters`.
    since : int or None
        When it began to fail (ms since the epoch); None while it is well.
    attempts : int
        Failed attempts since then.
    last_error : str
        The last failure.
    delivered, retried : int
        Events accepted and requests that failed, over all processes and starts.
    dropped : int
        Events that were dropped, or are about to be, for age, for room or on request; likewise.
    updated : int
        When this was noted (ms since the epoch).
    """

    state: str = "idle"
    since: int | None = None
    attempts: int = 0
    last_error: str = ""
    delivered: int = 0
    retried: int = 0
    dropped: int = 0
    updated: int = 0


def read_reports(folder: Path) -> dict[str, SinkReport]:
    """Return the report of each sink; empty if none can be read."""
    with contextlib.suppress(OSError, msgspec.ValidationError):
        found = checked((folder / SINKS_FILE).read_bytes())
        return msgspec.convert(found or {}, dict[str, SinkReport])
    return {}


def add_reports(folder: Path, more: Mapping[str, SinkReport]) -> bool:
    """Replace the reports of some sinks, their counts added to those before; return whether that worked.

    The file is not synced to the disk: after a power loss there may be none.
    """
    reports = read_reports(folder)
    for name, new in more.items():
        before = reports.get(name, SinkReport())
        reports[name] = msgspec.structs.replace(
            new,
            last_error=new.last_error[:_LONGEST],
            delivered=before.delivered + new.delivered,
            retried=before.retried + new.retried,
            dropped=before.dropped + new.dropped,
        )
    return _write(folder, reports)


def add_drops(folder: Path, counts: Mapping[str, int]) -> None:
    """Count dropped events of some sinks, for processes that wait for these."""
    if any(counts.values()):
        reports = read_reports(folder)
        for name, count in counts.items():
            before = reports.get(name, SinkReport())
            reports[name] = msgspec.structs.replace(before, dropped=before.dropped + count)
        _write(folder, reports)


def _write(folder: Path, reports: Mapping[str, SinkReport]) -> bool:
    try:
        new_file = write_private(folder / _NEW_FILE, with_checksum(reports), sync=False)
        replace_file(new_file, folder / SINKS_FILE)
    except OSError:
        return False
    return True
