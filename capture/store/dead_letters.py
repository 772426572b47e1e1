"""Dead letters: events that were given up, with the reason, and bytes that are no event any more.

They are records of ``dead-<number>.seg`` files; the payload is JSON. Only the process that delivers writes
them.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import os
import re
from typing import TYPE_CHECKING

import msgspec

from capture._native.journal import WRITTEN
from capture.store.files import create_segment
from capture.store.recovery import next_name, open_segment
from capture.store.segment import Header

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from capture._native.journal import SegmentWriter

__all__ = [
    "DeadLetters",
    "Letter",
    "letter_files",
    "make_letter",
    "read_letters",
    "retry_letters",
]

#: Size (bytes) at which another file begins, and the most of damaged bytes that is kept.
_FILE_BYTES = 256 * 1024
_RAW_BYTES = 64 * 1024
_NAME = re.compile(r"dead-\d{6}\.seg")
_WIRE = "dead"
_NO_ID = bytes(16)


class Letter(msgspec.Struct, omit_defaults=True):
    """A dead letter.

    Attributes
    ----------
    queue : str
        Queue of the event; empty for bytes that are no event.
    reason : str
        Why it was given up.
    at_ms : int
        When.
    session, format, user_id
        Of the event.
    event : msgspec.Raw
        The event, if it is JSON; else `raw` has it in base64.
    event_id : str
        Its id; in the file it is that of the record.
    """

    queue: str
    reason: str
    at_ms: int
    session: int = 0
    format: str = ""
    event: msgspec.Raw = msgspec.Raw(b"")
    raw: str = ""
    event_id: str = ""
    user_id: str = ""

    @property
    def payload(self) -> bytes:
        """The bytes as they were stored."""
        return base64.b64decode(self.raw) if self.raw else bytes(self.event)


def make_letter(queue: str, reason: str, at_ms: int, payload: bytes, **more: str | int) -> Letter:
    """Return a letter with an event or damaged bytes in it."""
    try:
        msgspec.json.decode(payload)
        kept = {"event": msgspec.Raw(payload)}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        kept = {"raw": base64.b64encode(payload[:_RAW_BYTES] if not queue else payload).decode()}  # type: ignore[dict-item]
    return Letter(queue, reason, at_ms, **kept, **more)  # type: ignore[arg-type]


class DeadLetters:
    """Appends dead letters.

    Parameters
    ----------
    folder : Path
    pwrite : callable, optional
        Stands in for the system's, in tests.
    """

    def __init__(self, folder: Path, pwrite: Callable[[int, bytes, int], int] | None = None) -> None:
        self._folder, self._pwrite = folder, pwrite
        self._writer: SegmentWriter | None = None

    def add(self, letters: Iterable[Letter]) -> bool:
        """Write letters; return whether all of them are in the file."""
        rows = [(0, [(_WIRE, _encode(each))], each.at_ms, each.event_id or _NO_ID) for each in letters]
        try:
            return all(self._append(row) for row in rows)
        except (OSError, ValueError):
            return False

    def _append(self, row: tuple[int, list[tuple[str, bytes]], int, str | bytes]) -> bool:
        for _ in range(2):
            writer = self._writer or self._open()
            if writer.append(0, [row]) == WRITTEN:
                return True
            self.close()
        return False

    def _open(self) -> SegmentWriter:
        files = letter_files(self._folder)
        number = int(files[-1].name[5:11]) + 1 if files else 1
        self._writer = create_segment(
            self._folder / f"dead-{number:06}.seg",
            Header(session=0, number=number),
            {},
            _WIRE,
            limit=_FILE_BYTES,
            pwrite=self._pwrite,
        )
        return self._writer

    def close(self) -> None:
        """Close the file; the next letter begins another one."""
        writer, self._writer = self._writer, None
        if writer is not None:
            with contextlib.suppress(OSError):
                os.close(writer.descriptor)


def _encode(letter: Letter) -> bytes:
    return msgspec.json.encode(msgspec.structs.replace(letter, event_id=""))


def letter_files(folder: Path) -> list[Path]:
    """Return the files of dead letters, oldest first."""
    try:
        return sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name))
    except OSError:
        return []


def read_letters(*paths: Path) -> Iterator[Letter]:
    """Read the letters of files; damaged ones are left out."""
    for found in map(open_segment, paths):
        for record in found.records:
            with contextlib.suppress(msgspec.DecodeError):
                letter = msgspec.json.decode(found.payload(record), type=Letter)
                letter.event_id = record[8]
                yield letter


def retry_letters(folder: Path, letters: DeadLetters, queue: str | None, user_id: bytes, now_ms: int) -> int:
    """Put dead letters back as segments of their sessions, each for its queue alone; return how many.

    Each keeps its user; one of an earlier version, which names no user, gets `user_id`.

    Raises
    ------
    OSError
        When they cannot be written; they stay where they are then.
    """
    letters.close()
    files = letter_files(folder)
    kept: list[Letter] = []
    groups: dict[tuple[int, str, str, bytes], list[Letter]] = {}
    for letter in read_letters(*files):
        if letter.queue and queue in {None, letter.queue}:
            owner = bytes.fromhex(letter.user_id) or user_id
            groups.setdefault((letter.session, letter.queue, letter.format, owner), []).append(letter)
        else:
            kept.append(letter)
    if not groups:
        return 0
    new = [_write_retried(folder, key, found, now_ms) for key, found in groups.items()]
    if kept and not letters.add(kept):
        for path in new:
            path.unlink()
        raise OSError(errno.EIO, "the dead letters that stay cannot be written")
    for path in new:
        session = int(path.name[1:11])
        path.rename(folder / next_name(folder, session, retried=True).file)
    for path in files:
        path.unlink()
    return sum(map(len, groups.values()))


def _write_retried(
    folder: Path, key: tuple[int, str, str, bytes], letters: list[Letter], now_ms: int
) -> Path:
    session, queue, wire, user_id = key
    path = folder / f"r{session:010}-{os.urandom(8).hex()}.tmp"
    header = Header(session=session, number=1, made_ms=now_ms, user_id=user_id)
    writer = create_segment(path, header, {queue: wire}, limit=1 << 40)
    rows = [(session, [(wire, letter.payload)], now_ms, letter.event_id) for letter in letters]
    try:
        written = all(writer.append(session, [row]) == WRITTEN for row in rows) and writer.end()
        os.fsync(writer.descriptor)
    except OSError:
        written = False
    finally:
        os.close(writer.descriptor)
    if not written:
        path.unlink()
        raise OSError(errno.EIO, "dead letters cannot be written")
    return path
