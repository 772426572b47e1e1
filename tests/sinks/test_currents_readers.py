"""Readers of data sets on the folder of Currents files: they read exactly the events."""

import io
import json
from pathlib import Path

import duckdb_avro
import pytest
from currents_samples import START_S, VALUES, full

from capture import ProjectConfig, RunConfig
from capture.config import SinkConfig
from capture.replay import Replay
from capture.sinks import Batch
from capture.sinks.cloud_storage import CloudStorageSettings, CloudStorageSink

fastavro = pytest.importorskip("fastavro")
CUSTOM = "users.behaviors.CustomEvent"
SESSION = Path(__file__).parents[1] / "data" / "session.touch.jsonl"


@pytest.fixture(scope="module", params=["json", "avro"])
def folder(request, tmp_path_factory):
    """Return the format of the files, their folder, and the ids of the records in them."""
    root = tmp_path_factory.mktemp("currents")
    sink = CloudStorageSink(
        CloudStorageSettings(url=str(root), format=request.param, max_events=4), wall_s=lambda: START_S
    )
    events = [CUSTOM, "users.behaviors.Purchase", "users.behaviors.app.SessionStart"]
    ids = [f"id-{number}" for number in range(20)]
    payloads = [
        full(events[number % 3], id=name, user_id=f"user-{number % 2}").encode()
        for number, name in enumerate(ids)
    ]
    for start in range(0, len(payloads), 10):
        sink.send(Batch(b"", 1, 10, "id", "currents", payloads[start : start + 10]), 5)
    sink.close()
    return request.param, root, sorted(ids)


def test_pyarrow_on_the_whole_folder(folder):
    dataset = pytest.importorskip("pyarrow.dataset")
    form, root, ids = folder
    if form == "avro":
        pytest.skip("pyarrow reads no Avro")
    table = dataset.dataset(root, format="json", partitioning="hive").to_table(columns=["id", "event_type"])

    assert sorted(table["id"].to_pylist()) == ids
    assert len(set(table["event_type"].to_pylist())) == 3


def test_duckdb_by_a_pattern(folder):
    form, root, ids = folder
    if form == "avro":
        rows = duckdb_avro.fetch(f"SELECT id FROM read_avro('{root}/**/*.avro')")  # noqa: S608 - our own folder
    else:
        duckdb = pytest.importorskip("duckdb")
        query = f"SELECT id FROM read_json('{root}/**/*.json*', union_by_name = true)"  # noqa: S608 - our own folder
        rows = duckdb.connect().execute(query).fetchall()

    assert sorted(name for (name,) in rows) == ids


def test_polars_by_a_pattern(folder):
    polars = pytest.importorskip("polars")
    form, root, ids = folder
    if form == "avro":
        files = sorted(root.glob("**/*.avro"))  # polars.read_avro takes no pattern
        found = polars.concat([polars.read_avro(path).select("id") for path in files])
    else:
        found = polars.scan_ndjson(f"{root}/**/*.json*", ignore_errors=False).select("id").collect()

    assert sorted(found["id"].to_list()) == ids


def test_nothing_but_the_manifest_is_beside_the_data(folder):
    form, root, _ = folder
    beside = {path.name for path in root.rglob("*") if path.is_file() and path.suffix != f".{form}"}

    assert beside == {"_manifest.txt"}
    for line in (root / "_manifest.txt").read_text().splitlines():
        assert (root / json.loads(line)["path"]).is_file()


def test_fastavro_reads_what_was_written(folder):
    form, root, ids = folder
    if form == "json":
        pytest.skip("of Avro files")
    rows = [row for path in root.glob("**/*.avro") for row in fastavro.reader(io.BytesIO(path.read_bytes()))]

    assert sorted(row["id"] for row in rows) == ids
    assert {row["external_user_id"] for row in rows} == {VALUES["external_user_id"]}


def test_a_funnel_by_screen_from_the_files_alone(tmp_path):
    """How many sessions went from a gesture on the first screen to one on the next, in order of time."""
    duckdb = pytest.importorskip("duckdb")
    config = RunConfig(
        project=ProjectConfig(id=8),
        sinks=(SinkConfig(type="cloud_storage", options={"url": str(tmp_path / "out"), "format": "json"}),),
    )
    Replay([SESSION], config=config).run()
    connection = duckdb.connect()
    connection.execute("SET VARIABLE files = ?", [f"{tmp_path}/out/*/event_type={CUSTOM}/**/*.json"])
    rows = connection.execute(
        """
        WITH gestures AS (
            SELECT properties->>'session_id' AS session, properties->>'screen' AS screen,
                   (properties->>'time_ms')::BIGINT AS time_ms
            FROM read_json(getvariable('files'))
            WHERE name IN ('tap', 'long_press', 'drag', 'fling')
        )
        SELECT screen, count(DISTINCT session) AS sessions, count(*) AS gestures
        FROM gestures GROUP BY screen ORDER BY min(time_ms)
        """
    ).fetchall()

    assert rows[0][0] == "Home"
    assert len(rows) > 1
    assert all(sessions == 1 for _, sessions, _ in rows)
    assert sum(gestures for _, _, gestures in rows) > 10
