"""Looking after a store: syncs, bounds, requests of commands, and whether it is still ours.

Only the holder of ``delivery.lock`` writes slots and deletes. A command that finds another holder leaves
``request-<what>-<n>.json`` and waits for ``request-<what>-<n>-done.json``.
"""

from __future__ import annotations

import contextlib
import re
import time
from typing import TYPE_CHECKING

import msgspec

from capture._native.guard import BusyError
from capture.errors import StoreError
from capture.store.dead_letters import retry_letters
from capture.store.files import delete_withdrawn, exists, files_of, write_private
from capture.store.retention import store_bytes
from capture.store.segment import uuid_bytes
from capture.store.state import Presence, read_state

if TYPE_CHECKING:
    from pathlib import Path

    from capture.store.recovery import Segment
    from capture.store.shared import Shared

__all__ = ["REQUEST_NAME", "Answer", "Maintenance", "Request"]

REQUEST_NAME = re.compile(r"request-(purge|retry)-\d+-\d+(?P<done>-done)?\.json")
#: An answer that nobody fetched goes after this time (s).
_STALE_S = 60.0

#: While the bound is passed, a segment ends at this size (bytes).
_SMALL_BYTES = 64 * 1024


class Request(msgspec.Struct):
    """A request: a purge (of dead letters only), or a retry of dead letters (of a queue)."""

    what: str
    dead_only: bool = False
    queue: str | None = None


class Answer(msgspec.Struct):
    """Its answer."""

    count: int
    error: str = ""


class Maintenance:
    """The work of the maintenance thread, or of a command in its place."""

    def __init__(self, shared: Shared) -> None:
        self._s, self._c = shared, shared.context
        #: Bytes that all files had when they were last counted, and the segments made until then.
        self._counted_bytes = self._counted_segments = 0

    def upkeep(self) -> None:
        """Write and sync waiting events, answer requests, keep age and bound: for the maintenance thread.

        Raises
        ------
        StoreError
            When the store cannot be used now.
        """
        s, c = self._s, self._s.context
        s.check_pid()
        c.wanted = False
        try:
            self.check_presence(deeply=True)
            if c.revoked or c.closed:
                return
            if s.state.waits and s.state.known is not None:
                s.state.write(s.state.known)
            s.writer.write_waiting()
            if not c.power:
                s.writer.sync()
            if exists(c.folder) and s.claim_delivery() and c.claims.delivery.held:
                with s.reading() as (index, retention):
                    index.refresh(force=True)
                    index.write_slots()
                    retention.delete_done()
                    if c.max_age_s != float("inf"):
                        retention.drop_old()
                self._answer_requests()
                self._keep_bound()
            self._count()
            native = s.writer.native
            if native is not None and self._counted_bytes > c.max_bytes:
                # Each process ends its segment early, so that it can be dropped.
                native.limit = min(native.limit, _SMALL_BYTES)
        finally:
            c.losses.report()

    def after_rotation(self) -> None:
        """Keep the bound where writing continues faster than upkeep comes."""
        # The segment that was just begun, and the bytes written since the files were counted.
        made = self._s.writer.made - self._counted_segments + 1
        if self._counted_bytes + made * self._c.segment_limit() > self._c.max_bytes:
            with contextlib.suppress(BusyError, StoreError):
                self._keep_bound()
                self._count()

    def _keep_bound(self) -> None:
        if self._s.claim_delivery() and self._c.claims.delivery.held:
            with self._s.reading() as (index, retention):
                index.refresh(force=True)
                native = self._s.writer.native
                retention.keep_bound(0 if native is None else max(0, native.limit - native.position))

    def _count(self) -> None:
        self._counted_segments = self._s.writer.made
        self._counted_bytes = store_bytes(self._c.folder)

    def _answer_requests(self) -> None:
        """Answer the requests that commands have left, oldest first; stale files of theirs go."""
        for file in sorted(files_of(self._c.folder)):
            name, path = REQUEST_NAME.fullmatch(file), self._c.folder / file
            if name is None:
                continue
            with contextlib.suppress(OSError):
                is_stale = time.time() - path.stat().st_mtime > _STALE_S
                if name["done"] and not is_stale:
                    continue
                data = path.read_bytes()
                path.unlink()
                if not is_stale:
                    self._answer(path, data)

    def _answer(self, path: Path, data: bytes) -> None:
        try:
            answer = Answer(self.handle(msgspec.json.decode(data, type=Request)))
        except msgspec.DecodeError:
            return
        except (OSError, StoreError) as error:
            answer = Answer(0, str(error))
        new = write_private(path.with_suffix(".tmp"), msgspec.json.encode(answer))
        new.rename(path.with_name(f"{path.stem}-done.json"))

    def handle(self, request: Request) -> int:
        """Purge or retry, as another process asks."""
        if request.what == "purge":
            return self.purge(dead_only=request.dead_only)
        return self.retry(request.queue)

    def purge(self, *, dead_only: bool = False) -> int:
        """Drop the pending events and the dead letters; return their number."""
        with self._s.reading() as (index, retention):
            index.refresh(force=True)
            return retention.purge(dead_only=dead_only)

    def retry(self, queue: str | None = None) -> int:
        """Put the dead letters of a queue, or of all, back into it; return how many."""
        with self._s.reading():
            user = uuid_bytes((self._s.state.known or read_state(self._c.folder) or {}).get("user_id"))
            return retry_letters(self._c.folder, self._s.letters, queue, user, self._c.now_ms())

    def check_presence(self, *, deeply: bool = False) -> bool:
        """Return whether the store is still ours; recreate missing files, end recording after an opt-out."""
        s, c = self._s, self._s.context
        if c.revoked or c.closed:
            return not c.revoked
        found = s.state.look(deeply=deeply)
        if found is Presence.REVOKED:
            c.revoked = True
            s.let_go("opted_out")
            delete_withdrawn(c.folder)
            c.losses.say("opted_out", "the user opted out in another process: recording has stopped")
            if c.on_revoked is not None:
                c.on_revoked()
        elif found is Presence.GONE:
            self._make_anew()
        return not c.revoked

    def _make_anew(self) -> None:
        """Continue in a new folder: the previous one was deleted with its events."""
        s, c, writer = self._s, self._s.context, self._s.writer
        with s.reading() as (index, _), writer.guard:
            if c.closed or s.state.look(deeply=True) is not Presence.GONE:
                return  # another thread was faster
            for queue, wire in c.formats.items():
                lost = sum(self._lost_with(segment, queue) for segment in index.order)
                if writer.name not in index.segments:
                    lost += writer.in_segment(wire)
                c.losses.add("store_gone", lost, queue)
            for segment in list(index.order):
                index.forget(segment)
            waiting = list(writer.waiting)
            writer.waiting.clear()
            number = c.claims.session
            s.let_go("")
            writer.waiting.extend(waiting)
            if s.state.known is not None:
                s.state.write(s.state.known)
            if number:
                c.claims.claim_session(number, lambda: True)
        c.losses.say("gone", "the folder of the store was deleted; a new one is created")

    def _lost_with(self, segment: Segment, queue: str) -> int:
        """Return the number of events that a queue loses with a segment that somebody else deleted."""
        position = segment.positions.get(queue)
        if position is None or segment.path.exists():
            return 0
        native = self._s.writer.native
        if native is None or segment.name != self._s.writer.name or position.seq < 0:
            return position.pending
        return native.last_seqs[position.wire] - position.seq
