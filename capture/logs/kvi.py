"""Kivy's recorder (``.kvi``): one Python tuple a line, positions as fractions of the window, y up."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, ClassVar

from capture.gestures.kinds import Action
from capture.logs.base import LogInfo, ReadOptions, SampleWriter, TouchLog, literal
from capture.logs.writing import one_stream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from capture.gestures.samples import TouchSamples
    from capture.logs.source import LogSource
    from capture.logs.writing import Writable

__all__ = ["DEFAULT_SCREEN", "FIRST_LINE", "Log", "write"]

FIRST_LINE = "#RECORDER1.0"
#: Kivy's window where nothing else is configured; the recording does not tell its own.
DEFAULT_SCREEN = (800, 600)

_ACTIONS = {"begin": Action.DOWN, "update": Action.MOVE, "end": Action.UP}
_KINDS: dict[int, str] = {Action.DOWN: "begin", Action.MOVE: "update", Action.UP: "end", Action.CANCEL: "end"}


class Log(TouchLog):
    """A recording of Kivy's recorder module."""

    name: ClassVar[str] = "kvi"

    def __init__(self, source: LogSource, options: ReadOptions) -> None:
        super().__init__(source, options)
        width, height = options.screen or DEFAULT_SCREEN
        self.info = LogInfo(format=self.name, width=width, height=height, density=options.density)

    @classmethod
    def matches(cls, head: bytes) -> bool:
        """Tell whether the first line is Kivy's."""
        return head.startswith(FIRST_LINE.encode())

    def _read(self) -> Iterator[TouchSamples]:
        writer = SampleWriter(self.warnings)
        if self.options.screen is None:
            self.warnings["guessed_screen"] += 1
        for number, line in self.source.lines():
            if not line or line.startswith("#"):
                continue
            sample = self._sample(line)
            if sample is None:
                continue
            try:
                full = writer.add(0, *sample)
            except OverflowError:
                raise self.error("a number is too large", line=number) from None
            if full:
                yield writer.take()
        yield writer.finish()

    def _sample(self, line: str) -> tuple[int, int, int, float, float] | None:
        """Return (pointer, action, time, x, y) of a line; None for one that is no touch."""
        width, height = self.info.width or 0, self.info.height or 0
        try:
            time_s, kind, pointer, attributes = literal(line)
            # Newer versions record hovering as well, which is no touch.
            if kind not in _ACTIONS or not attributes.get("is_touch", True):
                return None
            if not isinstance(pointer, int):
                raise TypeError(pointer)  # noqa: TRY301 - as what else is wrong with a line
            time = round(time_s * 1e9)
            x, y = attributes["sx"] * width, (1 - attributes["sy"]) * height
            return pointer, _ACTIONS[kind], time, float(x), float(y)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
            self.warnings["unknown_lines"] += 1
            return None


def write(recording: Writable, file: IO[bytes], path: Path) -> None:
    """Write a log as Kivy's recorder does, streamed; a CANCEL becomes an end.

    The times start at 0, as in a recording, unless the log was one.
    """
    info = recording.info
    width, height = info.width, info.height
    if not width or not height:
        raise recording.error(f"its screen is not known, which {path.name} needs: give it with --screen WxH")
    file.write(f"{FIRST_LINE}\n".encode())
    start = 0 if info.format == Log.name else None
    for pointer, action, time, x, y in one_stream(recording):
        start = time if start is None else start
        place = {"is_touch": True, "sx": x / width, "sy": 1 - y / height, "profile": ["pos"]}
        line = ((time - start) / 1e9, _KINDS[action], pointer, place)
        file.write(f"{line!r}\n".encode())
