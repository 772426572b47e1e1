"""The recipes of CONTRIBUTING.md, followed word for word on a copy of the package."""

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
#: A step that has a code block: its words, the language and the code.
STEP = re.compile(
    r"^\d\. (?P<words>[^\n]+(?:\n   \S[^\n]*)*)\n\n"
    r"   ```(?P<language>\w+)\n(?P<code>.*?)   ```$",
    re.MULTILINE | re.DOTALL,
)


def recipe(title):
    """Return the (words, language, code) of the steps of a recipe."""
    section = PAGE.partition(f"### {title}\n")[2]
    section = re.split(r"^##", section, maxsplit=1, flags=re.MULTILINE)[0]
    return [
        (step["words"], step["language"], textwrap.dedent(step["code"])) for step in STEP.finditer(section)
    ]


class Copy:
    """A copy of the package in which a recipe is followed."""

    def __init__(self, folder):
        self.folder = folder
        shutil.copytree(
            ROOT / "capture", folder / "capture", ignore=shutil.ignore_patterns("*.c", "__pycache__")
        )
        (folder / "tests").mkdir()
        (folder / "tests" / "data").symlink_to(ROOT / "tests" / "data", target_is_directory=True)
        (folder / "bin").mkdir()
        command = folder / "bin" / "capture"
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m capture "$@"\n', encoding="utf-8")
        command.chmod(0o755)

    def follow(self, title):
        """Follow the steps; return what the commands print."""
        printed = ""
        steps = recipe(title)
        assert steps, title
        for words, language, code in steps:
            names = re.findall(r"`([^`]+)`", words)
            if words.startswith("Write"):
                path = self.folder / names[0]
                assert not path.exists()
                path.write_text(code, encoding="utf-8")
            elif words.startswith("Add this line"):
                table, file = names
                self.add_line(table, self.folder / file, code)
            else:
                assert language == "sh", words
                printed += self.run(code).stdout
        return printed

    @staticmethod
    def add_line(table, path, line):
        text = path.read_text(encoding="utf-8")
        start = re.search(rf"^{table}\b[^\n]*= {{\n", text, re.MULTILINE).end()
        end = text.index("\n}\n", start) + 1
        path.write_text(text[:end] + "    " + line.strip() + "\n" + text[end:], encoding="utf-8")

    def run(self, script, status=0):
        done = subprocess.run(
            ["/bin/sh", "-e", "-c", script],
            cwd=self.folder,
            env={
                **os.environ,
                "PYTHONPATH": str(self.folder),
                "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
                "XDG_DATA_HOME": str(self.folder / "home"),
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == status, done.stderr
        return done


@pytest.fixture
def copy(tmp_path):
    return Copy(tmp_path)


def test_a_log_format(copy):
    pytest.importorskip("pyarrow", reason="convert to CSV and the list of formats read every reader")
    printed = copy.follow("Add a log format")

    assert '"kind":"tap"' in printed
    assert (copy.folder / "one.csv").read_text().splitlines()[1:] == [
        "0,0,0,0,10.0,10.0",
        "0,0,1,80000000,10.0,10.0",
    ]
    assert "taplog" in copy.run("capture classify --help").stdout


def test_a_sink(copy):
    printed = copy.follow("Add a sink")

    assert "project 8, sinks: printer" in printed
    assert "22 native events of session 1!" in printed


def test_a_sink_refuses_keys_that_it_does_not_have(copy):
    copy.follow("Add a sink")
    config = copy.folder / "printer.toml"
    config.write_text(config.read_text().replace("mark", "mrk"))

    assert (
        "sinks.printer.mrk: no such key; did you mean 'mark'?"
        in copy.run("capture config check printer.toml", status=2).stderr
    )


LIVE = """
from capture import Capture, PrivacyConfig, RunConfig
from msgspec.structs import replace
config = replace(RunConfig.load("names.toml"), privacy=PrivacyConfig(opted_in=True))
with Capture(config) as cap:
    cap.screen_view("Home")
"""


def test_a_wire_format(copy):
    printed = copy.follow("Add a wire format")
    lines = (copy.folder / "names" / "batches.jsonl").read_text().splitlines()
    copy.run(f"{sys.executable} - <<'END'\n{LIVE}\nEND")
    live = (copy.folder / "names" / "batches.jsonl").read_text().splitlines()[len(lines) :]

    assert "project 8, sinks: file" in printed
    batches = [json.loads(line) for line in lines]
    assert sum(len(batch["events"]) for batch in batches) == 22
    assert batches[0]["project"] == 8
    assert {name for batch in batches for name, _ in batch["events"]} >= {"ScreenView", "Tap", "Fling"}
    assert [name for line in live for name, _ in json.loads(line)["events"]] == ["AppStart", "ScreenView"]


def test_files_that_the_recipes_name_are_there_or_are_written():
    named = set(re.findall(r"`((?:capture|tests|docs)/[\w./-]+\.\w+)`", PAGE))
    written = set(re.findall(r"^\d\. Write `([^`]+)`", PAGE, re.MULTILINE))

    assert {name for name in named - written if not (ROOT / name).exists()} == set()
    assert len(named & written) >= 2
