"""``capture gateway``: the receiving end of a fleet."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from capture.cli._options import Json, flag, option, output_option
from capture.cli._show import plural, print_json, writing
from capture.errors import StoreError, plain
from capture.gateway.config import GatewayConfig

app = typer.Typer(
    help="Receive batches from devices, and file their events.", no_args_is_help=True, rich_markup_mode=None
)

Config = Annotated[Path, typer.Option(metavar="FILE", help="Configuration of the gateway.")]


@app.command("serve")
def serve(
    config: Config = Path("gateway.toml"),
    with_writer: Annotated[
        bool, flag("Run the writer beside it, as on one machine.", "--with-writer")
    ] = False,
) -> None:
    """Accept batches over HTTP; they are acknowledged once they are on disk, or in Kafka.

    It ends in good order at SIGTERM or Ctrl-C. Needs the extra [gateway].

    Example: capture gateway serve --with-writer --config gateway.toml
    """
    from capture.gateway.serve import serve as run
    from capture.sinks import create

    settings = GatewayConfig.load(config)
    for sink in settings.sinks:
        create(sink, base=settings.base)  # the writer would find its mistakes, again and again
    write = [sys.executable, "-m", "capture", "gateway", "write", "--config", str(config)]
    run(
        settings,
        write if with_writer else (),
        on_ready=lambda url: typer.echo(f"post batches to {url} (Ctrl-C stops)"),
    )


@app.command("write")
def write(
    config: Config = Path("gateway.toml"),
    once: Annotated[bool, flag("End when no closed segment is left.", "--once")] = False,
    beside: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Turn closed segments of the journal into Parquet and Avro files, each event once, until SIGTERM.

    New events go on to the sinks of the configuration. With Kafka it is a member of the group of writers:
    start as many as you like.

    Example: capture gateway write --once --config gateway.toml
    """
    from capture.gateway.forward import forwarding
    from capture.gateway.group import Group
    from capture.gateway.writer import write_forever

    with _writer(config) as (settings, writer):
        if settings.kafka.brokers is None:
            with forwarding(settings) as sinks:
                for sink in sinks:
                    sink.start()
                write_forever(
                    writer.run_once, upkeep=lambda: _upkeep(settings, writer), once=once, beside=beside
                )
                if beside == os.getppid():
                    # The gateway ends in good order: its last segment is closed by now.
                    write_forever(writer.run_once, once=True, beside=beside)
            return
        with contextlib.closing(Group(settings, writer, once=once)) as group:
            write_forever(group.run_once, once=once, beside=beside)


@contextlib.contextmanager
def _writer(config: Path) -> Iterator[tuple[Any, Any]]:
    """Open the output folder; the databases' errors of a disk are those of the store."""
    import sqlite3

    from capture.gateway.writer import Writer
    from capture.optional import require

    settings = GatewayConfig.load(config)
    try:
        with contextlib.closing(Writer(settings)) as writer:
            yield settings, writer
    except (sqlite3.DatabaseError, require("duckdb").OperationalError) as error:
        raise StoreError(f"{settings.state_folder}: {plain(str(error), 300)}") from error


def _upkeep(settings: Any, writer: Any) -> tuple[int, int]:
    from capture.gateway.upkeep import compact as merge, delete_old

    now_ms = time.time_ns() // 1_000_000
    return merge(writer, settings, now_ms), delete_old(writer, settings.output.retention_days, now_ms)


@app.command("compact")
def compact(config: Config = Path("gateway.toml")) -> None:
    """Merge the Parquet files of each hour that is over, and delete those beyond the retention.

    `write` does the same when it has nothing else to do.

    Example: capture gateway compact --config gateway.toml
    """
    with _writer(config) as (settings, writer):
        merged, deleted = _upkeep(settings, writer)
    typer.echo(f"{merged} files merged into others, {deleted} deleted")


@app.command("import")
def import_(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Batches, or Currents records.")],
    config: Config = Path("gateway.toml"),
    project: Annotated[int | None, typer.Option(help="Project of Currents records.")] = None,
) -> None:
    """Import batches.jsonl, buffer exports and Currents files; to import one twice changes nothing.

    Example: capture gateway import --config gateway.toml batches.jsonl
    """
    from capture.gateway.imports import import_files

    with _writer(config) as (settings, writer):
        found = import_files(settings, files, project)
        rows = duplicates = 0
        while (report := writer.run_once()) is not None:
            rows, duplicates = rows + report.rows, duplicates + report.duplicates
    for line in found.refused:
        typer.echo(f"capture: {line}", err=True)
    typer.echo(
        f"{found.events} events in {plural(found.batches, 'batch', 'batches')}; written: {rows}, "
        f"there before: {duplicates}, quarantined: {found.quarantined}, refused: {len(found.refused)}"
    )
    if found.refused:
        raise typer.Exit(1)


@app.command("forget")
def forget(
    users: Annotated[list[str], typer.Argument(metavar="USER...", help="User ids, or external user ids.")],
    project: Annotated[int, typer.Option(help="Their project.")],
    config: Config = Path("gateway.toml"),
    json: Json = False,
) -> None:
    """Delete everything of users, in every file; their later events are dropped.

    Example: capture gateway forget --project 8 0b54c0a1-0d1e-4e4e-8f0e-54f3a9d8f3a1
    """
    from capture.gateway.upkeep import forget as run

    with _writer(config) as (settings, writer):
        report = run(writer, settings, project, users)
    if json:
        print_json(report)
        return
    typer.echo(f"{report.users} user ids forgotten: {report.rows} rows in {report.files} files")
    if report.open_segments:
        typer.echo(f"{report.open_segments} open segments of running doors are written without them")
    typer.echo("left to do: backups, copies that others made of the files, and events that partners have")


@app.command("status")
def status(config: Config = Path("gateway.toml"), json: Json = False) -> None:
    """Show the batches that wait in the journal, and the events in files.

    Example: capture gateway status --config gateway.toml
    """
    from capture.gateway.forward import waiting
    from capture.gateway.journal import segments
    from capture.gateway.state import totals

    settings = GatewayConfig.load(config)
    closed = segments(settings.journal_folder)
    found: dict[str, Any] = {
        "segments": len(closed),
        "open_segments": len(list(settings.journal_folder.glob("*.open"))),
        "journal_bytes": sum(path.stat().st_size for path in closed),
        **{name + labels: int(value) for (name, labels), value in totals(settings.state_folder).items()},
        **waiting(settings),
    }
    if json:
        print_json(found)
        return
    for name, value in found.items():
        typer.echo(f"{name:45} {value}")


@app.command("page")
def page(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Output folder of a gateway.")],
    output: Annotated[Path, output_option("The page.")] = Path("fleet.html"),
    day: Annotated[str | None, typer.Option(metavar="YYYY-MM-DD", help="Events of this day alone.")] = None,
) -> None:
    """Write a page of a fleet: events over time, screens, targets, versions, wrong clocks.

    Example: capture gateway page output -o fleet.html
    """
    from capture.report.fleet import fleet_page

    page = fleet_page(folder, day=day)
    with writing(output) as file:
        file.write(page.encode())
    typer.echo(f"-> {output}")


@app.command("demo")
def demo(
    folder: Annotated[Path, output_option("Folder for everything it makes.", "DIR")] = Path("gateway-demo"),
    log: Annotated[
        Path | None, option("Recording that the devices replay; default: strokes.", "FILE")
    ] = None,
    devices: Annotated[int, typer.Option(min=1, max=50, help="Number of devices.")] = 5,
    open_page: Annotated[bool, flag("Open the page in the browser.", "--open")] = False,
) -> None:
    """Start a gateway, let simulated devices send to it, and write the page of the fleet.

    Each device is a process with a store of its own; the gateway is killed once on the way. Needs the
    extra [gateway].

    Example: capture gateway demo --open
    """
    from capture.cli._gateway_demo import run_demo

    for line in run_demo(folder, log, devices):
        typer.echo(line)
    if open_page:
        typer.launch(str((folder / "fleet.html").absolute()))
