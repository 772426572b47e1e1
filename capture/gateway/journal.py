"""The journal: accepted batches on disk, acknowledged after a sync that serves all who wait.

A segment is a valid ``.jsonl.gz``: each line is three gzip members, the gateway's head, the batch as the
device compressed it, and the end. A door writes ``<ns>-<pid>.open`` and holds a lock on it; a closed segment
is named ``.jsonl.gz``. An open segment whose lock is free is of a door that died.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import mmap
import os
import struct
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import msgspec

from capture.formats.receive import Problem  # noqa: TC001 - msgspec reads the annotation
from capture.gateway.steps import step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from capture.formats.receive import Received
    from capture.gateway.config import JournalSection

__all__ = ["Journal", "Line", "Segment", "line_of", "lines_of", "recover", "segments", "sync_folder"]

#: Header of a gzip member with one stored block, up to the block's length.
_STORED = b"\x1f\x8b\x08\0\0\0\0\0\0\xff\x01"
_HEAD = b'{"received":'
_BATCH = b',"batch":'
_END = b"}\n"
_HOUR_NS = 3600 * 10**9


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """The gateway's note on a batch, before the batch itself."""

    received: int
    project: int
    wire: str
    key: str = ""
    bad: list[Problem] = []


_decode = msgspec.json.Decoder(Line).decode


def _stored(text: bytes) -> bytes:
    """Return a gzip member of a short text, uncompressed: zlib would take 100 us to begin."""
    size = len(text)
    if size > 0xFFFF:
        return zlib.compress(text, 1, 31)
    return b"%b%b%b%b" % (
        _STORED,
        struct.pack("<HH", size, size ^ 0xFFFF),
        text,
        struct.pack("<II", zlib.crc32(text), size),
    )


_END_MEMBER = _stored(_END)


def line_of(line: Line, member: bytes) -> bytes:
    """Return a line of the journal; `member` is the batch as a gzip member."""
    head = msgspec.json.encode(line)[:-1] + _BATCH
    return _stored(head) + member + _END_MEMBER


def sync_folder(folder: Path) -> None:
    """Sync a folder, so that its names are on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Segment:
    """An open file of the journal; whole lines or nothing."""

    def __init__(self, folder: Path, *, sync: bool, now_ns: int) -> None:
        self.size = 0
        self.opened_ns = now_ns
        self._sync = sync
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = f"{now_ns}-{os.getpid()}"
        self.path = folder / f"{name}.open"
        fresh = folder / f"{name}.new"
        step("journal.open")
        self._file = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            # The lock first: under its name, an unlocked file is taken to be of a dead door.
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fresh.rename(self.path)
            if sync:
                sync_folder(folder)
        except BaseException:
            os.close(self._file)
            fresh.unlink(missing_ok=True)
            raise

    def write(self, data: bytes) -> float:
        """Append whole lines, bring them to the disk, and return the time (s) that this took.

        Raises
        ------
        OSError
            When that failed; a partial write is cut off again.
        """
        try:
            step("journal.write")
            view = memoryview(data)
            while view:
                view = view[os.write(self._file, view) :]
            started = time.perf_counter()
            step("journal.sync")
            if self._sync:
                os.fdatasync(self._file)
        except OSError:
            os.ftruncate(self._file, self.size)
            os.lseek(self._file, self.size, os.SEEK_SET)
            raise
        self.size += len(data)
        return time.perf_counter() - started

    def seal(self) -> None:
        """Close the segment for the writer."""
        step("journal.seal")
        self.path.rename(self.path.with_suffix(".jsonl.gz"))
        step("journal.renamed")
        sync_folder(self.path.parent)
        self.abandon()

    def abandon(self) -> None:
        """Close the file as it is; `recover` finds it."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


class Journal:
    """Appends lines for an event loop; one thread writes and syncs for all that wait.

    Parameters
    ----------
    folder : Path
    settings : JournalSection
    on_sync : callable
        Called with the time (s) of each sync.
    wall_ns : callable
        Nanoseconds since the epoch.
    """

    def __init__(
        self,
        folder: Path,
        settings: JournalSection,
        *,
        on_sync: Callable[[float], object] = float,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.problem = ""
        self._folder = folder
        self._settings = settings
        self._on_sync = on_sync
        self._wall_ns = wall_ns
        self._segment: Segment | None = None
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._busy = False
        self._thread = ThreadPoolExecutor(1, "touchcapture-journal")

    async def take(self, line: Line, received: Received, member: bytes) -> None:
        """Append a batch; return when it is on the disk."""
        del received
        await self.append(line_of(line, member))

    async def append(self, line: bytes) -> None:
        """Append a line; return when it is on the disk.

        Raises
        ------
        OSError
            When it is not; the journal is unchanged then.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((line, done))
        if not self._busy:
            self._busy = True
            task = asyncio.get_running_loop().create_task(self._drain())
            self._task = task  # an event loop holds no strong reference
        await done

    async def _drain(self) -> None:
        """Write until nobody waits; who comes during a sync waits for the next one."""
        loop = asyncio.get_running_loop()
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            data = b"".join(line for line, _ in waiting)
            error = await loop.run_in_executor(self._thread, self._write, data)
            step("journal.answer")
            for _, done in waiting:
                if done.done():
                    continue  # its request was cancelled
                if error is None:
                    done.set_result(None)
                else:
                    done.set_exception(error)
        self._busy = False

    def _write(self, data: bytes) -> OSError | None:
        try:
            if self._segment is None:
                self._segment = Segment(
                    self._folder, sync=self._settings.sync == "power", now_ns=self._wall_ns()
                )
            self._on_sync(self._segment.write(data))
            if self._segment.size >= self._settings.segment_bytes:
                self._seal()
        except OSError as error:
            self._give_up()
            return error
        return None

    def _give_up(self) -> None:
        """Leave a segment that failed: after a failed sync its state is not known."""
        if self._segment is not None:
            segment, self._segment = self._segment, None
            segment.abandon()

    def _seal(self) -> None:
        if self._segment is not None:
            segment, self._segment = self._segment, None
            try:
                segment.seal()
            finally:
                segment.abandon()

    async def tick(self) -> None:
        """Close a segment that is old, or of an hour that is over; call it every second."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._tick)

    def _tick(self) -> None:
        segment = self._segment
        if segment is None:
            return
        now = self._wall_ns()
        old = now - segment.opened_ns >= self._settings.segment_age_s * 1e9
        if old or now // _HOUR_NS != segment.opened_ns // _HOUR_NS:
            with contextlib.suppress(OSError):
                self._seal()

    async def close(self) -> None:
        """Close the segment for the writer; nothing may be appended any more."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    def _close(self) -> None:
        with contextlib.suppress(OSError):
            self._seal()


def segments(folder: Path) -> list[Path]:
    """Return the closed segments, oldest first."""
    return sorted(folder.glob("*.jsonl.gz"), key=lambda path: (len(path.name.split("-")[0]), path.name))


def recover(folder: Path) -> list[Path]:
    """Close the segments of doors that died, after their whole lines; return those that were closed."""
    closed = []
    for path in sorted(folder.glob("*.open")):
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            end = path.with_suffix(".jsonl.gz")
            if path.exists():  # no other process did it before the lock was free
                path.rename(end)
                sync_folder(folder)
                closed.append(end)
        except BlockingIOError:
            continue
        finally:
            os.close(descriptor)
    return closed


def lines_of(path: Path, damaged: Callable[[int], object] = int) -> Iterator[tuple[Line, bytes]]:
    """Yield the complete lines of a segment, each as its head and its batch; skip damaged ones.

    Parameters
    ----------
    path : Path
    damaged : callable
        Called with the number of bytes that were skipped.
    """
    with path.open("rb") as file:
        if not os.fstat(file.fileno()).st_size:
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            position = 0
            while position < len(data):
                line, after = _line_at(data, position)
                if line is None:
                    after = _next_head(data, position + 1)
                    damaged(after - position)
                else:
                    yield line
                position = after


def _line_at(data: mmap.mmap, position: int) -> tuple[tuple[Line, bytes] | None, int]:
    """Return the line that begins at a position, and the position after it; None for no whole line."""
    head, start = _member_at(data, position)
    batch, end = _member_at(data, start)
    after = end + len(_END_MEMBER)
    whole = head.startswith(_HEAD) and data[end:after] == _END_MEMBER
    if not whole or b"\n" in head or b"\n" in batch:
        return None, position
    try:
        return (_decode(head.removesuffix(_BATCH) + b"}"), batch), after
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None, position


def _member_at(data: mmap.mmap, position: int) -> tuple[bytes, int]:
    """Return the text of the gzip member at a position, and the position after it; none: it is damaged."""
    start = position + len(_STORED) + 4
    if data[position : position + len(_STORED)] == _STORED and start <= len(data):
        (size,) = struct.unpack("<H", data[start - 4 : start - 2])
        text = data[start : start + size]
        if data[position : start + size + 8] == _stored(text):
            return text, start + size + 8
    unpacker = zlib.decompressobj(wbits=31)
    text, piece = b"", 16_384
    try:
        while not unpacker.eof and position < len(data):
            part = data[position : position + piece]
            text += unpacker.decompress(part)
            position += len(part) - len(unpacker.unused_data)
    except zlib.error:
        return b"", position
    return (text if unpacker.eof else b""), position


def _next_head(data: mmap.mmap, position: int) -> int:
    """Return the position of the next line's beginning, at or after a position, or the end."""
    while True:
        found = data.find(_STORED[:3], position)
        if found < 0:
            return len(data)
        start = found + len(_STORED) + 4
        if data[start : start + len(_HEAD)] == _HEAD:
            return found
        position = found + 1
