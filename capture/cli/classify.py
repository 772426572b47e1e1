"""``capture classify``: one record per stroke."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from capture.cli._dataset import classify_data, is_data_set
from capture.cli._options import Json, Logs, Reading, with_reading
from capture.cli._records import SUFFIXES, check_name, open_records
from capture.cli._show import plural, print_doubts, print_json, progress, remarks
from capture.cli._work import strokes
from capture.errors import plain

if TYPE_CHECKING:
    from capture.cli._options import Found
    from capture.gestures.recognizer import GestureTable, Recognizer
    from capture.logs import TouchLog

_DATA_SETS = "Data sets"


@with_reading
def command(
    *,
    logs: Logs,
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE|DIR|URI",
            help=f"File of the records ({', '.join(SUFFIXES)}); JSON lines on standard output without it. "
            "A folder or an object store for a data set of Parquet files.",
        ),
    ] = None,
    engine: Annotated[
        Literal["local", "ray"],
        typer.Option(help="Engine that processes a data set.", rich_help_panel=_DATA_SETS),
    ] = "local",
    workers: Annotated[
        int | None,
        typer.Option(
            help="Partitions at a time; default: the processors.", min=1, rich_help_panel=_DATA_SETS
        ),
    ] = None,
    partition: Annotated[
        Literal["directory", "file"],
        typer.Option(
            help="Files that are one log: those of a folder together, or each.",
            rich_help_panel=_DATA_SETS,
        ),
    ] = "directory",
    multi: Annotated[
        bool, typer.Option("--multi", help="Records of gestures of several fingers, not of strokes.")
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
    check_name(file)
    _recognise(reading.find(logs), reading, file, json, multi=multi)


def _recognise(found: Found, reading: Reading, file: Path | None, json: bool, *, multi: bool) -> None:
    report = _Report(found)
    with progress() as after_chunk:
        tables = strokes(
            found.paths,
            reading,
            on_open=report.begin,
            on_chunk=after_chunk,
            on_end=report.end,
            multi=multi,
        )
        # The first log is opened before the file is made.
        first = next(tables, None)
        with open_records(file, with_log=len(found.paths) > 1, multi=multi) as records:
            for table, _ in chain([] if first is None else [first], tables):
                report.count(table)
                records.write(table if table.multi is None else table.multi, report.log)
    report.show(file, json)
    found.check()


class _Report:
    def __init__(self, found: Found) -> None:
        self.log = ""
        self.strokes = 0
        self.chords: int | None = None
        self._found = found
        self._counts: dict[str, dict[str, int]] = {}
        self._strokes_of: Counter[str] = Counter()
        self.ignored: Counter[str] = Counter()
        self.warnings: dict[str, dict[str, int]] = {}

    def count(self, table: GestureTable) -> None:
        self.strokes += len(table)
        self._strokes_of[self.log] += len(table)
        if table.multi is not None:
            self.chords = (self.chords or 0) + len(table.multi)

    def begin(self, log: TouchLog) -> None:
        self.log = log.path

    def end(self, log: TouchLog, recognizer: Recognizer) -> None:
        self.ignored.update(recognizer.counters)
        self.warnings[log.path] = dict(log.warnings)
        self._counts[log.path] = dict(log.counts)

    def show(self, output: Path | None, json: bool) -> None:
        ignored = {cause: count for cause, count in self.ignored.items() if count}
        if json and output is not None:
            print_json(
                {
                    "records": str(output),
                    "strokes": self.strokes,
                    **({} if self.chords is None else {"chords": self.chords}),
                    "complete": self._found.complete,
                    "ignored": ignored,
                    "warnings": self.warnings,
                    "counts": self._counts,
                    "left_out": self._found.left_out,
                }
            )
            return
        console = remarks()
        for path, warnings in self.warnings.items():
            print_doubts(console, warnings, path=path)
            if not self._strokes_of[path]:
                counts = self._counts[path]
                of = f"{counts.get('used', 0):,} of {counts.get('read', 0):,} lines or records were touches"
                console.print(f"{plain(path)}: no strokes; {of}", markup=False)
        print_doubts(console, {}, ignored)
        if output is not None:
            chords = "" if self.chords is None else f"{plural(self.chords, 'chord')} of "
            console.print(f"{chords}{self.strokes} strokes -> {output}")
