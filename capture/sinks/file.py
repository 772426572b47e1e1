"""The file sink: one batch a line in ``batches.jsonl``, each line written whole or not at all."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from capture.errors import SinkError
from capture.process import PerProcess, make_private_folder
from capture.settings import Section, expanded
from capture.sinks.base import ACCEPTED, Answer, Batch, Outcome, Sink, read_settings, wire_of

if TYPE_CHECKING:
    from capture.config import SinkConfig

__all__ = ["FILE_NAME", "FileSettings", "FileSink"]

#: Name of the file in the sink's folder.
FILE_NAME = "batches.jsonl"
_TAIL_BYTES = 65_536


class FileSettings(Section, frozen=True, kw_only=True):
    """Keys of a ``file`` sink."""

    #: Folder of ``batches.jsonl``; created if missing.
    path: Annotated[str, Meta(min_length=1, max_length=4096)]


class FileSink(Sink):
    """Appends batches to ``batches.jsonl`` in a folder.

    Its owner alone can read the file, and the folder where that is made here.

    The file is opened at the first batch, and again when it was rotated or removed meanwhile. A line that a
    killed process left unfinished is cut off: its batch was never acknowledged and comes again.

    Parameters
    ----------
    folder : path-like
        Where the file is; created if missing.
    name : str
        Key of its queue.
    formats : tuple of str
        Wire formats that it takes.
    replace : bool
        Whether a file that is there already is emptied first (a replay's output) instead of appended to.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        name: str = "file",
        formats: tuple[str, ...] = ("native",),
        replace: bool = False,
    ) -> None:
        self.name = name
        self.formats = formats
        self.not_sent: dict[str, int] = {}
        self.path = Path(folder) / FILE_NAME
        self._replace = replace
        self._file: PerProcess[int] = PerProcess()

    @classmethod
    def from_config(cls, config: SinkConfig, *, base: Path | None = None) -> FileSink:
        """Make the sink of a ``[[sinks]]`` table; a relative path starts from `base`."""
        folder = expanded(f"sinks.{config.name}.path", read_settings(FileSettings, config).path)
        return cls(base / folder if base else folder, name=config.name, formats=wire_of(config))

    def send(self, batch: Batch, timeout_s: float) -> Answer:
        """Append the batch as one line."""
        del timeout_s
        line = batch.body + b"\n"
        if b"\n" in batch.body:
            return Answer(Outcome.REFUSED, "a line break in the batch")
        descriptor = self._open()
        start = os.fstat(descriptor).st_size
        try:
            written = os.write(descriptor, line)
        except OSError as error:
            self._cut(descriptor, start)
            return Answer(Outcome.TEMPORARY, f"{self.path}: {error.strerror}")
        if written != len(line):
            self._cut(descriptor, start)
            return Answer(Outcome.TEMPORARY, f"{self.path}: {written} of {len(line)} bytes written")
        return ACCEPTED

    def flush(self) -> None:
        """Sync the file to the disk."""
        descriptor = self._file.value
        if descriptor is not None:
            os.fsync(descriptor)

    def close(self) -> None:
        """Sync the file to the disk and close it."""
        descriptor, self._file.value = self._file.value, None
        if descriptor is None:
            return
        try:
            os.fsync(descriptor)
        except OSError as error:
            raise SinkError(f"{self.path}: {error.strerror}", sink=self.name) from error
        finally:
            os.close(descriptor)

    def _open(self) -> int:
        descriptor = self._file.value
        if descriptor is not None:
            if self._is_at_path(descriptor):
                return descriptor
            self.close()
        make_private_folder(self.path.parent)
        flags = (
            os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        )
        descriptor = os.open(self.path, flags, 0o600)
        self._cut(descriptor, 0 if self._replace else _whole_lines(descriptor))
        self._replace = False
        self._file.value = descriptor
        return descriptor

    def _is_at_path(self, descriptor: int) -> bool:
        """Return whether the open file is still the one at the path: others may rotate or remove it."""
        try:
            return os.path.samestat(os.fstat(descriptor), self.path.stat())
        except FileNotFoundError:
            return False

    @staticmethod
    def _cut(descriptor: int, size: int) -> None:
        with contextlib.suppress(OSError):
            if os.fstat(descriptor).st_size > size:
                os.ftruncate(descriptor, size)


def _whole_lines(descriptor: int) -> int:
    """Return the size of the file up to the end of its last whole line."""
    end = os.fstat(descriptor).st_size
    while end > 0:
        start = max(0, end - _TAIL_BYTES)
        os.lseek(descriptor, start, os.SEEK_SET)
        tail = os.read(descriptor, end - start)
        position = tail.rfind(b"\n")
        if position >= 0:
            return start + position + 1
        end = start
    return 0
