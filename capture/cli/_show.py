"""Output of commands: tables of strokes, doubts about logs, a progress bar, whole files."""

from __future__ import annotations

import contextlib
import os
import time
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Self

import msgspec
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from capture.errors import ConfigError, plain, plain_json
from capture.logs import CAUSES
from capture.replay.interrupt import held_back

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from capture.gestures.recognizer import Gesture
    from capture.logs import TouchLog

__all__ = [
    "Listed",
    "Meter",
    "console_for",
    "live_strokes",
    "plural",
    "print_doubts",
    "print_json",
    "progress",
    "remarks",
    "stroke_table",
    "writing",
]

#: Work that is done sooner (s) shows no progress bar.
_PATIENCE_S = 1.0

#: Samples that the recogniser ignores or doubts, and events that a replay leaves out.
_IGNORED = {
    "orphan_samples": "samples of a finger that was not down were ignored",
    "dropped_samples": "samples without a usable position were ignored",
    "unknown_actions": "samples with an unknown action were ignored",
    "clock_regressions": "samples were earlier than the one before them; they were used",
    "other_streams": "samples of other streams were left out: a live capture is one device",
    "unused_marks": "marks were skipped: a value is out of range",
}


def console_for(piped_width: int) -> Console:
    """Return a console of that width (characters) if the output has none: a file, a pipe."""
    console = Console(highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = piped_width
    return console


class Meter:
    """A progress bar by bytes on standard error, if that is a terminal and the work takes long."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._begun = time.monotonic()
        self._progress: Progress | None = None
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.stop()

    def update(self, log: TouchLog) -> None:
        """Show how far the reading of a log is."""
        if self._progress is None:
            if not self._console.is_terminal or time.monotonic() - self._begun < _PATIENCE_S:
                return
            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                DownloadColumn(),
                TimeRemainingColumn(),
                console=self._console,
                transient=True,
            )
            self._progress.start()
        if log.path not in self._tasks:
            self._tasks[log.path] = self._progress.add_task(log.path, total=log.size)
        self._progress.update(self._tasks[log.path], completed=log.bytes_read)


@contextlib.contextmanager
def progress() -> Iterator[Callable[[TouchLog], bool]]:
    """Yield a function that shows how far the reading of a log is and returns whether Ctrl-C was pressed.

    A Ctrl-C takes effect at the end of the block, so that a file which is being written is completed.
    """
    with held_back() as interrupted, Meter() as meter:

        def after_chunk(log: TouchLog) -> bool:
            meter.update(log)
            return interrupted()

        yield after_chunk


@contextlib.contextmanager
def writing(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for writing that has its name when it is complete, and is called ``*.part`` before.

    Raises
    ------
    ConfigError
        When it cannot be written.
    """
    partial = path.with_name(path.name + ".part")
    try:
        file = partial.open("wb")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from None
    with file:
        yield file
    partial.replace(path)


class Listed(NamedTuple):
    """A stroke of `stroke_table`: its number, and the first time (ns) of its log, which its own is from."""

    number: int
    gesture: Gesture
    first_ns: int
    screen: str = ""
    target: str = ""


def stroke_table(strokes: Sequence[Listed], more: int = 0) -> Table:
    """Return a table of strokes; `more` says how many are not in it.

    Screens and targets have a column if there are any, and are shortened if there is little room.
    """
    table = Table(box=None, pad_edge=False, caption=f"... and {more} more" if more else None)
    table.add_column("#", justify="right", style="dim", no_wrap=True)
    table.add_column("at (s)", justify="right", no_wrap=True)
    table.add_column("gesture", no_wrap=True)
    for name in ("ms", "dp", "dp/s"):
        table.add_column(name, justify="right", no_wrap=True)
    places = [name for name in ("screen", "target") if any(getattr(each, name) for each in strokes)]
    for name in places:
        table.add_column(name)
    for each in strokes:
        at, kind, direction, *measures, why = _cells(
            each.gesture, (each.gesture.time_down - each.first_ns) / 1e9
        )
        # Text, not markup: a target may be called "[red]".
        shown = [Text(plain(getattr(each, name)), no_wrap=True, overflow="ellipsis") for name in places]
        table.add_row(str(each.number), at, f"{kind} {direction or why}".strip(), *measures, *shown)
    return table


def _cells(gesture: Gesture, begun_s: float) -> list[str]:
    recognised = gesture.kind.value != 0
    return [
        f"{begun_s:.3f}",
        (gesture.kind.name.lower().replace("_", " ") if recognised else "-") + " (rage)" * gesture.rage,
        gesture.direction.name.lower().replace("_", " ") if gesture.direction else "",
        f"{gesture.duration:.0f}",
        f"{gesture.distance:.1f}",
        f"{gesture.velocity:.0f}",
        "" if recognised else gesture.reason.name.lower().replace("_", " "),
    ]


#: Columns of strokes that are shown as they end, and their widths; below 0 left-aligned.
_LIVE = {"at (s)": 9, "gesture": -17, "direction": -15, "ms": 7, "dp": 7, "dp/s": 6, "why not": -1}


def live_strokes() -> Callable[[Gesture, float], None]:
    """Return a function that shows a stroke which has just ended, and when it began (s), under a heading."""
    console = Console(highlight=False, markup=False, soft_wrap=True)
    said: list[str] = []

    def show(gesture: Gesture, begun_s: float) -> None:
        if not said:
            said.append(_aligned(list(_LIVE)))
            console.print(said[0])
        console.print(_aligned(_cells(gesture, begun_s)))

    return show


def _aligned(cells: list[str]) -> str:
    return "  ".join(
        cell.rjust(width) if width > 0 else cell.ljust(-width)
        for cell, width in zip(cells, _LIVE.values(), strict=True)
    ).rstrip()


def remarks() -> Console:
    """Return the console for messages beside a result: standard error."""
    return Console(stderr=True, soft_wrap=True, highlight=False)


def print_doubts(
    console: Console,
    warnings: Mapping[str, int],
    ignored: Mapping[str, int] | None = None,
    *,
    path: str | None = None,
) -> None:
    """Print a line for each cause for which something was skipped, repaired or guessed."""
    lines = [f"{count} x {CAUSES.get(cause, cause)}" for cause, count in sorted(warnings.items()) if count]
    lines += [f"{count} x {_IGNORED.get(cause, cause)}" for cause, count in (ignored or {}).items() if count]
    for line in lines:
        text = line if path is None else f"{plain(path)}: {line}"
        console.print(text, style="yellow", highlight=False, markup=False, soft_wrap=True)


def plural(count: int, noun: str, several: str = "") -> str:
    """Return a count with its noun: ``1 batch``, ``2 batches``."""
    return f"{count} {noun if count == 1 else several or noun + 's'}"


def print_json(value: object) -> None:
    """Print a value as indented JSON on standard output."""
    Console(soft_wrap=True, highlight=False, markup=False, emoji=False).print(
        plain_json(msgspec.json.format(msgspec.json.encode(value), indent=2)).decode()
    )
