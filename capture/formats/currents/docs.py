"""The tables of ``docs/currents.md``, from the table of events and fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture.formats.currents.schema import EVENTS, FIELDS
from capture.formats.currents.shapes import AMPLITUDE, MIXPANEL, Options

if TYPE_CHECKING:
    from capture.formats.currents.shapes import Shape

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
    shapes = [_places(event, shape) for shape in (AMPLITUDE, MIXPANEL)]
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


def _places(event: str, shape: Shape) -> dict[str, str]:
    """Return source field -> path at a partner."""
    if not shape.takes(event):
        return {}
    names = EVENTS[event].source_fields
    record = {"event_type": event, **{name: _sample(name) for name in names}}
    partner_event = shape.make({**record, "properties": "{}"}, Options(custom_properties="none"))
    flat = {
        **partner_event,
        **{f"{shape.container}/{key}": value for key, value in partner_event[shape.container].items()},
    }
    places: dict[str, str] = {}
    for path, value in flat.items():
        for name in names:
            if type(value) is type(record[name]) and value in {record[name], _in_ms(record[name])}:
                places.setdefault(name, path)
    return places


def _sample(name: str) -> Any:
    field = FIELDS[name]
    number = list(FIELDS).index(name) + 1
    if field.type == "boolean":
        return True
    if field.type == "int":
        return number
    return float(number) + 0.5 if field.type == "float" else (field.values or (f"<{name}>",))[-1]


def _in_ms(value: Any) -> Any:
    return value * 1000 if type(value) is int else value
