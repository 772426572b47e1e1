"""Looking after a store: syncs, bounds, requests of commands, and whether it is still ours."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from capture._native.guard import BusyError
from capture.errors import StoreError
from capture.store import recovery
from capture.store.age import Age
from capture.store.dead_letters import retry_letters
from capture.store.files import delete_withdrawn, exists
from capture.store.presence import Presence, look
from capture.store.requests import Request, serve, waiting_requests
from capture.store.retention import store_bytes
from capture.store.segment import uuid_bytes
from capture.store.state import read_state

if TYPE_CHECKING:
    from capture.store.known import Segment
    from capture.store.reader import Index
    from capture.store.shared import Shared

__all__ = ["Maintenance"]

#: While the bound is passed, a segment ends at this size (bytes).
_SMALL_BYTES = 64 * 1024


class Maintenance:
    """What the maintenance thread does, and a command in its place."""

    def __init__(self, shared: Shared) -> None:
        self._s = shared
        #: Bytes that all files had when they were last counted, and the segments made until then.
        self._counted_bytes = self._counted_segments = 0

    def upkeep(self) -> None:
        """Write and sync what waits, answer requests, keep age and bound: for the maintenance thread.

        Raises
        ------
        StoreError
            When the store cannot be used now.
        """
        self._s.check_pid()
        self._s.wanted = False
        try:
            self.check_presence(deeply=True)
            if self._s.revoked or self._s.closed:
                return
            if self._s.state.waits and self._s.state.known is not None:
                self._s.state.write(self._s.state.known)
            self._s.writer.write_waiting()
            if not self._s.power:
                self._s.writer.sync()
            if exists(self._s.folder) and self._s.claim_delivery() and self._s.claims.delivers:
                self._tidy()
            self._limit_segment()
        finally:
            self._s.losses.report()

    def _tidy(self) -> None:
        with self._s.reading() as (index, retention):
            index.refresh(force=True)
            index.write_slots()
            retention.delete_done()
            if self._s.max_age_s != float("inf"):
                retention.drop_old(Age(self._s.clock, self._s.max_age_s, self._s.writer.boot_id))
        if waiting_requests(self._s.folder):
            serve(self._s.folder, self._handle)
        self._keep_bound()

    def after_rotation(self) -> None:
        """Keep the bound where writing goes on faster than upkeep comes."""
        # The segment that was just begun, and what was written since the files were counted.
        made = self._s.writer.made - self._counted_segments + 1
        if self._counted_bytes + made * self._s.segment_limit() > self._s.max_bytes:
            with contextlib.suppress(BusyError, StoreError):
                self._keep_bound()

    def _keep_bound(self) -> None:
        self._counted_segments = self._s.writer.made
        if self._s.claim_delivery() and self._s.claims.delivers:
            with self._s.reading() as (index, retention):
                index.refresh(force=True)
                native = self._s.writer.native
                retention.keep_bound(0 if native is None else max(0, native.limit - native.position))
        self._counted_bytes = store_bytes(self._s.folder)

    def _limit_segment(self) -> None:
        """Over the bound, each process ends its segment early, so that it can be dropped."""
        self._counted_bytes, self._counted_segments = store_bytes(self._s.folder), self._s.writer.made
        native = self._s.writer.native
        if native is not None and self._counted_bytes > self._s.max_bytes:
            native.limit = min(native.limit, _SMALL_BYTES)

    def _handle(self, request: Request) -> int:
        if request.what == "purge":
            return self.purge(dead_only=request.dead_only)
        return self.retry(request.queue)

    def purge(self, *, dead_only: bool = False) -> int:
        """Drop what is pending, and the dead letters; return how many events were taken out."""
        with self._s.reading() as (index, retention):
            index.refresh(force=True)
            return retention.purge(dead_only=dead_only)

    def retry(self, queue: str | None = None) -> int:
        """Put the dead letters of a queue, or of all, back into it; return how many."""
        with self._s.reading():
            user = uuid_bytes((self._s.state.known or read_state(self._s.folder) or {}).get("user_id"))
            return retry_letters(self._s.folder, self._s.letters, queue, user, self._s.now_ms())

    def check_presence(self, *, deeply: bool = False) -> bool:
        """Return whether the store is still ours; what is gone is made anew, an opt-out ends recording."""
        if self._s.revoked or self._s.closed:
            return not self._s.revoked
        found = look(self._s.folder, self._s.claims, self._s.state.user_id, deeply=deeply)
        if found is Presence.REVOKED:
            self._revoke()
        elif found is Presence.GONE:
            self._make_anew()
        return not self._s.revoked

    def _revoke(self) -> None:
        self._s.revoked = True
        with contextlib.suppress(BusyError):
            self._s.writer.guard.call(self._s.writer.give_up, "opted_out")
        self._s.parts = None
        self._s.letters.close()
        self._s.claims.release_session()
        self._s.claims.release_delivery()
        delete_withdrawn(self._s.folder)
        self._s.losses.say("opted_out", "the user opted out in another process: recording has stopped")
        if self._s.on_revoked is not None:
            self._s.on_revoked()

    def _make_anew(self) -> None:
        """Go on in a new folder: the one before was deleted, with what was in it."""
        writer = self._s.writer
        with self._s.reading() as (index, _), writer.guard:
            found = look(self._s.folder, self._s.claims, self._s.state.user_id, deeply=True)
            if self._s.closed or found is not Presence.GONE:
                return  # another thread was faster
            for queue, wire in self._s.formats.items():
                lost = sum(self._lost_with(index, segment, queue) for segment in index.order)
                if writer.name not in index.segments:
                    lost += writer.in_segment(wire)
                self._s.losses.add("store_gone", lost, queue)
            for segment in list(index.order):
                index.forget(segment)
            self._s.parts = None
            waiting = list(writer.waiting)
            writer.waiting.clear()
            writer.give_up("")
            writer.waiting.extend(waiting)
            self._s.letters.close()
            lock = self._s.claims.session_lock
            number = None if lock is None else int(lock.path.stem[8:])
            self._s.claims.release_session()
            self._s.claims.release_delivery()
            if self._s.state.known is not None:
                self._s.state.write(self._s.state.known)
            if number is not None:
                self._s.claims.claim_session(number, lambda: True)
        self._s.losses.say("gone", "the folder of the store was deleted; it is made anew")

    def _lost_with(self, index: Index, segment: Segment, queue: str) -> int:
        """Return what a queue loses with a segment that was deleted by somebody else."""
        position = index.position(segment, queue)
        if position is None or segment.path.exists():
            return 0
        native = self._s.writer.native
        if native is None or segment.name != self._s.writer.name or not hasattr(os, "pread"):
            return position.pending
        data = os.pread(native.descriptor, native.position - position.offset, position.offset)
        return recovery.count_records(data, segment.seed, position.wire)
