"""``capture sweep``: how the classes move with the thresholds."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from capture.cli._options import Json, Logs, Reading, with_reading
from capture.cli._show import Meter, plural, print_json
from capture.cli._work import strokes as read_strokes
from capture.errors import ConfigError
from capture.replay.interrupt import held_back

if TYPE_CHECKING:
    from capture.logs import TouchLog
    from capture.scale.sweep import Sweep

#: Rows of a table on a terminal.
_SHOWN = 60
_RANGE = "FROM:TO:STEP"


def _option(words: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(help=words, metavar=_RANGE, rich_help_panel="Thresholds")
    return option


@with_reading
def command(
    *,
    logs: Logs,
    touch_slop: Annotated[str | None, _option("Touch slop, dp.")] = None,
    tap_timeout: Annotated[str | None, _option("Tap timeout, ms.")] = None,
    drag_distance: Annotated[str | None, _option("Drag distance, dp.")] = None,
    fling_velocity: Annotated[str | None, _option("Fling velocity, dp/s.")] = None,
    multi_tap_timeout: Annotated[str | None, _option("Multi-tap timeout, ms.")] = None,
    multi_tap_slop: Annotated[str | None, _option("Multi-tap slop, dp.")] = None,
    rage_tap_count: Annotated[str | None, _option("Taps of a rage run.")] = None,
    rage_tap_timeout: Annotated[str | None, _option("Rage-tap timeout, ms.")] = None,
    rage_tap_radius: Annotated[str | None, _option("Rage-tap radius, dp.")] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FILE", help="Picture (.svg, .png) or table (.csv) of the sweep."
        ),
    ] = None,
    json: Json = False,
    reading: Reading,
) -> None:
    """Show how the classes of recorded strokes move with the thresholds.

    Strokes are measured once and classified under every setting; both ends of a range belong to it,
    and 8,12,24 names values. The kinds are exactly those of classify with these thresholds.

    Example: capture sweep session.touch.jsonl --touch-slop 8:48:4

    Example: capture sweep logs/ --touch-slop 8:48:4 --tap-timeout 200:600:50 -o sweep.svg
    """
    from capture.scale.sweep import Strokes, sweep

    given = {
        "touch_slop_dp": touch_slop,
        "tap_timeout_ms": tap_timeout,
        "drag_distance_dp": drag_distance,
        "fling_velocity_dp_s": fling_velocity,
        "multi_tap_timeout_ms": multi_tap_timeout,
        "multi_tap_slop_dp": multi_tap_slop,
        "rage_tap_count": rage_tap_count,
        "rage_tap_timeout_ms": rage_tap_timeout,
        "rage_tap_radius_dp": rage_tap_radius,
    }
    axes = _axes(given)
    if output is not None and output.suffix.lower() not in {".svg", ".png", ".csv"}:
        raise ConfigError(f"{output}: expected a name that ends in .svg, .png or .csv")
    with held_back() as interrupted, Meter() as meter:

        def after_chunk(log: TouchLog) -> bool:
            meter.update(log)
            return interrupted()

        measured = Strokes(read_strokes(logs, reading, on_chunk=after_chunk))
    swept = sweep(measured, axes, reading.config.gestures)
    if output is not None:
        _save(swept, output)
    if json:
        print_json(msgspec.to_builtins(swept))
    else:
        _show(swept, output)


def _axes(given: dict[str, str | None]) -> dict[str, tuple[float, ...]]:
    from capture.scale.sweep import parse_range

    axes = {}
    for field, text in given.items():
        if text is not None:
            option = "--" + field.removesuffix("_dp_s").removesuffix("_dp").removesuffix("_ms").replace(
                "_", "-"
            )
            try:
                axes[field] = parse_range(text)
            except ValueError as error:
                raise typer.BadParameter(str(error), param_hint=option) from None
    if not axes:
        raise typer.BadParameter("expected at least one threshold to sweep, as in --touch-slop 8:48:4")
    return axes


def _save(swept: Sweep, output: Path) -> None:
    if output.suffix.lower() != ".csv":
        from capture.scale.sweep_picture import save

        save(swept, output)
        return
    with output.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(swept.base), lineterminator="\n")
        writer.writeheader()
        writer.writerows(swept.rows)


def _show(swept: Sweep, output: Path | None) -> None:
    """Print the settings as a table; the configured one is marked, and comes last where it is not swept."""
    from capture.scale.sweep import KINDS

    console = Console(highlight=False)
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
    doubt = Console(stderr=True, soft_wrap=True, highlight=False)
    doubt.print(plural(swept.strokes, "stroke"))
    if swept.left_out:
        doubt.print(
            f"{swept.left_out} settings left out: the drag distance is below the touch slop", style="yellow"
        )
    if output is not None:
        doubt.print(f"{len(swept.rows)} settings -> {output}")
