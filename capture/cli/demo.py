"""``capture demo``: a page on loopback to try gestures with a finger, a pen or a mouse."""

from __future__ import annotations

import typer

from capture.config.run import RunConfig


def command(
    port: int = typer.Option(8765, min=0, max=65535, help="Port of 127.0.0.1; 0 selects a free one."),
    config: str | None = typer.Option(None, help="Run configuration with the [gestures] to use."),
    open_page: bool = typer.Option(False, "--open", help="Open the page in the browser."),
) -> None:
    """Serve a page that recognises gestures while you draw.

    It shows each gesture with its reason, and the batch as it fills. It listens on this machine only,
    until Ctrl-C. Needs the extra [demo].

    Example: capture demo --open
    """
    from capture.demo import serve

    gestures = None if config is None else RunConfig.load(config, default_project_id=0).gestures

    def ready(url: str) -> None:
        typer.echo(f"the demo is at {url} (Ctrl-C stops)")
        if open_page:
            typer.launch(url)

    serve(port, gestures, on_ready=ready)
