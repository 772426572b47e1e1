"""Output of commands: tables of strokes, doubts about logs, a progress bar, whole files."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple, Self

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from capture.errors import ConfigError, plain, plain_json
from capture.gestures.recognizer import Gesture
from capture.logs import CAUSES, TouchLog
from capture.replay.interrupt import held_back

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


def console_for(piped_width: int | None = None) -> Console:
    """Return the console of results; `piped_width` (characters) if the output has none: a file, a pipe."""
    console = Console(highlight=False)
    if piped_width is not None and not console.is_terminal and "COLUMNS" not in os.environ:
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

    def __exit__(self, *error: object) -> None:
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


def check_suffix(output: Path | None, *suffixes: str) -> None:
    """Check that the name of an output, if there is one, ends in one of `suffixes`.

    Raises
    ------
    typer.BadParameter
        When it does not.
    """
    if output is not None and output.suffix.lower() not in suffixes:
        *others, last = suffixes
        expected = f"{', '.join(others)} or {last}" if others else last
        raise typer.BadParameter(f"{output}: expected a name that ends in {expected}", param_hint="-o")


@contextlib.contextmanager
def writing(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for writing that has its name when it is complete, and is called ``*.part`` before.

    What is no file (a pipe, ``/dev/stdout``) is opened as it is, and so is a link.

    Raises
    ------
    ConfigError
        When it cannot be written, or the disk is full.
    """
    is_plain = not path.is_symlink() and (path.is_file() or not path.exists())
    partial = path.with_name(path.name + ".part") if is_plain else path
    try:
        with partial.open("wb") as file:
            yield file
        if is_plain:
            partial.replace(path)
    except OSError as error:
        if isinstance(error, BrokenPipeError) or error.filename not in {None, str(partial)}:
            raise
        if is_plain:
            with contextlib.suppress(OSError):
                partial.unlink()
        raise ConfigError(f"{path}: cannot be written: {error.strerror or error}") from None


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


#: A line about a stroke that has just ended.
_LIVE = "{:>9}  {:<17}  {:<15}  {:>7}  {:>7}  {:>6}  {}"


def live_strokes() -> Callable[[Gesture, float], None]:
    """Return a function that shows a stroke which has just ended, and when it began (s), under a heading."""
    console = Console(highlight=False, markup=False, soft_wrap=True)
    heads = ["at (s)", "gesture", "direction", "ms", "dp", "dp/s", "why not"]

    def show(gesture: Gesture, begun_s: float) -> None:
        if heads:
            console.print(_LIVE.format(*heads))
            heads.clear()
        console.print(_LIVE.format(*_cells(gesture, begun_s)).rstrip())

    return show


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
    console = Console(soft_wrap=True, highlight=False, markup=False, emoji=False)
    data = plain_json(msgspec.json.format(msgspec.json.encode(value), indent=2))
    # Where the output's encoding may lack characters, they are escapes.
    is_unicode = console.encoding.startswith("utf")
    console.print(data.decode() if is_unicode else json.dumps(msgspec.json.decode(data), indent=2))
