"""Recordings of AutoTouch and TouchSprite: Lua that calls touchDown, touchMove, touchUp and waits between."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from capture.gestures.kinds import Action
from capture.logs.base import LogInfo, TouchLog
from capture.logs.lines import CONTEXT, USED, Start, read_lines
from capture.logs.samples import Names
from capture.logs.scripts import MS, Player

if TYPE_CHECKING:
    from collections.abc import Iterator

    from capture.gestures.samples import TouchSamples
    from capture.logs.samples import SampleWriter

__all__ = ["Log"]

_NUMBER = r"\s*-?\d+(?:\.\d+)?\s*"
_START = Start(r"touch(?:Down|Move|Up)\(", b"touchDown(", b"touchMove(", b"touchUp(")
_CALL = re.compile(rf"touch(Down|Move|Up)\((?:({_NUMBER}),)?({_NUMBER}),({_NUMBER})\)\s*;?\s*(?:--.*)?$")
_WAIT = re.compile(rf"(usleep|mSleep)\(({_NUMBER})\)\s*;?\s*(?:--.*)?$")
_SIZE = re.compile(rb"-- Resolution: (\d{1,6}), (\d{1,6})")
_VARIABLE = re.compile(r"touch(?:Down|Move|Up)\([^()]*[A-Za-z_][^()]*\)")
_ACTIONS = {"Down": Action.DOWN, "Move": Action.MOVE, "Up": Action.UP}


class Log(TouchLog):
    """A recording that plays itself."""

    name = "luatouch"
    description = "recordings of AutoTouch and TouchSprite"
    example = "touchDown(6, 563.62, 2148.71);"

    def _describe(self) -> LogInfo:
        size = _SIZE.search(self.source.text_head())
        own = (int(size[1]), int(size[2])) if size else (None, None)
        return LogInfo(format=self.name, width=own[0], height=own[1])

    @classmethod
    def matches(cls, head: bytes) -> bool:
        """Return whether the head calls touchDown, touchMove or touchUp."""
        return _START.matches(head)

    def _read(self) -> Iterator[TouchSamples]:
        player, fingers = Player(), Names(32)

        def take(line: str, writer: SampleWriter) -> str:
            found = _CALL.match(line)
            if found is not None:
                x, y = float(found[3]), float(found[4])
                finger = fingers.number((found[2] or "0").strip())
                writer.add(0, finger, _ACTIONS[found[1]], player.now_ns, x, y)
                return USED
            line = line.strip()
            wait = _WAIT.match(line)
            if wait is not None:
                player.wait(float(wait[2]) * (1_000 if wait[1] == "usleep" else MS))
                return CONTEXT
            if _VARIABLE.search(line) and not line.startswith("--"):
                raise self.error(
                    "is a program, not a recording: it calls touchDown, touchMove or touchUp with variables",
                    line=self.counts["read"] + 1,
                )
            return CONTEXT if not line or line.startswith("--") else "unknown_lines"

        yield from read_lines(self, _START, take)
