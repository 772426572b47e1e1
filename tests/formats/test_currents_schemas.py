"""Every event and field of every destination, generated from the machine-readable specification."""

import io
import json
import struct
from pathlib import Path

import pytest
from currents_samples import canonical, full

from capture.formats.currents import avro
from capture.formats.currents.schema import EVENTS, FIELDS, MAX_RECORD_BYTES, PLATFORMS, fields_of
from capture.formats.currents.shapes import AMPLITUDE, MIXPANEL, Options

SPEC_FILE = Path(__file__).parents[3] / "shared" / "spec" / "currents_schemas.json"
if not SPEC_FILE.exists():
    pytest.skip("the machine-readable specification is not beside this checkout", allow_module_level=True)
SPEC = json.loads(SPEC_FILE.read_text())
PLAIN = Options(custom_properties="none")
PYTHON_TYPES = {"string": str, "int": int, "float": float, "boolean": bool}

#: (event, destination) -> its fields.
SHAPES = {
    (event, destination): known["fields"]
    for event, entry in SPEC["events"].items()
    for destination, known in entry["destinations"].items()
}
#: Partner path -> source field, as the tables of the specification pair them.
SOURCES = {
    "user_id": "external_user_id",
    "distinct_id": "external_user_id",
    "insert_id": "id",
    "$insert_id": "id",
    "productId": "product_id",
    "$device": "device_model",
    "$os": "os_version",
    "adid": "ad_id",
    "idfa": "ad_id",
}


def made(record, destination):
    """Return what a destination gets of a canonical record."""
    if destination == "cloud_storage":
        fastavro = pytest.importorskip("fastavro")
        content = avro.to_file(record["event_type"], [record], "current", b"marker")
        (row,) = fastavro.reader(io.BytesIO(content))
        return row
    if destination == "amplitude":
        return AMPLITUDE.make(record, PLAIN)
    event = MIXPANEL.make(record, PLAIN)
    event["properties"]["token"] = "a-token"  # which the sink adds
    return event


def flat(value, path=""):
    """Return path -> value; what is null is not there."""
    if not isinstance(value, dict):
        return {} if value is None else {path: value}
    return {
        place: found
        for key, inner in value.items()
        for place, found in flat(inner, f"{path}/{key}" if path else key).items()
    }


def source_of(field, destination):
    return field["name"] if destination == "cloud_storage" else SOURCES.get(field["name"], field["name"])


def single(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


@pytest.mark.parametrize("ad_id_type", SPEC["ad_id_type_enum"])
@pytest.mark.parametrize(("event", "destination"), SHAPES, ids=lambda value: value)
def test_all_fields_at_their_paths_with_their_types_and_nothing_else(event, destination, ad_id_type):
    changes = {"ad_id_type": ad_id_type} if "ad_id_type" in EVENTS[event].source_fields else {}
    found = flat(made(canonical(full(event, **changes)), destination))

    expected = {field["path"]: field for field in SHAPES[event, destination]}
    # The advertising id is at the top under the key of its kind, and only there.
    for key, kind in (("adid", "google_ad_id"), ("idfa", "ios_idfa")):
        if ad_id_type != kind:
            expected.pop(key, None)
    assert set(found) == set(expected)
    for path, field in expected.items():
        assert type(found[path]) is PYTHON_TYPES[field["type"]], path
        if "const" in field:
            assert found[path] == field["const"]
        if "enum" in field:
            assert found[path] in field["enum"]


@pytest.mark.parametrize(("event", "destination"), SHAPES, ids=lambda value: value)
def test_values_come_from_their_source_fields(event, destination):
    record = full(event)
    found = flat(made(canonical(record), destination))

    for field in SHAPES[event, destination]:
        source = source_of(field, destination)
        if field["path"] not in found or source not in record.fields:
            continue
        expected = record.fields[source]
        if source == "time" and destination == "amplitude":
            expected *= 1000
        if field["type"] == "float" and destination == "cloud_storage":
            expected = single(expected)
        assert found[field["path"]] == expected, field["path"]


OPTIONAL = [
    pytest.param(event, destination, field["path"], id=f"{event}-{destination}-{field['path']}")
    for (event, destination), fields in SHAPES.items()
    for field in fields
    if not field["required"]
]


@pytest.mark.parametrize(("event", "destination", "path"), OPTIONAL)
def test_a_record_without_an_optional_field_misses_just_that(event, destination, path):
    fields = {field["path"]: field for field in SHAPES[event, destination]}
    source = source_of(fields[path], destination)
    kind = {"ad_id_type": "ios_idfa"} if path == "idfa" else {}
    record = canonical(full(event, **kind))
    whole = flat(made(record, destination))
    # What a partner can do without, storage may need: the record is cut, not made without it.
    del record[source]
    without = flat(made(record, destination))

    assert path in whole
    # The advertising id is in several places, and its kind says in which.
    same_source = {
        other for other, field in fields.items() if source_of(field, destination) == source and other in whole
    }
    if source == "ad_id_type":
        same_source |= {"adid", "idfa"} & set(whole)
    assert set(whole) - set(without) == same_source
    assert {place: whole[place] for place in without} == without


@pytest.mark.parametrize("event", SPEC["events"])
def test_the_storage_schema_is_the_glossary_in_its_order(event):
    schema = avro.avro_schema(event)
    fields = SPEC["events"][event]["destinations"]["cloud_storage"]["fields"]

    assert f"{schema['namespace']}.{schema['name']}" == event
    assert [field["name"] for field in schema["fields"]] == [field["name"] for field in fields]
    for made_field, field in zip(schema["fields"], fields, strict=True):
        if field["required"]:
            assert made_field["type"] == field["type"]
            assert "default" not in made_field
        else:
            assert made_field["type"] == ["null", field["type"]]
            assert made_field["default"] is None
        assert FIELDS[field["name"]].pii == field["pii"]
        assert FIELDS[field["name"]].deprecated == field["deprecated"]


@pytest.mark.parametrize("event", SPEC["legacy_glossary"]["events"])
def test_the_legacy_schema_is_the_legacy_glossary_in_its_order(event):
    fields = SPEC["legacy_glossary"]["events"][event]["fields"]

    assert list(fields_of(event, "legacy")) == [field["name"] for field in fields]
    assert [FIELDS[field["name"]].type for field in fields] == [field["type"] for field in fields]


def test_the_tables_hold_what_the_specification_does_and_no_more():
    known = set(SPEC["events"]) | set(SPEC["legacy_only_events"])

    assert set(EVENTS) == known
    assert set(PLATFORMS.values()) == set(SPEC["platform_enum"])
    assert {row["device"]: row["value"] for row in SPEC["platform_values"]} == PLATFORMS
    assert list(FIELDS["ad_id_type"].values) == SPEC["ad_id_type_enum"]
    assert SPEC["payload_limit"]["bytes_if_KB_is_1000"] == MAX_RECORD_BYTES


@pytest.mark.parametrize("event", SPEC["events"])
@pytest.mark.parametrize(("shape", "destination"), [(AMPLITUDE, "amplitude"), (MIXPANEL, "mixpanel")])
def test_partners_get_the_events_that_they_have(event, shape, destination):
    assert shape.takes(event) == (destination in SPEC["events"][event]["destinations"])


@pytest.mark.parametrize("prefix", ["", "[Acme] "])
@pytest.mark.parametrize(
    ("event", "name"), [(event, schema.partner_name) for event, schema in EVENTS.items()]
)
def test_partner_event_names(event, name, prefix):
    if name is None:
        return
    options = Options(event_prefix=prefix)
    record = canonical(full(event))

    assert AMPLITUDE.make(record, options)["event_type"] == prefix + (name or "tap")
    assert MIXPANEL.make(record, options)["event"] == prefix + (name or "tap")
