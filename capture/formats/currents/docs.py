"""The tables of ``docs/currents.md``, from the table of events and fields."""

from __future__ import annotations

from capture.formats.currents.schema import EVENTS, FIELDS
from capture.formats.currents.shapes import AMPLITUDE, MIXPANEL

__all__ = ["tables"]


def tables() -> str:
    """Return a Markdown section for each event: its fields, and where each destination has them."""
    return "\n\n".join(_section(event) for event in EVENTS) + "\n"


def _section(event: str) -> str:
    schema = EVENTS[event]
    lines = [f"### {event}", ""]
    if not schema.current:
        lines += ["In the legacy glossary alone: made by imports (`capture.formats.currents.Record`).", ""]
    lines += ["| field | type | storage | Amplitude | Mixpanel | |", "|---|---|---|---|---|---|"]
    shapes = [shape.places(event) for shape in (AMPLITUDE, MIXPANEL)]
    for name in schema.source_fields:
        field = FIELDS[name]
        stored = "required" if name in schema.required else "optional"
        stored = "-" if name in schema.partner_only else stored
        stored = "in exports" if name in schema.export_only else stored
        notes = [field.note]
        notes += ["personal data"] if field.pii else []
        notes += ["always null"] if field.deprecated else []
        notes += [f"one of {', '.join(field.values)}"] if field.values else []
        places = " | ".join(f"`{places[name]}`" if name in places else "-" for places in shapes)
        lines.append(f"| `{name}` | {field.type} | {stored} | {places} | {'; '.join(notes)} |")
    return "\n".join(lines)
