"""Make the parts of the user guide that come from the code: ``python scripts/make_docs.py``.

Whole pages (configuration.md, cli.md, errors.md), and tables between marks such as ``<!-- kinds: ... -->``.
"""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import get_args

import msgspec

from capture.cli._help_text import cli_page
from capture.cli._privacy_text import privacy_tables
from capture.config.text import markdown_text, section_tables
from capture.events.domain import CommonSection
from capture.formats import FORMATS, native
from capture.gateway.config import SECTIONS, ProjectSection
from capture.gestures.config import GestureConfig
from capture.gestures.kinds import KINDS, Direction, Kind
from capture.sinks import SINKS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
_RELATIONS = {"<": "under", "<=": "at most", ">": "over", ">=": "at least"}
_UNITS = {"duration": "ms", "distance": "dp", "velocity": "dp/s"}
#: Notes of docs/events.md on fields of a gesture's event that their names do not tell.
_NOTES = {
    "target_path": "`[root]>form#login>button>`; `[root]>` where nothing was hit",
    "target_id": "empty where the view has no id",
    "responsive": "false: known not to react",
    "direction": ", ".join(
        f"{int(way)} {way.name.lower().replace('_', ' ')}" for way in Direction if way is not Direction.NONE
    ),
    "distance": "dp",
    "velocity": "dp/s",
}


def main() -> None:
    """Write the pages."""
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")


def pages() -> dict[Path, str]:
    """Return every file that is made here, whole or in part, with its text."""
    return {
        DOCS / "configuration.md": markdown_text(SINKS, FORMATS),
        DOCS / "cli.md": cli_page(),
        DOCS / "errors.md": _error_page(),
        **{
            path: _filled(path, table, mark)
            for path, table, mark in (
                (ROOT / "README.md", _overview(), "kinds"),
                (DOCS / "gestures.md", _rules(), "kinds"),
                (DOCS / "events.md", _events(), "kinds"),
                (DOCS / "privacy.md", privacy_tables(), "leaving"),
                (DOCS / "gateway.md", _gateway(), "keys"),
            )
        },
    }


def _error_page() -> str:
    text: str = runpy.run_path(str(Path(__file__).with_name("error_index.py")))["error_page"]()
    return text


def _filled(path: Path, table: list[str], mark: str) -> str:
    """Return a file with the text between its marks replaced."""
    lines = "\n".join(table)
    return re.sub(
        rf"(<!-- {mark}: [^\n]*-->\n).*?(\n<!-- /{mark} -->)",
        lambda match: f"{match[1]}\n{lines}\n{match[2]}",
        path.read_text(encoding="utf-8"),
        count=1,
        flags=re.DOTALL,
    )


def _gateway() -> list[str]:
    named = {f"[{name}]": struct for name, struct in SECTIONS.items()}
    return section_tables({"[[projects]]": ProjectSection, **named})


def _overview() -> list[str]:
    rows = ["| kind | when | event (`ea`: its number in native batches) |", "|---|---|---|"]
    for row in KINDS:
        when = ", ".join(filter(None, (_limits(row, measure) for measure in _UNITS)))
        event = f"`ea` {int(row.kind)}" + (", with direction, distance, velocity" if row.moves else "")
        if row.event is None:
            when += "; or two fingers, cancelled, incomplete, malformed"
            event = "no event; the record has the reason"
        rows.append(f"| {row.label} | {when} | {event} |")
    return rows


def _rules() -> list[str]:
    rows = [f"| kind | {' | '.join(_UNITS)} |", "|---|---|---|---|"]
    for row in KINDS:
        cells = (_limits(row, measure) for measure in _UNITS)
        rows.append(_table_row(f"{row.kind.name} ({int(row.kind)})", *cells))
    settings = dict.fromkeys(f"`{condition.setting}`" for row in KINDS for condition in row.when)
    return [*rows, "", f"Settings, in `[gestures]`: {', '.join(settings)}."]


def _events() -> list[str]:
    rows = ["| `ea` | event | key | name | type | |", "|---|---|---|---|---|---|"]
    notes = dict(_NOTES)
    for row in KINDS:
        if row.event is not None:
            rows += _fields(row, notes)
    return rows


def _fields(row: Kind, notes: dict[str, str]) -> list[str]:
    """Return the rows of a kind's event: the fields that not every event has; a note stands once."""
    wires = {int(wire.__struct_config__.tag): wire for wire in get_args(native.WireEvent)}
    common = set(CommonSection.__struct_fields__)
    fields = [each for each in msgspec.structs.fields(wires[int(row.kind)]) if each.name not in common]
    names: dict[object, str] = {bool: "bool", str: "text"}
    rows = []
    for field in fields:
        first = [f"{int(row.kind)}", row.label] if field is fields[0] else ["", ""]
        kind = names.get(field.type, "int")
        note = notes.pop(field.name, "")
        rows.append(_table_row(*first, f"`{field.encode_name}`", f"`{field.name}`", kind, note))
    return rows


def _table_row(*cells: str) -> str:
    return "".join(f"| {cell} " if cell else "| " for cell in cells) + "|"


def _limits(row: Kind, measure: str) -> str:
    """Return the conditions of a kind on a measure in words; empty where it has none."""
    found = [
        (each.relation, f"{getattr(GestureConfig(), each.setting):g}")
        for each in row.when
        if each.measure == measure
    ]
    match found:
        case []:
            return ""
        case [(">=", low), ("<=", high)]:
            words = f"{low} to {high}"
        case _:
            words = ", ".join(f"{_RELATIONS[relation]} {limit}" for relation, limit in found)
    return f"{words} {_UNITS[measure]}"


if __name__ == "__main__":
    main()
