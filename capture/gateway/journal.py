"""The journal: accepted batches on disk, acknowledged after a sync that serves all who wait.

A segment is a valid ``.jsonl.gz``: each line is three gzip members, the gateway's head, the batch as the
device compressed it, and the end. A door writes ``<ns>-<pid>-<random>.open`` and holds a lock on it; a
closed segment is named ``.jsonl.gz``. An open segment whose lock is free is of a door that died.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import mmap
import os
import re
import secrets
import struct
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import msgspec

from capture.formats.receive import Problem  # noqa: TC001 - msgspec reads the annotation
from capture.gateway.steps import step
from capture.store.files import sync_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from capture.formats.receive import Received
    from capture.gateway.config import JournalSection

__all__ = ["Journal", "Line", "Segment", "line_of", "lines_of", "recover", "segments"]

#: Header of a gzip member with one stored block, up to the block's length.
_STORED = b"\x1f\x8b\x08\0\0\0\0\0\0\xff\x01"
_HEAD = b'{"received":'
_BATCH = b',"batch":'
_END = b"}\n"
#: Beginning of a line: the header of its stored member, and the head.
_BEGINNING = re.compile(rb"\x1f\x8b\x08.{12}" + re.escape(_HEAD), re.DOTALL)
_HOUR_NS = 3600 * 10**9
#: What is written to see whether a disk that failed works again.
_PAGE = bytes(4096)


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
    head = _STORED + struct.pack("<HH", size, size ^ 0xFFFF)
    return head + text + struct.pack("<II", zlib.crc32(text), size)


_END_MEMBER = _stored(_END)


def line_of(line: Line, member: bytes) -> bytes:
    """Return a line of the journal; `member` is the batch as a gzip member."""
    head = msgspec.json.encode(line)[:-1] + _BATCH
    return _stored(head) + member + _END_MEMBER


class Segment:
    """An open file of the journal; whole lines or nothing."""

    def __init__(self, folder: Path, *, sync: bool) -> None:
        self.size = 0
        self.opened_ns, self.opened_s = time.time_ns(), time.monotonic()
        self._sync = sync
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Of its own also where the clock stands still, or shows a time again.
        name = f"{self.opened_ns}-{os.getpid()}-{secrets.token_hex(4)}"
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
        """Append whole lines, bring them to the disk, and return the time (s) of the sync.

        Raises
        ------
        OSError
            When that failed; a partial write is cut off, and nothing more may be written.
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
            raise
        self.size += len(data)
        return time.perf_counter() - started

    def seal(self) -> None:
        """Close the segment for the writer."""
        try:
            step("journal.seal")
            self.path.rename(self.path.with_suffix(".jsonl.gz"))
            step("journal.renamed")
            sync_folder(self.path.parent)
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Close the file as it is; `recover` finds it, unless it is empty."""
        if not self.size:
            with contextlib.suppress(OSError):
                self.path.unlink()
        with contextlib.suppress(OSError):
            os.close(self._file)


class Journal:
    """Appends lines for an event loop; one thread writes and syncs for all that wait.

    Parameters
    ----------
    folder : Path
    settings : JournalSection
    on_sync : callable
        Called with the time (s) of each sync.
    """

    def __init__(
        self, folder: Path, settings: JournalSection, *, on_sync: Callable[[float], object] = float
    ) -> None:
        #: Why the last write failed, if it did.
        self.problem = ""
        self._folder = folder
        self._settings = settings
        self._on_sync = on_sync
        self._segment: Segment | None = None
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None
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
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._drain())
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
        self._task = None

    def _write(self, data: bytes) -> OSError | None:
        try:
            if self._segment is None:
                self._segment = Segment(self._folder, sync=self._settings.sync == "power")
            self._on_sync(self._segment.write(data))
            self.problem = ""
        except OSError as error:
            self.problem = f"the journal cannot be written: {error.strerror or error}"
            if self._segment is not None:  # after a failed sync its state is not known
                self._segment.abandon()
                self._segment = None
            return error
        if self._segment.size >= self._settings.segment_bytes:
            self._seal()
        return None

    def _seal(self) -> None:
        """Close the segment for the writer; where that fails, `recover` does it later."""
        segment, self._segment = self._segment, None
        if segment is not None:
            with contextlib.suppress(OSError):
                segment.seal()

    async def tick(self) -> None:
        """Close a segment that is old, or of an hour that is over; call it every second."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._tick)

    def _tick(self) -> None:
        if self.problem:
            self._try_again()
        if self._segment is not None:
            old = time.monotonic() - self._segment.opened_s >= self._settings.segment_age_s
            if old or time.time_ns() // _HOUR_NS != self._segment.opened_ns // _HOUR_NS:
                self._seal()

    def _try_again(self) -> None:
        """Write to a disk that failed, and take it back, to see whether it works again."""
        with contextlib.suppress(OSError):
            segment = Segment(self._folder, sync=self._settings.sync == "power")
            try:
                segment.write(_PAGE)
                self.problem = ""
            finally:
                segment.size = 0
                segment.abandon()

    async def close(self) -> None:
        """Close the segment for the writer; nothing may be appended any more."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._seal)
        self._thread.shutdown()


def segments(folder: Path) -> list[Path]:
    """Return the closed segments, oldest first."""
    return sorted(folder.glob("*.jsonl.gz"), key=lambda path: (len(path.name.split("-")[0]), path.name))


def recover(folder: Path) -> None:
    """Close the segments of doors that died, after their whole lines."""
    for path in sorted(folder.glob("*.open")):
        with contextlib.suppress(FileNotFoundError, BlockingIOError), path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists():  # no other process did it before the lock was free
                path.rename(path.with_suffix(".jsonl.gz"))
                sync_folder(folder)


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
                found = _line_at(data, position)
                if found is None:
                    beginning = _BEGINNING.search(data, position + 1)
                    end = beginning.start() if beginning else len(data)
                    damaged(end - position)
                    position = end
                else:
                    line, text, position = found
                    yield line, text


def _line_at(data: mmap.mmap, position: int) -> tuple[Line, bytes, int] | None:
    """Return the line that begins at a position, and the position after it; None for no whole line."""
    head, start = _member_at(data, position)
    batch, end = _member_at(data, start)
    after = end + len(_END_MEMBER)
    whole = head.startswith(_HEAD) and data[end:after] == _END_MEMBER
    if not whole or b"\n" in head or b"\n" in batch:
        return None
    try:
        return _decode(head.removesuffix(_BATCH) + b"}"), batch, after
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _member_at(data: mmap.mmap, position: int) -> tuple[bytes, int]:
    """Return the text of the gzip member at a position, and the position after it; none: it is damaged."""
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
