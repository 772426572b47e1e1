"""DuckDB on Avro files, in a process that has its extension for them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "scripts" / "duckdb_avro.py"
#: Environment variable: a folder with duckdb-extension-avro and the DuckDB that it is for.
FOLDER = "TEST_DUCKDB_AVRO_FOLDER"


def fetch(*statements):
    """Return the rows of the last statement; skip where DuckDB has no extension for Avro."""
    pytest.importorskip("duckdb")
    folders = [folder for folder in (os.environ.get(FOLDER), os.environ.get("PYTHONPATH")) if folder]
    done = subprocess.run(
        [sys.executable, SCRIPT],
        input=json.dumps(statements),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(folders)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 3:
        pytest.skip(f"no extension of DuckDB for Avro: {FOLDER} names no folder with duckdb-extension-avro")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
