"""The sessions of this process: whose turn it is to record, and what a restart must know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture.store import recovery
from capture.store.segment import RETRIED

if TYPE_CHECKING:
    from capture.store.segment import Name
    from capture.store.shared import Shared

__all__ = ["Sessions"]


class Sessions:
    """Claims sessions; `capture.store.Store` says what each call means."""

    def __init__(self, shared: Shared) -> None:
        self._s = shared

    def claim(self, number: int, *, new: bool = False) -> bool:
        """As `Store.claim_session`."""
        self._s.check_pid()

        def admit() -> bool:
            others = [name.session for name in self._names() if name.kind != RETRIED]
            locks = recovery.session_locks(recovery.files_of(self._s.folder)) - {number}
            last = max([*others, *locks], default=0)
            return number > max(others, default=0) if new else number >= last

        if self._s.claims.holds(number):
            return True
        self._s.make_folder()
        return self._s.claims.claim_session(number, admit)

    def _names(self) -> list[Name]:
        try:
            return recovery.segment_names(self._s.folder)
        except OSError:
            return []

    def last(self) -> int:
        """As `Store.last_session`."""
        lock = self._s.claims.session_lock
        own = 0 if lock is None else int(lock.path.stem[8:])
        return max(own, recovery.last_session(self._s.folder))

    def release(self) -> None:
        """As `Store.release_session`."""
        if not self._s.writer.waiting:
            self._s.writer.end_session()
            self._s.claims.release_session()
