"""Avro files: read back by three readers, across schema versions; JSON Schema of the same table."""

import io
import struct

import jsonschema
import pytest
from currents_samples import VALUES, canonical, full

from capture.formats.currents import Record, avro
from capture.formats.currents.schema import EVENTS, fields_of

fastavro = pytest.importorskip("fastavro")
CURRENT = [event for event, schema in EVENTS.items() if schema.current]


def single(value):
    return struct.unpack("<f", struct.pack("<f", value))[0] if isinstance(value, float) else value


def expected(record, version="current"):
    """Return what storage holds of a record: every field of the glossary, floats of 32 bits."""
    return {name: single(record.fields.get(name)) for name in fields_of(record.event_type, version)}


def records(event):
    schema = EVENTS[event]
    fields = {name: VALUES[name] for name in schema.source_fields if name in schema.required}
    return [full(event), Record(event, **fields), full(event, id="another-id", time=1)]


def file_of(event, version="current"):
    return avro.to_file(event, [canonical(record) for record in records(event)], version, b"first id")


@pytest.mark.parametrize("version", ["current", "legacy"])
@pytest.mark.parametrize("event", EVENTS)
def test_fastavro_reads_what_was_captured(event, version):
    rows = list(fastavro.reader(io.BytesIO(file_of(event, version))))

    assert rows == [expected(record, version) for record in records(event)]


@pytest.mark.parametrize("event", EVENTS)
def test_polars_reads_what_was_captured(event):
    polars = pytest.importorskip("polars")

    frame = polars.read_avro(io.BytesIO(file_of(event)))

    assert frame.to_dicts() == [expected(record) for record in records(event)]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("event", EVENTS)
def test_the_apache_package_reads_what_was_captured(event):
    datafile = pytest.importorskip("avro.datafile")
    reader = pytest.importorskip("avro.io")

    with datafile.DataFileReader(io.BytesIO(file_of(event)), reader.DatumReader()) as rows:
        assert list(rows) == [expected(record) for record in records(event)]


@pytest.mark.parametrize("event", CURRENT)
def test_a_legacy_file_reads_with_the_current_schema(event):
    legacy = io.BytesIO(file_of(event, "legacy"))

    rows = list(fastavro.reader(legacy, reader_schema=avro.avro_schema(event)))

    added = set(fields_of(event)) - set(fields_of(event, "legacy"))
    for row, record in zip(rows, records(event), strict=True):
        assert row == {**expected(record), **dict.fromkeys(added)}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("event", CURRENT)
def test_the_apache_package_reads_a_legacy_file_with_the_current_schema(event):
    datafile = pytest.importorskip("avro.datafile")
    reader = pytest.importorskip("avro.io")
    schema = pytest.importorskip("avro.schema")
    import json

    wanted = schema.parse(json.dumps(avro.avro_schema(event)))
    with datafile.DataFileReader(
        io.BytesIO(file_of(event, "legacy")), reader.DatumReader(None, wanted)
    ) as rows:
        found = list(rows)

    added = set(fields_of(event)) - set(fields_of(event, "legacy"))
    assert found == [{**expected(record), **dict.fromkeys(added)} for record in records(event)]


@pytest.mark.parametrize("event", CURRENT)
def test_a_current_file_reads_with_the_legacy_schema(event):
    rows = list(fastavro.reader(io.BytesIO(file_of(event)), reader_schema=avro.avro_schema(event, "legacy")))

    assert rows == [expected(record, "legacy") for record in records(event)]


def test_the_same_records_make_the_same_file():
    assert file_of("users.behaviors.Purchase") == file_of("users.behaviors.Purchase")


def test_a_file_names_its_schema_in_full():
    reader = fastavro.reader(io.BytesIO(file_of("users.behaviors.app.SessionEnd")))

    assert reader.codec == "null"
    assert reader.metadata["avro.schema"].startswith(
        '{"type": "record", "name": "SessionEnd", "namespace": "users.behaviors.app"'
    )


@pytest.mark.parametrize("event", EVENTS)
def test_a_message_is_a_single_object_of_its_schema(event):
    record = full(event)
    message = avro.to_message(canonical(record))
    parsing_form = fastavro.schema.to_parsing_canonical_form(avro.avro_schema(event))
    fingerprint = bytes.fromhex(fastavro.schema.fingerprint(parsing_form, "CRC-64-AVRO"))

    assert message[:2] == b"\xc3\x01"
    assert message[2:10] == fingerprint
    row = fastavro.schemaless_reader(io.BytesIO(message[10:]), avro.avro_schema(event))
    assert row == expected(record)


@pytest.mark.parametrize("version", ["current", "legacy"])
@pytest.mark.parametrize("event", EVENTS)
def test_json_rows_fit_their_json_schema(event, version):
    validator = jsonschema.Draft202012Validator(avro.json_schema(event, version))
    jsonschema.Draft202012Validator.check_schema(validator.schema)

    for record in records(event):
        row = avro.storage_row(canonical(record), version)
        validator.validate(row)
        assert row == {
            name: value for name, value in record.fields.items() if name in fields_of(event, version)
        }


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("time", 2**31), ("time", "soon"), ("id", 1), ("platform", "windows"), ("unknown", "x")],
)
def test_the_json_schema_refuses_what_no_record_has(name, wrong):
    validator = jsonschema.Draft202012Validator(avro.json_schema("users.behaviors.app.SessionStart"))
    row = avro.storage_row(canonical(full("users.behaviors.app.SessionStart")))

    assert not validator.is_valid({**row, name: wrong})
    assert not validator.is_valid({key: value for key, value in row.items() if key != "session_id"})
