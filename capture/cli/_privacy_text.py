"""The tables of ``docs/privacy.md``: every key that leaves the device, for each wire format and sink."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_args

import msgspec

from capture.formats import native
from capture.formats.currents.gestures import CONTEXT, POSITIONS
from capture.formats.currents.otlp import NAMES, attribute_of
from capture.formats.currents.schema import EVENTS, FIELDS, SESSION_START
from capture.formats.currents.shapes import AMPLITUDE, MIXPANEL, Options, Shape
from capture.gestures.recognizer import FIELDS as GESTURE_FIELDS
from capture.sinks import SINKS

#: Data that a sink sends besides the events of its wire format.
_BESIDE = {
    "amplitude": "your API key; events as Amplitude has them, below",
    "cloud_storage": (
        "in paths: event type, hour, a hash of the user id; in the manifest: path, records, SHA-256 "
        "and first and last time of each file. Files hold the fields of storage"
    ),
    "file": "nothing; the file stays on the device",
    "http": "`Idempotency-Key` (a hash of event ids), `User-Agent: touchcapture`, your token and headers",
    "kafka": "message key: the user id; header `event_type`. `ad_id` only with `send_ad_id`",
    "memory": "nothing; it stays in the process",
    "mixpanel": "your token; events as Mixpanel has them, below",
    "otlp": "`Idempotency-Key`, your token and headers; log records as OpenTelemetry has them, below",
}
_TARGET = ("target_path", "target_id", "responsive")
_GESTURES = tuple(name for name in GESTURE_FIELDS if name != "kind" and name not in POSITIONS)


def privacy_tables() -> list[str]:
    """Return the lines of the section about data that leaves the device."""
    lines = ["| sink | besides the events |", "|---|---|"]
    lines += [f"| `{name}` | {_BESIDE[name]} |" for name in SINKS]
    lines += ["", "### Wire format `native`", "", "Once a batch:", ""]
    lines += _rows([*_native_keys(native.Header, set()), ("pl", "events")])
    lines += ["", "With every event:", ""]
    common = native.AppShowWire
    lines += _rows([("ea", "kind of event"), *_native_keys(common, set())])
    known = set(common.__struct_fields__)
    lines += ["", "With events of one kind:", ""]
    own: dict[str, str] = {}
    for struct in get_args(native.WireEvent):
        own |= dict(_native_keys(struct, known))
    lines += _rows(own.items())
    lines += ["", "### Wire format `currents`", "", "Fields of records:", ""]
    fields = {"events": "of a batch: the records", "event_type": "event of the record"}
    fields |= {name: field.note for name, field in FIELDS.items() if not field.deprecated}
    lines += _rows([*fields.items(), (SESSION_START, "start of the session; Amplitude's `session_id`")])
    lines += ["", "In `properties`, by the record's `name`:", "", "| records | keys |", "|---|---|"]
    lines += [f"| {records} | {_listed(names)} |" for records, names in _properties()]
    for partner in ("Amplitude", "Mixpanel"):
        names = sorted(keys_of(partner.lower()))
        lines += ["", f"### {partner}", "", f"{_listed(names)}, and the properties above, prefixed."]
    lines += ["", "### OpenTelemetry", ""]
    lines += [f"Names of log records: {_listed(NAMES)}, and those of custom events.", ""]
    properties = "`touch.property.*`: those of `track_custom_event` and `track_purchase`."
    return [*lines, f"Attributes: {_listed(sorted(_attributes()))}, and {properties}"]


def keys_of(wire: str) -> set[str]:
    """Return every key that a body of a wire format, or of a partner, may have."""
    match wire:
        case "native":
            structs = [native.Batch, *get_args(native.WireEvent)]
            return {"ea"} | {key for struct in structs for key, _ in _native_keys(struct, set())}
        case "currents":
            names = {name for _, each in _properties() for name in each}
            return {"events", "event_type", SESSION_START, *FIELDS, *names}
        case "amplitude":
            return {"api_key", "events", "event_properties", *_partner_keys(AMPLITUDE)}
        case "mixpanel":
            return {"properties", "token", *_partner_keys(MIXPANEL)}
    raise ValueError(wire)


def _properties() -> list[tuple[str, tuple[str, ...]]]:
    hidden = ("time_down", "time_up", "target_path", "target_id", *CONTEXT)
    return [
        ("gestures", (*_GESTURES, *_TARGET, *CONTEXT)),
        ('gestures, with `positions = "grid"` or `"keep"`', POSITIONS),
        ("gestures on hidden targets: nothing but (names only as hashes)", hidden),
        ("`screen_view`", ("title", "load_time_ms")),
        ("`dynamic_variable`", ("key", "value")),
        ("`track_custom_event`, `track_purchase`: the app's arguments", ()),
    ]


def _attributes() -> set[str]:
    """Return the attributes of log records and of their resource."""
    beside = {"time", "time_ms", "name", "properties"}
    beside |= {name for name, each in FIELDS.items() if each.deprecated}
    names = {name for name in FIELDS if not name.endswith("random_bucket_number")}
    names |= {name for _, each in _properties() for name in each}
    return {attribute_of(name) for name in names - beside} | {"service.version"}


def _native_keys(struct: Any, known: set[str]) -> list[tuple[str, str]]:
    """Return (key, name) of a wire struct's fields, nested ones behind their parent."""
    found: list[tuple[str, str]] = []
    for field in msgspec.structs.fields(struct):
        if field.name in known:
            continue
        found.append((field.encode_name, field.name.replace("_", " ")))
        inner = [each for each in (field.type, *get_args(field.type)) if isinstance(each, type)]
        for each in inner:
            if issubclass(each, msgspec.Struct):
                found += _native_keys(each, set())
    return found


def _partner_keys(shape: Shape) -> set[str]:
    keys: set[str] = set()
    for event, schema in EVENTS.items():
        if shape.takes(event):
            record: dict[str, Any] = dict.fromkeys(schema.source_fields, "x")
            record |= {"event_type": event, "time": 1, SESSION_START: 1, "properties": "{}"}
            for kind in FIELDS["ad_id_type"].values:
                made = shape.make({**record, "ad_id_type": kind}, Options())
                keys |= made.keys() | made[shape.container].keys()
    return keys - {shape.container}


def _rows(rows: Iterable[tuple[str, str]]) -> list[str]:
    return ["| key | |", "|---|---|", *(f"| `{key}` | {note} |" for key, note in rows)]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
