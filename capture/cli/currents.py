"""``capture currents``: recorded logs straight to files of Currents records."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from capture.cli._options import Json, Logs, Reading, option, output_option, with_reading
from capture.cli._show import Meter, console_for, plural, print_doubts, print_json
from capture.config.sections import SinkConfig
from capture.errors import ConfigError
from capture.replay.run import Replay, Summary
from capture.sinks.cloud_storage import MANIFEST, CloudStorageSink, FileInfo

#: Like the manifest: nothing that a reader of the folder takes for data.
SUMMARY = "_summary.txt"


@with_reading
def command(
    *,
    logs: Logs,
    output: Annotated[Path, output_option("Folder of the files and their manifest.", "DIR")],
    files: Annotated[Literal["avro", "json"], option("Avro files, or JSON lines.")] = "avro",
    max_events: Annotated[int, option("Most records of a file.", min=1, max=100_000)] = 15_000,
    json: Json = False,
    reading: Reading,
) -> None:
    """Turn recorded logs into files of Currents records, one event type each.

    DIR/_manifest.txt lists the files, one a line; DIR/_summary.txt is the summary (JSON). The same log gives
    the same files each time. The section [currents] of a run configuration sets schema version, app group,
    cluster and integration. A log whose times are not since the epoch needs --start-time.

    Example: capture currents session.touch.jsonl --start-time 1700000000000 -o out
    """
    sink = CloudStorageSink.from_config(
        SinkConfig(
            type="cloud_storage",
            options={"url": str(output), "format": files, "max_events": max_events},
        ),
        gather=True,
    )
    manifest = output / MANIFEST
    meter = Meter()
    job = Replay(
        logs,
        output,
        config=reading.config,
        options=reading.options,
        sinks=(sink,),
        on_progress=meter.update,
        needs_epoch=True,
        summary_name=SUMMARY,
    )
    job.open()
    # Only now: a log that is not there must not cost the manifest of an earlier run.
    _clear(output, manifest)
    try:
        with meter:
            job.run()
    finally:
        if job.summary.logs:
            _report(job.summary, _written(manifest), json)


def _clear(output: Path, manifest: Path) -> None:
    try:
        output.mkdir(parents=True, exist_ok=True)
        manifest.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(f"{output}: cannot be written: {error.strerror}") from None


def _written(manifest: Path) -> list[FileInfo]:
    with contextlib.suppress(FileNotFoundError):
        return [msgspec.json.decode(line, type=FileInfo) for line in manifest.read_bytes().splitlines()]
    return []


def _report(summary: Summary, written: list[FileInfo], json: bool) -> None:
    if json:
        print_json({"summary": summary, "files": written})
        return
    console = console_for()
    rows: dict[str, int] = {}
    for info in written:
        event = info.path.partition("event_type=")[2].partition("/")[0]
        rows[event] = rows.get(event, 0) + info.rows
    for event, count in rows.items():
        console.print(f"{count:>8} {event}")
    for log in summary.logs:
        print_doubts(console, log.warnings, log.ignored, path=log.path)
    console.print(f"{sum(rows.values())} records in {plural(len(written), 'file')}")
