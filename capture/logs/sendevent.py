"""Shell scripts of ``sendevent`` lines: taps written by hand, often as a function, without a clock."""

from __future__ import annotations

import re
import shlex
from functools import lru_cache
from typing import TYPE_CHECKING

from capture.logs.evdev import Device, EvdevLog
from capture.logs.lines import CONTEXT, USED, Bare, Start

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from capture._native.evdev.frames import EventModel

__all__ = ["FRAME_NS", "Log"]

#: Duration of a frame: about as long as the shell needs to start sendevent a few times.
FRAME_NS = 10_000_000

_START = Start(r"(?:adb shell )?sendevent[ \t]+/dev/\S+ +\S+ +\S+ +\S+", b"sendevent")
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

    @classmethod
    def matches(cls, head: bytes) -> bool:
        """Return whether the head has a sendevent line."""
        return _START.matches(head)

    def devices(self) -> list[Device]:
        """Return the devices that the head names."""
        text = self.source.text_head().decode("utf-8", "replace")
        paths = dict.fromkeys(re.findall(r"sendevent\s+(/dev/\S+)", text))
        return [Device(path=path) for path in paths]

    def pump(self, model: EventModel, blocks: Iterable[bytes]) -> Iterator[None]:
        """Play the script: sendevent, sleep, usleep, and calls of its functions."""
        player = _Player(self, model)
        number = 0
        bare = Bare(_START, self.source.text_head())
        for number, line in enumerate(self.lines(blocks), 1):
            try:
                player.line(bare(line))
            except OverflowError:
                # A number is too large for an event or a clock.
                player.strange += 1
            if number % 1000 == 0:
                yield
        if not model.scanning:
            self.warnings["no_clock"] += 1
            self.count("unknown_lines", player.strange)
            self.count(USED, player.used)
            self.count(CONTEXT, max(0, number - player.strange - player.used))


class _Player:
    """State of a shell: the functions, and the time."""

    def __init__(self, log: Log, model: EventModel) -> None:
        self.strange = self.used = 0
        self._called = 0
        self._log = log
        self._device = log.device.path
        self._model = model
        self._functions: dict[str, list[str]] = {}
        self._body: list[str] | None = None
        self._time = 0

    def line(self, line: str) -> None:
        """Play a line, or put it into the function that is being defined."""
        if found := _FUNCTION.match(line):
            self._body = self._functions[found[1] or found[2]] = []
        elif self._body is not None:
            if line.strip() == "}":
                self._body = None
            elif line.strip() != "{" and len(self._body) < _BODY_LINES:
                self._body.append(line)
        else:
            strange = self.strange
            self._play(line, [], 0)
            # A line is played or strange, however many commands are in it.
            self.strange = min(self.strange, strange + 1)
            self.used += self.strange == strange and bool(line.strip()) and not line.lstrip().startswith("#")

    def _play(self, line: str, arguments: list[str], depth: int) -> None:
        first = line.split(maxsplit=1)[:1]
        if not first or first[0].startswith("#"):
            return
        if first[0] not in _COMMANDS and first[0] not in self._functions:
            self.strange += depth == 0
            return
        try:
            words = list(_words(line[:_COMMAND_CHARS]))
        except ValueError:
            self.strange += 1
            return
        if words[:2] == ["adb", "shell"]:
            words = words[2:]
        words = [_filled(word, arguments) for word in words]
        if not words:
            return
        command, *rest = words
        if command == "sendevent" and len(rest) == 4:
            self._send(rest)
        elif command in {"sleep", "usleep"} and len(rest) == 1:
            self._wait(rest[0], 1_000_000_000 if command == "sleep" else 1_000)
        elif command in self._functions and depth < _CALLS_DEEP:
            for inner in self._functions[command]:
                self._called += 1
                if self._called > _CALLED_LINES:
                    raise self._log.error("its functions call each other endlessly")
                self._play(inner, rest, depth + 1)
        elif depth == 0:
            self.strange += 1

    def _send(self, words: list[str]) -> None:
        path, *numbers = words
        try:
            kind, code, value = (int(number) for number in numbers)
        except ValueError:
            self.strange += 1
            return
        if path != self._device:
            return
        if value >= 1 << 31:
            value -= 1 << 32
        self._model.event(self._time, kind, code, value)
        if (kind, code) == _SYN_REPORT:
            self._time += FRAME_NS

    def _wait(self, word: str, unit_ns: int) -> None:
        try:
            self._time += max(0, round(float(word.rstrip("s")) * unit_ns))
        except ValueError:
            self.strange += 1


@lru_cache(maxsize=1024)
def _words(line: str) -> tuple[str, ...]:
    """Return the words of a command; those of a function are the same at each call."""
    return tuple(shlex.split(line, comments=True))


def _filled(word: str, arguments: list[str]) -> str:
    if word.startswith("$") and word[1:].isdecimal() and 0 < int(word[1:]) <= len(arguments):
        return arguments[int(word[1:]) - 1]
    return word
