"""The page about Currents is made from the tables, and its examples run."""

import re
from pathlib import Path

import pytest

from capture.config import CurrentsConfig, RunConfig
from capture.formats.currents.docs import tables
from capture.sinks import create

PAGE = (Path(__file__).parents[2] / "docs" / "currents.md").read_text()


def blocks(kind):
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)


def test_the_page_ends_with_the_tables_of_the_code():
    assert PAGE.endswith("\n" + tables())


@pytest.mark.parametrize("code", blocks("python"))
def test_every_example_runs(tmp_path, monkeypatch, code):
    pytest.importorskip("fastavro")
    monkeypatch.chdir(tmp_path)

    exec(compile(code, "example", "exec"), {"__name__": "example"})  # noqa: S102 - our own page
    # One folder for each event type: bucket, two of the session, and four of the calls.
    assert len(list(tmp_path.rglob("event_type=*"))) == (7 if "Capture" in code else 0)


def test_the_configuration_of_the_page_is_one(tmp_path):
    for package in ("fastavro", "obstore", "confluent_kafka"):
        pytest.importorskip(package)
    (block,) = blocks("toml")
    (tmp_path / "capture.toml").write_text(block + "[project]\nid = 1\n")
    config = RunConfig.load(tmp_path / "capture.toml", environ={})

    assert config.currents != CurrentsConfig()
    assert config.privacy.pii == {"external_user_id": "hash"}
    assert [create(sink).name for sink in config.sinks] == ["cloud_storage", "amplitude", "mixpanel", "kafka"]
