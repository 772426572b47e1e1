"""MonkeyRecorder scripts (``.mr``): steps in order, without times."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from capture.gestures.kinds import Action
from capture.logs.base import TouchLog
from capture.logs.decoding import literal
from capture.logs.lines import CONTEXT, USED, Start
from capture.logs.scripts import BETWEEN_NS, Player

if TYPE_CHECKING:
    from capture.logs.samples import SampleWriter

__all__ = ["Log"]

_VERBS = "TOUCH|DRAG|PRESS|TYPE|WAIT"
_LINE = re.compile(rf"^({_VERBS})\|(\{{.*\}})$")
_STEPS = 10_000
_ITEM_CHARS = 4096
_ACTIONS = {"down": Action.DOWN, "up": Action.UP}


class Log(TouchLog):
    """A script of MonkeyRecorder."""

    name = "monkeyrecorder"
    description = "MonkeyRecorder scripts"
    example = "TOUCH|{'x':536,'y':1708,'type':'downAndUp',}"
    starts = Start(rf"(?:{_VERBS})\|\{{", b"|{")

    def _begin(self) -> None:
        self.untimed = 1
        self._player = Player(math.inf)

    def _take(self, line: str, writer: SampleWriter) -> str:
        if not line:
            return CONTEXT
        found = _LINE.match(line)
        if found is None or len(line) > _ITEM_CHARS:
            return "unknown_lines"
        player, item = self._player, literal(found[2])
        if found[1] == "WAIT":
            player.wait(float(item["seconds"]) * 1e9)
            return CONTEXT
        if found[1] == "TOUCH" and item["type"] == "downAndUp":
            player.tap(writer, float(item["x"]), float(item["y"]))
        elif found[1] == "TOUCH":
            writer.add(0, 0, _ACTIONS[item["type"]], player.now_ns, float(item["x"]), float(item["y"]))
            player.wait(BETWEEN_NS)
        elif found[1] == "DRAG":
            if not 1 <= int(item["steps"]) <= _STEPS:
                return "unknown_lines"
            # In equal steps, as MonkeyDevice.drag plays it.
            lasts_ns = float(item["duration"]) * 1e9
            player.way(writer, item["start"], item["end"], lasts_ns, int(item["steps"]))
        else:
            player.wait(BETWEEN_NS)
            return CONTEXT
        return USED
