"""Statistics over the product's own files of Currents records, and over batches of file sinks."""

import json
from pathlib import Path

import pytest

from capture import ConfigError, ProjectConfig, RunConfig, Target
from capture.config import BufferConfig, PrivacyConfig, SinkConfig
from capture.engine import Capture
from capture.report import build_page, read
from capture.scale.stats import open_stats
from capture.testing import FakeClock, TouchScript

pytest.importorskip("duckdb")
pytest.importorskip("pyarrow")
FORMS = ("avro", "json", "file-currents", "file-native")


def record(folder, form, user):
    """Record one user's gestures into a folder of its own."""
    if form == "avro":
        pytest.importorskip("fastavro")
    options = (
        {"path": str(folder / user)} if form.startswith("file") else {"url": str(folder), "format": form}
    )
    config = RunConfig(
        project=ProjectConfig(id=8),
        buffer=BufferConfig(path=str(folder.parent / f"store-{user}")),
        privacy=PrivacyConfig(opted_in=True, positions="keep", hide_ids=("pin*",)),
        sinks=(
            SinkConfig(
                type="file" if form.startswith("file") else "cloud_storage",
                wire=form.partition("-")[2] or None,
                options=options,
            ),
        ),
    )
    clock = FakeClock()
    with Capture(config, clock=clock) as cap:
        fingers = TouchScript(cap, clock)
        cap.screen_view("Home")
        fingers.tap(target=Target(path="[root]>go#go>", id="go", responsive=True))
        fingers.tap(target=Target(path="[root]>go#go>", id="go", responsive=False))
        cap.screen_view("Shop")
        fingers.fling(target=Target(path="[root]>list#list>", id="list"))
        fingers.tap(target=Target(path="[root]>buy#buy>", id="buy"))
        fingers.tap(target=Target(path="[root]>pin1#pin1>", id="pin1"))
    return folder


@pytest.fixture(params=FORMS)
def folder(request, tmp_path):
    for user in ("anna", "bert"):
        record(tmp_path / "data", request.param, user)
    return tmp_path / "data"


def test_stats_of_many_users(folder):
    with open_stats(folder, ["go", "buy"]) as connection:
        kinds = connection.execute("select kind, strokes from kinds").fetchall()
        screens = connection.execute(
            "select screen, strokes, dead_taps from screens order by screen"
        ).fetchall()
        funnel = connection.execute("select step, streams from funnel order by step").fetchall()
        streams = connection.execute("select count(distinct stream) from gestures").fetchall()

    assert kinds == [("tap", 8), ("fling", 2)]
    assert screens == [("Home", 4, 2), ("Shop", 6, 0)]
    assert funnel == [(1, 2), (2, 2)]
    assert streams == [(2,)]


def test_a_record_that_came_twice_counts_once(tmp_path):
    folder = record(tmp_path / "data", "json", "anna")
    for path in list(folder.rglob("*CustomEvent/**/*.json")):
        path.with_name("again.json").write_bytes(path.read_bytes())
    with open_stats(folder) as connection:
        assert connection.execute("select count(*) from gestures").fetchall() == [(5,)]


def test_a_damaged_file_is_named(tmp_path):
    folder = record(tmp_path / "data", "json", "anna")
    path, *_ = folder.rglob("*CustomEvent/**/*.json")
    path.write_bytes(path.read_bytes()[:-20])

    with pytest.raises(ConfigError, match="not a file of Currents records") as caught:
        open_stats(folder)
    assert path.name in str(caught.value)


def test_parquet_of_many_devices_keeps_their_streams_apart(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    columns = {
        "device_id": ["a", "b", "a", "b"],
        "stream": [0, 0, 0, 0],
        "kind": ["tap"] * 4,
        "time_down": [0, 1, 10**9, 10**9 + 1],
        "time_up": [5, 6, 10**9 + 5, 10**9 + 6],
    }
    parquet.write_table(arrow.table(columns), tmp_path / "gestures.parquet")
    with open_stats(tmp_path) as connection:
        assert connection.execute("select pairs from time_between_taps").fetchall() == [(2,)]


def test_a_folder_of_nothing_says_what_it_lacks(tmp_path):
    (tmp_path / "other.json").write_text(json.dumps({}))

    with pytest.raises(ConfigError, match="no Currents"):
        open_stats(Path(tmp_path))


def test_the_report_shows_each_user(folder, request):
    if request.node.callspec.params["folder"] == "file-native":
        pytest.skip("a file of native batches is one recording")
    folders = [folder] if folder.glob("dataexport*") and any(folder.glob("dataexport*")) else folder.iterdir()
    recordings = [each for path in folders for each in read([str(path)])]

    assert len(recordings) == 2
    for recording in recordings:
        assert [each.title for each in recording.stages if each.title] == ["Home", "Shop"]
        assert len(recording) == 5
        assert {event.kind for event in recording.events} == {"app_start", "screen"}
        assert list(recording.columns["dead"]) == [False, True, False, False, False]
    assert "Shop" in build_page(recordings)


def test_the_order_of_files_does_not_matter(tmp_path):
    folder = record(tmp_path / "data", "json", "anna")
    lines = []
    for path in list(folder.rglob("*CustomEvent/**/*.json")):
        lines += path.read_bytes().splitlines(keepends=True)
        path.unlink()
    for number, line in enumerate(reversed(lines)):
        (path.parent / f"part{number}.json").write_bytes(line)

    [recording] = read([str(folder)])
    assert [each.title for each in recording.stages if each.title] == ["Home", "Shop"]


def test_places_of_records_whose_positions_are_kept(folder, request):
    with open_stats(folder) as connection:
        places = connection.execute(
            "select screen, sum(strokes) from places group by screen order by 1"
        ).fetchall()

    # Those on the hidden target are nowhere.
    kept = [("Home", 4), ("Shop", 4)]
    assert places == ([] if request.node.callspec.params["folder"] == "file-native" else kept)
