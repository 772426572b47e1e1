"""``capture classify``: one record per stroke."""

from __future__ import annotations

import contextlib
from collections import Counter
from itertools import chain
from pathlib import Path, PurePath
from typing import Annotated

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from capture.cli._options import Found, Json, Logs, Reading, flag, option, output_option, with_reading
from capture.cli._records import SUFFIXES, open_records
from capture.cli._show import check_suffix, plural, print_doubts, print_json, progress, remarks
from capture.cli._work import Measured, strokes
from capture.errors import ConfigError, plain
from capture.logs import ReadOptions, TouchLog
from capture.replay.interrupt import held_back
from capture.scale.datasets import Summary, classify_dataset
from capture.scale.jobs import Done
from capture.scale.partitions import Engine, Partitioning


@with_reading
def command(
    *,
    logs: Logs,
    output: Annotated[
        str | None,
        output_option(
            f"File of the records ({', '.join(SUFFIXES)}); JSON lines on standard output without it. "
            "A folder or an object store for a data set of Parquet files.",
            "FILE|DIR|URI",
        ),
    ] = None,
    engine: Annotated[Engine, option("Engine that processes a data set.")] = "local",
    workers: Annotated[int | None, option("Partitions at a time; default: the processors.", min=1)] = None,
    partition: Annotated[
        Partitioning, option("Files that are one log: those of a folder together, or each.")
    ] = "directory",
    multi: Annotated[
        bool, flag("Records of gestures of several fingers, not of strokes.", "--multi")
    ] = False,
    json: Json = False,
    reading: Reading,
) -> None:
    """Recognise the strokes of recorded logs.

    One record for each stroke, recognised or not, with the reason. The records of several logs name
    their log in the first field, log. Times are ns, durations ms, places px, distances dp, velocities dp/s.
    With -o, --json prints a summary: strokes, warnings, ignored samples, files left out.

    Example: capture classify session.touch.jsonl -o strokes.parquet

    Example: capture classify session.touch.jsonl --dialect flutter --multi

    Example: capture classify phone.txt --screen 1080x2340 --density 2.75 | jq .kind

    Example: capture classify 's3://bucket/touches/*/*.parquet' -o s3://bucket/gestures --engine ray
    """
    if output is not None and is_data_set(output):
        classify_data(
            logs, output, reading, multi=multi, engine=engine, workers=workers, partition=partition, json=json
        )
        return
    file = None if output is None else Path(output)
    check_suffix(file, *SUFFIXES)
    _recognise(reading.find(logs), reading, file, json, multi=multi)


def _recognise(found: Found, reading: Reading, file: Path | None, json: bool, *, multi: bool) -> None:
    report = _Report(found)
    with progress() as after_chunk:
        measured = strokes(found.paths, reading, after_chunk, multi=multi)
        # There is at least one log, and it is opened before the file is made: of a wrong one there is none.
        first = next(measured)
        with open_records(file, with_log=len(found.paths) > 1, multi=multi) as records:
            for each in chain([first], measured):
                report.count(each)
                records.write(each.table if each.table.multi is None else each.table.multi, each.log.path)
    report.show(file, json)
    found.check()


class _Report:
    def __init__(self, found: Found) -> None:
        self._found = found
        self._strokes: Counter[str] = Counter()
        self._chords: int | None = None
        self._log: TouchLog | None = None
        self._warnings: dict[str, Counter[str]] = {}
        self._counts: dict[str, Counter[str]] = {}
        #: Of each log.
        self._ignored: list[dict[str, int]] = []

    def count(self, measured: Measured) -> None:
        log, path = measured.log, measured.log.path
        if log is not self._log:
            self._log = log
            self._warnings[path], self._counts[path] = log.warnings, log.counts
            self._ignored.append({})
        self._ignored[-1] = measured.recognizer.counters
        self._strokes[path] += len(measured.table)
        if measured.table.multi is not None:
            self._chords = (self._chords or 0) + len(measured.table.multi)

    def show(self, output: Path | None, json: bool) -> None:
        ignored = sum(map(Counter, self._ignored), Counter[str]())
        if json and output is not None:
            print_json(
                {
                    "records": str(output),
                    "strokes": self._strokes.total(),
                    **({} if self._chords is None else {"chords": self._chords}),
                    "complete": self._found.complete,
                    "ignored": ignored,
                    "warnings": self._warnings,
                    "counts": self._counts,
                    "left_out": self._found.left_out,
                }
            )
            return
        console = remarks()
        for path, warnings in self._warnings.items():
            print_doubts(console, warnings, path=path)
            if not self._strokes[path]:
                of = f"{self._counts[path]['used']:,} of {self._counts[path]['read']:,} lines or records"
                console.print(f"{plain(path)}: no strokes; {of} were touches", markup=False)
        print_doubts(console, {}, ignored)
        if output is not None:
            chords = "" if self._chords is None else f"{plural(self._chords, 'chord')} of "
            console.print(f"{chords}{plural(self._strokes.total(), 'stroke')} -> {output}")


# Data sets


def is_data_set(output: str) -> bool:
    """Return whether an output is a folder or a store, as data sets have it, and not a file."""
    return "://" in output or output.endswith("/") or not PurePath(output).suffix


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
    if len(logs) != 1:
        raise ConfigError(f"{len(logs)} logs: a folder as output needs one data set; put a glob in quotes")
    if reading.options.columns is not None or reading.options.format not in {None, "parquet"}:
        raise ConfigError(
            "expected a data set: Parquet with the columns of touch samples; run capture convert first"
        )
    _refuse_others(reading.options)
    _refuse_other_log(logs[0], output)
    console = Console(stderr=True)
    columns = (TextColumn("partitions"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with held_back() as interrupted, Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("partitions", total=None)

        def after(_: Done, total: int) -> bool:
            bar.update(task, advance=1, total=total)
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
        _report_data(summary, output)


def _report_data(summary: Summary, output: str) -> None:
    words = remarks()
    print_doubts(words, {}, summary.counters)
    before = f", {summary.skipped} of them done before" if summary.skipped else ""
    chords = "" if summary.chords is None else f"{plural(summary.chords, 'chord')} of "
    words.print(
        f"{plural(summary.samples, 'sample')} of {plural(summary.partitions, 'partition')}{before}: "
        f"{chords}{plural(summary.gestures, 'stroke')} in {summary.seconds:.1f} s -> {output}"
    )


def _refuse_other_log(path: str, output: str) -> None:
    """Raise ConfigError for a file that is not Parquet; folders, globs and stores are looked at later."""
    with contextlib.suppress(OSError), Path(path).open("rb") as file:
        if file.read(4) != b"PAR1":
            raise ConfigError(
                f"{output}: a folder as output needs a data set of Parquet files, and {path} is none; "
                f"a file of records ends in {', '.join(SUFFIXES)}"
            )


def _refuse_others(options: ReadOptions) -> None:
    for field in ("device", "axis_max", "screen", "start_time_ms"):
        if getattr(options, field) is not None:
            name = "--" + field.removesuffix("_ms").replace("_", "-")
            raise ConfigError(f"{name}: not available for a data set; run capture convert {name} first")
