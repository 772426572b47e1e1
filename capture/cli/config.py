"""``capture config``: write and check run configurations."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from capture import settings, sinks
from capture.cli._options import Json
from capture.cli._show import print_json
from capture.config.run import RunConfig
from capture.config.text import toml_text
from capture.errors import ConfigError

app = typer.Typer(help="Write and check run configurations.", no_args_is_help=True, rich_markup_mode=None)


@app.command("init")
def init(
    path: Annotated[Path, typer.Argument(metavar="[FILE]", help="The file to write.")] = Path("capture.toml"),
    force: Annotated[bool, typer.Option(help="Replace an existing file.")] = False,
) -> None:
    """Write a run configuration with every key, its default, range and purpose.

    Example: capture config init capture.toml
    """
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(toml_text(sinks.SINKS))
    except FileExistsError:
        raise ConfigError(f"{path}: exists already; --force replaces it") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from None
    typer.echo(f"{path}: set project.id, then run: capture config check {path}")


@app.command("check")
def check(
    path: Annotated[Path, typer.Argument(metavar="[FILE]", help="The file to check.")] = Path("capture.toml"),
    json: Json = False,
) -> None:
    """Check a run configuration and the settings of its sinks; list every mistake.

    Example: capture config check capture.toml
    """
    config = RunConfig.load(path)
    problems: list[str] = []
    for sink in config.sinks:
        with settings.noted(problems):
            # A relative path starts where the app will: in the working directory.
            sinks.create(sink)
    if problems:
        raise ConfigError("\n".join(f"{path}: {line}" for each in problems for line in each.splitlines()))
    if json:
        print_json(msgspec.structs.replace(config, sinks=tuple(sink.masked() for sink in config.sinks)))
        return
    names = ", ".join(sink.name for sink in config.sinks) or "none"
    typer.echo(f"{path}: OK; project {config.project.id}, sinks: {names}")
