"""``capture collect``: the reference receiver."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from capture.cli._show import plural


def command(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 selects a free one.")] = 8766,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="Append the batches to DIR/batches.jsonl."),
    ] = None,
    token_env: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Environment variable with the bearer token; required unless it listens on loopback only.",
        ),
    ] = None,
) -> None:
    """Receive batches over HTTP, for trials and tests.

    It checks batches against the wire format and keeps each event once, until Ctrl-C.

    Example: capture collect --port 8766 -o received
    """
    from capture.errors import ConfigError
    from capture.gateway.collector import Collector

    token = None
    if token_env is not None:
        token = os.environ.get(token_env)
        if not token:
            raise ConfigError(f"--token-env {token_env}: no such environment variable")
    collector = Collector(host, port, token=token, folder=output)
    try:
        typer.echo(f"post batches to {collector.url} (Ctrl-C stops)")
        collector.serve()
    except KeyboardInterrupt:
        counters = collector.counters
        batches = plural(counters.batches, "batch", "batches")
        typer.echo(f"{batches}, {plural(len(collector.events), 'event')}, {counters.invalid} refused")
        raise
    finally:
        collector.close()
