"""``capture diff``: strokes whose class changed, with the reason."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.table import Table

from capture import report, settings
from capture.cli._options import Json, Reading, option, output_option, with_reading
from capture.cli._show import Meter, check_suffix, console_for, print_json, remarks, writing
from capture.config import GestureConfig, RunConfig
from capture.errors import ConfigError

if TYPE_CHECKING:
    from capture.report.compare import Comparison


@with_reading
def command(
    *,
    before: Annotated[str, typer.Argument(metavar="A", help="A touch log.")],
    after: Annotated[str | None, typer.Argument(metavar="[B]", help="Another log; default: A again.")] = None,
    against: Annotated[
        Path | None, option("Run configuration (TOML) for B; --config is A's.", "FILE")
    ] = None,
    change: Annotated[
        list[str] | None,
        option("A key of [gestures] for B: touch_slop_dp=40. May be repeated.", "KEY=VALUE", "--set"),
    ] = None,
    output: Annotated[
        Path | None, output_option("page.html: both recordings side by side, on one page.")
    ] = None,
    json: Json = False,
    reading: Reading,
) -> None:
    """Compare two logs, or one log under two configurations.

    Strokes are matched by the times of their DOWNs, and by position where several match. With -o both are
    shown side by side on a self-contained page.

    Example: capture diff session.touch.jsonl --set touch_slop_dp=40

    Example: capture diff monday.touch.jsonl tuesday.touch.jsonl -o page.html
    """
    from capture.report.compare import compare
    from capture.report.page import build_diff

    if after is None and against is None and not change:
        raise typer.BadParameter("expected a second log, or --against or --set for another configuration")
    check_suffix(output, ".html")
    other = reading.config if against is None else RunConfig.load(against, default_project_id=0)
    other = _changed(other, change or [])
    with Meter() as meter:
        first, second = (
            report.read([path], config=config, options=reading.options, on_progress=meter.update)
            for path, config in ((before, reading.config), (after or before, other))
        )
    for path, recordings in ((before, first), (after or before, second)):
        if len(recordings) != 1 or recordings[0].table is None:
            raise typer.BadParameter(f"{path}: expected one touch log")
    comparison = compare(first[0], second[0])
    if output is not None:
        _write(output, build_diff(first[0], second[0], comparison))
    if json:
        print_json(comparison)
    else:
        _show(comparison)


def _changed(config: RunConfig, changes: list[str]) -> RunConfig:
    """Return a configuration with some keys of [gestures] replaced."""
    values = {}
    for text in changes:
        key, equals, value = text.partition("=")
        if not equals or key.strip() not in GestureConfig.__struct_fields__:
            known = ", ".join(GestureConfig.__struct_fields__)
            raise typer.BadParameter(f"{text!r}: expected KEY=VALUE, KEY one of {known}", param_hint="--set")
        values[key.strip()] = value.strip()
    kinds = settings.hints(GestureConfig)
    try:
        read = {key: settings.check_text(f"gestures.{key}", text, kinds[key]) for key, text in values.items()}
        gestures = config.gestures.changed(**read)
    except ConfigError as error:
        raise typer.BadParameter(str(error), param_hint="--set") from None
    return msgspec.structs.replace(config, gestures=gestures)


def _write(output: Path, page: str) -> None:
    data = page.encode()
    with writing(output) as file:
        file.write(data)
    remarks().print(f"both side by side -> {output} ({len(data):,} bytes)", markup=False)


def _show(comparison: Comparison) -> None:
    console = console_for()
    if comparison.changes:
        table = Table(box=None, pad_edge=False)
        for name in ("A", "B", "at (s)"):
            table.add_column(name, justify="right", no_wrap=True)
        for name in ("was", "is", "because"):
            table.add_column(name)
        for change in comparison.changes:
            at = f"{change.start / 1e3:.3f}"
            table.add_row(str(change.before), str(change.after), at, change.was, change.now, change.why)
        console.print(table)
    count = len(comparison.changes)
    console.print(
        f"{count} of {comparison.matched} strokes changed"
        + "".join(
            f"; {len(rows)} only in {name}"
            for name, rows in (("A", comparison.only_before), ("B", comparison.only_after))
            if rows
        ),
        soft_wrap=True,
    )
