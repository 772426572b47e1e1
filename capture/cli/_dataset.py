"""Data sets on the command line: ``capture classify`` with a folder or an object store as output."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from capture.cli._show import plural, print_doubts, print_json, remarks
from capture.errors import ConfigError
from capture.replay.interrupt import held_back

if TYPE_CHECKING:
    from capture.cli._options import Reading
    from capture.logs import ReadOptions
    from capture.scale.datasets import Summary
    from capture.scale.jobs import Done
    from capture.scale.partitions import Engine, Partitioning

__all__ = ["classify_data", "is_data_set"]


def is_data_set(output: str | None) -> bool:
    """Return whether an output is a folder or a store, as data sets have it, and not a file."""
    return output is not None and ("://" in output or output.endswith("/") or not PurePath(output).suffix)


def classify_data(
    logs: list[str],
    output: str,
    reading: Reading,
    *,
    multi: bool = False,
    engine: Engine = "local",
    workers: int | None = None,
    partition: Partitioning = "directory",
    json: bool = False,
) -> None:
    """Recognise a data set of Parquet files, with a progress bar; the parameters are those of the command.

    Raises
    ------
    ConfigError
        When more than one data set is given, or something that data sets do not have.
    """
    from capture.scale import classify_dataset

    if len(logs) != 1:
        raise ConfigError(f"{len(logs)} logs: a folder as output needs one data set; put a glob in quotes")
    if reading.options.columns is not None or reading.options.format not in {None, "parquet"}:
        raise ConfigError(
            "expected a data set: Parquet with the columns of touch samples; run capture convert first"
        )
    _refuse_others(reading.options)
    console = Console(stderr=True)
    columns = (TextColumn("partitions"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with held_back() as interrupted, Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("partitions", total=None)

        def after(_: Done, total: int) -> bool:
            progress.update(task, advance=1, total=total)
            return interrupted()

        summary = classify_dataset(
            logs[0],
            output,
            # Of the configuration first, as for a log; where it is None, that of the files.
            density=reading.options.density,
            gestures=reading.config.gestures,
            multi=multi,
            partition=partition,
            engine=engine,
            workers=workers,
            on_done=after,
        )
    if json:
        found = msgspec.to_builtins(summary)
        print_json(found if multi else {key: value for key, value in found.items() if key != "chords"})
    else:
        _report(summary, output)


def _report(summary: Summary, output: str) -> None:
    words = remarks()
    print_doubts(words, {}, summary.counters)
    before = f", {summary.skipped} of them done before" if summary.skipped else ""
    chords = "" if summary.chords is None else f"{plural(summary.chords, 'chord')} of "
    words.print(
        f"{plural(summary.samples, 'sample')} of {plural(summary.partitions, 'partition')}{before}: "
        f"{chords}{plural(summary.gestures, 'stroke')} in {summary.seconds:.1f} s -> {output}"
    )


def _refuse_others(options: ReadOptions) -> None:
    for field in ("device", "axis_max", "screen", "start_time_ms"):
        if getattr(options, field) is not None:
            option = "--" + field.removesuffix("_ms").replace("_", "-")
            raise ConfigError(f"{option}: not available for a data set; run capture convert {option} first")
