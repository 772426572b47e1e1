"""``capture config``: write and check run configurations."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from capture import settings, sinks
from capture.cli._options import Json
from capture.cli._show import print_json, writing
from capture.config.run import RunConfig
from capture.config.sections import SinkConfig
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
    if path.exists() and not force:
        raise ConfigError(f"{path}: exists already; --force replaces it")
    with writing(path) as file:
        file.write(toml_text(sinks.SINKS).encode())
    typer.echo(f"{path}: set project.id, then run: capture config check {path}")


@app.command("check")
def check(
    path: Annotated[Path, typer.Argument(metavar="[FILE]", help="The file to check.")] = Path("capture.toml"),
    json: Json = False,
) -> None:
    """Check a run configuration and the settings of its sinks; list every mistake.

    Example: capture config check capture.toml
    """
    problems: list[str] = []
    try:
        config = RunConfig.load(path)
        tables = config.sinks
    except ConfigError as error:
        problems = str(error).splitlines()
        tables = settings.build_sinks(SinkConfig, settings.read_toml(path).get("sinks", []), "", [])
    for sink in tables:
        found: list[str] = []
        with settings.noted(found):
            # A relative path starts where the app will: in the working directory.
            sinks.create(sink)
        problems += [f"{path}: {line}" for each in found for line in each.splitlines()]
    if problems:
        raise ConfigError("\n".join(problems))
    if json:
        print_json(msgspec.structs.replace(config, sinks=tuple(sink.masked() for sink in config.sinks)))
        return
    names = ", ".join(sink.name for sink in config.sinks) or "none"
    typer.echo(f"{path}: OK; project {config.project.id}, sinks: {names}")
