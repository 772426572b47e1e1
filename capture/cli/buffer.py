"""``capture buffer``: the local store of an app, also while the app is using it."""

from __future__ import annotations

import contextlib
import sys
import time
import uuid
from collections.abc import Iterator
from datetime import datetime
from itertools import chain, groupby, islice
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.table import Column, Table
from rich.text import Text

from capture import formats
from capture.cli._options import Json, flag, option, output_option
from capture.cli._show import console_for, plural, print_json, writing
from capture.config.run import RunConfig
from capture.engine.app_data import data_folder
from capture.engine.device import detect
from capture.errors import MESSAGE_CHARS, ConfigError, plain
from capture.formats.header import make_header
from capture.settings import expanded
from capture.store import buffer

#: Fields of `buffer.QueueStatus` that the table shows.
_FIELDS = (
    "name",
    "format",
    "state",
    "attempts",
    "pending",
    "sessions",
    "delivered",
    "retried",
    "dead_letters",
)
#: Width of the table (characters) if the width of the output is unknown.
_WIDTH = 120

app = typer.Typer(
    help="Inspect and repair an app's local store.", no_args_is_help=True, rich_markup_mode=None
)

Folder = Annotated[Path | None, typer.Argument(metavar="[DIR]", help="Folder of the store.")]
Config = Annotated[Path | None, option("Run configuration of the app, with the place of its store.", "FILE")]
Queue = Annotated[str | None, option("Only the queue of this sink.", "SINK")]


def _folder(folder: Path | None, config: Path | None) -> Path:
    """Return the folder of the store: the argument, or that of the run configuration."""
    if folder is not None:
        if folder.is_file():
            raise ConfigError(f"{folder}: expected a folder of a store; a run configuration needs --config")
        return folder
    if config is None:
        raise ConfigError("expected the folder of the store, or --config with the app's run configuration")
    settings = RunConfig.load(config)
    if settings.buffer.path is not None:
        return expanded(f"{config}: buffer.path", settings.buffer.path)
    return data_folder(settings.project.app_id or "")


@app.command("status")
def status(folder: Folder = None, config: Config = None, json: Json = False) -> None:
    """Show pending events and the state of each sink, also while an app delivers.

    Example: capture buffer status --config capture.toml
    """
    found = buffer.status(_folder(folder, config))
    if json:
        print_json(found)
        return
    console = console_for(_WIDTH)
    heads = ["sink", *(field.replace("_", " ") for field in _FIELDS[1:])]
    table = Table(*(Column(head, no_wrap=True) for head in heads), box=None, pad_edge=False)
    for queue in found.queues:
        table.add_row(*(Text(plain(str(getattr(queue, field)))) for field in _FIELDS))
    console.print(table)
    for queue in found.queues:
        for line in _remarks(queue):
            console.print(f"{plain(queue.name)}: {line}", markup=False, soft_wrap=True)
    delivering = "being delivered" if found.delivering else "no process delivers from it now"
    size = f"{found.bytes / 1024:.0f} KiB"
    console.print(f"{plain(found.path)}: {size}, {delivering}", markup=False, soft_wrap=True)
    if found.damaged:
        console.print(f"damaged in {found.damaged} places; kept with the dead letters", style="yellow")


def _remarks(queue: buffer.QueueStatus) -> Iterator[str]:
    """Yield the facts that a queue's row has no room for."""
    if queue.oldest_ms is not None:
        yield f"oldest pending event: {_date(queue.oldest_ms)}"
    if queue.since is not None:
        yield f"failing since {_date(queue.since)}"
    if queue.last_error:
        yield f"last error: {plain(queue.last_error, MESSAGE_CHARS)}"
    if queue.reason:
        yield f"newest dead letter: {plain(queue.reason, MESSAGE_CHARS)}"


def _date(time_ms: int) -> str:
    with contextlib.suppress(ValueError, OSError, OverflowError):
        return datetime.fromtimestamp(time_ms / 1000).astimezone().isoformat(" ", "seconds")
    return f"{time_ms} ms since the epoch"


@app.command("retry")
def retry(folder: Folder = None, config: Config = None, queue: Queue = None, json: Json = False) -> None:
    """Move dead letters back into their queue.

    The app sends it at its next flush or start. While an app delivers from the store, it does this itself.

    Example: capture buffer retry --config capture.toml --queue http
    """
    count = buffer.retry(_folder(folder, config), queue)
    if json:
        print_json({"retried": count})
    else:
        typer.echo(f"{plural(count, 'event')} pending again")


@app.command("export")
def export(
    folder: Folder = None,
    config: Config = None,
    output: Annotated[Path | None, output_option("JSON lines; standard output without it.")] = None,
    dead: Annotated[bool, flag("Dead letters instead of pending events.", "--dead")] = False,
    batches: Annotated[
        bool, flag("Whole batches with their header, as a sink would send them.", "--batches")
    ] = False,
) -> None:
    """Write the events of the store as JSON lines; they stay in it.

    With --batches, which needs --config, each line is a batch: capture gateway import takes them.

    Example: capture buffer export --config capture.toml -o pending.jsonl
    """
    events = buffer.export(_folder(folder, config), dead=dead)
    if batches:
        if config is None or dead:
            raise ConfigError(
                "--batches: expected no --dead, and --config with the app's run configuration, for the header"
            )
        lines = _batches(events, RunConfig.load(config))
    else:
        lines = (msgspec.json.encode(_exported(event)) for event in events)
    # The first line is read before the file is made: of a store that cannot be read there is none.
    first, count = list(islice(lines, 1)), 0
    with contextlib.nullcontext(sys.stdout.buffer) if output is None else writing(output) as file:
        for line in chain(first, lines):
            file.write(line + b"\n")
            count += 1
        file.flush()
    if output is not None:
        typer.echo(f"{count} {'batches' if batches else 'events'} -> {output}")


def _batches(events: Iterator[buffer.ExportedEvent], config: RunConfig) -> Iterator[bytes]:
    """Yield the events as batches: each of one queue, session and user."""
    device, sent_ms = detect(config.device), time.time_ns() // 1_000_000
    for (_, wire, _, user), group in groupby(
        events, lambda event: (event.queue, event.format, event.session, event.user_id)
    ):
        header = make_header(config.project, device, user or str(uuid.UUID(int=0)))
        payloads = [event.payload for event in group]
        for start in range(0, len(payloads), config.buffer.batch_size):
            part = payloads[start : start + config.buffer.batch_size]
            yield formats.get(wire).compose(header, part, sent_ms)


def _exported(event: buffer.ExportedEvent) -> dict[str, Any]:
    """Return an event for JSON: a payload that is JSON as it is, any other in base64."""
    row = msgspec.structs.asdict(event)
    if event.payload.startswith(b"{"):
        row["payload"] = msgspec.Raw(event.payload)
    return row


@app.command("purge")
def purge(
    folder: Folder = None,
    config: Config = None,
    dead: Annotated[bool, flag("Only dead letters.", "--dead")] = False,
    yes: Annotated[bool, flag("Do not ask.", "--yes")] = False,
    json: Json = False,
) -> None:
    """Delete the events of the store; ids and consent stay.

    Example: capture buffer purge --config capture.toml --yes
    """
    place = _folder(folder, config)
    if not yes:
        if not sys.stdin.isatty():
            raise ConfigError("purge deletes events: confirm it with --yes")
        typer.confirm(f"Delete the events in {place}?", abort=True)
    count = buffer.purge(place, dead_only=dead)
    if json:
        print_json({"purged": count})
    else:
        typer.echo(f"{plural(count, 'event')} deleted")
