"""Recordings of AutoTouch and TouchSprite: Lua that calls touchDown, touchMove, touchUp, tap and waits."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from capture.gestures.kinds import Action
from capture.logs.base import TouchLog
from capture.logs.lines import CONTEXT, USED, Start
from capture.logs.scripts import MS, TAP_NS, Player

if TYPE_CHECKING:
    from capture.logs.samples import SampleWriter

__all__ = ["Log"]

_NUMBER = r"\s*-?\d{1,15}(?:\.\d{1,40})?\s*"
_END = r"\)\s*+;?\s*+(?:--.*)?$"
_CALL = re.compile(rf"touch(Down|Move|Up)\((?:({_NUMBER}),)?({_NUMBER}),({_NUMBER}){_END}")
#: TouchSprite's third number is how long (ms) the finger stays.
_TAP = re.compile(rf"tap\(({_NUMBER}),({_NUMBER})(?:,({_NUMBER}))?{_END}")
_WAIT = re.compile(rf"(usleep|mSleep)\(({_NUMBER}){_END}")
_VARIABLE = re.compile(r"touch(?:Down|Move|Up)\((?=[^()]{0,200}\))[^A-Za-z_()]*+[A-Za-z_]")
#: Facts about a recording, and calls that move no finger.
_OTHER = re.compile(
    r"(?:[A-Z_]{4,40} ?= ?\"[^\"]*\"|(?!touch|tap|usleep|mSleep)[a-z]\w{2,40}\([^()]*\)) ?;? *(?:--.*)?$"
)
_ACTIONS = {"Down": Action.DOWN, "Move": Action.MOVE, "Up": Action.UP}


class Log(TouchLog):
    """A recording that plays itself."""

    name = "luatouch"
    description = "recordings of AutoTouch and TouchSprite"
    example = "touchDown(6, 563.62, 2148.71);"
    starts = Start(
        r"(?:touch(?:Down|Move|Up)\(|tap\([\d.]+, ?[\d.]+[,)])",
        b"touchDown(",
        b"touchMove(",
        b"touchUp(",
        b"tap(",
    )
    screen_sign = re.compile(rb'(?:-- Resolution: |SCREEN_RESOLUTION ?= ?")(\d{1,6})(?:, ?|x)(\d{1,6})')

    def _begin(self) -> None:
        self._player = Player()

    def _take(self, line: str, writer: SampleWriter) -> str:
        player = self._player
        found = _CALL.match(line)
        if found is not None:
            finger = self.pointers.number((found[2] or "0").strip())
            writer.add(0, finger, _ACTIONS[found[1]], player.now_ns, float(found[3]), float(found[4]))
            return USED
        line = line.strip()
        tap = _TAP.match(line)
        if tap is not None:
            begin_ns, x, y = player.now_ns, float(tap[1]), float(tap[2])
            player.wait(float(tap[3]) * MS if tap[3] else TAP_NS)
            writer.stroke([begin_ns, player.now_ns], [x, x], [y, y])
            return USED
        wait = _WAIT.match(line)
        if wait is not None:
            player.wait(float(wait[2]) * (1_000 if wait[1] == "usleep" else MS))
            return CONTEXT
        if _VARIABLE.search(line) and not line.startswith("--"):
            raise self.error(
                "is a program, not a recording: it calls touchDown, touchMove or touchUp with variables",
                line=self.counts["read"] + 1,
            )
        is_context = not line or line.startswith("--") or _OTHER.match(line) is not None
        return CONTEXT if is_context else "unknown_lines"
