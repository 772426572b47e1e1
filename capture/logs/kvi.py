"""Kivy's recorder (``.kvi``): one Python tuple a line, positions as fractions of the window, y up."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from capture.gestures.kinds import Action
from capture.logs.base import LogInfo, Sample, TouchLog, literal
from capture.logs.writing import one_stream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from capture.logs.writing import Writable

__all__ = ["DEFAULT_SCREEN", "FIRST_LINE", "Log", "write"]

FIRST_LINE = "#RECORDER1.0"
#: Kivy's window where nothing else is configured; the recording does not tell its own.
DEFAULT_SCREEN = (800, 600)

_ACTIONS = {"begin": Action.DOWN, "update": Action.MOVE, "end": Action.UP}
_KINDS: dict[int, str] = {Action.DOWN: "begin", Action.MOVE: "update", Action.UP: "end", Action.CANCEL: "end"}


class Log(TouchLog):
    """A recording of Kivy's recorder module."""

    name = "kvi"
    description = "Kivy's recorder"
    example = "(1.152, 'begin', 2, {'is_touch': True, 'sx': 0.39, 'sy': 0.72})"

    @classmethod
    def matches(cls, head: bytes) -> bool:
        """Return whether the first line is Kivy's."""
        return head.startswith(FIRST_LINE.encode())

    def _describe(self) -> LogInfo:
        return LogInfo(format=self.name, width=DEFAULT_SCREEN[0], height=DEFAULT_SCREEN[1])

    def _samples(self, lines: Iterator[str]) -> Iterator[Sample]:
        if self.options.screen is None:
            self.warnings["guessed_screen"] += 1
        for line in lines:
            sample = None if line.startswith("#") else self._sample(line)
            if sample is not None:
                yield sample

    def _sample(self, line: str) -> Sample | None:
        """Return the sample of a line; None where it has none."""
        width, height = self.info.width or 0, self.info.height or 0
        try:
            time_s, kind, pointer, attributes = literal(line)
            # Newer versions record hovering as well, which is no touch.
            if kind not in _ACTIONS or not attributes.get("is_touch", True):
                return None
            if not isinstance(pointer, int):
                raise TypeError(pointer)  # noqa: TRY301 - handled like the other mistakes in a line
            x, y = attributes["sx"] * width, (1 - attributes["sy"]) * height
            return 0, pointer, _ACTIONS[kind], round(time_s * 1e9), float(x), float(y)
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
