"""Reading: the segments of a folder, where each queue stands in them, and what is damaged.

Only the process that delivers keeps an `Index` that writes slots; others make one to look. The caller holds
the store's lock.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from capture._native.journal_scan import BAD, FULL, SHORT, resync, scan, walk
from capture.store.known import Damage, Segment, load, move
from capture.store.recovery import count_unchecked, read_at, segment_names
from capture.store.rows import StoredBatch
from capture.store.segment import END_MARK, RETRIED, Name, Position, slot_name
from capture.store.slots import give_slots

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

    from capture.store.age import Age

__all__ = ["Index"]

_CHUNK = 64 * 1024
_MOST = 1 << 30
_LOOK = 4096
#: An end mark is not larger.
_MARK_BYTES = 64 + 80
#: How long (s) a folder's time of change is not trusted; how often it is listed at least.
_COARSE_S = 0.02
_LIST_S = 1.0
_ASK_S = 0.2


class Index:
    """The segments of a folder.

    Parameters
    ----------
    folder : Path
    formats : mapping
        Queue -> wire format.
    own_position : callable
        Name of a segment -> up to where this process has written it; None where it does not.
    is_live : callable
        Whether a process holds a session.
    knows_user, is_ours : callable
        Whether a segment of a user may be sent, or is deleted; whether the folder still holds our store.
    on_lost : callable, optional
        Called with a cause, a queue, and how many of its records were lost.
    on_damage : callable, optional
        Called with a `Damage`, once for each.
    write_slot : callable, optional
        Writes the slot of a (segment, queue, position); none where nothing may be written.
    """

    def __init__(
        self,
        folder: Path,
        formats: Mapping[str, str],
        *,
        own_position: Callable[[Name], int | None] = lambda _: None,
        is_live: Callable[[int], bool] = lambda _: True,
        knows_user: Callable[[bytes], bool] = lambda _: True,
        is_ours: Callable[[], bool] = lambda: True,
        on_lost: Callable[[str, str, int], None] = lambda *_: None,
        on_damage: Callable[[Damage], None] | None = None,
        write_slot: Callable[[Segment, bytes, Position], bool] | None = None,
    ) -> None:
        self.segments: dict[Name, Segment] = {}
        self.order: list[Segment] = []
        self.formats = dict(formats)
        self._folder = folder
        self._own_position, self._is_live = own_position, is_live
        self._knows_user, self._is_ours = knows_user, is_ours
        self._on_lost, self._on_damage, self._write_slot = on_lost, on_damage, write_slot
        self._slot_names = {queue: slot_name(queue) for queue in formats}
        self._queues = {name: queue for queue, name in self._slot_names.items()}
        self._changed_ns = -1
        self._listed_s = self._asked_s = -_LIST_S

    # What there is

    def refresh(self, *, force: bool = False) -> None:
        """Look at the folder, where it may have changed.

        Raises
        ------
        OSError
            When it cannot be listed.
        """
        now_s = time.monotonic()
        changed_ns = self._folder.stat().st_mtime_ns
        coarse = abs(time.time_ns() - changed_ns) < _COARSE_S * 1e9
        if not force and changed_ns == self._changed_ns and not coarse and now_s - self._listed_s < _LIST_S:
            return
        names = segment_names(self._folder)
        self._changed_ns, self._listed_s = changed_ns, now_s
        for name in names:
            if name not in self.segments and not self._load(name):
                self._changed_ns = -1
        for name in self.segments.keys() - set(names):
            self.forget(self.segments[name])
        self.order = [self.segments[name] for name in sorted(self.segments)]
        # First whether a session lives, then the size of its segments: that stays what it is then.
        dead: set[int] = set()
        if force or now_s - self._asked_s >= _ASK_S:
            self._asked_s = now_s
            sessions = {each.name.session for each in self.order if not each.complete}
            dead = {session for session in sessions if not self._is_live(session)}
        self._complete(names, dead)

    def _complete(self, names: list[Name], dead: set[int]) -> None:
        last: dict[int, int] = {}
        for name in names:
            if name.kind != RETRIED:
                last[name.session] = max(last.get(name.session, 0), name.number)
        for segment in self.order:
            name = segment.name
            if not segment.complete and (name.session in dead or last.get(name.session, 0) > name.number):
                # Of unknown size it is not done: it is looked at again.
                segment.size = self._size(segment)
                segment.complete = segment.size > 0

    def _load(self, name: Name) -> bool:
        """Add a segment; False where it is not whole yet, or cannot be read now."""
        try:
            found = load(self._folder / name.file, name)
        except OSError:
            return False
        if found is None:
            return False
        segment, slots = found
        if segment is None:
            return True
        give_slots(segment, slots, self.formats, None if self._write_slot is None else self._write)
        user = segment.header.user_id
        if self._write_slot is not None and user and not self._knows_user(user):
            # In a folder that another store has taken over it is ours that is unknown.
            return self._is_ours() and self._delete_unknown(segment)
        self.segments[name] = segment
        return True

    def _delete_unknown(self, segment: Segment) -> bool:
        """Delete what a process recorded for a user who opted out, before it noticed."""
        pending = {name: self.pending(segment, position) for name, position in segment.positions.items()}
        try:
            segment.path.unlink()
        except OSError:
            return False
        for name, count in pending.items():
            self._on_lost("opted_out", self.queue_of(name), count)
        return True

    def _write(self, segment: Segment, queue: bytes, position: Position) -> None:
        position.unwritten = self._write_slot is None or not self._write_slot(segment, queue, position)

    def forget(self, segment: Segment) -> None:
        """Leave out a segment that was deleted."""
        segment.gone = True
        self.segments.pop(segment.name, None)
        if segment in self.order:
            self.order.remove(segment)

    def _size(self, segment: Segment) -> int:
        try:
            return segment.path.stat().st_size
        except OSError:
            return 0

    def end_of(self, segment: Segment) -> int:
        """Return up to where a segment may be read now."""
        if segment.complete:
            return segment.size
        own = self._own_position(segment.name)
        return self._size(segment) if own is None else own

    def has_later(self, segment: Segment) -> bool:
        """Return whether the session goes on in a later segment."""
        name = segment.name
        later = (other.name for other in self.order if other.name > name)
        return any((other.session, other.kind) == (name.session, name.kind) for other in later)

    def queue_of(self, name: bytes) -> str:
        """Return the queue that a slot's name stands for."""
        return self._queues.get(name) or name.decode(errors="replace")

    def position(self, segment: Segment, queue: str) -> Position | None:
        """Return where a queue stands in a segment; None where nothing in it is its."""
        return segment.positions.get(self._slot_names[queue])

    # Batches

    def next_batch(
        self, queue: str, max_events: int, max_bytes: int, skip: Collection[int], *, apart: bool
    ) -> StoredBatch | None:
        """Return the next batch of a queue, as `Store.next_batch` does; `apart`: a part of what was tried."""
        self.refresh()
        name = self._slot_names[queue]
        for segment in list(self.order):
            position = segment.positions.get(name)
            if position is None or segment.name.session in skip:
                continue
            if position.offset < self.end_of(segment):
                batch = self._read(segment, queue, position, max_events, max_bytes, apart=apart)
                if batch is not None:
                    return batch
        return None

    def _read(
        self,
        segment: Segment,
        queue: str,
        position: Position,
        max_events: int,
        max_bytes: int,
        *,
        apart: bool,
    ) -> StoredBatch | None:
        while (end := self.end_of(segment)) > position.offset:
            tried = min(position.tried, end - position.offset)
            stop = position.offset + tried if tried else end
            bounds = (_MOST, _MOST) if tried and not apart else (max_events, max_bytes)
            payloads, ids, count, size, first_ms, used, seq, gap, why = self._scan(
                segment, position, stop, *bounds
            )
            if gap:
                self._lose(segment, queue, position, gap, seq - count)
            if payloads:
                start = position.offset
                return StoredBatch(
                    queue=queue,
                    format=self.formats[queue],
                    session=segment.name.session,
                    payloads=payloads,
                    event_ids=ids,
                    oldest_ms=first_ms,
                    byte_count=size,
                    place=segment,
                    start=start,
                    end=start + used,
                    seq=seq,
                    full=why == FULL or bool(tried) or self.has_later(segment),
                    retried=bool(tried) and not apart,
                )
            move(position, position.offset + used, seq)
            if not (self._skip_damage(segment, queue, position) if why in {BAD, SHORT} else used):
                return None  # also where it cannot be read now, or was deleted
        return None

    def _scan(self, segment: Segment, position: Position, stop: int, events: int, most: int) -> Any:
        """Scan from a position on, reading as much as that needs."""
        size = _CHUNK
        while True:
            size = min(size, stop - position.offset)
            try:
                data = read_at(segment.path, position.offset, size)
            except OSError:
                data = b""
            bounds, seed = (events, most, position.tried > 0), segment.seed & 0xFFFFFFFF
            found = scan(data, seed, position.wire, position.seq, *bounds)
            if found[8] in {FULL, BAD} or position.offset + size >= stop or len(data) < size:
                return found
            size *= 4

    def _lose(self, segment: Segment, queue: str, position: Position, gap: int, seq: int) -> None:
        """Count lost records once: what is known of the position says that they are behind it."""
        position.seq = seq
        self._on_lost("damaged", queue, gap)
        self._write(segment, self._slot_names[queue], position)

    def _skip_damage(self, segment: Segment, queue: str, position: Position) -> bool:
        """Move a position behind what is no record; return False where that may be one yet."""
        end, offset = self.end_of(segment), position.offset
        rest = read_at(segment.path, offset, end - offset)
        found = self._next_whole(rest, segment.seed)
        if found < 0:
            if not segment.complete and self._own_position(segment.name) is None:
                return False
            if segment.seed < 0:
                self._on_lost("damaged", queue, count_unchecked(rest, position.wire))
            move(position, end, position.seq)
            return True
        if not segment.complete and self._own_position(segment.name) is None:
            # Of another process: what was not whole may be now that a later record is.
            rest = read_at(segment.path, offset, end - offset)
            if walk(rest, segment.seed)[1]:
                return True
        if offset not in segment.damaged:
            segment.damaged.add(offset)
            if self._on_damage is not None:
                self._on_damage(Damage(segment, rest[:found]))
        move(position, offset + found, position.seq)
        return True

    @staticmethod
    def _next_whole(rest: bytes, seed: int) -> int:
        found = resync(rest, seed, 8) if seed >= 0 else -1
        while found >= 0 and not walk(rest[found:], seed)[1]:
            found = resync(rest, seed, found + 8)
        return found

    def pending(self, segment: Segment, position: Position) -> int:
        """Return how many records of a segment a queue has not had yet."""
        end = self.end_of(segment)
        position.counted = max(position.counted, position.offset)
        while position.counted < end:
            data = read_at(segment.path, position.counted, min(1 << 20, end - position.counted))
            found = scan(data, segment.seed & 0xFFFFFFFF, position.wire, -1, 0, 0)
            position.pending += found[2]
            position.counted += found[5]
            if found[5] == 0:
                rest = read_at(segment.path, position.counted, end - position.counted)
                if walk(rest, segment.seed & 0xFFFFFFFF)[1]:
                    # A record that is larger than what is read at once.
                    position.pending += scan(rest, segment.seed & 0xFFFFFFFF, position.wire, -1, 0, 0)[2]
                    position.counted = end
                    break
                found_at = self._next_whole(rest, segment.seed)
                if found_at < 0:
                    if segment.complete:
                        position.counted = end
                    break
                position.counted += found_at
        return position.pending

    def acknowledge(self, segment: Segment, queue: str, batch: StoredBatch) -> None:
        """Move a queue behind a batch, and write its slot."""
        position = segment.positions[self._slot_names[queue]]
        if position.counted >= batch.end:
            position.pending -= batch.count
        move(position, batch.end, batch.seq)
        position.tried = 0
        self._write(segment, self._slot_names[queue], position)

    def try_batch(self, segment: Segment, queue: str, batch: StoredBatch) -> None:
        """Note in the slot that a batch is being sent."""
        position = segment.positions[self._slot_names[queue]]
        if position.tried != batch.end - batch.start:
            position.tried = batch.end - batch.start
            self._write(segment, self._slot_names[queue], position)

    def drop_before(self, segment: Segment, queue: bytes, position: Position, age: Age) -> int:
        """Move a queue behind its records that are too old; return how many those were."""
        dropped, end, moved = 0, self.end_of(segment), False
        chunk = _LOOK  # mostly nothing is that old
        while not position.tried and position.offset < end:
            data = read_at(segment.path, position.offset, min(chunk, end - position.offset))
            records, used = walk(data, segment.seed & 0xFFFFFFFF)
            if not records and len(data) == chunk:
                chunk *= 16
                continue
            chunk, offset, old = max(chunk, _CHUNK), 0, 0
            for at, size, wire, seq, time_ms, _, _, _, _, uptime_ms in records:
                if wire == position.wire:
                    if not age.is_over(time_ms, uptime_ms, segment.header.boot_id):
                        break
                    old, position.seq = old + 1, seq
                offset = min(at + (64 + size + 7) // 8 * 8, used)
            if offset == 0:
                break
            position.pending -= old if position.counted >= position.offset + offset else 0
            move(position, position.offset + offset, position.seq)
            dropped, moved = dropped + old, True
            if offset < used:
                break
        if moved:
            self._write(segment, queue, position)
        return dropped

    def is_done(self, segment: Segment) -> bool:
        """Return whether every queue has all of a segment; the end mark is nobody's."""
        for position in segment.positions.values() if segment.complete else ():
            left = segment.size - position.offset
            if 0 < left <= _MARK_BYTES:
                rest = read_at(segment.path, position.offset, left)
                records, used = walk(rest, segment.seed & 0xFFFFFFFF)
                if used == len(rest) and all(record[7] & END_MARK for record in records):
                    move(position, segment.size, position.seq)
        return segment.is_done()

    def skip_to(self, segment: Segment, queue: bytes, position: Position, offset: int) -> None:
        """Move a queue to an offset, whatever is before it, and write its slot."""
        position.tried = position.pending = 0
        position.offset = position.counted = max(position.offset, offset)
        position.seq = -1
        self._write(segment, queue, position)

    def write_slots(self) -> None:
        """Write the slots that could not be written."""
        for segment in self.order:
            for queue, position in segment.positions.items():
                if position.unwritten:
                    self._write(segment, queue, position)
