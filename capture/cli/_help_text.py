"""The page of the guide about the command line, generated from the help of each command."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import typer

_INTRO = """\
# Command line

<!-- Made by `make docs` from the commands' own help. -->

Exit status: 0 done, 1 the work failed, 2 the call, the configuration or the input is wrong, 130 interrupted.
Ctrl-C leaves a correct partial result. Logs are files, folders or globs, compressed (`.gz`, `.xz`, `.zst`) or
not; `-` is standard input. Progress and doubts go to standard error, results to standard output or to files;
`--json` prints them for machines, and `{"error": "...", "status": 2}` where a command fails.
"""


def commands() -> Iterator[tuple[str, Any, Any]]:
    """Yield (words, command, context) of every command, those of groups included."""
    from capture.cli import build

    root = typer.main.get_command(build())
    context = root.make_context("capture", [], resilient_parsing=True)
    yield from _walk(root, context, "capture")


def _walk(group: Any, context: Any, words: str) -> Iterator[tuple[str, Any, Any]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        own = type(context)(command, info_name=name, parent=context)
        if hasattr(command, "list_commands"):
            yield from _walk(command, own, f"{words} {name}")
        else:
            yield f"{words} {name}", command, own


def cli_page() -> str:
    """Return the page."""
    parts = [_INTRO]
    for words, command, _ in commands():
        paragraphs = re.split(r"\n\n", command.help or "")
        text = [part.replace("\n", " ") for part in paragraphs if not part.startswith("Example:")]
        examples = [
            part.removeprefix("Example:").strip() for part in paragraphs if part.startswith("Example:")
        ]
        parts += [f"## `{words}`", "\n\n".join(text), "```\n" + "\n".join(examples) + "\n```"]
        parts += ["| option | |\n|---|---|\n" + "\n".join(_option(each) for each in command.params)]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _option(parameter: Any) -> str:
    names = ", ".join(f"`{name}`" for name in parameter.opts)
    metavar = parameter.metavar or ""
    if getattr(parameter, "param_type_name", "") == "argument":
        names = f"`{metavar or parameter.name}`"
        metavar = ""
    about = (getattr(parameter, "help", None) or "").replace("|", "\\|")
    required = " Required." if parameter.required and not about.endswith("required]") else ""
    return f"| {names}{f' `{metavar}`' if metavar else ''} | {about}{required} |"
