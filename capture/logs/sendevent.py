"""Shell scripts of ``sendevent`` lines: taps written by hand, often as a function, without a clock."""

from __future__ import annotations

import re
import shlex
from functools import lru_cache
from typing import TYPE_CHECKING

from capture.errors import TouchLogError
from capture.logs.evdev import Device, EvdevLog
from capture.logs.lines import CONTEXT, USED, Start

if TYPE_CHECKING:
    from capture._native.evdev.frames import EventModel

__all__ = ["FRAME_NS", "Log"]

#: Duration of a frame: about as long as the shell needs to start sendevent a few times.
FRAME_NS = 10_000_000

_FUNCTION = re.compile(r"^\s*(?:function\s+(\w+)\s*(?:\(\s*\))?|(\w+)\s*\(\s*\))\s*(\{)?\s*$")
_CALLS_DEEP = 8
_BODY_LINES = 10_000
#: Lines that the calls of functions may come to; more is a script that was made to run for ever.
_CALLED_LINES = 100_000
_COMMAND_CHARS = 1024
_COMMANDS = {"sendevent", "sleep", "usleep", "adb"}
_SYN_REPORT = (0, 0)


class Log(EvdevLog):
    """A script of sendevent lines, played in the mind."""

    name = "sendevent"
    description = "shell scripts of sendevent lines"
    example = "sendevent /dev/input/event2 3 53 479"
    starts = Start(r"(?:adb shell )?sendevent[ \t]+/dev/\S+ +\S+ +\S+ +\S+", b"sendevent")

    def devices(self) -> list[Device]:
        """Return the devices that the head names."""
        text = self.source.text_head().decode("utf-8", "replace")
        paths = dict.fromkeys(re.findall(r"sendevent\s+(/dev/\S+)", text))
        return [Device(path=path) for path in paths]

    def _begin(self) -> None:
        self.untimed = 1
        self._time = 0
        self._called = 0
        self._functions: dict[str, list[str]] = {}
        self._body: list[str] | None = None  # of the function that is being defined

    def play(self, line: str, model: EventModel) -> str:
        """Play a line, or put it into the function that is being defined."""
        text = line.strip()
        if found := _FUNCTION.match(line):
            self._body = self._functions[found[1] or found[2]] = []
        elif self._body is not None:
            if text == "}":
                self._body = None
            elif text != "{" and len(self._body) < _BODY_LINES:
                self._body.append(line)
        elif text and not text.startswith("#"):
            return USED if self._command(line, [], 0, model) else "unknown_lines"
        return CONTEXT

    def _command(self, line: str, arguments: list[str], depth: int, model: EventModel) -> bool:
        """Play sendevent, sleep, usleep, or a call of a function; return whether the line is understood."""
        first = line.split(maxsplit=1)[:1]
        if not first or first[0].startswith("#"):
            return True
        if first[0] not in _COMMANDS and first[0] not in self._functions:
            return depth > 0
        try:
            words = [_filled(word, arguments) for word in _words(line[:_COMMAND_CHARS])]
            if words[:2] == ["adb", "shell"]:
                words = words[2:]
            match words:
                case []:
                    pass
                case ["sendevent", path, kind, code, value]:
                    self._send(path, int(kind), int(code), int(value), model)
                case ["sleep" | "usleep" as command, span]:
                    unit_ns = 1_000_000_000 if command == "sleep" else 1_000
                    self._time += max(0, round(float(span.rstrip("s")) * unit_ns))
                case [name, *rest] if name in self._functions and depth < _CALLS_DEEP:
                    return self._call(name, rest, depth + 1, model)
                case _:
                    return depth > 0
        except TouchLogError:
            raise
        except ValueError:
            return False
        return True

    def _call(self, name: str, arguments: list[str], depth: int, model: EventModel) -> bool:
        understood = True
        for line in self._functions[name]:
            self._called += 1
            if self._called > _CALLED_LINES:
                raise self.error("its functions call each other endlessly")
            understood &= self._command(line, arguments, depth, model)
        return understood

    def _send(self, path: str, kind: int, code: int, value: int, model: EventModel) -> None:
        if path != self.device.path:
            return
        model.event(self._time, kind, code, value - (1 << 32) if value >= 1 << 31 else value)
        if (kind, code) == _SYN_REPORT:
            self._time += FRAME_NS


@lru_cache(maxsize=1024)
def _words(line: str) -> tuple[str, ...]:
    """Return the words of a command; those of a function are the same at each call."""
    return tuple(shlex.split(line, comments=True))


def _filled(word: str, arguments: list[str]) -> str:
    if word.startswith("$") and word[1:].isdecimal() and 0 < int(word[1:]) <= len(arguments):
        return arguments[int(word[1:]) - 1]
    return word
