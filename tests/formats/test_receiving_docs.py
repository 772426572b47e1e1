"""docs/receiving.md: its batches and its request are what the formats make."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from capture.formats import native
from capture.formats.currents import Record
from capture.formats.currents.shapes import AMPLITUDE, Options

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "receiving.md").read_text(encoding="utf-8")
BATCH, RECORDS, REQUEST = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)


def test_the_batch_is_one():
    batch = native.decode(BATCH.encode())

    assert [event.__struct_config__.tag for event in batch.events] == [4, 6]


def test_the_record_is_one_and_the_request_is_made_of_it():
    [event] = json.loads(RECORDS)["events"]
    record = Record.decode(json.dumps(event).encode())

    assert record.fields["session_start_ms"] == 1_700_000_000_000
    assert json.loads(REQUEST)["events"] == [AMPLITUDE.make(event, Options())]


def test_the_table_takes_each_event_once(tmp_path):
    pytest.importorskip("duckdb")
    [code] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    [expected] = re.findall(r"print\(rows\)  # (.*)", code)
    assert done.stdout.strip() == expected
