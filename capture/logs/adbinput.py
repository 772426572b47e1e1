"""Scripts of ``adb shell input``: taps and swipes in order, without a clock."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from capture.gestures.kinds import Action
from capture.logs.base import TouchLog
from capture.logs.lines import CONTEXT, USED, Start
from capture.logs.scripts import MS, STEP_NS, Player

if TYPE_CHECKING:
    from capture.logs.samples import SampleWriter

__all__ = ["Log"]

_INPUT = (
    r"(?:adb(?: -\w+(?: [\w.:-]+)??)*? shell (?:-\w+ )*[\"']?)?(?:/system/bin/)?input(?: -d \S+)?"
    r"(?: (?:touchscreen|touchpad|stylus))?(?: -d \S+)?"
)
_COMMAND = re.compile(
    _INPUT + r" (?:(tap|swipe|draganddrop|motionevent (?:DOWN|MOVE|UP|CANCEL))((?: -?[\d.]+)+)"
    r"|(?:keyevent|text|keycombination|press|roll|mouse|keyboard)\b.*)[\"']?[\])]*;?\s*(?:#.*)?$",
    re.IGNORECASE,
)
_WAIT = re.compile(r"(?:adb(?: -s \S+)? shell |time\.)?(u?sleep|timeout /t)[ (]([\d.]+)s?\)?;?\s*(?:#.*)?$")
#: Between the words of a command as a list of texts.
_LISTED = re.compile(r"[\"']\s*,\s*[\"']")
_OTHER = re.compile(r"(?:#|@?echo\b|adb (?!.*\binput\b)|set |export |cd |exit|done|fi\b|wait\b|@)")
_SWIPE_MS = 300


class Log(TouchLog):
    """A script of input commands."""

    name = "adbinput"
    description = "shell scripts of adb shell input"
    example = "adb shell input swipe 500 1500 500 500 300"
    starts = Start(_INPUT + r" (?:tap|swipe|draganddrop|motionevent) ", b"input ")

    def _begin(self) -> None:
        self.untimed = 1
        self._player = Player()

    def _take(self, line: str, writer: SampleWriter) -> str:
        line = _LISTED.sub(" ", line)
        if ";" in line or "&&" in line or "\\n" in line:
            parts = [part.strip(" \"'") for part in re.split(r";|&&", line) if part.strip()]
            became = [self._played(part, writer) for part in parts]
            return next(
                (each for each in became if each not in {USED, CONTEXT}), max(became, default=CONTEXT)
            )
        return self._played(line, writer)

    def _played(self, line: str, writer: SampleWriter) -> str:
        line = line.strip()
        found = _COMMAND.search(line)
        if found is None:
            return self._waited(line)
        if found[1] is None:
            return CONTEXT
        player = self._player
        verb, *kind = found[1].lower().split()
        numbers = [float(word) for word in found[2].split()]
        if verb == "tap" and len(numbers) == 2:
            player.tap(writer, numbers[0], numbers[1])
        elif verb in {"swipe", "draganddrop"} and len(numbers) in {4, 5}:
            lasts_ms = numbers[4] if len(numbers) == 5 else _SWIPE_MS
            player.way(writer, (numbers[0], numbers[1]), (numbers[2], numbers[3]), lasts_ms * MS)
        elif verb == "motionevent" and len(numbers) == 2:
            writer.add(0, 0, Action[kind[0].upper()], player.now_ns, *numbers)
            player.wait(STEP_NS)
        else:
            return "unknown_lines"
        return USED

    def _waited(self, line: str) -> str:
        wait = _WAIT.match(line)
        if wait is not None:
            self._player.wait(float(wait[2]) * (1_000 if wait[1] == "usleep" else 1000 * MS))
            return CONTEXT
        return CONTEXT if not line or _OTHER.match(line) else "unknown_lines"
