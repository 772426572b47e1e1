"""Looking after a store: syncs, age and bound, requests of commands, and whether it is still ours.

Only the holder of ``delivery.lock`` writes slots and deletes. A command that finds another holder leaves
``request-<what>-<n>.json`` and waits for ``request-<what>-<n>-done.json``.
"""

from __future__ import annotations

import contextlib
import re
import time
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import msgspec

from capture._native.guard import BusyError
from capture.errors import StoreError
from capture.store.context import PURGED
from capture.store.dead_letters import letter_files, read_letters, retry_letters
from capture.store.files import BLOCK, delete_withdrawn, exists, files_of, store_bytes, write_private
from capture.store.recovery import move, segment_names
from capture.store.segment import HEADER, uuid_bytes
from capture.store.sink_reports import add_drops
from capture.store.state import Presence, read_state

if TYPE_CHECKING:
    from pathlib import Path

    from capture.store.reader import Index
    from capture.store.recovery import Segment
    from capture.store.segment import Position
    from capture.store.shared import Shared

__all__ = ["Answer", "Maintenance", "Request"]

_REQUEST_NAME = re.compile(r"request-(purge|retry)-\d+-\d+(?P<done>-done)?\.json")
#: An answer that nobody fetched goes after this time (s).
_STALE_S = 60.0

#: 2020: a time before it is that of a machine whose clock was not set yet.
_FIRST_MS = 1_577_836_800_000
#: While the bound is passed, a segment ends at this size (bytes).
_SMALL_BYTES = 64 * 1024
#: Bytes to find the first record in.
_LOOK = 4096


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
            if s.state.waits:
                self._write_state()
            s.writer.write_waiting()
            if not c.power:
                s.writer.sync()
            if exists(c.folder) and s.delivers():
                with s.reading() as index:
                    index.refresh(force=True)
                    index.write_slots(index.order)
                    index.delete_done()
                    self._delete_empty(index)
                    if c.max_age_s != float("inf"):
                        self._drop_old(index)
                self._answer_requests()
                self._keep_bound()
            self._count()
            native = s.writer.native
            if native is not None and self._counted_bytes > c.max_bytes:
                # Each process ends its segment early, so that it can be dropped.
                native.limit = min(native.limit, _SMALL_BYTES)
        finally:
            c.losses.report()

    def _write_state(self) -> None:
        """Write the state that waits in memory, unless the store was closed or deleted meanwhile."""
        with self._s.reading():
            known = self._s.state.known
            if known is not None and not self._c.closed and not self._c.revoked:
                self._s.state.write(known)

    def _delete_empty(self, index: Index) -> None:
        """Delete segments without a record, but for the last session: a kill or a full disk leaves them."""
        names = segment_names(self._c.folder)
        for name in names:
            path, lock = self._c.folder / name.file, None
            if name not in index.segments and name.session < names[-1].session:
                lock = self._c.claims.take(name.session)
            if lock is not None:
                with contextlib.suppress(OSError):
                    if path.stat().st_size < HEADER:
                        index.delete_file(path)
                lock.release(remove=True)

    def after_rotation(self) -> None:
        """Keep the bound where writing continues faster than upkeep comes."""
        # The segment that was just begun, and the bytes written since the files were counted.
        made = self._s.writer.made - self._counted_segments + 1
        if self._counted_bytes + made * self._c.segment_limit() > self._c.max_bytes:
            with contextlib.suppress(BusyError, StoreError):
                self._keep_bound()
                self._count()

    def _keep_bound(self) -> None:
        if self._s.delivers():
            with self._s.reading() as index:
                index.refresh(force=True)
                native = self._s.writer.native
                # What will be written before this is called again.
                reserve = 0 if native is None else max(0, native.limit - native.position)
                self.keep_below(index, self._c.max_bytes - reserve)

    def keep_below(self, index: Index, most_bytes: int) -> None:
        """Drop dead letters, then the oldest segments, until the files are not larger than a bound."""
        if store_bytes(self._c.folder) <= most_bytes:
            return
        index.delete_done()
        over = store_bytes(self._c.folder) - most_bytes
        for path in letter_files(self._c.folder):
            if over > 0:
                over -= max(path.stat().st_size, BLOCK)
                self._drop_letters(index, path, "dead_letters_full")
        for segment in list(index.order):
            if over > 0 and segment.complete and not segment.sending:
                over -= self._evict(index, segment)

    def _evict(self, index: Index, segment: Segment) -> int:
        """Delete a segment with its pending events; return the bytes that are free now."""
        pending = index.pending_in(segment)
        # First, lest a process that waits for them takes them for delivered.
        add_drops(self._c.folder, pending)
        if not index.delete(segment):
            return 0
        for queue, count in pending.items():
            self._c.losses.add("store_full", count, queue)
        return max(segment.size, BLOCK)

    def _drop_letters(self, index: Index, path: Path, cause: str) -> int:
        """Delete a file of dead letters; return how many were in it."""
        self._s.letters.close()
        queues = [letter.queue for letter in read_letters(path) if letter.queue]
        if not index.delete_file(path):
            return 0
        for queue in queues:
            self._c.losses.add(cause, 1, queue)
        return len(queues)

    def _drop_old(self, index: Index) -> None:
        """Drop old events, and files whose last letter is old."""
        for segment in list(index.order):
            for queue, position in segment.positions.items() if not segment.sending else ():
                count = self._drop_old_of(index, segment, position)
                self._c.losses.add("too_old", count, queue)
                add_drops(self._c.folder, {queue: count})
        for path in letter_files(self._c.folder):
            newest = max((letter.at_ms for letter in read_letters(path)), default=0)
            if not newest or not self._is_old(newest):
                break
            self._drop_letters(index, path, "dead_letters_old")

    def _drop_old_of(self, index: Index, segment: Segment, position: Position) -> int:
        """Move a queue behind its old records; return how many those were."""

        def is_passed(record: tuple[Any, ...]) -> bool:
            return record[2] != position.wire or self._is_old(record[4], record[9], segment.header.boot_id)

        start, end = position.offset, index.end_of(segment)
        if position.tried or start >= end:
            return 0
        records, used = segment.walk(start, min(start + _LOOK, end))
        if records and not is_passed(records[0]):
            return 0  # mostly nothing is that old
        records, used = segment.walk(start, end)
        passed = list(takewhile(is_passed, records))
        if not passed:
            return 0
        size = used if len(passed) == len(records) else records[len(passed)][0]
        seqs = [record[3] for record in passed if record[2] == position.wire]
        if position.counted >= start + size:
            position.pending -= len(seqs)
        move(position, start + size, seqs[-1] if seqs else position.seq)
        index.write_slot(segment, position)
        return len(seqs)

    def _is_old(self, time_ms: int, uptime_ms: int = 0, boot_id: bytes = b"") -> bool:
        """Return whether an event of a time (ms, wall clock and uptime; 0 unknown) is too old.

        By the boot clock, which does not change when the time is set, where the event was in the present run
        of the machine; by the wall clock else, as far as the time can be right.
        """
        most_ms, now_ms = self._c.max_age_s * 1000, self._c.clock.boot_ns() // 1_000_000
        if boot_id and boot_id == self._c.boot_id and 0 < uptime_ms <= now_ms:
            return now_ms - uptime_ms > most_ms
        return time_ms >= _FIRST_MS and self._c.now_ms() - time_ms > most_ms

    def _count(self) -> None:
        self._counted_segments = self._s.writer.made
        self._counted_bytes = store_bytes(self._c.folder)

    def _answer_requests(self) -> None:
        """Answer the requests that commands have left, oldest first; stale files of theirs go."""
        for file in sorted(files_of(self._c.folder)):
            name, path = _REQUEST_NAME.fullmatch(file), self._c.folder / file
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
        with self._s.reading() as index:
            index.refresh(force=True)
            count = sum(self._drop_letters(index, path, PURGED) for path in letter_files(self._c.folder))
            for segment in list(index.order) if not dead_only else ():
                pending = index.pending_in(segment)
                add_drops(self._c.folder, pending)
                count += max(pending.values(), default=0)
                for queue, purged in pending.items():
                    self._c.losses.add(PURGED, purged, queue)
                for position in segment.positions.values():
                    index.skip_counted(segment, position)
                if index.is_done(segment):
                    index.delete(segment)
            return count

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
        with s.reading() as index, writer.guard:
            if c.closed or s.state.look(deeply=True) is not Presence.GONE:
                return  # another thread was faster
            if delivers := c.claims.delivery.held:
                self._count_remaining(index)
            if writer.name is not None and not exists(c.folder / writer.name.file):
                for queue, wire in c.formats.items():
                    c.losses.add("store_gone", writer.in_segment(wire), queue)  # it was not listed yet
            waiting = list(writer.waiting)
            writer.waiting.clear()
            number = c.claims.session
            s.let_go("")
            writer.waiting.extend(waiting)
            if s.state.known is not None:
                s.state.write(s.state.known)
            if number:
                c.claims.claim_session(number, lambda: True)
            if delivers and s.delivers():
                s.index = index  # the files that remain may go too: what waits in them is counted
        c.losses.say("gone", "the folder of the store was deleted; a new one is created")

    @staticmethod
    def _count_remaining(index: Index) -> None:
        """Leave out the segments that are gone, and count what waits in the others while they are there."""
        with contextlib.suppress(FileNotFoundError):
            index.refresh(force=True)
        for segment in list(index.order):
            segment.file = None  # it could still be read, though it has no name any more
            try:
                segment.path.stat()  # one that is counted already is not read
                index.pending_in(segment)
            except FileNotFoundError:
                index.lose(segment)
