"""The layout of exports: the names and the order of the files that are really exported."""

import io
import json
from pathlib import Path

import duckdb_avro
import pytest
from currents_samples import START_S, canonical, full

from capture import RunConfig
from capture.config import CurrentsConfig, ProjectConfig
from capture.errors import InvalidEventError
from capture.formats.currents import Record, avro
from capture.formats.currents.schema import EVENTS, fields_of, required_of
from capture.sinks.cloud_storage import CloudStorageSettings, CloudStorageSink

fastavro = pytest.importorskip("fastavro")
SPEC = Path(__file__).parents[2].parent / "shared" / "spec" / "currents.md"
PURCHASE = "users.behaviors.Purchase"
UNINSTALL = "users.behaviors.Uninstall"


def exported(event):
    """Return the schema of an event as exports have it, from the table of the specification."""
    if not SPEC.exists():
        pytest.skip("the specification is not beside the checkout")
    section = SPEC.read_text(encoding="utf-8").partition("### 3a.")[2].partition("\n## ")[0]
    short = event.removeprefix("users.").removeprefix("behaviors.")
    [row] = [line for line in section.splitlines() if line.startswith(f"| {short} ")]
    namespace, _, name = event.rpartition(".")
    fields = []
    for entry in row.split("|")[2].strip().split(", "):
        field, _, kind = entry.partition(" ")
        kind = kind or ("int" if field == "time" else "string")
        kind += "?" if field.endswith("?") else ""
        field = field.removesuffix("?")
        if kind.endswith("?"):
            union = ["null", kind.removesuffix("?")]
            fields.append({"name": field, "type": union, "default": None, "owner": "x", "doc": "y"})
        else:
            fields.append({"name": field, "type": kind, "owner": "x"})
    return {"type": "record", "name": name, "namespace": f"dataexport.S3.inner.{namespace}", "fields": fields}


def rows_of(event):
    fewer = {
        name: value for name, value in full(event).fields.items() if name in required_of(event, "export")
    }
    return [canonical(full(event)), {"event_type": event, **fewer}]


def file_of(event):
    return avro.to_file(event, rows_of(event), "current", b"marker", "export")


@pytest.mark.parametrize("event", EVENTS)
def test_names_types_and_order_are_those_of_exports(event):
    theirs, ours = exported(event), avro.avro_schema(event, layout="export")

    assert [(each["name"], each["type"]) for each in ours["fields"]] == [
        (each["name"], each["type"]) for each in theirs["fields"]
    ]
    assert (ours["namespace"], ours["name"]) == (theirs["namespace"], theirs["name"])


@pytest.mark.parametrize("event", EVENTS)
def test_fastavro_reads_with_the_schema_of_exports_and_the_other_way_round(event):
    theirs = exported(event)
    ours = avro.avro_schema(event, layout="export")
    made = list(fastavro.reader(io.BytesIO(file_of(event)), reader_schema=theirs))
    stream = io.BytesIO()
    fastavro.writer(stream, theirs, rows_of(event))
    stream.seek(0)

    assert list(fastavro.reader(stream, reader_schema=ours)) == made
    assert [list(row) for row in made] == [list(fields_of(event, layout="export"))] * 2
    assert made[0]["id"] == full(event).fields["id"]


@pytest.mark.parametrize("event", [PURCHASE, UNINSTALL, "users.behaviors.app.FirstSession"])
def test_apache_avro_reads_with_the_schema_of_exports_and_the_other_way_round(event):
    pytest.importorskip("avro")
    from avro import datafile, io as avro_io, schema

    theirs = schema.parse(json.dumps(exported(event)))
    ours = schema.parse(json.dumps(avro.avro_schema(event, layout="export")))
    with datafile.DataFileReader(io.BytesIO(file_of(event)), avro_io.DatumReader(None, theirs)) as reader:
        made = list(reader)
    stream = io.BytesIO()
    writer = datafile.DataFileWriter(stream, avro_io.DatumWriter(), theirs)
    for row in made:
        writer.append(row)
    writer.flush()
    with datafile.DataFileReader(io.BytesIO(stream.getvalue()), avro_io.DatumReader(None, ours)) as reader:
        assert list(reader) == made
    assert made[0]["id"] == full(event).fields["id"]


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("layout", ["glossary", "export"])
def test_a_registry_takes_the_versions_as_compatible_both_ways(event, layout):
    pytest.importorskip("avro")
    from avro import schema
    from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType

    current, legacy = (
        schema.parse(json.dumps(avro.avro_schema(event, version, layout)))
        for version in ("current", "legacy")
    )
    for reader, writer in ((current, legacy), (legacy, current), (current, current)):
        found = ReaderWriterCompatibilityChecker().get_compatibility(reader, writer)
        assert found.compatibility is SchemaCompatibilityType.compatible, found.messages


def exporting_sink(folder, form="avro"):
    sink = CloudStorageSink(CloudStorageSettings(url=str(folder), format=form), wall_s=lambda: START_S)
    sink.configure(RunConfig(project=ProjectConfig(id=1), currents=CurrentsConfig(layout="export")))
    return sink


@pytest.mark.parametrize("event", [PURCHASE, UNINSTALL, "users.RandomBucketNumberUpdate"])
def test_duckdb_loads_a_folder_by_position(tmp_path, event):
    """The table is made from the specification; its columns have other names."""
    types = {"string": "VARCHAR", "int": "INTEGER", "float": "FLOAT", "boolean": "BOOLEAN"}
    columns = {
        each["name"]: types[each["type"] if isinstance(each["type"], str) else each["type"][1]]
        for each in exported(event)["fields"]
    }
    exporting_sink(tmp_path).write(
        [
            *map(canonical, map(full, EVENTS)),
            *({**row, "id": f"id-{row['id']}"} for row in rows_of(event)[:1]),
        ]
    )
    rows = duckdb_avro.fetch(
        f"CREATE TABLE kept ({', '.join(f'c{at} {kind}' for at, kind in enumerate(columns.values()))})",
        f"INSERT INTO kept SELECT * FROM read_avro('{tmp_path}/*/event_type={event}/**/*.avro', "  # noqa: S608 - ours
        "hive_partitioning = false)",
        "FROM kept ORDER BY c0",
    )

    expected = full(event).fields
    assert len(rows) == 2
    assert rows[0][1:] == rows[1][1:]
    assert [pytest.approx(value) if isinstance(value, float) else value for value in rows[0]] == [
        expected[name] for name in columns
    ]


@pytest.mark.parametrize("form", ["avro", "json"])
def test_the_sink_writes_the_layout_of_the_configuration(tmp_path, form):
    [info] = exporting_sink(tmp_path, form).write([canonical(full(PURCHASE))])
    content = (tmp_path / info.path).read_bytes()

    assert "/4/" in info.path
    row = json.loads(content) if form == "json" else next(fastavro.reader(io.BytesIO(content)))
    assert list(row) == list(fields_of(PURCHASE, layout="export"))


def test_an_uninstall_of_an_export_has_an_app_and_a_device(tmp_path):
    assert {"device_id", "app_group_id"}.isdisjoint(fields_of(UNINSTALL))
    with pytest.raises(InvalidEventError, match=r"Uninstall\.app_id: required in the layout 'export'"):
        exporting_sink(tmp_path).write([canonical(Record(UNINSTALL, id="a", user_id="b", time=1))])


@pytest.mark.parametrize("word", ["iOS", "Ios", "ios", "FireTV", "fireTV", "KINDLE", "tvOS", "Roku", "Web"])
def test_records_take_the_words_of_old_exports_for_platforms(word):
    values = {"firetv": "kindle"}

    assert full(PURCHASE, platform=word).fields["platform"] == values.get(word.lower(), word.lower())
