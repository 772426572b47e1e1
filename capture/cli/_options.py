"""The options of reading logs, shared by every command that reads them."""

from __future__ import annotations

import functools
import inspect
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, cast

import msgspec
import typer

from capture.config.run import RunConfig
from capture.errors import MESSAGE_CHARS, plain
from capture.gestures.dialects import ROWS
from capture.logs import FORMATS, ReadOptions, TouchLog, find_logs, may_be_log
from capture.logs.base import Rotation
from capture.replay.run import device_of


def option(help_text: str, metavar: str | None = None, *names: str, **more: Any) -> Any:
    """Return an option of a command; `names` if they do not follow from its parameter's name."""
    return typer.Option(*names, help=help_text, metavar=metavar, **more)


def flag(help_text: str, *names: str) -> Any:
    """Return an option without a value and without its opposite."""
    return option(help_text, None, *names)


def output_option(help_text: str, metavar: str = "FILE") -> Any:
    """Return the option that names the output of a command."""
    return option(help_text, metavar, "-o", "--output")


Logs = Annotated[
    list[str], typer.Argument(metavar="LOG...", help="Files, folders or globs; - is standard input.")
]
Json = Annotated[bool, flag("Print the result as JSON.", "--json")]

_PAIR = re.compile(r"([0-9]+)\s*[xX,]\s*([0-9]+)")


class Found(msgspec.Struct, frozen=True):
    """The logs that were found, and the files of folders that are none.

    Attributes
    ----------
    paths : list of str
    left_out : dict of str to str
        With the reason.
    """

    paths: list[str]
    left_out: dict[str, str]

    @property
    def complete(self) -> bool:
        """Whether nothing was left out that may be a log."""
        return not any(map(may_be_log, self.left_out))

    def tell(self) -> None:
        """Report on standard error the files that were left out."""
        for path, reason in self.left_out.items():
            sys.stderr.write(f"{plain(path)}: left out: {plain(reason, MESSAGE_CHARS)}\n")

    def check(self) -> None:
        """End the command with the status of failed work where something may be missing."""
        if not self.complete:
            raise typer.Exit(1)


class Reading(msgspec.Struct, frozen=True):
    """The reading options and the run configuration of a command.

    Attributes
    ----------
    config : RunConfig
    options : ReadOptions
    """

    config: RunConfig
    options: ReadOptions

    def find(self, paths: list[str]) -> Found:
        """Find the logs in paths, folders and globs, and report the files that were left out."""
        left_out: dict[str, str] = {}
        found = Found(find_logs(paths, self.options, left_out), left_out)
        found.tell()
        return found

    def density_of(self, log: TouchLog) -> float:
        """Return the density that the strokes of a log are measured with."""
        return device_of(log, self.config, self.options).density


def _pair(text: str | None, hint: str) -> tuple[int, int] | None:
    if text is None:
        return None
    found = _PAIR.fullmatch(text.strip())
    if found is None or not (int(found[1]) and int(found[2])):
        raise typer.BadParameter(f"{text!r}: expected two whole numbers above 0", param_hint=hint)
    return int(found[1]), int(found[2])


_FORMAT = option(f"Format of the logs; default: detected by content. One of {', '.join(FORMATS)}.", "NAME")
_DEVICE = option("Device to read, where a log has several: path, number or part of the name.", "N")
_DENSITY = option("px per dp, 0.75 to 10; default: that of the log, else 1.")
_ROTATE = option("Clockwise turn of the picture against the panel: 0, 90, 180 or 270 degrees.", "N")
_DIALECT = option(
    f"Dialect: {', '.join(ROWS)}, or a row of the configuration; default: that of the configuration.",
    "NAME",
)
_COLUMNS = option(
    "Columns of CSV, TSV, Parquet or JSON: time=ts,x=posX,y=posY,action=event,time-unit=ms; "
    "a setting alone, as time-unit=ms; or the name of a preset. docs/touch-logs.md lists all keys.",
    "MAP",
)


def read_options(
    config: Annotated[Path | None, option("Run configuration (TOML).", "FILE")] = None,
    format: Annotated[str | None, _FORMAT] = None,  # noqa: A002 - the name of the option
    device: Annotated[str | None, _DEVICE] = None,
    axis_max: Annotated[str | None, option("Maximum raw x and y of the panel.", "X,Y")] = None,
    screen: Annotated[str | None, option("Screen size in px.", "WxH")] = None,
    density: Annotated[float | None, _DENSITY] = None,
    rotate: Annotated[int | None, _ROTATE] = None,
    columns: Annotated[str | None, _COLUMNS] = None,
    start_time: Annotated[int | None, option("Epoch ms of the first sample.", "MS")] = None,
    dialect: Annotated[str | None, _DIALECT] = None,
) -> Reading:
    """Check the reading options; the parameters are the options of the command line."""
    if density is not None and not 0.75 <= density <= 10:
        raise typer.BadParameter(f"{density}: expected 0.75 to 10 (px per dp)", param_hint="--density")
    if start_time is not None and not 0 <= start_time < 2**53:
        raise typer.BadParameter(f"{start_time}: expected epoch milliseconds", param_hint="--start-time")
    if rotate not in {None, 0, 90, 180, 270}:
        raise typer.BadParameter(f"{rotate}: expected 0, 90, 180 or 270 (degrees)", param_hint="--rotate")
    # The option stands for the variable that chooses the dialect.
    chosen = {} if dialect is None else {"CAPTURE_GESTURES_DIALECT": dialect}
    loaded = RunConfig.load(config, environ={**os.environ, **chosen}, default_project_id=0)
    return Reading(
        loaded,
        ReadOptions(
            format=format,
            device=device,
            axis_max=_pair(axis_max, "--axis-max"),
            screen=_pair(screen, "--screen"),
            # The configuration goes first, as in `capture.replay.device_of`.
            density=density if loaded.device.density is None else loaded.device.density,
            rotate=cast("Rotation | None", loaded.device.rotate if rotate is None else rotate),
            columns=columns,
            start_time_ms=start_time,
        ),
    )


def with_options(read: Callable[..., Any], name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator: a command gets the parameters of `read` as options, its result as `name`."""
    shared = inspect.signature(read, eval_str=True).parameters

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def run(**values: Any) -> None:
            value = read(**{option: values.pop(option) for option in shared})
            command(**{name: value}, **values)

        parameters: list[inspect.Parameter] = []
        for option, parameter in inspect.signature(command, eval_str=True).parameters.items():
            parameters += shared.values() if option == name else [parameter]
        run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in parameters]
        )
        run.__annotations__ = {each.name: each.annotation for each in parameters}
        return run

    return decorate


#: Gives a command the reading options, as its parameter `reading`.
with_reading = with_options(read_options, "reading")
