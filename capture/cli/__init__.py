"""The command line: one module per command, and shared helpers.

typer and rich are imported in this package only.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from importlib import import_module

import typer

from capture import __version__
from capture.errors import ConfigError
from capture.gestures import KERNELS

__all__ = ["COMMANDS", "GROUPS", "build", "run"]

#: Command -> module, which has the function as ``command``.
COMMANDS = {
    "replay": "capture.cli.replay",
    "classify": "capture.cli.classify",
    "convert": "capture.cli.convert",
    "explain": "capture.cli.explain",
    "view": "capture.cli.view",
    "report": "capture.cli.report",
    "diff": "capture.cli.diff",
    "compare-dialects": "capture.cli.compare_dialects",
    "currents": "capture.cli.currents",
    "stats": "capture.cli.stats",
    "places": "capture.cli.places",
    "sweep": "capture.cli.sweep",
    "schema": "capture.cli.schema",
    "demo": "capture.cli.demo",
    "collect": "capture.cli.collect",
}
#: Command with commands of its own -> module, which has the typer application as ``app``.
GROUPS = {
    "config": "capture.cli.config",
    "buffer": "capture.cli.buffer",
    "gateway": "capture.cli.gateway",
}

#: Mistakes of a call, from the click that typer uses.
_CallError: type[Exception] = typer.BadParameter.__mro__[2]


def build() -> typer.Typer:
    """Return the application with every command."""
    app = typer.Typer(
        name="capture",
        help="Recognise gestures in recorded touches, and deliver them as events.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback(invoke_without_command=True)(_common)
    for name, module in COMMANDS.items():
        app.command(name)(import_module(module).command)
    for name, module in GROUPS.items():
        app.add_typer(import_module(module).app, name=name)
    return app


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit status. The package's own errors pass through.

    Raises
    ------
    ConfigError
        When the call is wrong: an unknown command or option, a value that is not allowed.
    """
    command = typer.main.get_command(build())
    try:
        status = command.main(
            args=None if arguments is None else list(arguments), prog_name="capture", standalone_mode=False
        )
    except typer.Abort:
        raise KeyboardInterrupt from None
    except _CallError as error:
        return _refuse(error)
    return status if isinstance(status, int) else 0


def _refuse(error: Exception) -> int:
    """Raise ConfigError about a wrong call; for a call without a command print the help."""
    context = getattr(error, "ctx", None)
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    if message.startswith("Usage:") or not message:
        typer.echo(message)
        return 2
    hint = f" (see: {context.command_path} --help)" if context is not None else ""
    raise ConfigError(f"{message}{hint}") from None


def _common(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", help="Show the version and how it was built."),
    as_json: bool = typer.Option(
        False, "--json", help="With --version: one JSON object, with Python, machine and kernels."
    ),
) -> None:
    if version:
        facts = {
            "version": __version__,
            "python": platform.python_version(),
            "machine": platform.machine(),
            "kernel": KERNELS[0],
            "kernels": KERNELS,
        }
        plain = "touchcapture {version} (Python {python}, {machine}, {kernel} kernel)".format(**facts)
        typer.echo(json.dumps(facts) if as_json else plain)
        raise typer.Exit
    if as_json:
        raise typer.BadParameter(
            "--json goes with --version here; put the --json of a command after the command"
        )
    if context.invoked_subcommand is None:
        raise typer.BadParameter("a command is missing")
