"""``capture gateway``: the receiving end of a fleet."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Receive batches from devices, and file their events.", no_args_is_help=True, rich_markup_mode=None
)

Config = Annotated[Path, typer.Option(metavar="FILE", help="Configuration of the gateway.")]


@app.command("serve")
def serve(
    config: Config = Path("gateway.toml"),
    with_writer: Annotated[
        bool, typer.Option("--with-writer", help="Run the writer beside it, as on one machine.")
    ] = False,
) -> None:
    """Accept batches over HTTP; they are acknowledged once they are on disk, or in Kafka.

    It ends in good order at SIGTERM or Ctrl-C. Needs the extra [gateway].

    Example: capture gateway serve --with-writer --config gateway.toml
    """
    from capture.gateway.config import GatewayConfig
    from capture.gateway.serve import serve as run

    settings = GatewayConfig.load(config)
    write = [sys.executable, "-m", "capture", "gateway", "write", "--config", str(config)]
    run(
        settings,
        write if with_writer else (),
        on_ready=lambda url: typer.echo(f"post batches to {url} (Ctrl-C stops)"),
    )


@app.command("write")
def write(
    config: Config = Path("gateway.toml"),
    once: Annotated[bool, typer.Option("--once", help="End when no closed segment is left.")] = False,
    beside: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Turn closed segments of the journal into Parquet and Avro files, each event once, until SIGTERM.

    Example: capture gateway write --once --config gateway.toml
    """
    from capture.gateway.config import GatewayConfig
    from capture.gateway.writer import Writer, write_forever

    writer = Writer(GatewayConfig.load(config))
    try:
        write_forever(writer, once=once, beside=beside)
    finally:
        writer.close()
