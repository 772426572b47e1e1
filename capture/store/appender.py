"""Calls that the native append has not taken at once: the long way of an append."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.store.maintenance import Maintenance
    from capture.store.rows import StoredEvent
    from capture.store.shared import Shared

__all__ = ["Appender"]


class Appender:
    """Appends calls of one event or of several."""

    def __init__(self, shared: Shared, maintenance: Maintenance) -> None:
        self._s = shared
        self._writer = shared.writer
        self._maintenance = maintenance

    def append_many(self, events: Sequence[StoredEvent], elapsed_ms: int, screens: int, boot_ms: int) -> bool:
        """As `Store.append_many`."""
        written = True
        calls: list[list[Any]] = []
        for event in events:
            row = (event.session, event.payloads, event.time_ms, event.event_id)
            if calls and calls[-1][0][0] == event.session:
                calls[-1].append(row)
            else:
                calls.append([row])
        for rows in calls:
            written = self.append_call(rows, elapsed_ms, screens, boot_ms) and written
        return written

    def append_call(
        self,
        rows: list[Any],
        elapsed_ms: int,
        screens: int,
        boot_ms: int,
        *,
        failed: bool = False,
    ) -> bool:
        """Write a call the long way; `failed`: it could not be written, and waits already."""
        self._s.check_pid()
        wires = set(self._s.formats.values())
        if not any(wire in wires for _, payloads, _, _ in rows for wire, _ in payloads):
            return True
        if self._s.closed or self._s.revoked:
            self._count_refused(rows, "close" if self._s.closed else "opted_out")
            return False
        made = self._writer.made
        if failed:
            written = self._writer.write_waiting(count=True)
        else:
            written = self._writer.append(rows, elapsed_ms, screens, boot_ms)
        if self._writer.made != made:
            self._maintenance.after_rotation()
        elif not written and len(self._writer.waiting) == 1:
            self._s.wanted = True
        self._s.losses.report()
        return written

    def _count_refused(self, rows: list[Any], cause: str) -> None:
        for queue, wire in self._s.formats.items():
            count = sum(name == wire for _, payloads, _, _ in rows for name, _ in payloads)
            self._s.losses.add(cause, count, queue)
        self._s.losses.report()
