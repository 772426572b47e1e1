"""Schemas of storage records, and the Avro bytes of records."""

from __future__ import annotations

import hashlib
import io
from functools import cache
from typing import TYPE_CHECKING, Any

from capture.formats.currents.schema import FIELDS, Layout, Version, fields_of, required_of
from capture.optional import require

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["avro_schema", "json_schema", "name_types", "storage_row", "to_file", "to_message"]

#: Namespace of the records of exports, before the event's own.
_EXPORT_NAMESPACE = "dataexport.S3.inner."
_INT32 = {"minimum": -(2**31), "maximum": 2**31 - 1}
#: Header of a single-object encoding, before the fingerprint of its schema.
_SINGLE_OBJECT = b"\xc3\x01"


def avro_schema(event: str, version: Version = "current", layout: Layout = "glossary") -> dict[str, Any]:
    """Return the Avro schema of an event's storage records, as plain data.

    Names and order of the fields are those of the layout. An optional field is ``["null", type]`` with the
    default null, so that files of either version can be read with the other's schema.
    """
    namespace, _, name = event.rpartition(".")
    required = required_of(event, layout)
    return {
        "type": "record",
        "name": name,
        "namespace": namespace if layout == "glossary" else _EXPORT_NAMESPACE + namespace,
        "fields": [_avro_field(field, field in required) for field in fields_of(event, version, layout)],
    }


def _avro_field(name: str, required: bool) -> dict[str, Any]:
    field = FIELDS[name]
    if required:
        return {"name": name, "type": field.type, "doc": field.note}
    return {"name": name, "type": ["null", field.type], "default": None, "doc": field.note}


def json_schema(event: str, version: Version = "current", layout: Layout = "glossary") -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of an event's storage records, as the JSON files have them."""
    names = fields_of(event, version, layout)
    required = required_of(event, layout)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": event,
        "type": "object",
        "properties": {name: _json_type(name) for name in names},
        "required": [name for name in names if name in required],
        "additionalProperties": False,
    }


def _json_type(name: str) -> dict[str, Any]:
    field = FIELDS[name]
    schema: dict[str, Any] = {"description": field.note}
    if field.type == "int":
        schema |= {"type": "integer", **_INT32}
    else:
        schema["type"] = "number" if field.type == "float" else field.type
    if field.values:
        schema["enum"] = list(field.values)
    if field.deprecated:
        schema["deprecated"] = True
    return schema


def storage_row(
    record: Mapping[str, Any], version: Version = "current", layout: Layout = "glossary"
) -> dict[str, Any]:
    """Return the stored form of a canonical record: the layout's fields, those that are there."""
    names = fields_of(record["event_type"], version, layout)
    return {name: record[name] for name in names if name in record}


def name_types(record: Mapping[str, Any], layout: Layout = "glossary") -> dict[str, Any]:
    """Return a canonical record whose values name their type in a union.

    `to_file` takes both; where many records share values, the writer need not find out for each.
    """
    required = required_of(record["event_type"], layout)
    return {
        name: value if name in required or name not in FIELDS else (FIELDS[name].type, value)
        for name, value in record.items()
    }


def to_file(
    event: str,
    records: Iterable[Mapping[str, Any]],
    version: Version,
    marker: bytes,
    layout: Layout = "glossary",
) -> bytes:
    """Return an Avro file of canonical records of one event.

    Parameters
    ----------
    event : str
        The event that all of them are of.
    records : iterable of mapping
        Canonical records.
    version : {"current", "legacy"}
        Version of the fields.
    marker : bytes
        Input of the sync marker: the same records give the same bytes.
    layout : {"glossary", "export"}
        Names and order.
    """
    fastavro = _fastavro()
    stream = io.BytesIO()
    sync_marker = hashlib.sha256(marker).digest()[:16]
    # The schema as it is, which becomes the file's: a parsed one has its keys in any order. Fields that it
    # does not have are skipped, those that are missing are null.
    schema = avro_schema(event, version, layout)
    fastavro.writer(stream, schema, records, codec="null", sync_marker=sync_marker)
    return stream.getvalue()


def to_message(record: Mapping[str, Any], version: Version = "current", layout: Layout = "glossary") -> bytes:
    """Return one canonical record in Avro's single-object encoding: it names its schema by fingerprint."""
    event = record["event_type"]
    stream = io.BytesIO()
    stream.write(_fingerprint(event, version, layout))
    _fastavro().schemaless_writer(stream, _parsed(event, version, layout), record)
    return stream.getvalue()


@cache
def _parsed(event: str, version: Version, layout: Layout) -> Any:
    return _fastavro().parse_schema(avro_schema(event, version, layout))


@cache
def _fingerprint(event: str, version: Version, layout: Layout) -> bytes:
    schema = _fastavro().schema
    form = schema.to_parsing_canonical_form(avro_schema(event, version, layout))
    return _SINGLE_OBJECT + bytes.fromhex(schema.fingerprint(form, "CRC-64-AVRO"))


def _fastavro() -> Any:
    require("fastavro.schema", 'format "avro", unlike "json",')
    return require("fastavro")
