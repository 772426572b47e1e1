"""The index of errors and warnings, docs/errors.md: every message that the code has.

A message is the text of a ``raise``, of a call that logs or reports (`_REPORTS`), or of a line that is added
to ``problems``. Parts that are filled in at run time appear as ``<name>``. `error_causes.toml` has the
introduction of the page, and the cause and the remedy of messages that need more than their own words.
"""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["error_page", "messages"]

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "capture"
CAUSES = Path(__file__).with_name("error_causes.toml")
#: Methods whose first text is a message to the user.
_REPORTS = frozenset({"error", "warning", "info", "exception", "say", "once", "problem", "refuse", "_tell"})
#: Functions that return a message.
_MAKERS = frozenset({"how_to_install", "cannot_listen", "_unreadable", "_reason"})
#: Raised and caught within the package, or by a call that only its developers can get wrong.
_INTERNAL = frozenset({"StopIteration", "AssertionError", "NotImplementedError", "Exit", "KeyError"})
#: Heading of the page -> parts of the package.
GROUPS = {
    "Installation and start": ("optional.py", "__init__.py", "__main__.py", "errors.py"),
    "Configuration": ("settings.py", "config", "gestures/config.py", "gestures/dialects.py"),
    "Command line": ("cli",),
    "Touch logs": ("logs",),
    "Recogniser and columns": ("gestures", "_native", "explain.py"),
    "Capture: consent, touches, tracking": (
        "engine",
        "events",
        "targets.py",
        "testing.py",
        "ids.py",
        "clock.py",
    ),
    "Store": ("store", "process.py"),
    "Delivery and sinks": ("delivery", "sinks", "collector.py"),
    "Wire formats": ("formats",),
    "Hosts: Kivy, Qt, pygame, evdev": ("integrations",),
    "Replay": ("replay",),
    "Reports and demo": ("report", "demo"),
    "Data sets and statistics": ("scale",),
    "Gateway": ("gateway",),
}


def error_page() -> str:
    """Return docs/errors.md."""
    found = messages()
    told = tomllib.loads(CAUSES.read_text(encoding="utf-8"))
    causes = {each["message"]: each for each in told["error"]}
    unknown = sorted(set(causes) - {text for texts in found.values() for text in texts})
    if unknown:
        raise SystemExit(f"{CAUSES.name}: no such message in the code: {unknown[0]!r}")
    return "\n".join(
        [told["introduction"], *(_section(heading, found[heading], causes) for heading in GROUPS)]
    )


def _section(heading: str, texts: list[str], causes: dict[str, dict[str, str]]) -> str:
    """Return a heading, a table of the messages that have a cause, and a list of the others."""
    lines = [f"## {heading}", ""]
    rows = [
        f"| {_code(text)} | {causes[text]['cause']} | {causes[text]['remedy']} |"
        for text in texts
        if text in causes
    ]
    if rows:
        lines += ["| message | cause | what to do |", "|---|---|---|", *rows, ""]
    rest = [f"- {_code(text)}" for text in texts if text not in causes]
    if rest:
        lines += ["Other messages:", "", *rest, ""]
    return "\n".join(lines)


def messages() -> dict[str, list[str]]:
    """Return the messages of each group, sorted."""
    found: dict[str, set[str]] = {heading: set() for heading in GROUPS}
    for path in sorted([*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.pyx")]):
        texts = _native(path) if path.suffix == ".pyx" else _python(path)
        found[_group(path)].update(text for text in texts if _is_message(text))
    return {heading: sorted(texts, key=lambda text: (text.lower(), text)) for heading, texts in found.items()}


def _group(path: Path) -> str:
    """Return the heading whose longest part names a file."""
    name = path.relative_to(PACKAGE).as_posix()
    fitting = [
        (len(part), heading)
        for heading, parts in GROUPS.items()
        for part in parts
        if name == part or name.startswith(f"{part}/")
    ]
    if not fitting:
        raise SystemExit(f"{__file__}: GROUPS: capture/{name} is in none")
    return max(fitting)[1]


def _is_message(text: str) -> bool:
    """Return whether a text has words of its own: more than parts that are filled in."""
    words = re.findall(r"[A-Za-z]{2,}", re.sub(r"<[^<>]*>", "", text))
    return len(words) > 1 or "expected" in words


def _python(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    constants = {
        node.targets[0].id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    for node in ast.walk(tree):
        for found in _reported(node):
            value = constants.get(found.id, found) if isinstance(found, ast.Name) else found
            for each in (value.body, value.orelse) if isinstance(value, ast.IfExp) else (value,):
                text = _text(each)
                if text:
                    yield re.sub(r"%[-.\d]*[sdrg]", "<...>", " ".join(text.split()))


def _reported(node: ast.AST) -> Iterator[ast.expr]:
    """Yield the expressions of a node that may be messages."""
    match node:
        case ast.Raise(exc=ast.Call() as call) if _name(call.func) not in _INTERNAL:
            yield from call.args
        case ast.Call(func=ast.Attribute(attr=name), args=[first, *more]) if name in _REPORTS:
            yield from (first, *more[:1])
        case ast.Call(func=ast.Attribute(value=ast.Name(id="problems"), attr="append"), args=[first]):
            yield first
        case ast.AugAssign(target=ast.Name(id="problems"), value=ast.List(elts=elements)):
            yield from elements
        case ast.Assign(targets=[ast.Name(id="message" | "problem")], value=value):
            yield value
        case ast.FunctionDef(name=name) if name in _MAKERS:
            for each in ast.walk(node):
                if isinstance(each, ast.Return | ast.Yield) and each.value is not None:
                    yield from each.value.args if isinstance(each.value, ast.Call) else [each.value]


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _text(node: ast.expr) -> str | None:
    """Return a literal with its parts that are filled in as ``<name>``; None for anything else."""
    match node:
        case ast.Constant(value=str() as value):
            return value
        case ast.JoinedStr(values=values):
            return "".join(_part(value) for value in values)
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            texts = _text(left), _text(right)
            return None if texts == (None, None) else "".join(text or "<...>" for text in texts)
    return None


def _part(value: ast.expr) -> str:
    """Return a part of an f-string."""
    if isinstance(value, ast.FormattedValue):
        return f"<{_shown(value.value)}>"
    return str(value.value) if isinstance(value, ast.Constant) else ""


def _shown(value: ast.expr) -> str:
    """Return the name of a part that is filled in."""
    match value:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name.strip("_")
        case ast.Constant(value=fixed):
            return str(fixed)
        case ast.BoolOp(values=[first, *_]) | ast.Subscript(value=first):
            return _shown(first)
    return "..."


def _native(path: Path) -> Iterator[str]:
    """Find the messages of a Cython module: literals on one line in a raise."""
    literals = r"raise \w+\(\s*f?(\"[^\"\n]*\"(?:\s*f?\"[^\"\n]*\")*)"
    for quoted in re.findall(literals, path.read_text(encoding="utf-8")):
        text = "".join(re.findall(r"\"([^\"]*)\"", quoted))
        yield re.sub(r"\{([\w.]*)[^{}]*\}", lambda part: f"<{part[1].rpartition('.')[2] or '...'}>", text)


def _code(text: str) -> str:
    """Return text as code in Markdown that stands in a cell of a table."""
    text = text.replace("|", "\\|")
    return f"`` {text} ``" if "`" in text else f"`{text}`"
