"""``capture collect``: the reference receiver."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from capture.cli._options import Json, flag, option, output_option
from capture.cli._show import plural, print_json
from capture.errors import ConfigError


def command(
    host: Annotated[str, option("Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, option("Port; 0 selects a free one.", min=0, max=65535)] = 8766,
    output: Annotated[Path | None, output_option("Append the batches to DIR/batches.jsonl.", "DIR")] = None,
    token_env: Annotated[
        str | None,
        option(
            "Environment variable with the bearer token; required unless it listens on loopback only.", "NAME"
        ),
    ] = None,
    strict: Annotated[
        bool, flag("Refuse native batches with an unknown key or a bad event.", "--strict")
    ] = False,
    json: Json = False,
) -> None:
    """Receive batches over HTTP, for trials and tests.

    It reads both wire formats and keeps each event once, until Ctrl-C. Each refused or left out batch
    is named with its reason, and counted at the end. It is no server: see capture gateway.

    Example: capture collect --port 8766 -o received
    """
    from capture.collector import Collector

    token = None
    if token_env is not None:
        token = os.environ.get(token_env)
        if not token:
            raise ConfigError(f"--token-env {token_env}: no such environment variable")
    collector = Collector(
        host,
        port,
        token=token,
        folder=output,
        strict=strict,
        on_refused=lambda line: typer.echo(f"capture: {line}", err=True),
    )
    try:
        typer.echo(f"post batches to {collector.url} (Ctrl-C stops)", err=json)
        collector.serve()
    except KeyboardInterrupt:
        counters = collector.counters
        if json:
            print_json({"events": len(collector.events)} | msgspec.structs.asdict(counters))
            raise
        batches = plural(counters.batches, "batch", "batches")
        left_out = f", {plural(counters.quarantined, 'event')} left out" if counters.quarantined else ""
        twice = f", {plural(counters.duplicates, 'event')} twice" if counters.duplicates else ""
        events = plural(len(collector.events), "event")
        typer.echo(f"{batches}, {events}{twice}, {counters.invalid} refused{left_out}")
        if counters.last_error:
            typer.echo(f"last error: {counters.last_error}")
        raise
    finally:
        collector.close()
