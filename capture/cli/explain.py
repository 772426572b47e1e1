"""``capture explain``: how a stroke was classified."""

from __future__ import annotations

from itertools import chain
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from capture.cli._options import Json, Logs, Reading, option, with_reading
from capture.cli._show import Listed, print_json, stroke_table
from capture.gestures.explain import Explanation, explain, render
from capture.gestures.lineup import Lineup, configurations
from capture.gestures.recognizer import Gesture, Recognizer
from capture.logs import TouchLog, open_log


@with_reading
def command(
    *,
    logs: Logs,
    stroke: Annotated[int, option("Which stroke: the row of capture classify, from 0.", "N", min=0)],
    json: Json = False,
    reading: Reading,
) -> None:
    """Explain how a stroke was classified.

    Shows each measure with its threshold and margin, for each other class which condition failed, where the
    thresholds are from, and the stroke's class in other dialects.

    Example: capture explain session.touch.jsonl --stroke 12

    Example: capture explain session.touch.jsonl --stroke 12 --dialect android
    """
    before = 0
    for path in reading.find(logs).paths:
        log = open_log(path, options=reading.options)
        found = _find(log, reading, stroke - before)
        if not isinstance(found, int):
            _show(*found, json=json, at=(stroke, log.first_ns or 0))
            return
        before += found
    there = f"there are {before}: 0 to {before - 1}" if before else "there are none"
    raise typer.BadParameter(f"{stroke}: no such stroke; {there}", param_hint="--stroke")


def _find(log: TouchLog, reading: Reading, stroke: int) -> tuple[Gesture, Explanation] | int:
    """Return a stroke of a log and its explanation, or how many strokes the log has."""
    config, density = reading.config.gestures, reading.density_of(log)
    rows = configurations(config)
    if rows[config.dialect] == config.changed(verdict_columns=True):
        del rows[config.dialect]
    own, others, before = Recognizer(density, config.with_verdicts()), Lineup(rows, density), 0
    for chunk in chain(log.chunks(), [None]):
        table = own.finish() if chunk is None else own.feed(chunk)
        others.finish() if chunk is None else others.feed(chunk)
        if stroke < before + len(table):
            gesture = table[stroke - before]
            explanation = explain(gesture, config, density=density)
            verdicts = tuple(others.verdicts(stroke - before, gesture))
            return gesture, msgspec.structs.replace(explanation, others=verdicts)
        before += len(table)
        log.marks.clear()
        others.forget()
    return before


def _show(gesture: Gesture, explanation: Explanation, *, json: bool, at: tuple[int, int]) -> None:
    if json:
        print_json(explanation)
        return
    stroke, first_ns = at
    console = Console(soft_wrap=True, highlight=False)
    console.print(stroke_table([Listed(stroke, gesture, first_ns)]))
    console.print()
    console.print(render(explanation), markup=False)
