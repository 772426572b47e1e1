"""What `capture classify` does with a data set."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from capture import ConfigError, RunConfig, classify
from capture.__main__ import main
from capture.cli._options import Reading
from capture.cli.classify import classify_data, is_data_set
from capture.gestures.arrow import GESTURES_VERSION, SCHEMA_KEY, named
from capture.logs import ReadOptions

SESSION = Path(__file__).parents[1] / "data" / "session.touch.jsonl"


def reading(**options):
    return Reading(RunConfig.load(None, default_project_id=0), ReadOptions(**options))


@pytest.fixture
def touches(tmp_path, table):
    for number in range(2):
        path = tmp_path / "touches" / f"bucket={number}" / "0.parquet"
        path.parent.mkdir(parents=True)
        parquet.write_table(table, path)
    return tmp_path


def test_a_data_set_is_classified_and_reported(touches, table, capsys):
    source, output = str(touches / "touches"), str(touches / "out")
    classify_data([source], output, reading(density=2.0), workers=1, json=True)
    shown = json.loads(capsys.readouterr().out)
    found = parquet.read_table(touches / "out" / "bucket=1" / "gestures.parquet", partitioning=None)

    assert (shown["partitions"], shown["samples"], shown["gestures"]) == (2, 2 * len(table), 2 * len(found))
    assert found.equals(named(classify(table, 2.0).to_arrow()))


def test_a_data_set_of_chords_says_how_many(touches, table, capsys):
    source, output = str(touches / "touches"), str(touches / "out")
    classify_data([source], output, reading(), multi=True, workers=1)
    expected = classify(table, multi=True)
    found = parquet.read_table(touches / "out" / "bucket=1" / "gestures.parquet", partitioning=None)

    assert found.schema == named(expected.multi.to_arrow()).schema
    assert len(found) == len(expected.multi) > 0
    said = capsys.readouterr().err.replace("\n", " ")
    assert f"{2 * len(expected.multi)} chords of {2 * len(expected)} strokes in" in said


def test_a_second_run_says_what_was_done_before(touches, capsys):
    source, output = str(touches / "touches"), str(touches / "out")
    classify_data([source], output, reading())
    classify_data([source], output, reading(), partition="directory")

    assert "0 samples of 2 partitions, 2 of them done before" in capsys.readouterr().err


def test_what_is_one_is_not_many(tmp_path, table, capsys):
    parquet.write_table(table, tmp_path / "touches.parquet")
    classify_data([str(tmp_path / "touches.parquet")], str(tmp_path / "out"), reading())

    assert f"{len(table)} samples of 1 partition: " in capsys.readouterr().err


def test_what_was_ignored_is_said(touches, capsys):
    orphan = pa.table({"action": [1], "time": [0], "x": [0.0], "y": [0.0]})
    parquet.write_table(orphan, touches / "touches" / "bucket=0" / "0.parquet")
    classify_data([str(touches / "touches")], str(touches / "out"), reading())

    assert "1 x samples of a finger that was not down were ignored" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("logs", "options", "message"),
    [
        (["a", "b"], {}, "2 logs: a folder as output needs one data set"),
        ([__file__], {}, "and .*command.py is none; a file of records ends in .jsonl, .csv, .parquet"),
        (["a"], {"columns": "time=ts"}, "run capture convert first"),
        (["a"], {"format": "csv"}, "run capture convert first"),
        (
            ["a"],
            {"device": "foo"},
            "--device: not available for a data set; run capture convert --device first",
        ),
        (["a"], {"axis_max": (1, 1)}, "--axis-max: not available for a data set"),
        (["a"], {"screen": (1080, 2340)}, "--screen: not available for a data set"),
        (["a"], {"start_time_ms": 0}, "--start-time: not available for a data set"),
    ],
)
def test_what_data_sets_do_not_have_is_refused(logs, options, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        classify_data(logs, str(tmp_path / "out"), reading(**options))


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("strokes.parquet", False),
        ("out/strokes.csv", False),
        ("out", True),
        ("out.d/", True),
        ("s3://bucket/gestures", True),
        ("s3://bucket/day=1.parquet", True),
    ],
)
def test_folders_and_stores_are_data_sets(output, expected):
    assert is_data_set(output) == expected


def test_the_form_of_the_output_does_not_change_the_density(tmp_path, capsys):
    """`convert` writes the log's density; -o FILE and -o DIR measure with it alike."""
    log = tmp_path / "d" / "session.parquet"
    log.parent.mkdir()
    assert main(["convert", str(SESSION), "-o", str(log)]) == 0
    assert main(["classify", str(log), "-o", str(tmp_path / "one.parquet")]) == 0
    assert main(["classify", str(log), "-o", f"{tmp_path}/out/"]) == 0
    one = parquet.read_table(tmp_path / "one.parquet")
    many = parquet.read_table(tmp_path / "out" / "gestures.parquet")

    assert many.equals(one)
    assert many.schema.metadata[SCHEMA_KEY] == one.schema.metadata[SCHEMA_KEY] == GESTURES_VERSION


def test_the_configuration_says_the_density_first(touches, table):
    config = touches / "capture.toml"
    config.write_text("[project]\nid = 8\n[device]\ndensity = 2.75\n", encoding="utf-8")
    given = ["--config", str(config), "--density", "1.5", "-o", f"{touches}/out/"]
    assert main(["classify", str(touches / "touches"), *given]) == 0
    found = parquet.read_table(touches / "out" / "bucket=1" / "gestures.parquet", partitioning=None)

    assert found.equals(named(classify(table, 2.75).to_arrow()))
