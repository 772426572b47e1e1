"""The run configuration as a commented TOML file and as a page of the guide.

Both are generated from the structs: their fields, defaults, ranges and the ``#:`` comments above
the fields in their source. The tables of sinks and of wire formats, which are in layers above, are passed in:
``{type: "module:Class"}`` and names.
"""

from __future__ import annotations

import inspect
import math
import re
from importlib import import_module
from typing import TYPE_CHECKING, Any

import msgspec

from capture import settings
from capture.config.run import SECTIONS
from capture.settings import Section

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["Key", "markdown_text", "section_tables", "sections", "sink_settings", "toml_text"]

_COMMENT = re.compile(r"^    #: ?(.*)$")
_FIELD = re.compile(r"^    (\w+):")


class Key(msgspec.Struct, frozen=True):
    """A key of the run configuration in words.

    Attributes
    ----------
    name, about, allowed : str
    default : str or None
        As TOML; None if there is no default, or none that TOML can write.
    required : bool
    """

    name: str
    about: str
    allowed: str
    default: str | None = None
    required: bool = False


def sections() -> Iterator[tuple[str, str, list[Key]]]:
    """Yield (name, purpose, keys) of each section."""
    for name, struct in SECTIONS.items():
        yield name, _about(struct), _keys(struct)


def sink_settings(sinks: Mapping[str, str]) -> Iterator[tuple[str, str, list[Key]]]:
    """Yield (type, purpose, own keys) of each sink."""
    for name, place in sinks.items():
        module = import_module(place.partition(":")[0])
        own = [
            value
            for value in vars(module).values()
            if isinstance(value, type) and issubclass(value, Section) and value.__module__ == module.__name__
        ]
        yield name, _about(module), [key for struct in own for key in _keys(struct)]


def _about(described: object) -> str:
    first = (inspect.getdoc(described) or "").split("\n\n", 1)[0].replace("\n", " ")
    return re.sub(r"^``\[+\w+\]+``: ", "", first)


def _keys(struct: type[Section]) -> list[Key]:
    comments = _comments(struct)
    kinds = settings.hints(struct)
    return [
        Key(
            name=field.name,
            about=comments.get(field.name, ""),
            allowed=settings.allowed(kinds[field.name]),
            default=_default(struct, field),
            required=field.required,
        )
        for field in msgspec.structs.fields(struct)
    ]


def _comments(struct: type) -> dict[str, str]:
    """Return field -> the comment above it in the source."""
    found: dict[str, str] = {}
    waiting: list[str] = []
    for line in inspect.getsource(struct).splitlines():
        if comment := _COMMENT.match(line):
            waiting.append(comment[1])
            continue
        if (field := _FIELD.match(line)) and waiting:
            found[field[1]] = " ".join(waiting)
        waiting = []
    return found


def _default(struct: type[Section], field: msgspec.inspect.Field | Any) -> str | None:
    value = field.default if field.default is not msgspec.NODEFAULT else None
    if value is settings.FROM_ROW:
        value = getattr(struct(), field.name)
    if field.default_factory is not msgspec.NODEFAULT:
        value = field.default_factory()
    if value is None or isinstance(value, dict):
        return None
    if isinstance(value, tuple):
        value = list(value)
    return "inf" if value == math.inf else msgspec.json.encode(value).decode()


def section_tables(structs: Mapping[str, type[Section]]) -> list[str]:
    """Return the tables of sections that are not the run configuration's, for a page of the guide."""
    lines: list[str] = []
    for name, struct in structs.items():
        about = _sentence(_about(struct)).replace("``", "`")
        lines += ["", f"### `{name}`", "", about, "", *_markdown_table(_keys(struct))]
    return lines[1:]


def toml_text(sinks: Mapping[str, str]) -> str:
    """Return a run configuration with every key: commented out, at its default."""
    lines = [
        "# Run configuration of touchcapture. Every key but project.id has a default, shown here.",
        "# Environment variables CAPTURE_<SECTION>_<KEY> override this file.",
    ]
    for name, about, keys in sections():
        lines += ["", f"# {_sentence(about)}", f"[{name}]"]
        for key in keys:
            lines += _toml_key(key, live=key.required)
    lines += ["", "# Destinations of the events: one [[sinks]] table for each sink."]
    for name, about, keys in sink_settings(sinks):
        lines += ["", f"# {about}", "# [[sinks]]", f'# type = "{name}"', f'# name = "{name}"']
        for key in keys:
            lines += _toml_key(key, live=False)
    return "\n".join(lines) + "\n"


def _toml_key(key: Key, *, live: bool) -> list[str]:
    about = f"{key.about} " if key.about else ""
    head = f"# {about}({key.allowed})"
    if live:
        return [head, f"{key.name} = 1"]
    value = "" if key.default is None else f" {key.default}"
    return [head, f"# {key.name} ={value}"]


def markdown_text(sinks: Mapping[str, str], wires: Iterable[str]) -> str:
    """Return the page of the user guide."""
    lines = [
        "# Run configuration",
        "",
        "<!-- Made by `make docs` from the structs of the sections and of the sinks. -->",
        "",
        "One TOML file per app, usually `capture.toml`. Only `project.id` is required.",
        "`capture config init` writes a file with every key, `capture config check` lists every mistake",
        "in one. Environment variables `CAPTURE_<SECTION>_<KEY>` override the file, as in",
        "`CAPTURE_PROJECT_ID=8`; `CAPTURE_DISABLED=1` makes every call a no-op.",
    ]
    for name, about, keys in sections():
        lines += ["", f"## `[{name}]`", "", _sentence(about), "", *_markdown_table(keys)]
    lines += ["", "## `[[sinks]]`", "", "Destinations of the events: one table for each sink."]
    lines += ["", *_markdown_table(_sink_keys(sinks, wires))]
    for name, about, keys in sink_settings(sinks):
        lines += ["", f'### `type = "{name}"`', "", about.replace("``", "`")]
        lines += ["", *(_markdown_table(keys) if keys else ["No keys."])]
    return "\n".join(lines) + "\n"


def _sink_keys(sinks: Iterable[str], wires: Iterable[str]) -> list[Key]:
    return [
        Key("type", "Type of the sink.", f"one of {', '.join(sinks)}", required=True),
        Key("name", "Key of its queue in the store; default: the type.", "text"),
        Key("wire", "Wire format; default: the first that the sink takes.", f"one of {', '.join(wires)}"),
    ]


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].replace("``", "`")


def _markdown_table(keys: list[Key]) -> list[str]:
    lines = ["| key | default | allowed | |", "|---|---|---|---|"]
    for key in keys:
        default = "required" if key.required else "-" if key.default is None else f"`{key.default}`"
        about, allowed = key.about.replace("``", "`"), key.allowed.replace("|", "\\|")
        lines.append(f"| `{key.name}` | {default} | {allowed} | {about} |")
    return lines
