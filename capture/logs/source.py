"""Where the bytes of a touch log come from: a file, a compressed file, standard input."""

from __future__ import annotations

import codecs
import hashlib
import io
import stat
import sys
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from capture.errors import TouchLogError
from capture.logs.lines import LINE_LIMIT_BYTES, has_controls, plain_blocks, whole_lines
from capture.optional import require

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from capture.logs.wrapping import Wrapping

__all__ = ["BLOCK_BYTES", "EXPANDED_LIMIT_BYTES", "HEAD_BYTES", "LINE_LIMIT_BYTES", "LogSource"]

#: Bytes that are looked at to find the format, and hashed for the seed of standard input.
HEAD_BYTES = 64 * 1024
#: How much is read at a time.
BLOCK_BYTES = 1 << 20
#: Zero bytes that a log may begin with.
_ZEROS_BYTES = 64 << 20
#: A compressed log may grow to this and no further: a larger one is likelier a bomb than a log.
EXPANDED_LIMIT_BYTES = 8 << 30

_MAGIC = {b"\x1f\x8b": "gz", b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "zst"}


class LogSource:
    """The decompressed bytes of one log, which can be read from the start more than once if it is a file.

    Parameters
    ----------
    path : str
        A file, compressed (gzip, xz, Zstandard) or not; ``-`` is standard input.

    Attributes
    ----------
    wrapping : Wrapping or None
        The wrapping of the log's text; removed by `text_blocks` and `text_head`.
    is_binary : bool
        Whether the log is no text: `text_blocks` and `text_head` give it as it is. Its reader sets it.
    line_times : bool
        Whether lines without a time get that of the record around them.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.wrapping: Wrapping | None = None
        self.line_times = self.is_binary = False
        self.bytes_read = 0
        self.cut_off = False
        self.is_stream = path == "-" or not _regular(path)
        self.size: int | None = None if self.is_stream else Path(path).stat().st_size
        self._pipe: IO[bytes] | None = self._open() if self.is_stream else None
        self._started = False
        self._is_plain = False
        self._expanded = 0  # bytes of the log that were read last
        self._seed = ""
        self.head = self._read_head()
        if not self.head:
            raise TouchLogError("the log is empty", path=path)

    @property
    def seed(self) -> str:
        """SHA-256 (hex) of the decompressed log; of its first 64 KiB if it can be read only once."""
        if not self._seed:
            digest = hashlib.sha256()
            read = self.bytes_read
            for block in [self.head] if self.is_stream else self.blocks():
                digest.update(block)
            self.bytes_read = read
            self._seed = digest.hexdigest()
        return self._seed

    def blocks(self) -> Iterator[bytes]:
        """Yield the log from its start, in blocks of up to `BLOCK_BYTES`.

        Raises
        ------
        TouchLogError
            When standard input is read a second time, or compressed data are damaged or too large.
        """
        if not self.is_stream:
            with self._open() as stream:
                yield from self._rest(stream, 0)
            return
        if self._started:
            raise TouchLogError("standard input can be read only once", path=self.path)
        self._started = True
        yield self.head
        pipe = cast("IO[bytes]", self._pipe)
        yield from self._rest(pipe, len(self.head))
        if pipe is not sys.stdin.buffer:
            pipe.close()

    def lines(self) -> Iterator[str]:
        """Yield the text of each line, its line end and trailing blanks left out.

        Raises
        ------
        TouchLogError
            When a line is longer than the limit.
        """
        for block in self.line_blocks():
            for line in block.decode("utf-8", "replace").split("\n"):
                yield line.rstrip()

    def line_blocks(self, limit_bytes: int = LINE_LIMIT_BYTES) -> Iterator[bytes]:
        """Yield the text in blocks of whole lines, without the line end of the last.

        Raises
        ------
        TouchLogError
            When a line is longer than the limit.
        """
        try:
            yield from whole_lines(self.text_blocks(), limit_bytes)
        except TouchLogError as error:
            raise self._named(error) from None

    def text_blocks(self) -> Iterator[bytes]:
        """Yield the log as blocks of UTF-8, without other tools' text in or around it."""
        if self.is_binary:
            yield from self.blocks()
            return
        blocks = self.blocks() if self._is_plain else self._seen(self._plain(self.blocks()))
        if (ends := _line_ends(self._plain_head())) is not None:
            blocks = (block.replace(b"\r", ends) for block in blocks)
        if self.wrapping is None:
            yield from blocks
            return
        try:
            yield from self.wrapping.blocks(blocks, times=self.line_times)
        except TouchLogError as error:
            raise self._named(error) from None

    def _named(self, error: TouchLogError) -> TouchLogError:
        """Return an error with the path of the log."""
        return error if error.path else TouchLogError(str(error), path=self.path, line=error.line)

    def text_head(self) -> bytes:
        """Return the head as `text_blocks` gives it."""
        if self.is_binary:
            return self.head
        head = self._plain_head()
        if (ends := _line_ends(head)) is not None:
            head = head.replace(b"\r", ends)
        if self.wrapping is None:
            return head
        # It may end within a line.
        return self.wrapping.head(head[: head.rfind(b"\n") + 1] if len(self.head) >= HEAD_BYTES else head)

    def _seen(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """Yield blocks, and note whether nothing was taken out of the log: a second reading need not look."""
        size = 0
        for block in blocks:
            size += len(block)
            yield block
        self._is_plain = size == self._expanded

    def _plain(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield blocks as UTF-8, without bytes that no log has."""
        encoding = _encoding(self.head)
        if encoding is None:
            return plain_blocks(blocks, controls=has_controls(self.head))
        return plain_blocks(_from_wide(blocks, encoding), controls=True)

    def _plain_head(self) -> bytes:
        return b"".join(self._plain([self.head]))

    def everything(self, limit_bytes: int) -> bytes | bytearray:
        """Return the whole log, for the formats that are one document; longer than the limit is an error."""
        whole = bytearray()
        left = limit_bytes
        for block in self.text_blocks():
            left -= len(block)
            if left < 0:
                raise TouchLogError(
                    f"the log is larger than {limit_bytes >> 20} MiB, too large for one document",
                    path=self.path,
                )
            whole += block
        return whole

    def _read_head(self) -> bytes:
        """Return the head; in a log that was cut while it was written, that behind its zero bytes."""
        with self._open() if self._pipe is None else nullcontext(self._pipe) as stream:
            first = head = _read(stream, HEAD_BYTES, self.path)
            for _ in range(_ZEROS_BYTES // HEAD_BYTES):
                if len(head) < HEAD_BYTES or head.strip(b"\0"):
                    break
                head = _read(stream, HEAD_BYTES, self.path)
        return head if head.strip(b"\0") else first

    def _rest(self, stream: IO[bytes], expanded: int) -> Iterator[bytes]:
        while block := _read(stream, BLOCK_BYTES, self.path):
            expanded += len(block)
            self.bytes_read = self._expanded = expanded
            if isinstance(stream, _Expanding):
                self._follow(stream, expanded)
            yield block
        self.cut_off = isinstance(stream, _Expanding) and stream.cut_off

    def _follow(self, stream: _Expanding, expanded: int) -> None:
        """Keep the progress in bytes of the file, and stop at the limit."""
        if stream.counted.seekable():
            self.bytes_read = stream.counted.tell()
        if expanded > EXPANDED_LIMIT_BYTES:
            raise TouchLogError(
                f"the log grows beyond {EXPANDED_LIMIT_BYTES >> 30} GiB when it is decompressed; "
                "decompress it yourself and pass it on standard input",
                path=self.path,
            )

    def _open(self) -> IO[bytes]:
        try:
            # The readers close it when they are done with it.
            raw = sys.stdin.buffer if self.path == "-" else Path(self.path).open("rb")  # noqa: SIM115
        except OSError as error:
            raise TouchLogError(f"cannot be opened: {error.strerror}", path=self.path) from error
        try:
            start = _peek(raw)
        except OSError as error:
            raw.close()
            raise _unreadable(error, self.path) from error
        for magic, kind in _MAGIC.items():
            if start.startswith(magic):
                return cast("IO[bytes]", _Expanding(raw, kind, self.path))
        return raw


class _Expanding(io.RawIOBase):
    """A compressed file, decompressed; `counted` is the file below, for progress."""

    def __init__(self, raw: IO[bytes], kind: str, path: str) -> None:
        self.counted = raw
        self.cut_off = False
        self._path = path
        self._stream, self._errors = _decompressor(raw, kind, path)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        try:
            # read1 hands out all bytes before it finds that the end is missing.
            return cast("bytes", self._stream.read1(size))
        except EOFError:
            self.cut_off = True
            return b""
        except (OSError, self._errors) as error:
            if isinstance(error, OSError) and error.errno is not None:
                # Of the file below: decompressors name the damage without a number.
                raise _unreadable(error, self._path) from error
            raise TouchLogError(f"its compressed data are damaged: {error}", path=self._path) from error

    def close(self) -> None:
        if not self.closed and self.counted is not sys.stdin.buffer:
            self._stream.close()
            self.counted.close()
        super().close()


def _decompressor(raw: IO[bytes], kind: str, path: str) -> tuple[Any, type[Exception]]:
    """Return the decompressing stream and the exceptions that it raises on damaged data."""
    if kind == "gz":
        import gzip
        import zlib

        return gzip.GzipFile(fileobj=raw), zlib.error
    if kind == "xz":
        import lzma

        return lzma.LZMAFile(raw), lzma.LZMAError
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        zstd = require("backports.zstd", "Zstandard", partial(TouchLogError, path=path))
    return zstd.ZstdFile(raw), zstd.ZstdError


def _read(stream: IO[bytes], size: int, path: str) -> bytes:
    """Read `size` bytes, fewer only at the end."""
    parts = []
    try:
        while size > 0 and (part := stream.read(size)):
            parts.append(part)
            size -= len(part)
    except OSError as error:
        raise _unreadable(error, path) from error
    return b"".join(parts)


def _unreadable(error: OSError, path: str) -> TouchLogError:
    return TouchLogError(f"cannot be read: {error.strerror or error}", path=path)


def _peek(raw: IO[bytes]) -> bytes:
    if raw.seekable():
        start = raw.read(6)
        raw.seek(0)
        return start
    return cast("io.BufferedReader", raw).peek(6)[:6]


def _regular(path: str) -> bool:
    try:
        mode = Path(path).stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise TouchLogError("there is no such file", path=path) from error
    except OSError as error:
        raise TouchLogError(f"cannot be opened: {error.strerror}", path=path) from error
    if stat.S_ISDIR(mode):
        raise TouchLogError("is a folder, not a log", path=path)
    return stat.S_ISREG(mode)


def _line_ends(head: bytes) -> bytes | None:
    """Return the meaning of CR in a text whose lines end in CR alone, or begin with it; None for others."""
    if b"\r" not in head or b"\r\n" in head:
        return None
    return b"\n" if b"\n" not in head else b"" if b"\n\r" in head else None


def _encoding(head: bytes) -> str | None:
    """Return UTF-16 or UTF-32 where a text is in it, with a byte order mark or without; None for others."""
    if head[:4] in {b"\xff\xfe\0\0", b"\0\0\xfe\xff"}:
        return "utf-32"
    if head[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return "utf-16"
    even, odd = head[0:256:2], head[1:256:2]
    for text, zeros, name in ((even, odd, "utf-16-le"), (odd, even, "utf-16-be")):
        if len(zeros) >= 4 and not zeros.strip(b"\0") and min(text) >= 9:
            return name
    return None


def _from_wide(blocks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    for block in blocks:
        yield decoder.decode(block).encode("utf-8", "replace")
    yield decoder.decode(b"", final=True).encode("utf-8", "replace")
