"""``capture collect``: the reference receiver."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from capture.cli._show import plural


def command(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free port.")] = 8766,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="Append what comes to DIR/batches.jsonl."),
    ] = None,
    token_env: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Environment variable with the bearer token; needed where others can reach it.",
        ),
    ] = None,
) -> None:
    """Receive batches over HTTP, for trying things out.

    Checks them against the wire format and keeps each event once, until Ctrl-C.

    Example: capture collect --port 8766 -o received
    """
    from capture.errors import ConfigError
    from capture.gateway.collector import Collector

    token = None
    if token_env is not None:
        token = os.environ.get(token_env)
        if not token:
            raise ConfigError(f"--token-env {token_env}: there is no such environment variable")
    collector = Collector(host, port, token=token, folder=output)
    try:
        typer.echo(f"batches may be posted to {collector.url} (Ctrl-C ends it)")
        collector.serve()
    except KeyboardInterrupt:
        counters = collector.counters
        batches = plural(counters.batches, "batch", "batches")
        typer.echo(f"{batches}, {plural(len(collector.events), 'event')}, {counters.invalid} refused")
        raise
    finally:
        collector.close()
