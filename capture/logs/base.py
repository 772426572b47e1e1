"""Base of touch logs: info, chunks of samples, marks, warnings, a seed."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeVar

import msgspec

from capture.errors import TouchLogError, plain
from capture.logs.lines import CONTEXT, USED, Start, is_nothing
from capture.logs.samples import Names, SampleWriter, shifted, turned

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from capture.gestures.samples import TouchSamples
    from capture.logs.source import LogSource

__all__ = [
    "DOCUMENT_LIMIT_BYTES",
    "LogInfo",
    "Mark",
    "ReadOptions",
    "TouchLog",
]

#: A log that is one document (JSON) must be held whole to be read; a larger one is refused.
DOCUMENT_LIMIT_BYTES = 256 << 20

_Item = TypeVar("_Item")
#: Counts that are no loss.
_NO_CAUSES = {"used", "context", "other_device_lines"}
#: A mark that is further from its sample has a time of another clock, or none.
_FAR_NS = 366 * 86_400 * 1_000_000_000


#: Degrees clockwise.
Rotation = Literal[0, 90, 180, 270]


class ReadOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Facts about a log that the caller knows and the log lacks.

    Attributes
    ----------
    format : str or None
        Name of the format; None finds it by content.
    device : str or None
        Which device of a log with several: its path, the number in its path, or part of its name.
    axis_max : (int, int) or None
        The largest raw x and y of the panel (the smallest is 0).
    screen : (int, int) or None
        Width and height in px.
    density : float or None
        px per dp.
    rotate : int or None
        Degrees (0, 90, 180, 270) clockwise by which the picture was turned against the panel.
    columns : str or None
        Column map, or the name of a preset, for CSV, TSV and Parquet.
    start_time_ms : int or None
        Epoch milliseconds that the first sample shall have; distances in time are kept.
    """

    format: str | None = None
    device: str | None = None
    axis_max: tuple[int, int] | None = None
    screen: tuple[int, int] | None = None
    density: float | None = None
    rotate: Rotation | None = None
    columns: str | None = None
    start_time_ms: int | None = None


class LogInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Facts about a log; None if unknown.

    Attributes
    ----------
    format : str
        Name of the format that the log was read from.
    width, height : int or None
        Size of the screen in px.
    density : float or None
        px per dp.
    start_ms : int or None
        Epoch milliseconds of the first sample.
    device : str or None
        Name of the device.
    streams, pointers : dict of int to str
        Names in the log of streams and pointers whose numbers are not its own.
    """

    format: str = ""
    width: int | None = None
    height: int | None = None
    density: float | None = None
    start_ms: int | None = None
    device: str | None = None
    streams: dict[int, str] = {}
    pointers: dict[int, str] = {}


class Mark(msgspec.Struct, kw_only=True):
    """An entry of a log besides touches.

    Attributes
    ----------
    time_ns : int
        On the clock of the samples.
    kind : str
        ``screen`` (name), ``target`` (pointer, path, id, responsive), ``transaction``, ...
    fields : dict
        Its fields.
    stream : int
        Stream of its touches.
    sample : int
        How many samples of the log stand before it.
    """

    time_ns: int
    kind: str
    fields: dict[str, Any] = {}
    stream: int = 0
    sample: int = 0


class TouchLog:
    """A touch log that is read as it is asked for.

    Attributes
    ----------
    path : str
        The log, as the caller named it.
    size : int or None
        Bytes of the file; None for standard input.
    is_stream : bool
        Whether the log can be read only once, as standard input.
    info : LogInfo
        Known when the log is open.
    marks : list of Mark
        Those before the end of the last yielded chunk. A caller that has used
        them may clear the list: then memory stays constant.
    warnings : dict of str to int
        How often something was skipped, repaired or guessed, by cause (`CAUSES`); complete when the
        chunks are.
    counts : dict of str to int
        Fates of the lines, rows or records: ``read``, ``used``, ``context`` (headers, comments,
        blanks, prompts) and the causes for which others were left out; they add up to ``read``.
    first_ns : int or None
        Time of the first sample, or of a mark before it: where the seconds that people read begin. None
        until the first chunk is out.
    """

    #: Name in the table of formats.
    name: ClassVar[str]
    #: Description of the format, and an example line: for the guide.
    description: ClassVar[str]
    example: ClassVar[str]
    #: Whether the reader was written by the documentation alone, without a real file.
    untried: ClassVar[bool] = False
    #: Whether the format is found by bytes, not by text.
    binary: ClassVar[bool] = False
    #: What a head of the format has in it, where no line begins in a way of its own.
    sign: ClassVar[re.Pattern[bytes] | None] = None
    #: How a line of the format begins: it tells the format, and text of other tools before it is left out.
    starts: ClassVar[Start | None] = None
    #: Width and height of the screen (px), as the head tells them.
    screen_sign: ClassVar[re.Pattern[bytes] | None] = None
    #: Whether the time of a line, or of the record around it, is that of its content.
    line_times: ClassVar[bool] = False
    #: Whether the reader turns places itself: raw ones, before they are scaled.
    turns: ClassVar[bool] = False

    def __init__(self, source: LogSource, options: ReadOptions) -> None:
        self.source = source
        source.line_times = self.line_times
        self.path, self.size, self.is_stream = source.path, source.size, source.is_stream
        self.options = options
        self.marks: list[Mark] = []
        self._fresh: list[Mark] = []  # not yet among the marks: their chunk is not out
        self.warnings: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()  # losses of a writer
        info = self._describe()
        self._restart()
        width, height = options.screen or (info.width, info.height)
        density = info.density if options.density is None else options.density
        self.info = msgspec.structs.replace(info, width=width, height=height, density=density)

    def __repr__(self) -> str:
        """Return path, format, screen and, once it is read, the number of used lines, rows or records."""
        info = self.info
        screen = f", {info.width}x{info.height} px" if info.width else ""
        density = f", density {info.density:g}" if info.density else ""
        used = f", {self.counts['used']:,} used" if self.counts["used"] else ""
        return f"<{self.name} log {plain(self.path)!r}{screen}{density}{used}>"

    @classmethod
    def opened(cls, source: LogSource, options: ReadOptions) -> Self:
        """Return the log, with the size of its picture: after the turn.

        Raises
        ------
        TouchLogError
            When places are to be turned in a screen whose size is not known.
        """
        if not options.rotate or cls.turns:
            return cls(source, options)
        across = options.rotate in {90, 270}
        panel = options.screen[::-1] if options.screen and across else options.screen
        log = cls(source, msgspec.structs.replace(options, screen=panel))
        width, height = log.info.width, log.info.height
        if width is None or height is None:
            raise log.error("--rotate needs the size of the screen: give it with --screen WxH")
        if across:
            log.info = msgspec.structs.replace(log.info, width=height, height=width)
        return log

    @classmethod
    def matches(cls, head: bytes) -> bool:
        """Return whether a log that begins so (64 KiB) is in this format."""
        if cls.sign is not None:
            return cls.sign.search(head) is not None
        return cls.starts is not None and cls.starts.matches(head)

    def _describe(self) -> LogInfo:
        """Return the facts in the log, once when it is opened; options go before them."""
        found = None if self.screen_sign is None else self.screen_sign.search(self.source.text_head())
        if found is None:
            return LogInfo(format=self.name)
        return LogInfo(format=self.name, width=int(found[1]), height=int(found[2]))

    def _restart(self) -> None:
        """Forget all of a reading before."""
        self.marks.clear()
        self.warnings.clear()
        self.counts.clear()
        self._fresh.clear()
        self.first_ns: int | None = None
        self.streams, self.pointers = Names(), Names(32)  # of readers that number the log's names
        self.untimed = 0  # events with a made-up time, or 1 for a log of such: more than 0 is `no_clock`

    def chunks(self) -> Iterator[TouchSamples]:
        """Yield the samples in chunks; from the start again at each call, where the log is a file.

        Raises
        ------
        TouchLogError
            With the path and, if there is one, the line at which the reading stopped.
        """
        self._restart()
        start_ms = self.options.start_time_ms
        shift = 0 if start_ms is None else None
        before = 0
        times = memoryview(b"").cast("q")
        for chunk in self._named():
            if not len(chunk):
                continue
            times = memoryview(chunk.time).cast("B").cast("q")
            begun_ns = times[0]
            if shift is None:
                shift = (start_ms or 0) * 1_000_000 - begun_ns
            self._show_marks(shift, times, before)
            self._note_untimed()
            before += len(chunk)
            if self.first_ns is None:
                self.first_ns = min([begun_ns + shift, *(mark.time_ns for mark in self.marks)])
            if not self.turns:
                chunk = turned(chunk, self.options.rotate, self.info.width, self.info.height)  # noqa: PLW2901
            yield shifted(chunk, shift) if shift else chunk
        if self.source.cut_off:
            self.warnings["cut_off"] += 1
        self._note_untimed()
        self.keep_names(self.streams, self.pointers)
        self._show_marks(shift or 0, times[-1:], before)

    def _note_untimed(self) -> None:
        """Warn that times are made up: before the samples, for readers that stop at the first ones."""
        if self.untimed:
            self.warnings["no_clock"] = 1

    def _named(self) -> Iterator[TouchSamples]:
        """Yield the samples as they are in the log; an error without a place gets that of the log."""
        try:
            yield from self._read()
        except TouchLogError as error:
            if error.path:
                raise
            raise self.error(str(error), error.line) from None

    def count(self, became: str, number: int = 1) -> None:
        """Count the outcome of a line, a row or a record: ``used``, ``context``, or a cause; "" waits."""
        if not became or not number:
            return
        self.counts["read"] += number
        self.counts[became] += number
        if became not in _NO_CAUSES:
            self.warnings[became] += number

    def keep_names(self, streams: Names, pointers: Names) -> None:
        """Keep in `info` the log's names of streams and pointers that were given numbers."""
        if streams.names:
            self.info = msgspec.structs.replace(self.info, streams=dict(streams.names))
        if pointers.names:
            self.info = msgspec.structs.replace(self.info, pointers=dict(pointers.names))

    def mark(self, mark: Mark) -> None:
        """Add a mark before the next samples."""
        self._fresh.append(mark)

    def _show_marks(self, shift_ns: int, times: Sequence[int], before: int) -> None:
        """Release the marks that belong to samples with these times, after so many samples."""
        for mark in self._fresh:
            place = min(max(mark.sample - before, 0), len(times) - 1)
            sample_ns = times[place] if len(times) else mark.time_ns
            near = times[max(place - 1, 0) : place + 1]
            if all(abs(mark.time_ns - time) > _FAR_NS for time in near) and len(near):
                # Of another clock, or of none: it stands where the sample after it stands.
                mark.time_ns = sample_ns
            mark.time_ns += shift_ns
        self.marks.extend(self._fresh)
        self._fresh.clear()

    def _read(self) -> Iterator[TouchSamples]:
        """Yield the samples in chunks, as they are in the log; other formats than lines implement this."""
        lines: Iterable[str] = self.source.lines()
        if self.starts is not None:
            lines = map(self.starts.bare(self.source.text_head()), lines)
        self._begin()
        yield from self._read_each(lines, self._take, "unknown_lines")

    def _read_each(
        self, items: Iterable[_Item], take: Callable[[_Item, SampleWriter], str], odd: str
    ) -> Iterator[TouchSamples]:
        """Yield the samples of lines or records, in chunks.

        Parameters
        ----------
        items : iterable
        take : callable
            Adds the samples of an item; returns its outcome.
        odd : str
            Outcome of an item on which `take` fails.
        """
        writer = SampleWriter(self.warnings)
        used = 0
        for item in items:
            try:
                became = take(item, writer)
            except TouchLogError:
                raise
            except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError):
                became = odd
            if became == USED:
                used += 1
                if writer.is_full:
                    yield writer.take()
            elif became == "unknown_lines" and isinstance(item, str) and is_nothing(item):
                self.count(CONTEXT)
            else:
                self.count(became)
        self.count(USED, used)
        yield writer.finish()

    def _begin(self) -> None:
        """Set what a reader remembers from line to line, before the first."""

    def _take(self, line: str, writer: SampleWriter) -> str:
        """Add the samples of a line; return its outcome, for `count`.

        A line on which it fails is left out as unknown (`_read_each` names the errors).
        """
        raise NotImplementedError

    def error(self, message: str, line: int | None = None) -> TouchLogError:
        """Return an error that names this log."""
        return TouchLogError(message, path=self.path, line=line)

    @property
    def seed(self) -> str:
        """SHA-256 (hex) of the decompressed log; of its first 64 KiB for standard input."""
        return self.source.seed

    @property
    def bytes_read(self) -> int:
        """How far the reading is, in bytes of the file."""
        return self.source.bytes_read
