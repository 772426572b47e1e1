"""Kivy's recorder (``.kvi``): one Python tuple a line, positions as fractions of the window, y up."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from capture.gestures.kinds import Action
from capture.logs.base import LogInfo, TouchLog
from capture.logs.decoding import literal
from capture.logs.lines import CONTEXT, USED, Start
from capture.logs.writing import one_stream

if TYPE_CHECKING:
    from pathlib import Path

    from capture.logs.samples import SampleWriter
    from capture.logs.writing import Writable

__all__ = ["DEFAULT_SCREEN", "FIRST_LINE", "Log", "write"]

FIRST_LINE = "#RECORDER1.0"
#: Kivy's window without another configuration; the recording lacks its own.
DEFAULT_SCREEN = (800, 600)

_ACTIONS = {"begin": Action.DOWN, "update": Action.MOVE, "end": Action.UP}
_KINDS: dict[int, str] = {Action.DOWN: "begin", Action.MOVE: "update", Action.UP: "end", Action.CANCEL: "end"}


class Log(TouchLog):
    """A recording of Kivy's recorder module."""

    name = "kvi"
    description = "Kivy's recorder"
    example = "(1.152, 'begin', 2, {'is_touch': True, 'sx': 0.39, 'sy': 0.72})"
    starts = Start(
        r"#RECORDER1\.0|\(-?\d[\d.e-]*, '(?:begin|update|end)', ",
        b"#RECORDER",
        b", 'begin'",
        b", 'update'",
        b", 'end'",
    )

    def _describe(self) -> LogInfo:
        return LogInfo(format=self.name, width=DEFAULT_SCREEN[0], height=DEFAULT_SCREEN[1])

    def _begin(self) -> None:
        if self.options.screen is None:
            self.warnings["guessed_screen"] += 1

    def _take(self, line: str, writer: SampleWriter) -> str:
        if not line or line.startswith("#"):
            return CONTEXT
        time_s, kind, uid, attributes = literal(line)
        # Newer versions record hovering as well, which is no touch.
        if kind not in _ACTIONS or not attributes.get("is_touch", True):
            return CONTEXT
        x, y = attributes["sx"] * (self.info.width or 0), (1 - attributes["sy"]) * (self.info.height or 0)
        if isinstance(uid, bool) or not isinstance(uid, int | str):
            raise TypeError(uid)
        finger = self.pointers.number(uid)
        writer.add(0, finger, _ACTIONS[kind], round(time_s * 1e9), float(x), float(y))
        return USED


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
        if action == Action.CANCEL:
            recording.lost["cancels_as_ends"] += 1
        place = {"is_touch": True, "sx": x / width, "sy": 1 - y / height, "profile": ["pos"]}
        line = ((time - start) / 1e9, _KINDS[action], pointer, place)
        file.write(f"{line!r}\n".encode())
