"""``capture explain``: how a stroke was classified."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from capture.cli._options import Json, Logs, Reading, with_reading
from capture.cli._show import print_json, stroke_table
from capture.cli._work import strokes
from capture.gestures.explain import explain, render

if TYPE_CHECKING:
    from capture.logs import TouchLog


@with_reading
def command(
    *,
    logs: Logs,
    stroke: Annotated[
        int, typer.Option(min=0, metavar="N", help="Which stroke: the row of capture classify, from 0.")
    ],
    json: Json = False,
    reading: Reading,
) -> None:
    """Explain how a stroke was classified.

    Shows each measure with its threshold and margin, and for each other class which condition failed.

    Example: capture explain session.touch.jsonl --stroke 12
    """
    before = 0
    opened: list[TouchLog] = []
    for table, density in strokes(reading.find(logs).paths, reading, on_open=opened.append):
        if stroke < before + len(table):
            gesture = table[stroke - before]
            explanation = explain(gesture, reading.config.gestures, density=density)
            if json:
                print_json(explanation)
                return
            console = Console(soft_wrap=True, highlight=False)
            console.print(stroke_table([(gesture, opened[-1].first_ns or 0)], first=stroke))
            console.print()
            console.print(render(explanation), markup=False)
            return
        before += len(table)
    there = f"there are {before}: 0 to {before - 1}" if before else "there are none"
    raise typer.BadParameter(f"{stroke}: no such stroke; {there}", param_hint="--stroke")
