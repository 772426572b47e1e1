"""``capture view``: a recording in the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from capture import report
from capture.cli._options import Found, Json, Logs, Reading, flag, option, with_reading
from capture.cli._show import Meter, console_for, plural, print_json
from capture.gestures.kinds import GestureKind, kind_of
from capture.logs import TouchLog
from capture.report import Recording, summary

#: Below these widths (characters) there is no room for the screen, and for the target.
_WIDE, _NARROW = 100, 62
#: Width of outputs that have none: a file, a pipe.
_PIPED = 160
_NAMES = ("#", "at (s)", "gesture", "", "screen", "ms", "dp", "dp/s", "target")
_MEASURES = ("ms", "dp", "speed")
_NUMBERS = frozenset({"number", "at", *_MEASURES})


@with_reading
def command(
    *,
    logs: Logs,
    follow: Annotated[
        bool, flag("Show new strokes of a growing log or a live store.", "--follow", "-f")
    ] = False,
    rows: Annotated[int | None, option("Show the last N strokes; all without it.", "N", min=0)] = None,
    json: Json = False,
    reading: Reading,
) -> None:
    """Show the strokes, screens, activity and reasons of a recording.

    A folder of batches and the folder of a store are shown too. Piped, it is plain text.

    Example: capture view session.touch.jsonl

    Example: capture view --follow /tmp/live.touch.jsonl
    """
    from capture.report.follow import find_store, read_store
    from capture.report.from_batches import Reader

    progress: Callable[[TouchLog], None] | None = None
    left_out: dict[str, str] = {}
    seen = Reader()  # events leave a store when they are delivered

    def read(path: str) -> list[Recording]:
        store = find_store(path)
        if store is not None:
            return [read_store(store, seen)]
        return report.read(
            [path], left_out, config=reading.config, options=reading.options, on_progress=progress
        )

    if follow:
        if len(logs) != 1 or json:
            raise typer.BadParameter("--follow: expected one log, and no --json")
        _follow(logs[0], lambda path: read(path)[0], rows)
        return
    with Meter() as meter:
        progress = meter.update
        recordings = [recording for path in logs for recording in read(path)]
    found = Found([], left_out)
    if json:
        print_json([_summary(recording) for recording in recordings])
    else:
        console = console_for(_PIPED)
        for recording in recordings:
            console.print(_view(recording, console, rows))
    found.tell()
    found.check()


def _view(recording: Recording, console: Console, limit: int | None) -> RenderableType:
    """Return head line, activity, table and reasons."""
    parts: list[RenderableType] = [
        Text(summary.head(recording), style="bold"),
        Text(summary.facts(recording)),
    ]
    line = summary.sparkline(recording, min(console.width, 120) - 11)
    if line:
        parts.append(Text.assemble(("activity ", "dim"), ("|", "dim"), (line, "cyan"), ("|", "dim")))
    parts += [Text(""), _table(recording, console, limit)]
    reasons = summary.reasons(recording)
    if reasons:
        parts.append(Text(""))
        parts.append(Text("not recognised", style="bold"))
        most = max(count for _, count in reasons)
        for name, count in reasons:
            bar = "█" * max(1, round(count / most * 30))
            parts.append(Text.assemble(f"  {name:<22} {count:>6} ", (bar, "bright_black")))
    parts += [Text(f"! {warning}", style="yellow") for warning in recording.warnings]
    return Group(*parts)


def _table(recording: Recording, console: Console, limit: int | None) -> Table:
    first = 0 if limit is None else max(0, len(recording) - limit)
    rows = summary.rows(recording, first)
    table = Table(box=None, pad_edge=False, caption=f"{plural(first, 'stroke')} before" if first else None)
    room = console.width
    # Batches know neither the time nor the way of most strokes.
    unknown = {field for field in _MEASURES if all(getattr(row, field) == "-" for row in rows)}
    left_out = unknown | {
        name for name, least in {"screen": _WIDE, "target": _NARROW}.items() if console.width < least
    }
    for field, name in zip(summary.Row._fields, _NAMES, strict=True):
        if field in left_out:
            continue
        width = max([len(name), *(len(getattr(row, field)) for row in rows)])
        # The target comes last, and is shortened if there is little room.
        width = min(width, max(6, room)) if field == "target" else width
        room -= width + 2
        table.add_column(
            name,
            justify="right" if field in _NUMBERS else "left",
            # In a narrow terminal the gesture is shortened first, and never a number.
            width=None if field == "gesture" else width,
            no_wrap=field != "gesture",
            overflow="ellipsis",
            style={"number": "dim", "flags": "magenta"}.get(field),
        )
    for kind, row in zip(recording.columns["kind"][first:].tolist(), rows, strict=True):
        # Text, not markup: a target may be called "[red]".
        cells = {
            field: Text(text, overflow="ellipsis", no_wrap=True)
            for field, text in zip(row._fields, row, strict=True)
        }
        cells["gesture"].stylize(kind_of(kind).style)
        table.add_row(*(cells[field] for field in cells if field not in left_out))
    return table


def _follow(path: str, read: Callable[[str], Recording], limit: int | None) -> None:
    from capture.report.follow import find_store, follow, read_growing

    watched = find_store(path) or Path(path)
    console = console_for(_PIPED)
    states = follow(str(watched), lambda: read_growing(path, read))
    if not console.is_terminal:
        _print_new(states)
        return
    with Live(console=console, auto_refresh=False) as live:
        for recording in states:
            room = max(3, console.height - 12)
            live.update(_view(recording, console, min(room, limit or room)), refresh=True)


def _print_new(states: Iterable[Recording]) -> None:
    """Print each stroke once, when it has ended."""
    shown = 0
    for recording in states:
        rows = summary.rows(recording, shown)
        # Fingers that are still down end, for now, where the log does: they come last, and wait.
        while rows and rows[-1].gesture == "- incomplete":
            rows.pop()
        for row in rows:
            typer.echo("\t".join(row))
        shown += len(rows)


def _summary(recording: Recording) -> dict[str, object]:
    return {
        "name": recording.name,
        "format": recording.format,
        "length_ms": recording.length,
        "strokes": len(recording),
        "screens": [stage.title for stage in recording.stages],
        "screenshots": recording.screenshots,
        "sessions": len(recording.sessions),
        "dead_taps": recording.dead_taps,
        "rage_runs": recording.rage_runs,
        "kinds": {kind.name.lower(): recording.count(kind) for kind in GestureKind},
        "reasons": dict(summary.reasons(recording)),
        "warnings": recording.warnings,
    }
