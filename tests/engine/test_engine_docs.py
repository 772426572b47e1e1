"""The pages about events, privacy and embedding say what the code does."""

import json
import re
import typing
from pathlib import Path

import pytest

from capture import Capture
from capture.config import PrivacyConfig, RunConfig
from capture.formats.schema import batch_schema

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ["embedding.md", "privacy.md"]


def blocks(kind):
    return [
        pytest.param(code, id=f"{page}-{number}")
        for page in PAGES
        for number, code in enumerate(
            re.findall(rf"```{kind}\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
        )
    ]


@pytest.mark.parametrize("code", blocks("python"))
def test_every_example_runs(tmp_path, monkeypatch, code):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))

    exec(compile(code, "example", "exec"), {"__name__": "example"})  # noqa: S102 - our own page


@pytest.mark.parametrize(
    "page", sorted([*DOCS.glob("*.md"), DOCS.parent / "README.md"]), ids=lambda page: page.name
)
def test_every_page_that_tracks_says_what_wrong_arguments_do(page):
    text = page.read_text()

    assert "cap.track_" not in text or "InvalidEventError" in text


def test_the_first_example_delivers_what_it_records(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    exec(compile(blocks("python")[0].values[0], "example", "exec"), {"__name__": "example"})  # noqa: S102 - as above
    [line] = (tmp_path / "out" / "batches.jsonl").read_bytes().splitlines()

    assert capsys.readouterr().out == "TAP RECOGNIZED\nTrue\n"
    assert [event["ea"] for event in json.loads(line)["pl"]] == [0, 1, 4, 6, 16, 18, 2]


@pytest.mark.parametrize("block", blocks("toml"))
def test_the_privacy_settings_of_the_page_are_settings(tmp_path, block):
    (tmp_path / "capture.toml").write_text(block + "[project]\nid = 1\n")
    loaded = RunConfig.load(tmp_path / "capture.toml", environ={})

    assert loaded.privacy != PrivacyConfig()


def rows(page, columns):
    """Return the cells of all table rows with so many columns."""
    found = [
        line.strip("|").split("|") for line in (DOCS / page).read_text().splitlines() if line.startswith("|")
    ]
    return [[cell.strip(" `") for cell in row] for row in found if len(row) == columns]


def test_the_tables_of_events_are_those_of_the_schema():
    definitions = batch_schema()["$defs"]
    header_and_common = [row[0] for row in rows("events.md", 4) if row[0] not in {"key", "---"}]
    own: dict[str, list[str]] = {}
    for action, _, key, *_ in rows("events.md", 6):
        if action.isdecimal():
            current = own[action] = []
        if action not in {"ea", "---"} and key:
            current.append(key)

    batch = list(definitions["Batch"]["properties"])
    assert header_and_common[: len(batch)] == batch
    common = header_and_common[len(batch) :]
    for definition in definitions.values():
        action = definition["properties"].get("ea")
        if action is not None:
            assert list(definition["properties"]) == [*common, *own.pop(str(action["enum"][0]))]
    assert own == {}


def test_every_example_that_records_has_its_consent():
    found = []
    for page in [DOCS.parent / "README.md", *DOCS.glob("*.md")]:
        text = page.read_text(encoding="utf-8")
        examples = re.findall(r"```python\n(.*?)```", text, re.DOTALL) + re.findall(
            r"(?:^(?: {4}.*)?\n)+", text, re.MULTILINE
        )
        found += [(page.name, code) for code in examples if re.search(r"with (capture\.)?Capture\(", code)]

    assert {name for name, _ in found} >= {"README.md", "embedding.md", "hosts.md"}
    assert [name for name, code in found if not re.search(r"opt_in\(\)|opted_in=True", code)] == []


def test_annotations_of_the_class_can_be_evaluated():
    typing.get_type_hints(Capture)

    assert Capture.on_gesture.__doc__.startswith("Called with ``(gesture, target)``")
