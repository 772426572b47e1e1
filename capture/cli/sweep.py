"""``capture sweep``: how the classes depend on the thresholds."""

from __future__ import annotations

import csv
import inspect
import io
import re
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from capture.cli._options import Json, Logs, Reading, option, output_option, with_options, with_reading
from capture.cli._show import check_suffix, console_for, plural, print_json, progress, remarks, writing
from capture.cli._work import samples as read_samples, strokes as read_strokes
from capture.scale.sweep import KINDS, SWEPT, Strokes, Sweep, Touches, by_measures, parse_range, sweep

#: Rows of a table on a terminal.
_SHOWN = 60


#: Thresholds in the order of options and columns.
_THRESHOLDS = sorted(SWEPT, key=lambda field: field != "touch_slop_dp")


def _as_option(field: str) -> str:
    """Return the option of a threshold: ``touch_slop`` for ``touch_slop_dp``."""
    return re.sub(r"_(dp|ms|dp_s)$", "", field)


def _thresholds() -> inspect.Signature:
    """Return the options of all thresholds."""
    options = []
    for field in _THRESHOLDS:
        name = _as_option(field)
        words = name.replace("_", " ").capitalize()
        unit = field.removeprefix(name).removeprefix("_").replace("_", "/")
        kind = Annotated[str | None, option(f"{words}, {unit}." if unit else f"{words}.", "FROM:TO:STEP")]
        options.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind))
    return inspect.Signature(options)


def read_axes(**ranges: str | None) -> dict[str, tuple[float, ...]]:
    """Return the values of each threshold that is swept."""
    axes = {}
    for field in _THRESHOLDS:
        text = ranges[_as_option(field)]
        if text is not None:
            try:
                axes[field] = parse_range(text)
            except ValueError as error:
                name = "--" + _as_option(field).replace("_", "-")
                raise typer.BadParameter(str(error), param_hint=name) from None
    if not axes:
        raise typer.BadParameter("expected at least one threshold to sweep, as in --touch-slop 8:48:4")
    return axes


read_axes.__signature__ = _thresholds()  # type: ignore[attr-defined]


@with_options(read_axes, "axes")
@with_reading
def command(
    *,
    logs: Logs,
    axes: dict[str, tuple[float, ...]],
    output: Annotated[
        Path | None, output_option("Picture (.svg, .png) or table (.csv) of the sweep.")
    ] = None,
    json: Json = False,
    reading: Reading,
) -> None:
    """Show how the classes of recorded strokes depend on the thresholds.

    Strokes are measured once and classified under every setting. A range includes both ends; 8,12,24 lists
    values. The kinds are exactly those of classify with these thresholds.

    Example: capture sweep session.touch.jsonl --touch-slop 8:48:4

    Example: capture sweep logs/ --touch-slop 8:48:4 --tap-timeout 200:600:50 -o sweep.svg
    """
    check_suffix(output, ".svg", ".png", ".csv")
    found = reading.find(logs)
    with progress() as after_chunk:
        measured: Strokes | Touches
        if by_measures(reading.config.gestures, axes):
            tables = read_strokes(found.paths, reading, after_chunk)
            measured = Strokes((each.table, each.density) for each in tables)
        else:
            logs_read = read_samples(found.paths, reading, after_chunk)
            measured = Touches((list(chunks), density) for _, density, chunks in logs_read)
    swept = sweep(measured, axes, reading.config.gestures)
    if output is not None:
        _save(swept, output)
    if json:
        print_json(swept)
    else:
        _show(swept, output)
    found.check()


def _save(swept: Sweep, output: Path) -> None:
    if output.suffix.lower() == ".csv":
        table = io.StringIO()
        writer = csv.DictWriter(table, list(swept.base), lineterminator="\n")
        writer.writeheader()
        writer.writerows(swept.rows)
        content = table.getvalue().encode()
    else:
        from capture.scale.sweep_picture import encode

        content = encode(swept, output)
    with writing(output) as file:
        file.write(content)


def _show(swept: Sweep, output: Path | None) -> None:
    """Print the settings as a table; the configured one is marked, and comes last if it is not swept."""
    console = console_for()
    shown = swept.rows[:_SHOWN]
    more = len(swept.rows) - len(shown)
    table = Table(box=None, pad_edge=False, caption=f"... and {more} more" if more else None)
    counted = [*(kind.name.lower() for kind in KINDS), "rage", "changed"]
    for name in [*swept.axes, *counted]:
        table.add_column(name.replace("_", " "), justify="right")
    table.add_column("", no_wrap=True)
    if swept.base not in shown:
        shown = [*shown, swept.base]
    for row in shown:
        cells = [f"{row[name]:g}" for name in [*swept.axes, *counted]]
        is_own = row == swept.base
        table.add_row(*cells, "configured" if is_own else "", style="bold" if is_own else "")
    console.print(table)
    doubt = remarks()
    doubt.print(plural(swept.strokes, "stroke"))
    if swept.left_out:
        doubt.print(
            f"{swept.left_out} settings left out: the drag distance is below the touch slop", style="yellow"
        )
    if output is not None:
        doubt.print(f"{len(swept.rows)} settings -> {output}")
