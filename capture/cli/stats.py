"""``capture stats``: aggregations over recognised gestures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from capture.cli._options import Json, option
from capture.cli._show import console_for, print_json
from capture.errors import ConfigError

if TYPE_CHECKING:
    import duckdb

#: Rows of a table on a terminal.
_SHOWN = 20
#: Width (characters) if the width is unknown: lines are not folded.
_PIPED = 10_000
#: Width of the numbers alone; a narrower terminal breaks the lines itself.
_LEAST_WIDTH = 80


def command(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            help="Folder of gestures (Parquet, from classify), of batches (replay, file sink) or Currents.",
        ),
    ],
    *,
    funnel: Annotated[
        str | None, option("Targets in order: count the streams that reach each one.", "A,B,...")
    ] = None,
    sql: Annotated[
        str | None, option("Query over the table gestures, instead of the views.", "QUERY")
    ] = None,
    json: Json = False,
) -> None:
    """Show how people touch: kinds, screens, targets, dead and rage taps, speeds, funnels.

    Marks (*.marks.jsonl, written by convert) in the folder supply screens and targets.

    Example: capture stats out/

    Example: capture stats out/ --funnel button_start,slider_price,button_buy
    """
    from capture.scale.stats import VIEWS, open_stats

    steps = [step.strip() for step in (funnel or "").split(",") if step.strip()]
    with open_stats(folder, steps) as connection:
        if sql is not None:
            results = {"query": _rows(connection, sql)}
        else:
            names = [name for name in VIEWS if name != "funnel" or steps]
            results = {name: _rows(connection, f"from {name}") for name in names}
    if json:
        print_json(
            {
                name: [dict(zip(columns, row, strict=True)) for row in rows]
                for name, (columns, rows) in results.items()
            }
        )
        return
    console = console_for(_PIPED)
    console.width = max(console.width, _LEAST_WIDTH)
    for name, (columns, rows) in results.items():
        if rows:
            if name in VIEWS:
                console.print(VIEWS[name], style="bold")
            console.print(_table(columns, rows, console.width))
            console.print()


def _rows(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    import duckdb

    try:
        found = connection.execute(query)
        return [column[0] for column in found.description or ()], found.fetchall()
    except duckdb.Error as error:
        raise ConfigError(str(error).split("\n", 1)[0]) from None


def _table(columns: list[str], rows: list[tuple[Any, ...]], room: int) -> Table:
    """Return the rows as a table of at most that width: heads break between words, texts anywhere."""
    heads = [name.replace("_", " ") for name in columns]
    shown = [[_shown(name, value) for name, value in zip(columns, row, strict=True)] for row in rows[:_SHOWN]]
    cells = [[row[place] for row in shown] for place in range(len(columns))]
    longest = [max(map(len, column)) for column in cells]
    widths = [max(len(head), width) for head, width in zip(heads, longest, strict=True)]
    gap = 2
    if sum(widths) + gap * (len(widths) - 1) > room:
        least = [max(map(len, head.split())) for head in heads]
        widths = [max(width, word) for width, word in zip(longest, least, strict=True)]
        gap = 2 if sum(widths) + gap * (len(widths) - 1) <= room else 1
    more = len(rows) - _SHOWN
    caption = f"... and {more} more" if more > 0 else None
    table = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), caption=caption)
    for place, head in enumerate(heads):
        if _is_number(rows, place):
            table.add_column(head, justify="right", width=widths[place], overflow="fold")
        else:
            table.add_column(head, max_width=widths[place], overflow="fold")
    for row in shown:
        table.add_row(*row)
    return table


def _is_number(rows: list[tuple[Any, ...]], place: int) -> bool:
    return isinstance(next((row[place] for row in rows if row[place] is not None), None), int | float)


def _shown(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.1%}" if "rate" in name or "share" in name else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
